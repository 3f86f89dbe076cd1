"""Clients of the emulated AWS accounts for the proof; they ignore the user's configuration, variables and proxies."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

from oidc.errors import SandboxError
from sandbox.emulated_aws.settings import SOURCE_IP_HEADER, SOURCE_VPCE_HEADER
from sandbox.proof.origins import CallOrigin

_SESSION_NAME = "prove"
_NO_FILES = {"profile": None, "config_file": os.devnull, "credentials_file": os.devnull}
_REFUSED = frozenset({"AccessDenied", "AccessDeniedException"})


@dataclass(frozen=True, slots=True)
class SessionCredentials:
    """The credentials that STS returned for a token."""

    access_key_id: str
    secret_access_key: str
    session_token: str


@dataclass(frozen=True, slots=True)
class StsAnswer:
    """An answer of STS.

    Attributes:
        code: The error code, or ``assumed``.
        credentials: ``None`` if there is an error.
    """

    code: str
    credentials: SessionCredentials | None = None


class TokenCallers:
    """Calls the emulated accounts at one endpoint, with tokens or with the credentials for a token."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._session = Session(session_vars={name: (None, None, value, None) for name, value in _NO_FILES.items()})
        self._origin = CallOrigin()
        self._sts = self._client("sts", Config(signature_version=UNSIGNED))
        self._sts.meta.events.register("before-call.sts", self._from_origin)

    def assume(self, role_arn: str, token: str, origin: CallOrigin) -> StsAnswer:
        """Call AssumeRoleWithWebIdentity as a step does: unsigned, from the given origin.

        Raises:
            SandboxError: The emulated STS does not answer.
        """
        self._origin = origin
        try:
            credentials = _repeated(
                lambda: self._sts.assume_role_with_web_identity(
                    RoleArn=role_arn, RoleSessionName=_SESSION_NAME, WebIdentityToken=token
                )
            )["Credentials"]
        except ClientError as error:
            return StsAnswer(_code(error))
        except BotoCoreError as error:
            raise _silent("STS", error) from error
        keys = (credentials[name] for name in ("AccessKeyId", "SecretAccessKey", "SessionToken"))
        return StsAnswer("assumed", SessionCredentials(*keys))

    def call(self, credentials: SessionCredentials, action: str, origin: CallOrigin, **parameters: str) -> str:
        """Call IAM with the credentials of a session; return ``allowed`` or the error code.

        Args:
            credentials: The credentials of the session.
            action: The IAM action, such as ``iam:ListUsers``.
            origin: The source of the call.
            parameters: The parameters of the operation.

        Raises:
            SandboxError: The emulated IAM does not answer.
        """
        iam = self._client(
            "iam",
            Config(),
            aws_access_key_id=credentials.access_key_id,
            aws_secret_access_key=credentials.secret_access_key,
            aws_session_token=credentials.session_token,
        )
        iam.meta.events.register("before-call.iam", partial(add_origin, origin))
        operation = action.partition(":")[2]
        method = next(name for name, api_name in iam.meta.method_to_api_mapping.items() if api_name == operation)
        try:
            _repeated(lambda: getattr(iam, method)(**parameters))
        except ClientError as error:
            return _code(error)
        except BotoCoreError as error:
            raise _silent("IAM", error) from error
        finally:
            iam.close()
        return "allowed"

    def _client(self, service: str, config: Config, **credentials: str) -> Any:  # noqa: ANN401 - made at run time
        plain = Config(retries={"max_attempts": 0}, proxies={"http": None}, connect_timeout=5, read_timeout=30)
        return self._session.create_client(
            service,
            region_name="us-east-1",
            endpoint_url=self._endpoint,
            config=plain.merge(config),
            **credentials,
        )

    def _from_origin(self, params: dict[str, Any], **_: object) -> None:
        add_origin(self._origin, params)


def add_origin(origin: CallOrigin, params: dict[str, Any], **_: object) -> None:
    """Add the headers that give a call its origin; a handler of botocore's event ``before-call``."""
    params["headers"][SOURCE_IP_HEADER] = origin.source_ip
    if origin.source_vpce is not None:
        params["headers"][SOURCE_VPCE_HEADER] = origin.source_vpce


def is_refusal(code: str) -> bool:
    """Tell whether an error code means that authorisation failed. Other errors come after authorisation."""
    return code in _REFUSED


_PASSING = frozenset({"Throttling", "ExpiredToken"})
"""Answers that say nothing about the caller's rights; in the weather of the emulated accounts they soon pass."""

_MOST_CALLS = 6


def _repeated(call: Callable[[], Any]) -> Any:  # noqa: ANN401 - botocore's answers
    for pause in range(1, _MOST_CALLS):
        try:
            return call()
        except ClientError as error:
            if _code(error) not in _PASSING:
                raise
            time.sleep(pause / 10)
    return call()


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", "refused"))


def _silent(service: str, error: BotoCoreError) -> SandboxError:
    return SandboxError(f"the emulated {service} does not answer: {error}", do="run it again")
