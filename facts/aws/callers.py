"""Clients of AWS services, with the credentials of an account's `deploy_role` and `profile`."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
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
from oidc.hidden_secrets import without_secrets


@cache
def service_models() -> Loader:
    """Return botocore's reader of service models. It is shared, since it caches, and IAM's model is large."""
    return Loader()


SESSION_NAME = "bitbucket-aws-oidc-lock"
"""The name of the role's session in CloudTrail, unless the inventory sets another."""

_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class CallSettings:
    """The settings for calls to AWS.

    Attributes:
        endpoint: The sandbox's endpoint, ``http://127.0.0.1:4566``; ``None`` for the partition's own endpoints.
        attempts: How often one call is tried at most. If AWS throttles, fails or cannot be reached, botocore waits for
            a random and increasing time of at most 20 seconds before the next try
            (https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html, "standard").
    """

    endpoint: str | None = None
    attempts: int = 6


class Caller:
    """Makes clients of services with given credentials, in the region of a partition's control plane.

    botocore's sessions are not thread-safe, so they are used under a lock; its clients are, and do the calls.

    Attributes:
        account: The account whose role AWS says was assumed; ``None`` until somebody asks for it.
    """

    def __init__(self, session: Session, partition: Partition, settings: CallSettings) -> None:
        self.account: str | None = None
        self._session = session
        self._region = partition.iam_region
        self._settings = settings
        self._clients: dict[tuple[str, str | None], Any] = {}
        self._idle: list[Caller] | None = None

    def client(self, service: str, region: str | None = None) -> Any:  # noqa: ANN401 - botocore makes its clients at run time
        """Return the client of ``iam``, ``cloudformation`` or another service, if need be in another region."""
        with _MAKING:
            if (service, region) not in self._clients:
                client = self._session.create_client(
                    service,
                    region_name=region or self._region,
                    endpoint_url=self._settings.endpoint,
                    config=_config(self._settings),
                )
                client.meta.events.register("after-call", self._hide_secrets)
                self._clients[service, region] = client
            return self._clients[service, region]

    def _hide_secrets(self, parsed: dict[str, Any], **_: object) -> None:
        """Hide the secret key and the session token in the error of an answer, before an exception repeats it."""
        credentials, error = self._session.get_credentials(), parsed.get("Error")
        if credentials is None or not error:
            return
        frozen = credentials.get_frozen_credentials()
        for part in ("Code", "Message"):
            error[part] = without_secrets(str(error.get(part) or ""), filter(None, (frozen.secret_key, frozen.token)))

    def lend(self, credentials: Credentials, account: str, idle: "list[Caller] | None") -> None:
        """Give the clients to another account: they sign each call with the credentials that their session has.

        Args:
            credentials: Of that account.
            account: Its id.
            idle: Where ``close`` puts the caller; ``None`` to close the connections.
        """
        held = self._session.get_credentials()
        if held is None:
            self._session.set_credentials(credentials.access_key, credentials.secret_key, credentials.token)
        else:
            held.access_key, held.secret_key, held.token = (
                credentials.access_key, credentials.secret_key, credentials.token,
            )  # fmt: skip
        self.account, self._idle = account, idle

    def close(self) -> None:
        """End the use of this account: close the connections of all clients, or keep them for the next account."""
        if self._idle is not None:
            idle, self._idle, self.account = self._idle, None, None
            idle.append(self)
            return
        for client in self._clients.values():
            client.close()


_CONNECTIONS = 32
"""Of one client: STS's is shared by all accounts that are asked at the same time."""


def _config(settings: CallSettings) -> Config:
    loopback: dict[str, Any] = {"proxies": {}} if settings.endpoint else {}
    return Config(
        retries={"mode": "standard", "total_max_attempts": settings.attempts},
        connect_timeout=5,
        read_timeout=20,
        user_agent_extra="bitbucket-aws-oidc",
        max_pool_connections=_CONNECTIONS,
        **loopback,
    )


