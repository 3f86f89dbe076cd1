"""Compare two plans: accounts by id and roles by ARN, because AWS and pipelines know these."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace

from access.comparison.changes import ORDER, Change, Comparison, Effect
from access.comparison.detail_changes import (
    account_details,
    admin_allowed,
    adopted_as_is,
    attachable_changes,
    attachable_in_words,
    oidc_provider_details,
    role_details,
    way_in_changes,
    way_in_in_words,
)
from access.comparison.permission_changes import has_admin_access, permission_changes
from access.comparison.trust_changes import conditions_in_words, trust_changes, whole_trust
from access.comparison.view import AccountView, OidcProviderView, PlanView, RoleView
from config.models.family import family_of


def oidc_provider_changes(before: AccountView, after: AccountView) -> Iterator[Change]:
    """Compare the OIDC providers of one account, by their ARNs.

    An OIDC provider alone admits nobody: only changes of roles change access.
    """
    old = {oidc_provider.arn: oidc_provider for oidc_provider in before.oidc_providers}
    new = {oidc_provider.arn: oidc_provider for oidc_provider in after.oidc_providers}
    reported = {(old.get(arn) or new[arn]).workspace for arn in old.keys() ^ new.keys()}
    for arn in sorted(old.keys() | new.keys()):
        was, now = old.get(arn), new.get(arn)
        if was is None and now is not None:
            message = f"OIDC provider of {now.workspace} is new ({now.mode})"
            yield Change("oidc-provider-added", Effect.NONE, after.key, None, arn, message)
        elif now is None and was is not None:
            ours = "stays in AWS, since somebody else owns it" if was.mode == "reference" else "is deleted"
            message = f"OIDC provider of {was.workspace} is no longer in the plan and {ours}"
            yield Change("oidc-provider-removed", Effect.NONE, after.key, None, arn, message)
        elif was is not None and now is not None and was != now:
            for kind, effect, message in _changes(was, now):
                yield Change(kind, effect, after.key, None, arn, f"OIDC provider of {now.workspace}: {message}")
            yield from oidc_provider_details(after, was, now, reported)


def _changes(old: OidcProviderView, new: OidcProviderView) -> Iterator[tuple[str, Effect, str]]:
    came, gone = sorted(set(new.audiences) - set(old.audiences)), sorted(set(old.audiences) - set(new.audiences))
    if came:
        yield (
            "audiences-added",
            Effect.NONE,
            f"now also accepts the audience {', '.join(came)}; roles say who may use it",
        )
    if gone:
        message = f"no longer accepts the audience {', '.join(gone)}: steps that ask for it cannot assume any role"
        yield "audiences-removed", Effect.BREAKS, message
    if old.mode != new.mode:
        if new.mode == "reference":
            message = (
                f"{new.mode} (was {old.mode}): Pulumi deletes the OIDC provider, and then nobody gets in; drop it from "
                "the stack's state first"
            )
            yield "mode-changed", Effect.BREAKS, message
        else:
            yield "mode-changed", Effect.NONE, f"{new.mode} (was {old.mode})"
    if old.thumbprints != new.thumbprints:
        message = f"thumbprints {_shown(new.thumbprints)} (was {_shown(old.thumbprints)})"
        yield "thumbprints-changed", Effect.NONE, message


def _shown(thumbprints: str | list[str]) -> str:
    return thumbprints if isinstance(thumbprints, str) else ", ".join(thumbprints)


@dataclass
class _Collected:
    """Changes and ARNs of lost roles, collected account by account."""

    changes: list[Change] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


def compare(before: PlanView, after: PlanView, further: Iterable[Change] = ()) -> Comparison:
    """Return all changes from one plan to another, in every field.

    Args:
        before: The old plan.
        after: The new plan.
        further: Changes outside plans, such as stack files.
    """
    collected = _Collected([replace(change, own=(("file", change.file or ""),)) for change in further])
    old = {account.id: account for account in before.accounts}
    new = {account.id: account for account in after.accounts}
    for account_id in sorted(old.keys() | new.keys()):
        in_account = _Collected()
        _account(in_account, old.get(account_id), new.get(account_id))
        collected.changes += _with_own_values(in_account.changes, old.get(account_id), new.get(account_id))
        collected.lost += in_account.lost
    order = {effect: position for position, effect in enumerate(ORDER)}
    changes = sorted(
        set(collected.changes),
        key=lambda change: (order[change.effect], change.account or "", change.role or "", change.kind, change.message),
    )
    lost = tuple(sorted(collected.lost))
    return Comparison(tuple(changes), before.role_count, after.role_count, lost, before.cells, after.cells)


def _with_own_values(changes: Iterable[Change], old: AccountView | None, new: AccountView | None) -> Iterator[Change]:
    sides = [account for account in (old, new) if account is not None]
    of_account = tuple(pair for account in sides[-1:] for pair in account.own_values)
    of_roles = {role.key: role.own_values for account in sides for role in account.roles}
    for change in changes:
        yield replace(change, own=of_account + of_roles.get(change.role or "", ()))


def _account(collected: _Collected, old: AccountView | None, new: AccountView | None) -> None:
    if old == new:
        return
    account = new or old
    if account is None:
        return
    old_account = old or account.model_copy(update={"roles": [], "oidc_providers": []})
    new_account = new or account.model_copy(update={"roles": [], "oidc_providers": []})
    if old is None or new is None:
        kind, verb = ("account-added", "is new") if old is None else ("account-removed", "is removed")
        details = f"{way_in_in_words(account)}{attachable_in_words(account)}" if old is None else ""
        message = f"account {account.key} ({account.id}) {verb}{details}"
        collected.changes.append(Change(kind, Effect.NONE, account.key, None, None, message))
    elif old.key != new.key:
        effect, why = _key_changed(old.key, new.previous_keys)
        message = f"account {old.id} is now accounts.{new.key} (was accounts.{old.key}): {why}"
        collected.changes.append(Change("account-key-changed", effect, new.key, None, None, message))
    collected.changes += way_in_changes(old_account, new_account)
    collected.changes += attachable_changes(old_account, new_account)
    collected.changes += account_details(old_account, new_account)
    collected.changes += oidc_provider_changes(old_account, new_account)
    _roles(collected, old_account, new_account)


_KNOWN_BY_KEY = (
    "Pulumi identifies resources by these keys, so it would create them again, and IAM refuses that while the old ones "
    "exist; keep the key, or "
)
_NAME_OLD_KEY = "name the old one under `previous_keys`"
_NAME_OTHERWISE = "give the new role another `name`: `previous_keys` cannot name the old key"


def _key_changed(old: str, previous_keys: Collection[str]) -> tuple[Effect, str]:
    if old in previous_keys:
        return Effect.NONE, "`previous_keys` names the old key, so nothing is replaced"
    return Effect.BREAKS, _KNOWN_BY_KEY + _NAME_OLD_KEY


def _role_key_changed(old: RoleView, new: RoleView, kept: Collection[str]) -> tuple[Effect, str]:
    """Return the effect and why: ``previous_keys`` names a whole entry, none that is ``kept``, no role of a family."""
    family, other = family_of(old.key), family_of(new.key)
    same_item = old.key.removeprefix(family) == new.key.removeprefix(other)
    if old.key in new.previous_keys or (same_item and family not in kept):
        return _key_changed(old.key, new.previous_keys)
    return Effect.BREAKS, _KNOWN_BY_KEY + _NAME_OTHERWISE


def _is_same_key(old: tuple[AccountView, RoleView], new: tuple[AccountView, RoleView]) -> bool:
    """Tell whether a stack knows a role by the keys of the new plan."""
    accounts = old[0].key in (new[0].key, *new[0].previous_keys)
    return accounts and old[1].key in (new[1].key, *new[1].previous_keys)


def _roles(collected: _Collected, old_account: AccountView, new_account: AccountView) -> None:
    old, new = {role.arn: role for role in old_account.roles}, {role.arn: role for role in new_account.roles}
    gone = {role.key: role for arn, role in old.items() if arn not in new}
    kept = {family_of(role.key) for role in new_account.roles}
    for arn, role in sorted(new.items()):
        renamed = gone.pop(role.key, None) if arn not in old else None
        before = old.get(arn) or renamed
        if before is None:
            collected.changes += _whole_role(new_account, role, gained=True)
        elif before != role or old_account.key != new_account.key:
            reported = list(_role((old_account, before), (new_account, role), kept))
            collected.changes += [*reported, *role_details(new_account, before, role, reported)]
            if before.arn != role.arn or not _is_same_key((old_account, before), (new_account, role)):
                collected.lost.append(before.arn)
    for role in gone.values():
        collected.changes += _whole_role(old_account, role, gained=False)
        collected.lost.append(role.arn)


def _whole_role(account: AccountView, role: RoleView, *, gained: bool) -> Iterator[Change]:
    yield from whole_trust(account, role, gained=gained)
    if has_admin_access(account, role):
        kind, effect, word = ("admin-gained", Effect.WIDENING, "has") if gained else ("admin-lost", Effect.LOSS, "had")
        yield Change(kind, effect, account.key, role.key, role.arn, f"{word} admin access: anything in the account")
    if gained:
        yield from admin_allowed(account, role)
        yield from adopted_as_is(account, role)
    kind, effect = ("role-added", Effect.GAIN) if gained else ("role-removed", Effect.LOSS)
    message = f"{'new role' if gained else 'the role is deleted'}: {_may_do(role)}"
    yield Change(kind, effect, account.key, role.key, role.arn, message)


def _may_do(role: RoleView) -> str:
    managed = [f"managed policy {arn}" for arn in role.managed_policy_arns]
    inline = [f"inline policy {name}" for name in role.inline_policies]
    boundary = [f"within {role.permissions_boundary_arn}"] if role.permissions_boundary_arn else []
    return ", ".join([*managed, *inline, *boundary] or ["no permissions"]) + "".join(
        f"; {condition}" for condition in conditions_in_words(role)
    )


def _role(
    before: tuple[AccountView, RoleView], after: tuple[AccountView, RoleView], kept: Collection[str]
) -> Iterator[Change]:
    (_, old), (account, new) = before, after
    if old.arn != new.arn:
        message = (
            f"ARN changes: pipelines that name {old.arn} break until they name {new.arn}; the role is deleted and "
            "recreated, and running sessions end"
        )
        yield Change("arn-changed", Effect.BREAKS, account.key, new.key, new.arn, message)
    elif old.key != new.key:
        effect, why = _role_key_changed(old, new, kept)
        message = f"the role is now roles.{new.key} (was roles.{old.key}): {why}"
        yield Change("key-changed", effect, account.key, new.key, new.arn, message)
    yield from trust_changes(before, after)
    yield from permission_changes(account, old, new)
    yield from _descriptive_changes(account, old, new)


def _descriptive_changes(account: AccountView, old: RoleView, new: RoleView) -> Iterator[Change]:
    """Compare description, owner and tags, which do not change access."""
    for name in ("description", "owner"):
        was, now = getattr(old, name), getattr(new, name)
        if was != now:
            message = f"{name} {now or 'absent'} (was {was or 'absent'})"
            yield Change(f"{name}-changed", Effect.NONE, account.key, new.key, new.arn, message)
    if old.tags != new.tags:
        differ = sorted(key for key in old.tags.keys() | new.tags.keys() if old.tags.get(key) != new.tags.get(key))
        message = f"tags change: {', '.join(differ)}; policies that compare tags may decide differently"
        yield Change("tags-changed", Effect.NONE, account.key, new.key, new.arn, message)
