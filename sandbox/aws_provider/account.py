"""Connect to an account; translate errors of AWS: the resource, AWS's message, what to do.

Behaviour: aws ``provider.go`` (``validateCredentials``); ``aws_config.go`` and ``credentials.go`` of
https://github.com/hashicorp/aws-sdk-go-base.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

from access.aws_profiles import KEY_VARIABLES
from access.plan import AccessPlan
from facts.aws.callers import service_models
from oidc.errors import AwsError, SandboxError
from sandbox.aws_provider.configuration import AssumeRole, Configuration
from sandbox.aws_provider.retries import AwsRetries

_WHAT_TO_DO = {
    "EntityAlreadyExists": (
        "it exists, and this program did not create it: rename it in the inventory, import it (`bitbucket-oidc adopt`) "
        "or remove the other one; for an OIDC provider, `oidc_provider: reference` on the account refers to it"
    ),
    "LimitExceeded": "a quota of the account is used up; ask AWS to raise it, or remove unused resources",
    "AccessDenied": "give the deploying role this permission, and check its permissions boundary",
    "AccessDenied RemoveRoleFromInstanceProfile": (
        "take the role out of the instance profile as an administrator, then run again; the deploying role may not"
    ),
    "NoSuchEntity": "it, or a permissions boundary or managed policy that it names, does not exist in this account",
    "MalformedPolicyDocument": "check the policy document: AWS does not accept its grammar, or a principal in it",
    "DeleteConflict": "something is still attached to it; detach that first",
    "InvalidClientTokenId": "AWS does not know the credentials",
    "ExpiredToken": "the session has ended; run again",
}
"""Codes of the IAM and STS API references (Common Errors, and those of the actions that this provider calls); a code
alone, or for one action."""


@contextmanager
def explained(subject: str) -> Iterator[None]:
    """Translate the errors of botocore in the block.

    Args:
        subject: The subject of the block, such as a URN.

    Raises:
        AwsError: AWS refuses, or cannot be reached.
    """
    try:
        yield
    except ClientError as error:
        details = error.response.get("Error", {})
        code = str(details.get("Code", "unknown")).removesuffix("Exception")
        message = str(details.get("Message", "")) or "no message"
        do = _WHAT_TO_DO.get(f"{code} {error.operation_name}") or _WHAT_TO_DO.get(code, "")
        raise AwsError(f"{subject}: AWS refused {error.operation_name}: {code}: {message}", do=do) from error
    except BotoCoreError as error:
        raise AwsError(f"{subject}: AWS could not be called: {error}") from error


Connect = Callable[[Configuration, AwsRetries], Any]
"""Returns an IAM client of botocore for a configuration."""


def connect(configuration: Configuration, retries: AwsRetries) -> Any:  # noqa: ANN401 - botocore makes its clients at run time
    """Return an IAM client in the configured account.

    Keys in the environment win over the profile in a check before, as in the official provider
    (``access.aws_profiles.refuse_keys_before_profiles`` names the sources).

    Raises:
        AwsError: The credentials are not valid, or belong to an account that is not allowed.
    """
    if configuration.profile and not configuration.access_key and any(map(os.environ.get, KEY_VARIABLES)):
        keys = "AWS provider, with the keys in the environment"
        session = _entered(replace(configuration, profile=""), retries, keys)
        with explained(keys):
            _client(session, "sts", configuration, retries).get_caller_identity()
    session = _entered(configuration, retries, "AWS provider")
    with explained("AWS provider: asking which account this is"):
        _check_account(session, configuration, retries)
    return _client(session, "iam", configuration, retries)


def _entered(configuration: Configuration, retries: AwsRetries, subject: str) -> Session:
    """Return a session with the credentials of the last role to assume, or of the profile or keys without a role."""
    with explained(subject):
        session = _session(configuration.region)
        if configuration.profile:
            session.set_config_variable("profile", configuration.profile)
        if configuration.access_key:
            session.set_credentials(configuration.access_key, configuration.secret_key, configuration.token or None)
    for role in configuration.assume_roles:
        with explained(f"{subject}: assuming {role.role_arn}"):
            session = _assumed(session, role, configuration, retries)
    return session


def _session(region: str) -> Session:
    session = Session()
    session.register_component("data_loader", service_models())
    if region:
        session.set_config_variable("region", region)
    return session


def _client(session: Session, service: str, configuration: Configuration, retries: AwsRetries) -> Any:  # noqa: ANN401 - as above
    options = Config(
        retries={"mode": "standard", "total_max_attempts": 1},
        connect_timeout=10,
        read_timeout=60,
        # The endpoint is on loopback: no proxy of the environment is used.
        proxies={},
    )
    client: Any = session.create_client(service, endpoint_url=configuration.endpoints[service], config=options)
    retries.repeat_calls_of(client, configuration.max_retries)
    return client


def _assumed(session: Session, role: AssumeRole, configuration: Configuration, retries: AwsRetries) -> Session:
    """Assume the role twice, as the official provider does: first to check, then for the credentials that it uses.

    Source: ``credentials.go`` of https://github.com/hashicorp/aws-sdk-go-base, ``assumeRoleCredentialsProvider``.
    """
    request: dict[str, object] = {"RoleArn": role.role_arn, "RoleSessionName": role.session_name}
    if role.external_id:
        request["ExternalId"] = role.external_id
    if role.duration:
        request["DurationSeconds"] = role.duration
    sts = _client(session, "sts", configuration, retries)
    sts.assume_role(**request)
    credentials = sts.assume_role(**request)["Credentials"]
    assumed = _session(configuration.region)
    assumed.set_credentials(credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"])
    return assumed


def _check_account(session: Session, configuration: Configuration, retries: AwsRetries) -> None:
    if not configuration.allowed_account_ids:
        return
    account = str(_client(session, "sts", configuration, retries).get_caller_identity()["Account"])
    if account not in configuration.allowed_account_ids:
        allowed = ", ".join(configuration.allowed_account_ids)
        raise AwsError(
            f"the credentials belong to the AWS account {account}, expected {allowed}",
            do="check deploy_role and profile of the account in the inventory, and the credentials of this run",
        )


def connect_as_platform_engineer(configuration: Configuration, retries: AwsRetries) -> Any:  # noqa: ANN401 - botocore makes its clients at run time
    """Return an IAM client; without role and profile, with credentials of the one allowed account.

    NOTE: intentional: in reality ambient credentials are those of one account, and accounts without `deploy_role` and
    `profile` are in separate stacks, each run with separate credentials. One sandbox run covers all of them.
    """
    bare = not (configuration.assume_roles or configuration.profile or configuration.access_key)
    if bare and len(configuration.allowed_account_ids) == 1:
        account = configuration.allowed_account_ids[0]
        configuration = replace(configuration, access_key=account, secret_key="test")  # noqa: S106 - of the emulator
    return connect(configuration, retries)


def refuse_ambient(plan: AccessPlan) -> None:
    """Refuse accounts that need ambient credentials, for the official AWS plugin.

    Raises:
        SandboxError: An account needs them; the message names all such accounts.
    """
    ambient = [account.key for account in plan.accounts if not (account.access.role_arn or account.access.profile)]
    if ambient:
        what = f"the official AWS plugin cannot enter {', '.join(ambient)}: no deploy_role and no profile is given"
        raise SandboxError(what, do="give each account one of the two, or take --aws-plugin ours")
