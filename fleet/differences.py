"""Find how AWS differs from the state (drift) and from the plan (changes)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from access.adoption.found import FoundAccount
from access.comparison.changes import Change, Effect
from access.comparison.permission_changes import EMPTY, document_changes
from access.managed_by import is_of_stack
from access.plan import AccountPlan
from fleet.recorded import RecordedAccount
from fleet.value_changes import ProviderSides, RoleSides, ValueChanges, object_of
from fleet.values import AccountValues, ValuesInAws
from oidc.arn import role_arn
from oidc.iam.document import parse

HAND_MADE_POLICY = "inline-policy-by-hand"
"""Kind of drift: an inline policy that neither plan nor state knows."""

UNMANAGED_ROLE = "unmanaged-role"
"""Kind of drift: a role under this stack's tag that neither plan nor state knows."""

LEFT_ALONE = frozenset({HAND_MADE_POLICY, UNMANAGED_ROLE})
"""The kinds of drift that ``up`` does not touch; with no other one, an account needs no run."""


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
    plan: AccountPlan, planned: AccountValues, recorded: RecordedAccount, in_aws: ValuesInAws
) -> Differences:
    """Compare the three sides of an account.

    Args:
        plan: Of the account, for keys, names and whatever AWS does not have.
        planned: Its values.
        recorded: The state.
        in_aws: What AWS has.
    """
    drifted = list(_drifted_roles(recorded.values, in_aws.values))
    drifted_providers = list(_drifted_providers(recorded.values, in_aws.values))
    drift: list[Change] = []
    if drifted or drifted_providers:
        drift += ValueChanges(plan).between(drifted, drifted_providers)
    drift += _hand_made_policies(plan, in_aws)
    changed = list(_changed_roles(planned, recorded.values, in_aws.values))
    changed_providers = list(_changed_providers(planned, recorded.values, in_aws.values))
    changes: tuple[Change, ...] = ()
    if changed or changed_providers or _is_registered_otherwise(plan, recorded):
        changes = ValueChanges(plan, recorded).between(changed, changed_providers)
    return Differences(tuple(drift), changes)


def _drifted_roles(recorded: AccountValues, in_aws: AccountValues) -> Iterator[RoleSides]:
    for name, was in recorded.roles.items():
        now = in_aws.roles.get(name)
        if now is not None:
            # What the state does not record, a killed run may have made: then it shows as a change only.
            known = {policy: text for policy, text in now.inline_policies.items() if policy in was.inline_policies}
            arns = None if was.managed_policy_arns is None else now.managed_policy_arns
            now = replace(now, inline_policies=known, managed_policy_arns=arns)
        if now != was:
            yield was, now


def _drifted_providers(recorded: AccountValues, in_aws: AccountValues) -> Iterator[ProviderSides]:
    for arn, was in recorded.oidc_providers.items():
        now = in_aws.oidc_providers.get(arn)
        if now is None or not now.is_same(was):
            yield was, now


def _changed_roles(planned: AccountValues, recorded: AccountValues, in_aws: AccountValues) -> Iterator[RoleSides]:
    for name, wanted in planned.roles.items():
        present = in_aws.roles.get(name)
        if present is None or present != wanted or present.key != wanted.key:
            yield present, wanted
    for name in recorded.roles.keys() - planned.roles.keys():
        if (present := in_aws.roles.get(name)) is not None:
            yield present, None


def _changed_providers(
    planned: AccountValues, recorded: AccountValues, in_aws: AccountValues
) -> Iterator[ProviderSides]:
    for arn, wanted in planned.oidc_providers.items():
        present = in_aws.oidc_providers.get(arn)
        if present is None or not present.is_same(wanted):
            yield present, wanted
    for arn in recorded.oidc_providers.keys() - planned.oidc_providers.keys():
        if (present := in_aws.oidc_providers.get(arn)) is not None:
            yield present, None


def _is_registered_otherwise(plan: AccountPlan, recorded: RecordedAccount) -> bool:
    """Tell whether the state has the account under another key, in another region, or entered in another way."""
    if not recorded.resources:
        return False
    access = {name: getattr(plan.access, name) for name in ("role_arn", "external_id", "session_name", "profile")}
    return (
        recorded.key != plan.key
        or recorded.region not in (None, plan.region or plan.partition.iam_region)
        or (recorded.access is not None and recorded.access != access)
    )


def _hand_made_policies(plan: AccountPlan, in_aws: ValuesInAws) -> Iterator[Change]:
    for name, policies in in_aws.by_hand.items():
        role = in_aws.values.roles[name]
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


def unmanaged_roles(planned: AccountPlan, found: FoundAccount, in_aws: ValuesInAws, tag: str) -> Iterator[Change]:
    """Yield the roles under the tags of this stack that neither plan nor state knows."""
    for role in found.roles:
        if role.name.lower() not in in_aws.values.roles and is_of_stack(role.tags, tag):
            arn = role_arn(found.partition, found.id, role.path, role.name)
            message = (
                f"role {arn} has the tag of this stack, and neither plan nor state knows it: check who created it, "
                "then delete it; `up` does not"
            )
            yield Change(UNMANAGED_ROLE, Effect.GAIN, planned.key, None, arn, message)
