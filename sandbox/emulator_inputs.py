"""Derive the inputs of the emulators from an inventory: workspaces, quotas, prepared accounts, credentials."""

import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
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
BITBUCKET_FOLDER = "bitbucket"
"""The emulated Bitbucket's folder for its keys, in the sandbox's folder."""

AWS_CONFIG = "aws-config"
"""The AWS configuration file of a run, in the sandbox's folder."""

STRANGER = EmulatedWorkspace("sandbox-stranger", "{00000000-5a9d-4b0c-8000-000000000000}")
"""A workspace that no inventory has: its tokens are genuine, and every role must refuse them."""

_ENGINEER_ACCOUNT = "000000000000"
"""The platform engineer's account if the plan has none for it."""

ENGINEER_PROFILE = "bitbucket-oidc-sandbox"
"""The profile of those credentials."""

_PROFILE = re.compile(r"^\[profile (.+)\]\naws_access_key_id = ([0-9]{12})$", re.MULTILINE)


def folder_of(inventory: Path) -> Path:
    """Return the folder of an inventory's sandbox: ``.sandbox/acme-1f2e3d4c``."""
    resolved = inventory.resolve()
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", resolved.stem).strip("-") or "inventory"
    return FOLDER / f"{name[:40]}-{hashlib.sha256(str(resolved).encode()).hexdigest()[:8]}"


@dataclass(frozen=True, slots=True)
class Emulated:
    """The part of a plan that the emulator can run, and the keys of the accounts left out."""

    plan: AccessPlan
    left_out: tuple[str, ...]


def emulated_part(plan: AccessPlan) -> Emulated:
    """Leave out accounts of other partitions: the emulator has ARNs of ``arn:aws:`` alone."""
    runs = frozenset(account.key for account in plan.accounts if account.partition is Partition.AWS)
    return Emulated(plan.only(runs), tuple(account.key for account in plan.accounts if account.key not in runs))


def workspaces_of(inventory: Inventory) -> list[EmulatedWorkspace]:
    """Return the workspaces of the emulated Bitbucket: those with a UUID, and the stranger.

    A renamed workspace is there under its previous slugs too: roles trust each issuer, and the proof tests each.
    """
    known = [
        EmulatedWorkspace(slug, workspace.uuid, tuple(_repositories(workspace)))
        for current, workspace in inventory.workspaces.items()
        if workspace.uuid
        for slug in (current, *workspace.previous_slugs)
    ]
    return [*known, STRANGER]


def _repositories(workspace: Workspace) -> Iterator[EmulatedRepository]:
    for slug, repository in workspace.repositories.items():
        if repository.uuid:
            environments = tuple(
                EmulatedEnvironment(name, environment.uuid)
                for name, environment in repository.environments.items()
                if environment.uuid
            )
            yield EmulatedRepository(slug, repository.uuid, environments)


def quotas_of(inventory: Inventory) -> dict[str, dict[str, int]]:
    """Return the quotas of the accounts, by id and key."""
    return {
        account.id: {quota.key: getattr(account.quotas, quota.key) for quota in QUOTAS}
        for account in inventory.accounts.values()
    }


def ambient_accounts(plan: AccessPlan) -> list[AccountPlan]:
    """Return the accounts that are entered with the ambient credentials: those without `deploy_role` and `profile`."""
    return [account for account in plan.accounts if not (account.access.role_arn or account.access.profile)]


def engineer_account(plan: AccessPlan) -> str:
    """Return the account of the ambient credentials: the platform engineer's, who may assume the deploying roles.

    They belong to one account in reality. So it is the only account that is entered with them, or none of the plan's.
    """
    ambient = ambient_accounts(plan)
    return ambient[0].id if len(ambient) == 1 else _ENGINEER_ACCOUNT


def prepared_accounts(plan: AccessPlan) -> list[PreparedAccount]:
    """Return the content of each account before the first run: its deploying role, boundaries and policies."""
    engineer = engineer_account(plan)
    return [_prepared_account(account, engineer) for account in plan.accounts]


def _prepared_account(account: AccountPlan, engineer: str) -> PreparedAccount:
    return PreparedAccount(
        id=account.id,
        deploy_role_arn=account.access.role_arn,
        external_id=account.access.external_id,
        # If the account also names a profile, its credentials assume the deploying role.
        trusted_account_id=account.id if account.access.profile else engineer,
        policy_arns=frozenset(_own_policies(account)),
        oidc_providers=tuple(
            PreparedOidcProvider(provider.url, provider.arn, provider.audiences)
            for provider in account.oidc_providers
            if provider.mode != "create"
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
    """Return an AWS configuration file with profiles: the platform engineer's, and each account's with its credentials.

    Args:
        plan: The plan of the accounts.
        former: The file of an earlier run. Its profiles stay: the resources of an account that was removed from the
            inventory are deleted with the profile that created them.
    """
    profiles = dict(_PROFILE.findall(former))
    profiles |= {account.access.profile: account.id for account in plan.accounts if account.access.profile}
    profiles |= {ENGINEER_PROFILE: engineer_account(plan)}
    sections = [
        f"[profile {name}]\naws_access_key_id = {account_id}\naws_secret_access_key = test\nregion = us-east-1\n"
        for name, account_id in sorted(profiles.items())
    ]
    return "\n".join(sections)


@contextmanager
def emulated_credentials(folder: Path) -> Iterator[None]:
    """Give this process the credentials of the emulated accounts of a sandbox's folder, an absolute path."""
    with _environment(_aws_environment(folder / AWS_CONFIG)):
        yield


def _aws_environment(config_file: Path) -> dict[str, str | None]:
    """Return the AWS variables of the run: those of the emulated accounts; the user's are unset."""
    unset: dict[str, str | None] = {name: None for name in os.environ if name.startswith("AWS_")}
    return unset | {
        # NOTE: intentional: no keys. The AWS provider would use them before the profile of an account.
        "AWS_PROFILE": ENGINEER_PROFILE,
        "AWS_CONFIG_FILE": str(config_file),
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
    }


@contextmanager
def _environment(changes: Mapping[str, str | None]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in changes}
    _apply(changes)
    try:
        yield
    finally:
        _apply(before)


def _apply(values: Mapping[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