class AccountClients:
    """The callers of accounts; each profile is asked for its credentials once, for all accounts together.

    Args:
        settings: For calls to AWS.
        shared: Whether accounts use the clients of finished ones, with other credentials, until ``close``. To make a
            client takes more time than three calls, and a new connection a handshake more.
    """

    def __init__(self, settings: CallSettings, *, shared: bool = False) -> None:
        self._settings = settings
        self._shared = shared
        self._resolved: dict[str | None, Credentials] = {}
        self._making_bases = Lock()
        self._bases: dict[tuple[str | None, Partition], Caller] = {}
        self._idle: dict[tuple[str | None, Partition], list[Caller]] = {}

    def enter(self, access: AccountCredentials, partition: Partition) -> Caller:
        """Return the caller with an account's `deploy_role` and `profile`.

        Raises:
            AwsError: There are no credentials, or the role cannot be assumed.
        """
        through = f"profile {access.profile}" if access.profile else "the credentials of this environment"
        if access.role_arn is None:
            with explained(through):
                return Caller(self._session(access.profile), partition, self._settings)
        with explained(through):
            base = self._base(access.profile, partition)
        asked: dict[str, str] = {
            "RoleArn": access.role_arn,
            "RoleSessionName": access.session_name or SESSION_NAME,
            **({"ExternalId": access.external_id} if access.external_id else _NOTHING),
        }
        denied = f"check that its trust policy allows {through}, and check the external id"
        try:
            with explained(f"assuming {access.role_arn} with {through}", denied=denied):
                answer = base.client("sts").assume_role(**asked)
                keys, account = answer["Credentials"], str(answer["AssumedRoleUser"]["Arn"]).split(":")[_ACCOUNT]
        finally:
            if not self._shared:
                base.close()
        credentials = Credentials(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
        return self._lent(access.profile, partition, credentials, account)

    def close(self) -> None:
        """Close the connections of shared clients."""
        for caller in (*self._bases.values(), *(caller for idle in self._idle.values() for caller in idle)):
            caller.close()

    def _base(self, profile: str | None, partition: Partition) -> Caller:
        """Return the caller that assumes roles: one for all accounts, if they share."""
        if not self._shared:
            return Caller(self._session(profile), partition, self._settings)
        with self._making_bases:
            if (profile, partition) not in self._bases:
                self._bases[profile, partition] = Caller(self._session(profile), partition, self._settings)
            return self._bases[profile, partition]

    def _lent(self, profile: str | None, partition: Partition, credentials: Credentials, account: str) -> Caller:
        idle = self._idle.setdefault((profile, partition), [])
        try:
            caller = idle.pop()
        except IndexError:
            with _MAKING:
                session = _new_session(profile, self._settings.endpoint, credentials)
            caller = Caller(session, partition, self._settings)
        caller.lend(credentials, account, idle if self._shared else None)
        return caller

    def _session(self, profile: str | None) -> Session:
        """Return a session with credentials. They are looked up once, since a profile may prompt for a code."""
        with _MAKING:
            if profile not in self._resolved:
                session = _new_session(profile, self._settings.endpoint)
                credentials = session.get_credentials()
                frozen = credentials.get_frozen_credentials() if credentials is not None else None
                if frozen is not None and frozen.access_key and frozen.secret_key:
                    self._resolved[profile] = Credentials(frozen.access_key, frozen.secret_key, frozen.token)
            # Without credentials, the first call of the session fails.
            return _new_session(profile, self._settings.endpoint, self._resolved.get(profile))


_MAKING = Lock()
_ACCOUNT = 4
"""The place of the account in an ARN, ``arn:aws:sts::222222222222:assumed-role/…``: AssumeRole answers with it
(https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumedRoleUser.html)."""


def _new_session(profile: str | None, endpoint: str | None, credentials: Credentials | None = None) -> Session:
    session = Session(profile=profile)
    if endpoint is not None:
        # A profile with `role_arn` calls AssumeRole by itself, which must not leave the sandbox.
        session.create_client = partial(session.create_client, endpoint_url=endpoint)
    session.register_component("data_loader", service_models())
    if credentials is not None:
        session.set_credentials(credentials.access_key, credentials.secret_key, credentials.token)
    return session


def check_account(caller: Caller, account: str) -> None:
    """Refuse credentials of another account, as ``allowed_account_ids`` of an AWS provider does.

    AWS is asked only if no role was assumed.

    Raises:
        AwsError: The credentials belong to another account, or AWS cannot be reached.
    """
    actual = caller.account
    if actual is None:
        with explained("the account of these credentials"):
            actual = str(caller.client("sts").get_caller_identity()["Account"])
    if actual != account:
        raise AwsError(
            f"the credentials belong to account {actual}, not to {account}",
            do="check deploy_role and profile of the account in the inventory, and the credentials of this run",
        )
