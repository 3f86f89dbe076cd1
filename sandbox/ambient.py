"""Ambient credentials in the sandbox."""

from dataclasses import replace
from typing import Any

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
