"""Present every token to every role, and hold what STS decided against what the inventory says."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from access.plan import AccountPlan, RolePlan
from oidc.errors import SandboxError
from sandbox.emulated_aws.settings import SOURCE_IP_HEADER
from sandbox.emulated_bitbucket.step import EmulatedWorkspace
from sandbox.proof.cases import Presented, expected, from_allowed_address, steps_of, wrong_tokens
from sandbox.proof.tokens import token_of
from sandbox.session import Session

_SESSION_NAME = "prove"


@dataclass(frozen=True, slots=True)
class Decision:
    """One token presented to one role.

    Attributes:
        account: Key of the inventory.
        role: Key of the inventory.
        arn: Of the role.
        presented: The token.
        made_up: Whether it was made up for this role, one step away from a right one, rather than that of a step of
            the inventory. A wide trust lets some of these in, as it says.
        expected: What the inventory says.
        allowed: What STS decided.
        answer: The error code of STS, or ``assumed``.
    """

    account: str
    role: str
    arn: str
    presented: Presented
    made_up: bool
    expected: bool
    allowed: bool
    answer: str

    @property
    def agrees(self) -> bool:
        """Tell whether STS decided as the inventory says."""
        return self.expected is self.allowed


def prove(session: Session, *, today: date | None = None) -> Iterator[Decision]:
    """Yield every decision, account by account and role by role.

    Raises:
        SandboxError: Nothing is up, or the emulated accounts do not answer.
    """
    if not session.is_up or session.forgot:
        what = "the emulated accounts lost their state in a crash" if session.is_up else "nothing is up in this sandbox"
        raise SandboxError(what, do="run `bitbucket-oidc sandbox up` with the same inventory first")
    ask = _StsCaller(session.endpoint)
    today = today or datetime.now(UTC).date()
    steps = steps_of(session.subject.inventory)
    for account in session.subject.plan.accounts:
        for role in account.roles:
            for presented, made_up in _tokens(session, role, steps):
                answer = ask(role.arn, token_of(presented, session.bitbucket), presented.source_ip)
                yield _decision(account, role, presented, made_up=made_up, answer=answer, today=today)


def _tokens(session: Session, role: RolePlan, steps: list[Presented]) -> Iterator[tuple[Presented, bool]]:
    for step in steps:
        yield from_allowed_address(step, role), False
    seen: set[str] = set()
    for line in role.trust:
        uuid = session.subject.inventory.workspaces[line.workspace].uuid or ""
        for presented in wrong_tokens(role, line, EmulatedWorkspace(line.workspace, uuid)):
            key = f"{presented.name} {line.workspace} {line.repository} {line.environment}"
            if key not in seen:
                seen.add(key)
                yield presented, True


def _decision(
    account: AccountPlan, role: RolePlan, presented: Presented, *, made_up: bool, answer: str, today: date
) -> Decision:
    return Decision(
        account=account.key,
        role=role.key,
        arn=role.arn,
        presented=presented,
        made_up=made_up,
        expected=expected(role, presented, today),
        allowed=answer == "assumed",
        answer=answer,
    )


class _StsCaller:
    """Calls AssumeRoleWithWebIdentity as a step does: unsigned, from an address of its own."""

    def __init__(self, endpoint: str) -> None:
        session = boto3.session.Session(region_name="us-east-1")
        config = Config(signature_version=UNSIGNED, retries={"max_attempts": 0}, proxies={"http": None})
        self._sts: Any = session.client("sts", endpoint_url=endpoint, config=config)
        self._source_ip = ""
        self._sts.meta.events.register("before-call.sts", self._from_address)

    def _from_address(self, params: dict[str, Any], **_: object) -> None:
        params["headers"][SOURCE_IP_HEADER] = self._source_ip

    def __call__(self, role_arn: str, token: str, source_ip: str) -> str:
        self._source_ip = source_ip
        try:
            self._sts.assume_role_with_web_identity(
                RoleArn=role_arn, RoleSessionName=_SESSION_NAME, WebIdentityToken=token
            )
        except ClientError as error:
            return str(error.response.get("Error", {}).get("Code", "refused"))
        except BotoCoreError as error:
            what = f"the emulated STS does not answer: {error}"
            raise SandboxError(what, do="run it again") from error
        return "assumed"
