"""Ambient credentials in the sandbox."""

from dataclasses import replace
from typing import Any

from access.plan import AccessPlan
from oidc.errors import SandboxError
from sandbox.aws_provider.account import connect
from sandbox.aws_provider.configuration import Configuration


def connect_as_platform_engineer(configuration: Configuration) -> Any:  # noqa: ANN401 - botocore makes its clients at run time
    """Give an IAM client; without role and profile, with credentials of the one account that is allowed.

    NOTE: intentional: in reality ambient credentials are those of one account, and accounts without `deploy_role` and
    `profile` are in stacks of their own, each run with credentials of its own. One sandbox run stands for all of them.
    """
    bare = not (configuration.assume_roles or configuration.profile or configuration.access_key)
    if bare and len(configuration.allowed_account_ids) == 1:
        account = configuration.allowed_account_ids[0]
        configuration = replace(configuration, access_key=account, secret_key="test")  # noqa: S106 - of the emulator
    return connect(configuration)


def refuse_ambient(plan: AccessPlan) -> None:
    """Refuse accounts that are entered with ambient credentials, where the official AWS plugin is to enter them.

    Raises:
        SandboxError: There is one; all of them are named.
    """
    ambient = [one.key for one in plan.accounts if not (one.access.role_arn or one.access.profile)]
    if ambient:
        what = f"the official AWS plugin cannot enter {', '.join(ambient)}: no deploy_role and no profile is given"
        raise SandboxError(what, do="give each account one of the two, or take --aws-plugin ours")
