"""Prepare emulated accounts as AWS Organizations creates them: an administrator's role, and nothing else.

Their CloudFormation is ministack's: a stand-in for AWS's, which makes roles and policies without the front's checks.
"""

import json
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from oidc.errors import SandboxError
from sandbox.emulated_aws.prepare_accounts import RootUsers

ADMINISTRATOR = "OrganizationAccountAccessRole"
"""The role that AWS Organizations creates in a new account, for the management account
(https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_accounts_access.html)."""

RUNNER = "pulumi-runner"
"""The hub's role, which Pulumi runs as."""

SERVICES = ("cloudformation",)
"""The services that a bootstrap needs, besides those of every sandbox."""


@dataclass(frozen=True, slots=True)
class NewAccounts:
    """New accounts of an organization.

    Attributes:
        organization: Its id: ``o-a1b2c3d4e5``.
        hub_role_arn: ``arn:aws:iam::000000000000:role/pulumi-runner``.
    """

    organization: str
    hub_role_arn: str


def prepare_new_accounts(endpoint: str, hub: str, accounts: Iterable[str]) -> NewAccounts:
    """Create the administrator's role in each account, and the hub's role; existing roles stay as they are.

    Args:
        endpoint: The endpoint of the emulated accounts.
        hub: Id of the hub's account, which is also the management account.
        accounts: Ids of the accounts.

    Raises:
        SandboxError: The emulator refuses or does not answer.
    """
    with closing(RootUsers(endpoint)) as roots:
        try:
            for account in accounts:
                _make_role(roots.client(account), ADMINISTRATOR, hub, "*")
            _make_role(roots.client(hub), RUNNER, hub, "sts:AssumeRole")
            organization = roots.client(hub, "organizations").describe_organization()["Organization"]["Id"]
        except (BotoCoreError, ClientError) as error:
            raise SandboxError(f"the new accounts of the emulated AWS could not be prepared: {error}") from error
    return NewAccounts(str(organization), f"arn:aws:iam::{hub}:role/{RUNNER}")


def _make_role(iam: Any, name: str, trusted_account: str, action: str) -> None:  # noqa: ANN401 - botocore makes its clients at run time
    principal = {"AWS": f"arn:aws:iam::{trusted_account}:root"}
    try:
        iam.get_role(RoleName=name)
    except iam.exceptions.NoSuchEntityException:
        trust = _document({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"})
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)
        allowed = _document({"Effect": "Allow", "Action": action, "Resource": "*"})
        iam.put_role_policy(RoleName=name, PolicyName=name, PolicyDocument=allowed)


def _document(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def runner_profile(hub_role_arn: str, source_profile: str) -> str:
    """Return the section of the hub's role in an AWS configuration file."""
    return f"\n[profile {RUNNER}]\nrole_arn = {hub_role_arn}\nsource_profile = {source_profile}\nregion = us-east-1\n"
