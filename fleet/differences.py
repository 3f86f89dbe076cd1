"""Find how AWS differs from the state (drift) and from the plan (changes)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from access.adoption.found import FoundAccount
from access.comparison.changes import Change, Effect
from access.comparison.permission_changes import EMPTY, document_changes
from access.managed_by import default_tags
from access.plan import AccountPlan
from fleet.recorded import RecordedAccount
from fleet.values import AccountValues, FoundValues
from fleet.words import ProviderSides, RoleSides, Words, object_of
from oidc.arn import role_arn
from oidc.iam.document import parse

HAND_MADE_POLICY = "inline-policy-by-hand"
"""Kind of the drift that ``up`` leaves alone: an inline policy that neither plan nor state knows."""


UNMANAGED = "unmanaged-role"
"""Kind of the drift that ``up`` leaves alone: a resource under this stack's tag that neither plan nor state knows."""


@dataclass(frozen=True, slots=True)
class Differences:
    """How AWS differs.

    Attributes:
        drift: From the state to AWS: what somebody changed by hand.
        changes: From AWS to the plan: what ``up`` changes.
    """

    drift: tuple[Change, ...]
    changes: tuple[Change, ...]


def differences(
    plan: AccountPlan, planned: AccountValues, recorded: RecordedAccount, found: FoundValues
) -> Differences:
    """Compare the three sides of an account.

    Args:
        plan: Of the account, for keys, names and whatever AWS does not have.
        planned: Its values.
        recorded: The state.
        found: AWS.
    """
    roles = list(_drifted_roles(recorded.values, found.values))
    providers = list(_drifted_providers(recorded.values, found.values))
    drift: list[Change] = []
    if roles or providers:
        drift += Words(plan).told(roles, providers)
    drift += _by_hand(plan, found)
    roles = list(_changed_roles(planned, recorded.values, found.values))
    providers = list(_changed_providers(planned, recorded.values, found.values))
    changes: tuple[Change, ...] = ()
    if roles or providers or _is_entered_otherwise(plan, recorded):
        changes = Words(plan, recorded).told(roles, providers)
    return Differences(tuple(drift), changes)


def _drifted_roles(recorded: AccountValues, found: AccountValues) -> Iterator[RoleSides]:
    for name, was in recorded.roles.items():
        now = found.roles.get(name)
        if now is not None:
            # What the state does not record, a killed run may have made: then it shows as a change only.
            known = {policy: text for policy, text in now.inline_policies.items() if policy in was.inline_policies}
            arns = None if was.managed_policy_arns is None else now.managed_policy_arns
            now = replace(now, inline_policies=known, managed_policy_arns=arns)
        if now != was:
            yield was, now


def _drifted_providers(recorded: AccountValues, found: AccountValues) -> Iterator[ProviderSides]:
    for arn, was in recorded.oidc_providers.items():
        now = found.oidc_providers.get(arn)
        if now is None or not now.is_same(was):
            yield was, now


def _changed_roles(planned: AccountValues, recorded: AccountValues, found: AccountValues) -> Iterator[RoleSides]:
    for name, wanted in planned.roles.items():
        present = found.roles.get(name)
        if present is None or present != wanted or present.key != wanted.key:
            yield present, wanted
    for name in recorded.roles.keys() - planned.roles.keys():
        if (present := found.roles.get(name)) is not None:
            yield present, None


def _changed_providers(
    planned: AccountValues, recorded: AccountValues, found: AccountValues
) -> Iterator[ProviderSides]:
    for arn, wanted in planned.oidc_providers.items():
        present = found.oidc_providers.get(arn)
        if present is None or not present.is_same(wanted):
            yield present, wanted
    for arn in recorded.oidc_providers.keys() - planned.oidc_providers.keys():
        if (present := found.oidc_providers.get(arn)) is not None:
            yield present, None


def _is_entered_otherwise(plan: AccountPlan, recorded: RecordedAccount) -> bool:
    """Tell whether the state has the account under another key, in another region, or entered in another way."""
    if not recorded.resources:
        return False
    access = {name: getattr(plan.access, name) for name in ("role_arn", "external_id", "session_name", "profile")}
    return (
        recorded.key != plan.key
        or recorded.region not in (None, plan.region or plan.partition.iam_region)
        or (recorded.access is not None and recorded.access != access)
    )


def _by_hand(plan: AccountPlan, found: FoundValues) -> Iterator[Change]:
    for name, policies in found.by_hand.items():
        role = found.values.roles[name]
        arn = role_arn(plan.partition, plan.id, role.path, role.name)
        for policy, text in policies.items():
            title = f"inline policy {policy}"
            changes = list(document_changes(title, parse(EMPTY), parse(object_of(text))))
            grants = any(effect is Effect.GAIN for _, effect, _ in changes)
            message = "; ".join(message for _, _, message in changes) or f"{title} is new"
            yield Change(
                HAND_MADE_POLICY,
                Effect.GAIN if grants or not changes else Effect.LOSS,
                plan.key,
                role.key,
                arn,
                f"{message}; somebody put it there by hand, and `up` does not remove it",
            )


def unmanaged(planned: AccountPlan, found: FoundAccount, in_aws: FoundValues, tag: str) -> Iterator[Change]:
    """Yield the roles under the tags of this stack that neither plan nor state knows."""
    for role in found.roles:
        if role.name.lower() not in in_aws.values.roles and default_tags(tag).items() <= role.tags.items():
            arn = role_arn(found.partition, found.id, role.path, role.name)
            message = (
                f"role {arn} has the tag of this stack, and neither plan nor state knows it: check who created it, "
                "then delete it; `up` does not"
            )
            yield Change(UNMANAGED, Effect.GAIN, planned.key, None, arn, message)
