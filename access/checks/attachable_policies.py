"""Check the patterns of managed policies that deploying roles may attach (``attachable_policies``)."""

from collections.abc import Iterable, Iterator, Mapping

from access.checks.policy_uses import RolesWithOverrides, effective_list, values_of
from access.plan import AccountPlan
from config.findings import Fault
from config.load import Loaded
from config.models.account import Account
from config.models.inventory import Inventory
from config.yaml.document import Path
from oidc.arn import Partition, account_policy_arn, aws_policy_arn
from oidc.iam.pattern import matches, matches_any
from oidc.identifiers import AccountId

_KEY = "attachable_policies"
ADMIN_NAMES = ("AdministratorAccess", "IAMFullAccess")
"""The policies of ``ADMIN_MANAGED_POLICIES``, as AWS spells them."""


def attachable_globs(key: str, account: Account, inventory: Inventory) -> tuple[Path, tuple[str, ...]]:
    """Return the place of the patterns that apply to an account, its own or the defaults', and the patterns."""
    if _KEY in account.model_fields_set:
        return ("accounts", key, _KEY), tuple(account.attachable_policies)
    return ("defaults", _KEY), tuple(inventory.defaults.attachable_policies)


def attachable_arns(partition: Partition, account: AccountId, globs: Iterable[str]) -> tuple[str, ...]:
    """Return the patterns of ARNs for patterns of names, sorted: ``arn:aws:iam::aws:policy/*`` for ``aws:*``."""
    return tuple(sorted(_arn(partition, account, glob) for glob in globs))


def _arn(partition: Partition, account: AccountId, glob: str) -> str:
    owner, _, name = glob.partition(":")
    return aws_policy_arn(partition, name) if owner == "aws" else account_policy_arn(partition, account, name)


def check_attachable_policies(
    accounts: Iterable[AccountPlan], selected: Mapping[str, RolesWithOverrides], loaded: Loaded
) -> Iterator[Fault]:
    """Yield attached policies outside the patterns, and patterns that cover admin access; each place once."""
    reported: set[Path] = set()
    for account in accounts:
        if account.attachable_policies:
            faults = [*_outside(account, selected.get(account.key, {}), loaded), *_admin(account, loaded)]
            for fault in faults:
                if fault.path not in reported:
                    reported.add(fault.path)
                    yield fault


def _outside(account: AccountPlan, selected: RolesWithOverrides, loaded: Loaded) -> Iterator[Fault]:
    for role in account.roles:
        if all(matches_any(arn, account.attachable_policies) for arn in role.managed_policy_arns):
            continue
        at, references = effective_list(role.key, "managed_policies", *selected[role.key])
        for index, reference in enumerate(references):
            arn = reference.arn(account.partition, account.id, values_of(loaded, account, role.key))
            if not matches_any(arn, account.attachable_policies):
                message = f"{reference} matches no pattern of `{_KEY}` in account {account.key}: `up` may not attach it"
                yield Fault("attachable-policy", (*at, index), message, f"add it to `{_KEY}`, or use another policy")


def _admin(account: AccountPlan, loaded: Loaded) -> Iterator[Fault]:
    """Yield patterns that let the deploying role attach admin access to a role that no boundary limits."""
    unbounded = [role for role in account.roles if role.permissions_boundary_arn is None]
    declared = {arn for role in account.roles if role.admin_reason is not None for arn in role.managed_policy_arns}
    if not unbounded:
        return
    at, globs = attachable_globs(account.key, loaded.inventory.accounts[account.key], loaded.inventory)
    for index, glob in enumerate(globs):
        pattern = _arn(account.partition, account.id, glob)
        covered = [
            name
            for name in ADMIN_NAMES
            if (arn := aws_policy_arn(account.partition, name)) not in declared
            and matches(arn.lower(), pattern.lower())
        ]
        if glob.startswith("account:") and not {"*", "?"}.isdisjoint(glob):
            covered = ["any policy that matches, whatever it allows,"]
        if covered:
            message = (
                f"the deploying role may attach {' and '.join(covered)} to {unbounded[0].name} in account "
                f"{account.key}, which has no permissions boundary"
            )
            hint = "write narrower patterns, or give every role a permissions_boundary"
            hint = f"{hint}, or accept it: allow: {{attachable-admin: …}}"
            yield Fault("attachable-admin", (*at, index), message, hint)
