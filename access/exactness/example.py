"""Find a call that shows a flaw of a trust policy: its decision differs from the declaration."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

from access.evaluation.decide import decide
from access.evaluation.request import WebIdentityRequest
from access.exactness.call_conditions import EVERYWHERE, CallConditions
from access.exactness.steps import GRAMMAR, Product, StepSet
from access.plan import AccountPlan
from oidc.errors import EvaluationError

_ELSEWHERE = "192.0.2.77"
"""An address for documentation (RFC 5737)."""

_TODAY = datetime(2000, 1, 1, tzinfo=UTC)
"""Before any end of access that an inventory could still name."""


def example_of_flaw(text: str, declared: Mapping[CallConditions, set[StepSet]], account: AccountPlan) -> str:
    """Return a call whose decision by the trust evaluator differs from the declaration, or the empty string.

    It tries the declared calls and calls with one difference: another audience, repository, environment, address or
    day. An empty result proves nothing. If a key appears twice, the last one counts.
    """
    try:
        document = json.loads(text)
    except ValueError:
        return ""
    for gate, steps in sorted(declared.items(), key=str):
        for request in _calls(gate, steps, account):
            expected = any(_passes(request, each, declared[each]) for each in declared)
            try:
                allowed = decide(document, request).allowed
            except EvaluationError:
                continue
            if allowed is not expected:
                claims = ", ".join(f"{name} {value}" for name, value in request.claims.items())
                verdict = "admitted and not declared" if allowed else "declared and not admitted"
                where = request.vpc_endpoint or request.source_ip
                return f"a token with {claims} from {where} at {request.at:%Y-%m-%dT%H:%M:%SZ} is {verdict}"
    return ""


def _calls(gate: CallConditions, steps: set[StepSet], account: AccountPlan) -> Iterator[WebIdentityRequest]:
    key, values = gate.place
    subjects = [_any_of(places) for each in sorted(steps, key=str) for places in each.subjects()]
    subjects += [_any_of(places) for places in GRAMMAR]
    for subject, audience in product(subjects, (gate.audience, "another-audience")):
        claims = {"iss": f"https://{gate.issuer}", "aud": audience, "sub": subject}
        anywhere = WebIdentityRequest(claims, account.id, _TODAY, account.partition.value, _ELSEWHERE)
        if key == "aws:SourceVpce":
            yield replace(anywhere, vpc_endpoint=min(values))
        elif key:
            yield replace(anywhere, source_ip=min(values).partition("/")[0])
        yield anywhere
        if gate.until:
            yield replace(anywhere, at=datetime.fromisoformat(gate.until) + timedelta(days=1))


def _any_of(places: Product) -> str:
    return "".join(characters[0] for characters in places)


def _passes(request: WebIdentityRequest, gate: CallConditions, steps: set[StepSet]) -> bool:
    key, values = gate.place
    if gate.place != EVERYWHERE:
        found = request.vpc_endpoint if key == "aws:SourceVpce" else request.source_ip
        # The first address of a network is the only one tried besides the one elsewhere.
        if found not in {value.partition("/")[0] for value in values}:
            return False
    if gate.until and request.at >= datetime.fromisoformat(gate.until):
        return False
    if (request.claims["iss"], request.claims["aud"]) != (f"https://{gate.issuer}", gate.audience):
        return False
    return any(_is_one_of(request.claims["sub"], places) for each in steps for places in each.subjects())


def _is_one_of(subject: str, places: Product) -> bool:
    return len(subject) == len(places) and all(map(str.__contains__, places, subject))
