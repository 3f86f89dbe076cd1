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
"""Earlier than any end of access that an inventory can name."""


def example_of_flaw(text: str, declared: Mapping[CallConditions, set[StepSet]], account: AccountPlan) -> str:
    """Return a call whose decision by the trust evaluator differs from the declaration, or the empty string.

    It tries the declared calls and calls with one difference: another audience, repository, environment, address or
    day. An empty result proves nothing. If a key appears twice, the last one counts.
    """
    try:
        document = json.loads(text)
    except ValueError:
        return ""
    for conditions, steps in sorted(declared.items(), key=str):
        for request in _calls(conditions, steps, account):
            expected = any(_passes(request, call, declared[call]) for call in declared)
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


def _calls(conditions: CallConditions, steps: set[StepSet], account: AccountPlan) -> Iterator[WebIdentityRequest]:
    key, values = conditions.place
    subjects = [_any_of(places) for step_set in sorted(steps, key=str) for places in step_set.subjects()]
    subjects += [_any_of(places) for places in GRAMMAR]
    for subject, audience in product(subjects, (conditions.audience, "another-audience")):
        claims = {"iss": f"https://{conditions.issuer}", "aud": audience, "sub": subject}
        anywhere = WebIdentityRequest(claims, account.id, _TODAY, account.partition.value, _ELSEWHERE)
        if key == "aws:SourceVpce":
            yield replace(anywhere, vpc_endpoint=min(values))
        elif key:
            yield replace(anywhere, source_ip=min(values).partition("/")[0])
        yield anywhere
        if conditions.until:
            yield replace(anywhere, at=datetime.fromisoformat(conditions.until) + timedelta(days=1))


def _any_of(places: Product) -> str:
    return "".join(characters[0] for characters in places)


def _passes(request: WebIdentityRequest, conditions: CallConditions, steps: set[StepSet]) -> bool:
    key, values = conditions.place
    if conditions.place != EVERYWHERE:
        origin = request.vpc_endpoint if key == "aws:SourceVpce" else request.source_ip
        # Only the first address of a network is tried, and the one elsewhere.
        if origin not in {value.partition("/")[0] for value in values}:
            return False
    if conditions.until and request.at >= datetime.fromisoformat(conditions.until):
        return False
    if (request.claims["iss"], request.claims["aud"]) != (f"https://{conditions.issuer}", conditions.audience):
        return False
    return any(_is_one_of(request.claims["sub"], places) for step_set in steps for places in step_set.subjects())


def _is_one_of(subject: str, places: Product) -> bool:
    return len(subject) == len(places) and all(map(str.__contains__, places, subject))
