"""The proof: presents tokens, right and flawed, to every role, and tries what the credentials may do."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from access.explanation.explain import RoleAnswer, TokenCall, answer
from access.explanation.names import Names
from access.explanation.subjects import Reason
from access.plan import AccountPlan, RolePlan
from sandbox.emulated_aws.prepare_accounts import RootUsers
from sandbox.emulated_bitbucket import EmulatedBitbucket
from sandbox.emulated_bitbucket.workspaces import EmulatedWorkspace, PipelineStep, step_claims
from sandbox.proof import cases
from sandbox.proof.callers import SessionCredentials, TokenCallers
from sandbox.proof.cases import BEFORE_THE_TRUST_POLICY, Presented, expected, from_taken_origins, steps_of, wrong_tokens
from sandbox.proof.trials import PermissionTrials, TriedPermission
from sandbox.running_sandbox import RunningSandbox

ASSUMED = "assumed"
"""The answer of STS if it accepts the token; else the answer is an error code."""


@dataclass(frozen=True, slots=True)
class ProofDecision:
    """One token presented to one role.

    Attributes:
        account: The key in the inventory.
        role: The key in the inventory.
        arn: The role's ARN.
        presented: The token.
        made_up: Whether the token was made up for this role and differs in one part from a right one. Otherwise it is
            that of a step of the inventory. A wide trust also accepts some made-up tokens.
        expected: Whether the inventory accepts the token.
        evaluated: The trust evaluator's answer for the rendered trust policy, with reasons; ``None`` for a token that
            STS refuses before it reads a trust policy.
        answer: The error code of STS, or ``assumed``.
    """

    account: str
    role: str
    arn: str
    presented: Presented
    made_up: bool
    expected: bool
    evaluated: RoleAnswer | None
    answer: str

    @property
    def allowed(self) -> bool:
        """Whether STS accepted the token."""
        return self.answer == ASSUMED

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """The reasons in the words of ``explain``; never empty."""
        if self.evaluated is None:
            return (Reason(0, f"the token is {self.presented.flaw}: STS refuses it whatever the trust policy says"),)
        return self.evaluated.reasons

    @property
    def agrees(self) -> bool:
        """Whether STS decided as the inventory and the evaluator say."""
        evaluated = self.evaluated is None or (not self.evaluated.undecided and self.evaluated.allowed is self.allowed)
        return self.expected is self.allowed and evaluated


def evaluated(
    account: AccountPlan,
    role: RolePlan,
    presented: Presented,
    claims: Mapping[str, Any],
    *,
    at: datetime,
    names: Names,
) -> RoleAnswer | None:
    """Return the evaluator's answer by the rendered trust policy; ``None`` if STS does not read the policy."""
    if presented.flaw in BEFORE_THE_TRUST_POLICY:
        return None
    origin = presented.origin
    call = TokenCall(claims, at, None if origin.source_vpce else origin.source_ip, origin.source_vpce)
    return answer(role.trust_policy.to_json(), call.to_role_in(account.id, account.partition.value), names)


_LONG_AGO = timedelta(days=2)
"""Longer than AWS's allowance for clock skew."""


def claims_of(presented: Presented) -> dict[str, Any]:
    """Return the claims of one run of a step, with the token's flaw if it concerns the claims."""
    step = PipelineStep(presented.workspace, presented.repository_uuid, presented.environment_uuid)
    issued_at = datetime.now(UTC) - (_LONG_AGO if presented.flaw == cases.EXPIRED else timedelta())
    claims = step_claims(step, issued_at=issued_at, audiences=presented.further)
    if not presented.further:
        claims |= {"aud": presented.audience}
    if presented.flaw == cases.TRAILING_SLASH:
        return claims | {"iss": f"{claims['iss']}/"}
    return claims | {"sub": _misspelt(str(claims["sub"]), presented.flaw)}


def token_of(presented: Presented, claims: Mapping[str, Any], bitbucket: EmulatedBitbucket) -> str:
    """Return the token with these claims: signed by Bitbucket's key, or by another one if that is the flaw."""
    return (bitbucket.forge if presented.flaw == cases.FORGED else bitbucket.sign)(dict(claims))


def _misspelt(subject: str, flaw: str) -> str:
    misspellings = {
        cases.MISSING_BRACE: subject.replace("}", "", 1),
        cases.NO_BRACES: subject.replace("{", "").replace("}", ""),
        cases.UPPER_CASE: subject.upper(),
    }
    return misspellings.get(flaw, subject)


