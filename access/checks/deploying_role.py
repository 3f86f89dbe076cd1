"""Check that no role is a deploying role or may take one over, and that each deploying role may do what it has to."""

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

from access.checks.policy_uses import RolesWithOverrides, effective_list
from access.foundation import foundation_of
from access.plan import AccountPlan, RolePlan
from access.template_digest import missing_in_words
from config.findings import Fault
from config.yaml.document import Path
from oidc.errors import UsageError
from oidc.iam.admin_access import gives_admin_access
from oidc.iam.document import PolicyDocument
from oidc.iam.escalation import takeover_action


def check_deploying_roles(
    accounts: Iterable[AccountPlan], selected: Mapping[str, RolesWithOverrides]
) -> Iterator[Fault]:
    """Yield ``deploying-role``, once for each place in the inventory, with the first affected account.

    A role that declares admin access (``dangerously_allow_admin``) is left out.
    """
    reported: set[Path] = set()
    for account in accounts:
        for at, message, hint in _faults(account, selected.get(account.key, {})):
            if at not in reported:
                reported.add(at)
                yield Fault("deploying-role", at, f"{message} account {account.key}", hint)


def _faults(account: AccountPlan, selected: RolesWithOverrides) -> Iterator[tuple[Path, str, str]]:
    deploying = account.access.role_arn
    if deploying is None:
        return
    for role in account.roles:
        # IAM's names are unique in an account, ignoring case and path.
        if role.name.lower() == deploying.rpartition("/")[2].lower():
            message = f"{role.name} is the deploying role of"
            yield ("roles", role.key, "name"), message, "give one of the two another name"
        declared, override = selected[role.key]
        if declared.dangerously_allow_admin is None:
            yield from _policy_faults(account, role, *effective_list(role.key, "inline_policies", declared, override))


def _policy_faults(
    account: AccountPlan, role: RolePlan, at: Path, names: tuple[str, ...]
) -> Iterator[tuple[Path, str, str]]:
    deploying = account.access.role_arn or ""
    for index, name in enumerate(names):
        document = role.inline_policies.get(name)
        action = cached_takeover_action(document, deploying) if document is not None else None
        if document is None or action is None:
            continue
        if role.admin_reason is None and cached_admin_access((document,), account.partition.value, account.id):
            continue  # the error at that place says it
        message = f"{name} allows {action} on {deploying}, the deploying role of"
        hint = "name only the needed roles under Resource, or deny this one in a statement without a condition"
        yield (*at, index), message, hint


@lru_cache(maxsize=4096)
def cached_admin_access(documents: tuple[PolicyDocument, ...], partition: str, account: str) -> bool:
    """Tell whether documents together give admin access; each combination is judged once."""
    return gives_admin_access([document.parsed for document in documents], partition=partition, account=account)


@lru_cache(maxsize=4096)
def cached_takeover_action(document: PolicyDocument, deploying: str) -> str | None:
    """Judge each document once, because many roles of an account share one."""
    return takeover_action(document.parsed, deploying)


def check_template(plan: AccountPlan, recorded: str, deploying_name: str | None) -> Iterator[Fault]:
    """Yield an account whose deployed template, by the lock, lacks something that the inventory needs.

    Args:
        plan: The plan of the account.
        recorded: The digest of its template in the lock.
        deploying_name: The name of its deploying role in the lock, for an account that only a profile enters.
    """
    try:
        missing = missing_in_words(foundation_of(plan, deploying_name=deploying_name), recorded)
    except UsageError:
        return  # neither the inventory nor the lock names the deploying role, or `bootstrap` refuses the account
    if missing:
        others = f", and {len(missing) - _WORDS} more" if len(missing) > _WORDS else ""
        message = f"account {plan.key} needs a newer template: {'; '.join(missing[:_WORDS])}{others}"
        deploy = f"`bitbucket-oidc bootstrap --deploy --account {plan.key}` with the options of the first time"
        by_profile = plan.access.role_arn is None
        option = f"--deploying-role {deploying_name}" if by_profile else "--reading-role NAME"
        hint = f"run {deploy}, then `bitbucket-oidc lock --aws {option}`"
        yield Fault("template-outdated", ("accounts", plan.key), message, hint, of_key=True)


_WORDS = 3
"""Missing parts of a template that a finding names; ``bootstrap --check`` names all."""
