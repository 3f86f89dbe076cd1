"""The way into an account: credentials, roles to assume, and the check that it is the right account."""

from collections.abc import Callable
from typing import Any

import boto3
from botocore.config import Config
from botocore.session import Session as BotocoreSession

from facts.aws.service_models import service_models
from oidc.errors import AwsError
from sandbox.aws_provider.aws_errors import explained
from sandbox.aws_provider.configuration import AssumeRole, Configuration

Connect = Callable[[Configuration], Any]
"""Gives an IAM client of ``boto3`` for a configuration."""


def connect(configuration: Configuration) -> Any:  # noqa: ANN401 - botocore makes its clients at run time
    """Give an IAM client in the configured account.

    Raises:
        AwsError: the credentials do not lead there, or to an account that is not allowed.
    """
    with explained("AWS provider"):
        session = _session(
            aws_access_key_id=configuration.access_key or None,
            aws_secret_access_key=configuration.secret_key or None,
            aws_session_token=configuration.token or None,
            profile_name=configuration.profile or None,
            region_name=configuration.region or None,
        )
    for role in configuration.assume_roles:
        with explained(f"AWS provider: assuming {role.role_arn}"):
            session = _assumed(session, role, configuration)
    with explained("AWS provider: asking which account this is"):
        _check_account(session, configuration)
    return _client(session, "iam", configuration)


def _session(**settings: str | None) -> boto3.Session:
    underlying = BotocoreSession()
    underlying.register_component("data_loader", service_models())
    return boto3.Session(botocore_session=underlying, **settings)


def _client(session: boto3.Session, service: str, configuration: Configuration) -> Any:  # noqa: ANN401 - as above
    options = Config(
        retries={"mode": "standard", "total_max_attempts": configuration.max_retries + 1},
        connect_timeout=10,
        read_timeout=60,
        # The endpoint is on loopback: no proxy of the environment stands between.
        proxies={},
    )
    return session.client(service, endpoint_url=configuration.endpoints[service], config=options)


def _assumed(session: boto3.Session, role: AssumeRole, configuration: Configuration) -> boto3.Session:
    request: dict[str, object] = {"RoleArn": role.role_arn, "RoleSessionName": role.session_name}
    if role.external_id:
        request["ExternalId"] = role.external_id
    if role.duration:
        request["DurationSeconds"] = role.duration
    given = _client(session, "sts", configuration).assume_role(**request)["Credentials"]
    return _session(
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
        region_name=configuration.region or None,
    )


def _check_account(session: boto3.Session, configuration: Configuration) -> None:
    if not configuration.allowed_account_ids:
        return
    account = str(_client(session, "sts", configuration).get_caller_identity()["Account"])
    if account not in configuration.allowed_account_ids:
        allowed = ", ".join(configuration.allowed_account_ids)
        raise AwsError(
            f"the credentials lead to the AWS account {account}, but {allowed} is the one to work in",
            do="look at deploy_role and profile of the account in the inventory, and at the credentials of this run",
        )
