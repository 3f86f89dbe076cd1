"""The inputs of the emulators from an inventory: workspaces, quotas, prepared accounts, credentials."""

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from access.deploy_policy import DeployScope
from access.plan import AccessPlan, AccountPlan
from config.models.inventory import Inventory
from config.models.workspace import Workspace
from oidc.arn import Partition, parse_iam_arn
from oidc.limits import QUOTAS
from sandbox.emulated_aws.prepare_accounts import PreparedAccount, PreparedOidcProvider
from sandbox.emulated_bitbucket.workspaces import EmulatedEnvironment, EmulatedRepository, EmulatedWorkspace

FOLDER = Path(".sandbox")
STRANGER = EmulatedWorkspace("sandbox-stranger", "{00000000-5a9d-4b0c-8000-000000000000}")
"""A workspace that no inventory has: its tokens are genuine, and must open nothing."""

ENGINEER_ACCOUNT = "000000000000"
"""Whose credentials are the ambient ones: the platform engineer's, who may assume the deploying roles."""

_PROFILE = re.compile(r"^\[profile (.+)\]\naws_access_key_id = ([0-9]{12})$", re.MULTILINE)


def folder_of(inventory: Path) -> Path:
    """Return where the sandbox of one inventory keeps everything: ``.sandbox/acme-1f2e3d4c``."""
    resolved = inventory.resolve()
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", resolved.stem).strip("-") or "inventory"
    return FOLDER / f"{name[:40]}-{hashlib.sha256(str(resolved).encode()).hexdigest()[:8]}"


@dataclass(frozen=True, slots=True)
class Emulated:
    """What of a plan can run on the emulator, and the accounts that cannot, by key."""

    plan: AccessPlan
    left_out: tuple[str, ...]


def emulated_part(plan: AccessPlan) -> Emulated:
    """Leave out what has another partition: the emulator has no other ARNs than ``arn:aws:``."""
    runs = frozenset(account.key for account in plan.accounts if account.partition is Partition.AWS)
    return Emulated(plan.only(runs), tuple(account.key for account in plan.accounts if account.key not in runs))


def workspaces_of(inventory: Inventory) -> list[EmulatedWorkspace]:
    """Return the workspaces that the emulated Bitbucket has: what has a UUID, and the stranger.

    One that was renamed has its previous slugs, too: both issuers are trusted, and each is to be proved.
    """
    known = [
        EmulatedWorkspace(slug, workspace.uuid, tuple(_repositories(workspace)))
        for current, workspace in inventory.workspaces.items()
        if workspace.uuid
        for slug in (current, *workspace.previous_slugs)
    ]
    return [*known, STRANGER]


def _repositories(workspace: Workspace) -> Iterator[EmulatedRepository]:
    for slug, found in workspace.repositories.items():
        if found.uuid:
            environments = tuple(
                EmulatedEnvironment(name, one.uuid) for name, one in found.environments.items() if one.uuid
            )
            yield EmulatedRepository(slug, found.uuid, environments)


def quotas_of(inventory: Inventory) -> dict[str, dict[str, int]]:
    """Return the quotas of the accounts, by id and key."""
    return {
        account.id: {quota.key: getattr(account.quotas, quota.key) for quota in QUOTAS}
        for account in inventory.accounts.values()
    }


def prepared_accounts(plan: AccessPlan) -> list[PreparedAccount]:
    """Return the content of each account before the first run: its deploying role, boundaries and policies."""
    return [_prepared_account(account) for account in plan.accounts]


def _prepared_account(account: AccountPlan) -> PreparedAccount:
    return PreparedAccount(
        id=account.id,
        deploy_role_arn=account.access.role_arn,
        external_id=account.access.external_id,
        # A deploying role is assumed with the profile's credentials, where a profile is named too.
        trusted_account_id=account.id if account.access.profile else ENGINEER_ACCOUNT,
        policy_arns=frozenset(_own_policies(account)),
        oidc_providers=tuple(
            PreparedOidcProvider(found.url, found.arn, found.audiences)
            for found in account.oidc_providers
            if found.mode != "create"
        ),
        deploy_scope=DeployScope.of(account),
    )


def _own_policies(account: AccountPlan) -> Iterable[str]:
    for role in account.roles:
        for arn in (*role.managed_policy_arns, role.permissions_boundary_arn or ""):
            parts = parse_iam_arn(arn)
            if parts is not None and parts.owner != "aws":
                yield arn


def aws_config(plan: AccessPlan, former: str = "") -> str:
    """Return an AWS configuration file with the accounts' profiles, each with its account's credentials.

    Args:
        plan: Whose accounts.
        former: The file of an earlier run. Its profiles stay: the resources of an account that was removed from the
            inventory are deleted with the profile that created them.
    """
    profiles = dict(_PROFILE.findall(former))
    profiles |= {account.access.profile: account.id for account in plan.accounts if account.access.profile}
    sections = [
        f"[profile {name}]\naws_access_key_id = {account_id}\naws_secret_access_key = test\nregion = us-east-1\n"
        for name, account_id in sorted(profiles.items())
    ]
    return "\n".join(sections)