@dataclass(frozen=True, slots=True)
class Proof:
    """All results of a proof.

    Attributes:
        decisions: The decisions of STS, account by account and role by role.
        permissions: The actions tried for each role, in the same order.
        waited_seconds: How long it waited for STS to accept right tokens: a new role or OIDC provider is late there.
    """

    decisions: tuple[ProofDecision, ...]
    permissions: tuple[TriedPermission, ...]
    waited_seconds: float = 0.0

    @property
    def agrees(self) -> bool:
        """Whether every decision is as the inventory says."""
        return all(decision.agrees for decision in self.decisions) and all(tried.agrees for tried in self.permissions)


def prove(running: RunningSandbox, *, sleep: Callable[[float], None] = time.sleep) -> Proof:
    """Present tokens to every role; with the credentials for a right token, try what the role may do.

    Three independent sources decide each token: the declarations of the inventory, part by part; the trust evaluator,
    by the rendered trust policy; and STS. If the accounts have weather, and STS refuses a token that the inventory
    accepts, the proof asks again, for at most ``PATIENCE_SECONDS`` in all.

    Args:
        running: The sandbox.
        sleep: Waits a number of seconds.

    Raises:
        SandboxError: The emulated accounts do not answer.
    """
    patience = Patience(PATIENCE_SECONDS if running.has_weather else 0.0, sleep)
    deciders = _Deciders(running, TokenCallers(running.endpoint), Names.of(running.subject.inventory), patience)
    steps = steps_of(running.subject.inventory)
    decisions: list[ProofDecision] = []
    permissions: list[TriedPermission] = []
    with closing(RootUsers(running.endpoint)) as roots:
        trials = PermissionTrials(deciders.callers, roots)
        for account in running.subject.plan.accounts:
            for role in account.roles:
                credentials: SessionCredentials | None = None
                tokens = list(_tokens(running, role, steps))
                if running.has_weather:
                    # A refusal of a wrong token proves nothing while STS does not know the role yet.
                    deciders.wait_for(account, role, [presented for presented, _ in tokens])
                for presented, made_up in tokens:
                    decision, given = deciders.decide(account, role, presented, made_up=made_up)
                    decisions.append(decision)
                    if credentials is None and decision.expected:
                        credentials = given
                permissions += trials.of(account, role, credentials)
    return Proof(tuple(decisions), tuple(permissions), patience.waited)


PATIENCE_SECONDS = 30.0
"""Real STS has accepted a new role with a new OIDC provider after about 8 seconds (2026-09-11, us-east-1)."""


@dataclass(slots=True)
class Patience:
    """The seconds that a proof may still wait for STS; ``waited`` counts the spent ones."""

    seconds: float
    sleep: Callable[[float], None]
    waited: float = 0.0

    def wait(self) -> bool:
        """Wait a second; return whether there was one left."""
        if self.waited >= self.seconds:
            return False
        self.sleep(1.0)
        self.waited += 1.0
        return True


@dataclass(frozen=True, slots=True)
class _Deciders:
    """Decides tokens: by the inventory, the trust evaluator and STS."""

    running: RunningSandbox
    callers: TokenCallers
    names: Names
    patience: Patience

    def wait_for(self, account: AccountPlan, role: RolePlan, tokens: list[Presented]) -> None:
        """Present the right tokens of a role until STS accepts each, as far as the patience lasts."""
        for presented in tokens:
            if expected(role, presented, datetime.now(UTC).date()):
                self.decide(account, role, presented, made_up=False)

    def decide(
        self, account: AccountPlan, role: RolePlan, presented: Presented, *, made_up: bool
    ) -> tuple[ProofDecision, SessionCredentials | None]:
        """Return the decisions, and the credentials if STS accepts the token."""
        claims, at = claims_of(presented), datetime.now(UTC)
        evaluation = evaluated(account, role, presented, claims, at=at, names=self.names)
        token = token_of(presented, claims, self.running.bitbucket)
        by_inventory = expected(role, presented, at.date())
        sts = self.callers.assume(role.arn, token, presented.origin)
        while by_inventory and sts.credentials is None and self.patience.wait():
            sts = self.callers.assume(role.arn, token, presented.origin)
        decision = ProofDecision(
            account.key, role.key, role.arn, presented, made_up, by_inventory, evaluation, sts.code
        )
        return decision, sts.credentials


def _tokens(running: RunningSandbox, role: RolePlan, steps: list[Presented]) -> Iterator[tuple[Presented, bool]]:
    for step in steps:
        for presented in from_taken_origins(step, role):
            yield presented, False
    seen: set[str] = set()
    for line in role.trust:
        uuid = running.subject.inventory.workspaces[line.renamed_to or line.workspace].uuid or ""
        for presented in wrong_tokens(role, line, EmulatedWorkspace(line.workspace, uuid)):
            key = f"{presented.name} {line.workspace} {line.repository} {line.environment}"
            if key not in seen:
                seen.add(key)
                yield presented, True
