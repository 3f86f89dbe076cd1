"""Compare the permissions of a role: gains and losses."""

from collections.abc import Iterable, Iterator

from access.comparison.changes import Change, Effect, UnplacedChange
from access.comparison.view import AccountView, RoleView
from oidc.iam.admin_access import gives_admin_access, is_admin_managed_policy
from oidc.iam.difference import ChangedStatement, Elements, compare_documents, elements_of
from oidc.iam.document import Document, parse

EMPTY = {"Version": "2012-10-17", "Statement": []}


def permission_changes(account: AccountView, old: RoleView, new: RoleView) -> Iterator[Change]:
    """Compare the permissions and session durations of two states of one role."""
    for kind, effect, message in _role_changes(account, old, new):
        yield Change(kind, effect, account.key, new.key, new.arn, message)


def has_admin_access(account: AccountView, role: RoleView) -> bool:
    """Tell whether a role may do anything, by its managed or by its inline policies."""
    documents = map(parse, role.inline_policies.values())
    return any(map(is_admin_managed_policy, role.managed_policy_arns)) or gives_admin_access(
        documents, partition=account.partition, account=account.id
    )


def _role_changes(account: AccountView, old: RoleView, new: RoleView) -> Iterator[UnplacedChange]:
    was, now = has_admin_access(account, old), has_admin_access(account, new)
    if now and not was:
        yield "admin-gained", Effect.WIDENING, "now has admin access: it may do anything in the account"
    if was and not now:
        yield "admin-lost", Effect.LOSS, "no longer has admin access"
    yield from _boundary(old.permissions_boundary_arn, new.permissions_boundary_arn)
    before, after = set(old.managed_policy_arns), set(new.managed_policy_arns)
    for arn in sorted(after - before):
        yield "managed-policy-attached", Effect.GAIN, f"managed policy {arn} is attached"
    for arn in sorted(before - after):
        yield "managed-policy-detached", Effect.LOSS, f"managed policy {arn} is detached"
    for name in sorted(old.inline_policies.keys() | new.inline_policies.keys()):
        old_policy, new_policy = old.inline_policies.get(name), new.inline_policies.get(name)
        if old_policy != new_policy:
            changes = list(
                document_changes(f"inline policy {name}", parse(old_policy or EMPTY), parse(new_policy or EMPTY))
            )
            verb = "is new" if old_policy is None else "is removed" if new_policy is None else "is rewritten"
            yield from changes or [
                ("policy-rewritten", Effect.NONE, f"inline policy {name} {verb}; the permissions stay the same")
            ]
    if old.max_session_duration != new.max_session_duration:
        longer = new.max_session_duration > old.max_session_duration
        message = f"sessions last up to {_minutes(new)} minutes (was {_minutes(old)})"
        yield ("session-longer", Effect.GAIN, message) if longer else ("session-shorter", Effect.LOSS, message)


def _minutes(role: RoleView) -> str:
    return f"{role.max_session_duration / 60:g}"


def _boundary(old: str | None, new: str | None) -> Iterator[UnplacedChange]:
    if old == new:
        return
    if new is None:
        yield "boundary-removed", Effect.WIDENING, f"no permissions boundary (was {old})"
    elif old is None:
        yield "boundary-added", Effect.LOSS, f"permissions boundary {new} (was none)"
    else:
        message = f"permissions boundary {new} (was {old}); compare the two in the account: the plan does not hold them"
        yield "boundary-changed", Effect.GAIN, message


def document_changes(title: str, old: Document, new: Document) -> Iterator[UnplacedChange]:
    """Compare two documents statement by statement; ``title`` names them: ``inline policy publish-site``."""
    difference = compare_documents(old, new)
    for statement in difference.added:
        yield _permission(_allows(statement), f"{title} now {_whole(statement)}")
    for statement in difference.removed:
        yield _permission(not _allows(statement), f"{title} no longer {_whole(statement)}")
    for changed in difference.changed:
        yield from _changed(title, changed, _labelled(changed.label, elements_of(new)))
    for element, (was, now) in difference.others.items():
        message = f"{title}: {element} {now or 'absent'} (was {was or 'absent'})"
        yield "policy-rewritten", Effect.NONE, message


def _permission(gained: bool, message: str) -> UnplacedChange:  # noqa: FBT001 - named by every caller's expression
    return ("permission-gained", Effect.GAIN, message) if gained else ("permission-lost", Effect.LOSS, message)


def _allows(statement: Elements) -> bool:
    return statement.get("Effect") == ("Allow",)


def _labelled(label: str, statements: list[Elements]) -> Elements:
    for position, statement in enumerate(statements):
        if statement.get("Sid", (f"statement {position + 1}",))[0] == label:
            return statement
    return {}


def _changed(title: str, changed: ChangedStatement, now: Elements) -> Iterator[UnplacedChange]:
    """Yield the changes in one statement; effect and element decide whether each is a gain or a loss."""
    where = f"{title}, {changed.label}"
    if "Effect" in changed.elements:
        yield _permission(_allows(now), f"{where} now {_whole(now)} (was the opposite)")
        return
    if any(_is_other(element, gone, now) for element, (gone, _) in changed.elements.items()):
        # For example, Action became NotAction: a comparison of single values would be useless.
        yield "permission-gained", Effect.GAIN, f"{where} now {_whole(now)}"
        yield (
            "permission-lost",
            Effect.LOSS,
            f"{where} no longer has its old {', '.join(sorted(changed.elements))}",
        )
        return
    for element, (gone, came) in changed.elements.items():
        if element == "Sid":
            yield "policy-rewritten", Effect.NONE, f"{where} has another Sid"
            continue
        narrows = _is_narrowing(element) is _allows(now)
        is_condition = " " in element
        if is_condition and set(now.get(element, ())) == set(came) and not gone:
            yield _permission(not _allows(now), f"{where}: now requires {_values(element, came)}")
        elif is_condition and element not in now:
            yield _permission(_allows(now), f"{where}: no longer requires {_values(element, gone)}")
        else:
            if came:
                yield _permission(not narrows, f"{where}: now {_verb(now)} {_values(element, came)}")
            if gone:
                yield _permission(narrows, f"{where}: no longer {_verb(now)} {_values(element, gone)}")


def _values(element: str, values: Iterable[str]) -> str:
    """Return the values of an element after its name; an action needs no name, because its form shows it."""
    return f"{'' if element == 'Action' else f'{element} '}{', '.join(values)}"


def _is_other(element: str, gone: tuple[str, ...], now: Elements) -> bool:
    """Tell whether an element that selects actions or resources, such as ``Action``, is removed."""
    return element in _SUBJECTS and bool(gone) and element not in now


_SUBJECTS = frozenset({"Action", "NotAction", "Resource", "NotResource"})
"""A statement has exactly one of each pair, so adding one removes the other."""


def _is_narrowing(element: str) -> bool:
    """Tell whether more values of an element match less: of ``NotAction``, ``StringNotLike``, ``NotIpAddress``."""
    return "Not" in element.split(" ", maxsplit=1)[0]


def _verb(statement: Elements) -> str:
    return "allows" if _allows(statement) else "denies"


def _whole(statement: Elements) -> str:
    elements = [_values(name, values) for name, values in statement.items() if name not in {"Effect", "Sid"}]
    return f"{_verb(statement)} {'; '.join(elements)}"
