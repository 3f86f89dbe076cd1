"""Changes of the way into an account, and of every field of the plan that no other module compares.

Fields are compared by name. A new field of the plan is compared automatically if the JSON omits it; if the JSON has it,
its view needs it as a field.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from access.comparison.changes import Change, Effect
from access.comparison.view import AccountView, OidcProviderView, RoleView
from access.trust_in_words import line_in_words
from config.findings import one_line

_OWN_CREDENTIALS = "the credentials of whoever runs the program"

_REPORTED_OF_ACCOUNT = frozenset({"key", "id", "oidc_providers", "roles", "access", "attachable_policies"})
_PREVIOUS = frozenset({"previous_keys"})
_REPORTED_OF_OIDC_PROVIDER = frozenset({"arn", "audiences", "mode", "thumbprints"})
_REPORTED_OF_ROLE = frozenset(
    {
        *("key", "arn", "description", "owner", "tags", "trust", "trust_policy", "managed_policy_arns"),
        *("inline_policies", "permissions_boundary_arn", "max_session_duration", "admin_reason"),
        "adopted_as_is",
    }
)
_REPORTED_OF_LINE = frozenset({"workspace", "subject_pattern"})
_FOLLOWING = frozenset(
    {
        *("name", "path", "grade", "expires", "source_ips", "source_vpces", "audiences", "default_audiences"),
        *("repository", "repository_uuid", "environment", "environment_uuid", "steps", "last_day", "renamed_to"),
    }
)
"""Fields that ARN, policies or patterns repeat: reported only if none of these has changed."""


def way_in_changes(before: AccountView, after: AccountView) -> Iterator[Change]:
    """Compare how the program enters an account. Whether that widens access is unknown, so it counts as a gain."""
    old, new = _way_in(before), _way_in(after)
    if old is None or new is None:
        return
    for name in sorted(old.keys() | new.keys()):
        was, now = old.get(name), new.get(name)
        if was != now:
            message = f"the program enters the account differently: {_way_in_part(name, was, now)}"
            yield Change("way-in-changed", Effect.GAIN, after.key, None, None, message)


def way_in_in_words(account: AccountView) -> str:
    """Describe how the program enters a new account, without secrets such as the external id."""
    values = {name: value for name, value in (_way_in(account) or {}).items() if value is not None}
    phrases = [
        _SHOWN[name].format(value) if name in _SHOWN else f"with {_words(name)}" for name, value in values.items()
    ]
    return f"; the program enters it {', '.join(phrases)}" if phrases else ""


_SHOWN = {"role_arn": "by the role {}", "session_name": "with the session name {}", "profile": "by the profile {}"}
"""Parts of the way in whose values may be shown."""


def _way_in(account: AccountView) -> Mapping[str, Any] | None:
    return (account.others or {}).get("access")


def _way_in_part(name: str, was: str | None, now: str | None) -> str:
    if name not in _SHOWN:
        verb = "is new" if was is None else "is removed" if now is None else "changes"
        return f"{_words(name)} {verb}"
    shown = [_SHOWN[name].format(value) if value is not None else None for value in (now, was)]
    absent = f"by {_OWN_CREDENTIALS}" if name in {"role_arn", "profile"} else f"without a {_words(name)}"
    return f"{shown[0] or absent} (was {shown[1] or absent})"


def attachable_changes(before: AccountView, after: AccountView) -> Iterator[Change]:
    """Compare the patterns of managed policies that the deploying role may attach, after its template is deployed."""
    old, new = _attachable(before), _attachable(after)
    if old is None or new is None:
        return
    if added := sorted(set(new) - set(old)):
        message = f"the deploying role may attach {', '.join(added)}, once its template is deployed"
        yield Change("attachable-policies-added", Effect.GAIN, after.key, None, None, message)
    if removed := sorted(set(old) - set(new)):
        message = f"the deploying role need not attach {', '.join(removed)} any more"
        yield Change("attachable-policies-removed", Effect.NONE, after.key, None, None, message)


def _attachable(account: AccountView) -> list[str] | None:
    return None if account.others is None else list(account.others.get("attachable_policies", ()))


def attachable_in_words(account: AccountView) -> str:
    """Describe the patterns of a new account."""
    patterns = _attachable(account)
    return f"; its deploying role may attach {', '.join(patterns)}" if patterns else ""


def account_details(before: AccountView, after: AccountView) -> Iterator[Change]:
    """Compare the remaining fields of an account."""
    # A changed key is reported elsewhere, with its previous keys.
    differences = before.differing(
        after, _REPORTED_OF_ACCOUNT | (_PREVIOUS if before.key != after.key else frozenset())
    )
    yield from _details(differences, after.key, None, None, "")


def oidc_provider_details(
    account: AccountView, before: OidcProviderView, after: OidcProviderView, reported: Collection[str]
) -> Iterator[Change]:
    """Compare all other fields of an OIDC provider.

    Args:
        account: The account in the new state.
        before: Its state before.
        after: Its state after.
        reported: The workspaces whose OIDC providers have a change as new or removed; their slugs are not repeated.
    """
    differences = before.differing(after, _REPORTED_OF_OIDC_PROVIDER)
    was, now = differences.get("renamed_to", (None, None))
    if (now or was) in reported:
        del differences["renamed_to"]
    if before.audiences != after.audiences and sorted(before.audiences) == sorted(after.audiences):
        differences["audiences"] = before.audiences, after.audiences
    yield from _details(differences, account.key, None, after.arn, f"OIDC provider of {after.workspace}: ")


def role_details(account: AccountView, old: RoleView, new: RoleView, reported: Collection[Change]) -> Iterator[Change]:
    """Compare the remaining fields of a role, and its reason for admin access.

    Args:
        account: The account in the new state.
        old: Its state before.
        new: Its state after.
        reported: The changes already reported for this role.
    """
    yield from _admin(account, old, new)
    yield from _as_is(account, old, new)
    skipped = _FOLLOWING if reported else frozenset()
    if not reported and (old.trust_policy, _patterns(old)) != (new.trust_policy, _patterns(new)):
        message = "the trust policy is rewritten; it admits the same steps"
        yield Change("policy-rewritten", Effect.NONE, account.key, new.key, new.arn, message)
    differences = old.differing(new, _REPORTED_OF_ROLE | skipped | (_PREVIOUS if old.key != new.key else frozenset()))
    yield from _details(differences, account.key, new.key, new.arn, "")
    was = {(line.workspace, line.subject_pattern): line for line in old.trust}
    for line in new.trust:
        if (before := was.get((line.workspace, line.subject_pattern))) is not None:
            differ = before.differing(line, _REPORTED_OF_LINE | skipped)
            yield from _details(differ, account.key, new.key, new.arn, f"{line_in_words(line)}: ")


def _patterns(role: RoleView) -> set[tuple[str, str]]:
    return {(line.workspace, line.subject_pattern) for line in role.trust}


def admin_allowed(account: AccountView, role: RoleView) -> Iterator[Change]:
    """Yield the change that a role may have admin access, with its reason."""
    if role.admin_reason is not None and not _is_of_as_is(role):
        message = f"admin access is allowed: dangerously_allow_admin: {role.admin_reason}"
        yield Change("admin-allowed", Effect.WIDENING, account.key, role.key, role.arn, message)


def _is_of_as_is(role: RoleView) -> bool:
    """Tell whether the reason for admin access is the one for which the role is adopted as is."""
    return role.adopted_as_is is not None and role.adopted_as_is.reason == role.admin_reason


def _admin(account: AccountView, old: RoleView, new: RoleView) -> Iterator[Change]:
    if old.others is None or new.others is None or old.admin_reason == new.admin_reason:
        return
    if old.admin_reason is None:
        yield from admin_allowed(account, new)
        return
    kind = "admin-no-longer-allowed" if new.admin_reason is None else "admin-reason-changed"
    now = "is removed" if new.admin_reason is None else f"is now: {new.admin_reason}"
    key = "the reason for admin access" if _is_of_as_is(old) or _is_of_as_is(new) else "dangerously_allow_admin"
    message = f"{key} {now} (was: {old.admin_reason})"
    yield Change(kind, Effect.NONE, account.key, new.key, new.arn, message)


def adopted_as_is(account: AccountView, role: RoleView) -> Iterator[Change]:
    """Yield the change that a role keeps a whole workspace with admin access, with its reason."""
    if role.adopted_as_is is not None:
        reason, until = role.adopted_as_is
        message = f"ADOPTED AS IS, whole workspace with admin access, until {until}: {reason}"
        yield Change("adopted-as-is", Effect.WIDENING, account.key, role.key, role.arn, message)


def _as_is(account: AccountView, old: RoleView, new: RoleView) -> Iterator[Change]:
    was, now = old.adopted_as_is, new.adopted_as_is
    if old.others is None or new.others is None or was == now:
        return
    if now is not None and (was is None or now.until > was.until):
        yield from adopted_as_is(account, new)
    elif was is not None:
        ends = f"until {now.until}: {now.reason}" if now is not None else "no longer"
        message = f"adopted as is {ends} (was until {was.until}: {was.reason})"
        yield Change("adopted-as-is-changed", Effect.NONE, account.key, new.key, new.arn, message)


def _details(
    differences: Mapping[str, tuple[Any, Any]], account: str, role: str | None, arn: str | None, before: str
) -> Iterator[Change]:
    for name, (was, now) in differences.items():
        message = f"{before}{_words(name)} {_value(now)} (was {_value(was)})"
        yield Change("details-changed", Effect.NONE, account, role, arn, message)


def _words(name: str) -> str:
    return name.replace("_", " ")


def _value(value: object) -> str:
    if value in (None, [], {}, ""):
        return "absent"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(_value, value))
    if isinstance(value, dict):
        return ", ".join(f"{key}={_value(item)}" for key, item in value.items())
    return one_line(str(value))[:200]
