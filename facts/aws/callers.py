"""botocore's descriptions of the services."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from threading import Lock
from types import MappingProxyType
from typing import Any

from botocore.config import Config
from botocore.credentials import Credentials
from botocore.loaders import Loader
from botocore.session import Session

from access.plan import AccountCredentials
from facts.aws.failures import explained
from oidc.arn import Partition
from oidc.errors import AwsError


@cache
def service_models() -> Loader:
    """Return the reader of botocore's service models: one, since it keeps what it has read, and IAM's is large."""
    return Loader()


SESSION_NAME = "bitbucket-aws-oidc-lock"
"""Shown in CloudTrail as the session of the role, where the inventory names no other."""

_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class CallSettings:
    """How AWS is called.

    Attributes:
        endpoint: Of the sandbox, ``http://127.0.0.1:4566``; else ``None``, and the SDK finds those of the partition.
        attempts: For one call, the first included. botocore waits between them, longer each time and by chance, at most
            20 seconds, where AWS throttles, fails or cannot be reached
            (https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html, "standard").
    """

    endpoint: str | None = None
    attempts: int = 6


class Caller:
    """Somebody with credentials; makes clients of services in the region of a partition's control plane.

    botocore's sessions are not made for several threads: whatever one does here is done under a lock, and its clients,
    which are, do the calls.
    """

    def __init__(self, session: Session, partition: Partition, settings: CallSettings) -> None:
        self._session = session
        self._region = partition.iam_region
        self._settings = settings
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:  # noqa: ANN401 - botocore makes its clients at run time
        """Return the client of ``iam``, ``sts``, ``service-quotas`` or ``organizations``."""
        with _MAKING:
            if service not in self._clients:
                self._clients[service] = self._session.create_client(
                    service,
                    region_name=self._region,
                    endpoint_url=self._settings.endpoint,
                    config=_config(self._settings),
                )
            return self._clients[service]

    def close(self) -> None:
        """Close the connections of all clients."""
        for client in self._clients.values():
            client.close()


def _config(settings: CallSettings) -> Config:
    loopback: dict[str, Any] = {"proxies": {}} if settings.endpoint else {}
    return Config(
        retries={"mode": "standard", "total_max_attempts": settings.attempts},
        connect_timeout=5,
        read_timeout=20,
        user_agent_extra="bitbucket-aws-oidc",
        **loopback,
    )


class AccountClients:
    """Whoever the program can be, each profile asked for its credentials once, however many accounts go through it."""

    def __init__(self, settings: CallSettings) -> None:
        self._settings = settings
        self._resolved: dict[str | None, Credentials] = {}

    def enter(self, access: AccountCredentials, partition: Partition) -> Caller:
        """Return who the program is by an account's `deploy_role` and `profile`.

        Raises:
            AwsError: There are no credentials, or the role cannot be assumed.
        """
        through = f"profile {access.profile}" if access.profile else "the credentials of this environment"
        with explained(through):
            own = Caller(self._session(access.profile), partition, self._settings)
        if access.role_arn is None:
            return own
        asked: dict[str, str] = {
            "RoleArn": access.role_arn,
            "RoleSessionName": access.session_name or SESSION_NAME,
            **({"ExternalId": access.external_id} if access.external_id else _NOTHING),
        }
        denied = f"check that its trust policy lets in {through}, and the external id"
        try:
            with explained(f"assuming {access.role_arn} with {through}", denied=denied):
                given = own.client("sts").assume_role(**asked)["Credentials"]
        finally:
            own.close()
        credentials = Credentials(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
        session = _new_session(access.profile, credentials)
        return Caller(session, partition, self._settings)

    def _session(self, profile: str | None) -> Session:
        """Return a session that has credentials; looked up once, since a profile may ask for a code."""
        with _MAKING:
            if profile not in self._resolved:
                session = _new_session(profile)
                found = session.get_credentials()
                frozen = found.get_frozen_credentials() if found is not None else None
                if frozen is not None and frozen.access_key and frozen.secret_key:
                    self._resolved[profile] = Credentials(frozen.access_key, frozen.secret_key, frozen.token)
            # Where there are none, the first call of the session says so.
            return _new_session(profile, self._resolved.get(profile))


_MAKING = Lock()


def _new_session(profile: str | None, credentials: Credentials | None = None) -> Session:
    session = Session(profile=profile)
    session.register_component("data_loader", service_models())
    if credentials is not None:
        session.set_credentials(credentials.access_key, credentials.secret_key, credentials.token)
    return session


def check_account(caller: Caller, account: str) -> None:
    """Refuse credentials of another account, as ``allowed_account_ids`` of an AWS provider does.

    Raises:
        AwsError: They are of another account, or AWS cannot be asked.
    """
    with explained("asking which account this is"):
        found = str(caller.client("sts").get_caller_identity()["Account"])
    if found != account:
        raise AwsError(
            f"the credentials lead to account {found}, not to {account}",
            do="look at deploy_role and profile of the account in the inventory, and at the credentials of this run",
        )
