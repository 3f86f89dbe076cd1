"""Check the permissions of roles: they must not change or widen access, and every statement must be able to match."""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

from access.checks.deploying_role import cached_admin_access, cached_takeover_action
from access.checks.policy_uses import (
    PolicyUse,
    RolesWithOverrides,
    action_path,
    effective_list,
    policy_uses,
    rendered_resources,
    values_of,
)
from access.checks.state import check_state_in_managed_policies, check_state_in_policies
from access.plan import AccountPlan, RolePlan
from config.findings import Fault
from config.load import Loaded
from config.yaml.document import Path
from oidc.arn import parse_iam_arn
from oidc.iam.document import PolicyDocument
from oidc.iam.escalation import CHANGES, MANAGED, EscalationPath, escalation_paths, first_allowed
from oidc.iam.pattern import covers_action


def check_permissions(
    accounts: Iterable[AccountPlan], selected: Mapping[str, RolesWithOverrides], loaded: Loaded
) -> Iterator[Fault]:
    """Yield the faults of rendered permissions: each document once, at the faulty value."""
    plans = tuple(accounts)
    uses = tuple(policy_uses(plans))
    judged = [use for use in uses if not _is_judged_elsewhere(use)]
    # One finding for each document, for all its roles and accounts.
    changes: dict[str, Path] = {}
    escalations: set[str] = set()
    for use in judged:
        if use.name not in changes and (fault := _changes(use, loaded)) is not None:
            changes[use.name] = fault.path
            yield fault
        if use.name not in escalations and (fault := _escalation(use, loaded, changes.get(use.name))) is not None:
            escalations.add(use.name)
            yield fault
    yield from check_state_in_policies(judged, loaded)
    yield from _check_partitions(uses, loaded)
    yield from _check_foreign_accounts(uses, loaded)
    for account in plans:
        yield from _check_managed_policies(account, selected.get(account.key, {}), loaded)
        yield from check_state_in_managed_policies(account, selected.get(account.key, {}), loaded)


def _is_judged_elsewhere(use: PolicyUse) -> bool:
    """Tell whether the document gives admin access or reaches the deploying role, which are worse errors."""
    deploying = use.account.access.role_arn
    if deploying is not None and cached_takeover_action(use.document, deploying) is not None:
        return True
    return _writes_iam(use.document) and any(
        cached_admin_access(tuple(holder.inline_policies.values()), use.account.partition.value, use.account.id)
        for holder in use.holders
    )


@lru_cache(maxsize=4096)
def _writes_iam(document: PolicyDocument) -> bool:
    """Tell whether a document allows any change in IAM. Most do not, and need no further check."""
    return any(
        statement.allows and covers_action(statement, action)
        for statement in document.parsed.statements
        for actions in CHANGES.values()
        for action in actions
    )


def _changes(use: PolicyUse, loaded: Loaded) -> Fault | None:
    if not _writes_iam(use.document):
        return None
    for kind, arn, what in _targets(use):
        allowed = first_allowed(use.document.parsed, CHANGES[kind], arn)
        if allowed is not None:
            action, index = allowed
            message = f"{use.name} allows {action} on {arn}, {what} in account {use.account.key}"
            return Fault("changes-access", action_path(loaded, use, index, action), message, _hint(kind, arn))
    return None


def _hint(kind: str, arn: str) -> str:
    around = f"{arn.rpartition('/')[0]}/*" if kind == "role" else arn
    return f"name other resources under Resource, or add a statement that denies iam:* on {around}"


def _targets(use: PolicyUse) -> Iterator[tuple[str, str, str]]:
    """Yield kind, ARN and description of each resource that access in the account depends on; nearest first."""
    for holder in use.holders:
        yield "role", holder.arn, "a role with this policy"
        if holder.permissions_boundary_arn is not None:
            yield "policy", holder.permissions_boundary_arn, f"the permissions boundary of {holder.key}"
        for arn in holder.managed_policy_arns:
            if not _is_aws_managed(arn):
                yield "policy", arn, f"a policy attached to {holder.key}"
    for role in use.account.roles:
        yield "role", role.arn, "a role of this inventory"
    for oidc_provider in use.account.oidc_providers:
        yield "oidc-provider", oidc_provider.arn, "an OIDC provider that roles trust"


def _is_aws_managed(arn: str) -> bool:
    parsed = parse_iam_arn(arn)
    return parsed is None or parsed.owner == "aws"


