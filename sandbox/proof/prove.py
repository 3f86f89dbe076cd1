"""Present every token to every role, and hold what the emulated AWS decided against what the inventory says."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime

from access.plan import AccountPlan, RolePlan
from sandbox.emulated_aws.furnish import RootUsers
from sandbox.emulated_bitbucket.step import EmulatedWorkspace
from sandbox.proof.callers import Callers, Credentials
from sandbox.proof.cases import Presented, expected, from_taken_origins, steps_of, wrong_tokens
from sandbox.proof.tokens import token_of
from sandbox.proof.trials import PermissionTrials, TriedPermission
from sandbox.standing import Standing


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


@dataclass(frozen=True, slots=True)
class Proof:
    """All that was asked.

    Attributes:
        decisions: Of STS, account by account and role by role.
        permissions: What each role was tried to do, in the same order.
    """

    decisions: tuple[Decision, ...]
    permissions: tuple[TriedPermission, ...]

    @property
    def agrees(self) -> bool:
        """Tell whether everything was decided as the inventory says."""
        return all(decision.agrees for decision in self.decisions) and all(one.agrees for one in self.permissions)


def prove(standing: Standing, *, today: date | None = None) -> Proof:
    """Present tokens to every role, and try with the credentials of a right one what the role may do.

    Raises:
        SandboxError: The emulated accounts do not answer.
    """
    callers = Callers(standing.endpoint)
    today = today or datetime.now(UTC).date()
    steps = steps_of(standing.subject.inventory)
    decisions: list[Decision] = []
    permissions: list[TriedPermission] = []
    with closing(RootUsers(standing.endpoint)) as roots:
        trials = PermissionTrials(callers, roots)
        for account in standing.subject.plan.accounts:
            for role in account.roles:
                credentials: Credentials | None = None
                for presented, made_up in _tokens(standing, role, steps):
                    token = token_of(presented, standing.bitbucket)
                    answer = callers.assume(role.arn, token, presented.origin)
                    decision = _decision(account, role, presented, made_up=made_up, answer=answer.code, today=today)
                    decisions.append(decision)
                    if credentials is None and decision.expected:
                        credentials = answer.credentials
                permissions += trials.of(account, role, credentials)
    return Proof(tuple(decisions), tuple(permissions))


def _tokens(standing: Standing, role: RolePlan, steps: list[Presented]) -> Iterator[tuple[Presented, bool]]:
    for step in steps:
        for presented in from_taken_origins(step, role):
            yield presented, False
    seen: set[str] = set()
    for line in role.trust:
        uuid = standing.subject.inventory.workspaces[line.renamed_to or line.workspace].uuid or ""
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
