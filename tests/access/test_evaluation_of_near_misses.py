"""Evaluator and declaration agree on tokens that nearly get in; each is written without knowing of the other."""

from collections import Counter
from functools import cache
from ipaddress import ip_address, ip_network

from access.evaluation.decide import decide
from access.evaluation.request import WebIdentityRequest
from access.exactness.call_conditions import EVERYWHERE, CallConditions
from access.exactness.declared import DeclaredRole, declared_roles
from access.exactness.steps import GRAMMAR
from access.plan import RolePlan
from tests.access.exactness.subjects import is_of
from tests.access.exactness.wide import wide
from tests.access.near_misses import WRONGS, Case, cases_of_rendered_policies


@cache
def declared() -> dict[str, DeclaredRole]:
    """Return what the wide inventory declares, by the ARNs of its roles."""
    loaded, _ = wide()
    roles = declared_roles(loaded.validated, loaded.lock.lock)
    return {
        f"arn:{account.partition.value}:iam::{account.id}:role{role.path}{role.name}": role
        for key, account in loaded.validated.accounts.items()
        for role in roles[key].values()
    }


def is_declared(role: RolePlan, arn_matches: bool, request: WebIdentityRequest) -> bool:
    for conditions, steps in declared()[role.arn].steps.items():
        if (
            arn_matches
            and (f"https://{conditions.issuer}", conditions.audience)
            == (request.claims["iss"], _only(request.claims["aud"]))
            and is_at(request, conditions)
            and not (conditions.until and f"{request.at:%Y-%m-%dT%H:%M:%SZ}" >= conditions.until)
            and any(is_of(request.claims["sub"], places) for step_set in steps for places in step_set.subjects())
        ):
            return True
    return False


def is_at(request: WebIdentityRequest, conditions: CallConditions) -> bool:
    """Tell whether a call comes from where a gate is; one through an endpoint has no address."""
    key, places = conditions.place
    if conditions.place == EVERYWHERE:
        return True
    if key == "aws:SourceVpce":
        return request.vpc_endpoint in places
    address = ip_address(request.source_ip or "")
    return request.vpc_endpoint is None and any(address in ip_network(network) for network in places)


def _only(audience: object) -> object:
    return audience[0] if isinstance(audience, list) else audience


def test_the_evaluator_lets_in_what_is_declared_and_nothing_else() -> None:
    seen: Counter[tuple[str, bool]] = Counter()
    beyond = 0
    for case in cases_of_rendered_policies(seed=1, count=4000):
        assert case.role is not None
        allowed = decide(case.policy, case.request).allowed
        if any(is_of(case.request.claims["sub"], places) for places in GRAMMAR):
            declared = is_declared(case.role, _is_its_account(case), case.request)
            assert allowed is declared, case
        else:
            # No token has such a subject; what begins with a whole repository may get in, and nothing else.
            beyond += allowed
            starts = tuple(f"{line.repository_uuid}:" for line in case.role.trust if line.repository_uuid)
            whole = any(line.repository_uuid is None for line in case.role.trust)
            assert not allowed or whole or case.request.claims["sub"].startswith(starts), case
        seen[case.name, allowed] += 1
    assert seen["nothing wrong", True] > 500
    assert seen["nothing wrong", False] == 0
    harmless = {"a newer step", "aud in a list"}
    assert {wrong for wrong in WRONGS if seen[wrong, False] < 5} == harmless
    assert 0 < beyond < 400


def _is_its_account(case: Case) -> bool:
    assert case.role is not None
    partition, account = case.role.arn.split(":")[1], case.role.arn.split(":")[4]
    return (case.request.partition, case.request.account) == (partition, account)
