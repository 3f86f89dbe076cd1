"""Whatever is changed in a rendered trust policy: the proof catches it, or no token of Bitbucket gets in otherwise."""

import copy
import json
import random
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from access.evaluation.decide import decide
from access.evaluation.request import WebIdentityRequest
from access.exactness.steps import GRAMMAR
from access.plan import AccountPlan, RolePlan
from oidc.errors import EvaluationError
from oidc.iam.document import PolicyDocument
from tests.access.exactness.subjects import is_of
from tests.access.exactness.wide import refused
from tests.access.near_misses import WRONGS, right_call, wide_roles

_CHARACTERS = "*?{}:-0af/. \u212aK\n\0"


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to every value of a document but the document itself."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*at, key)
        yield from places(item, (*at, key))


def another_text(rng: random.Random, text: str) -> str:
    at = rng.randrange(len(text) + 1)
    return rng.choice([
        text[:at] + rng.choice(_CHARACTERS) + text[at:], text[:at] + text[at + 1 :],
        text[:at] + rng.choice(_CHARACTERS) + text[at + 1 :], text[:at] + "${*}" + text[at:], text.swapcase(),
        text + "*", "*" + text, text[:38] + "*", text * 2, text.replace("?", "*"), text.replace("}:", "}*:", 1),
        text.replace("Equals", "Like"), text.replace("Like", "Equals"), f"{text}IfExists", f"ForAllValues:{text}",
    ])  # fmt: skip


def changed(rng: random.Random, document: dict[str, Any]) -> dict[str, Any]:
    """Change one thing of a document, wherever it is."""
    found = copy.deepcopy(document)
    *way, key = rng.choice(list(places(found)))
    parent: Any = found
    for each in way:
        parent = parent[each]
    value = parent[key]
    match rng.randrange(4):
        case 0 if isinstance(value, str):
            parent[key] = another_text(rng, value)
        case 1:
            del parent[key]
        case 2 if isinstance(key, str):
            parent[another_text(rng, key)] = parent.pop(key)
        case _:
            parent[key] = value * 2 if isinstance(value, list) else [value]
    return found


def is_proven(account: AccountPlan, role: RolePlan, document: dict[str, Any]) -> bool:
    return not refused(account, replace(role, trust_policy=PolicyDocument(json.dumps(document))))


def calls(rng: random.Random, account: AccountPlan, role: RolePlan, count: int) -> Iterator[WebIdentityRequest]:
    """Yield calls with subjects that Bitbucket could issue: right ones, and such that are nearly right."""
    for _ in range(count):
        call = right_call(rng, account, role, rng.choice(role.trust))
        for wrong in rng.choices(sorted(WRONGS), k=rng.choice([0, 1, 1, 2])):
            call = WRONGS[wrong](rng, call)
        if any(is_of(call.claims["sub"], form) for form in GRAMMAR):
            yield call


@pytest.mark.parametrize("seed", range(4))
def test_a_changed_policy_that_is_still_proven_admits_nobody_else(seed: int) -> None:
    rng = random.Random(seed)
    proven = caught = 0
    for _ in range(250):
        account, role = rng.choice(wide_roles())
        document = role.trust_policy.to_json()
        mutant = changed(rng, changed(rng, document) if rng.random() < 0.3 else document)
        if mutant == document:
            continue
        if not is_proven(account, role, mutant):
            caught += 1
            continue
        proven += 1
        for call in calls(rng, account, role, 10):
            assert decide(mutant, call).allowed is decide(document, call).allowed, (mutant, call)
    assert caught > 100
    assert proven > 2


@pytest.mark.parametrize("seed", range(4))
def test_any_policy_gives_a_decision_or_an_evaluation_error(seed: int) -> None:
    rng = random.Random(seed)
    account, role = wide_roles()[0]
    for _ in range(300):
        mutant = changed(rng, changed(rng, role.trust_policy.to_json()))
        with suppress(EvaluationError):
            decide(mutant, right_call(rng, account, role, role.trust[0]))


@pytest.mark.parametrize("version", [["2012-10-17"], {}, 2012, None, "2012-10-18"])
def test_an_unknown_version_is_an_error(version: object) -> None:
    account, role = wide_roles()[0]
    with pytest.raises(EvaluationError, match="no version"):
        decide(
            role.trust_policy.to_json() | {"Version": version},
            right_call(random.Random(1), account, role, role.trust[0]),
        )