def _escalation(use: PolicyUse, loaded: Loaded, changes: Path | None) -> Fault | None:
    """Return the first known escalation; ``changes`` is the place of an error that the document changes access."""
    account = use.account
    region = account.region or account.partition.iam_region
    for path in _escalation_paths(use.document, account.partition.value, region, account.id):
        at = action_path(loaded, use, path.statement, path.action)
        if changes is not None and (at == changes or path.action in CHANGES["role"] + CHANGES["policy"]):
            continue  # the error at that place says it
        others = f", for example by {path.runner}" if path.runner else ""
        where = f" on every {path.row.kind}" if path.row.kind else ""
        message = f"{path.action} is allowed{where}: whoever has it can {path.row.gain}{others}"
        accepted = f"permission_policies: {{{use.name}: {{allow: {{privilege-escalation: …}}}}}}"
        hint = f"name only the needed resources under Resource, or accept it: {accepted}"
        return Fault("privilege-escalation", at, message, hint)
    return None


@lru_cache(maxsize=4096)
def _escalation_paths(
    document: PolicyDocument, partition: str, region: str, account: str
) -> tuple[EscalationPath, ...]:
    return tuple(escalation_paths(document.parsed, partition=partition, region=region, account=account))


_PARTITION = re.compile(r"arn:(aws(?:-[a-z-]+)?):")


def _check_partitions(uses: Iterable[PolicyUse], loaded: Loaded) -> Iterator[Fault]:
    """Yield statements with resources of other partitions only: in this account they match nothing."""
    for use in uses:
        own = use.account.partition.value
        if _partitions_in(use.document) <= {own}:
            continue
        for statement in use.document.parsed.statements:
            resources = list(rendered_resources(loaded, use, statement.index))
            foreign = [
                (at, match[1]) for at, text in resources if (match := _PARTITION.match(text)) and match[1] != own
            ]
            if foreign and len(foreign) == len(resources):
                at, other = foreign[0]
                message = f"a resource of partition {other}, but account {use.account.key} is in partition {own}"
                yield Fault("partition-resource", at, message, "write arn:{{partition}}:…")


@lru_cache(maxsize=4096)
def _partitions_in(document: PolicyDocument) -> frozenset[str]:
    return frozenset(_PARTITION.findall(document.text))


_IAM_ACCOUNT = re.compile(r"arn:[^:]*:iam::([0-9]{12}):")


def _check_foreign_accounts(uses: Iterable[PolicyUse], loaded: Loaded) -> Iterator[Fault]:
    """Yield IAM resources of accounts where no role has the document: IAM acts only in its own account."""
    accounts: dict[str, set[str]] = {}
    listed = tuple(uses)
    for use in listed:
        accounts.setdefault(use.name, set()).add(use.account.id)
    for use in listed:
        if set(_IAM_ACCOUNT.findall(use.document.text)) <= accounts[use.name]:
            continue
        for statement in use.document.parsed.statements:
            actions = statement.values("Action") if statement.has("Action") else ("*",)
            if not all(action.lower().startswith("iam:") for action in actions):
                continue
            for at, text in rendered_resources(loaded, use, statement.index):
                match = _IAM_ACCOUNT.match(text)
                if match is not None and match[1] not in accounts[use.name]:
                    message = f"an IAM resource in account {match[1]}, where no role has {use.name}"
                    hint = "write {{account_id}}; to act in another account, first assume a role of that account"
                    yield Fault("account-resource", at, message, hint)


def _check_managed_policies(account: AccountPlan, selected: RolesWithOverrides, loaded: Loaded) -> Iterator[Fault]:
    for role in account.roles:
        bounded = role.permissions_boundary_arn is not None
        if role.admin_reason is None and any(
            _rule_of(arn, account.id, bounded=bounded) for arn in role.managed_policy_arns
        ):
            yield from _managed_policies(account, role, selected, loaded)


@lru_cache(maxsize=4096)
def _rule_of(arn: str, account: str, *, bounded: bool) -> str | None:
    """Return the rule that a managed policy breaks, if any; a policy of another account has an error already."""
    if not _is_aws_managed(arn):
        return None if bounded or f":{account}:" not in arn else "unknown-permissions"
    return "privilege-escalation" if arn.rpartition("/")[2].lower() in MANAGED else None


def _managed_policies(
    account: AccountPlan, role: RolePlan, selected: RolesWithOverrides, loaded: Loaded
) -> Iterator[Fault]:
    at, references = effective_list(role.key, "managed_policies", *selected[role.key])
    for index, reference in enumerate(references):
        arn = reference.arn(account.partition, account.id, values_of(loaded, account, role.key))
        rule = _rule_of(arn, account.id, bounded=role.permissions_boundary_arn is not None)
        if rule == "privilege-escalation":
            gives = MANAGED[arn.rpartition("/")[2].lower()]
            message = f"{reference.name} is wide: whoever has it can {gives}"
            hint = "write an inline policy with only the needed actions, or accept it: allow: {privilege-escalation: …}"
            yield Fault(rule, (*at, index), message, hint)
        elif rule is not None:
            message = f"the inventory does not hold what {reference.name} allows, and no boundary limits the role"
            hint = "give the role a permissions_boundary, or accept it: allow: {unknown-permissions: …}"
            yield Fault(rule, (*at, index), message, hint)
