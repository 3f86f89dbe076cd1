"""The proof holds for what is compiled, and for nothing that differs from it in what it admits."""

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from access.compile import compile_plan
from access.exactness.prove import prove_exact
from access.plan import AccessPlan, AccountPlan, RolePlan, TrustPlan
from access.roles import role_plan
from cli.main import run
from config.load import load_inventory
from oidc.errors import UnprovenPlanError
from oidc.identifiers import BitbucketUuid
from oidc.policy_document import PolicyDocument
from tests.access.exactness.mutations import (
    ACME,
    MUTATIONS,
    STRANGER,
    Policy,
    drop_audience,
    for_each_statement,
    patterns,
    rename_operator,
    with_element,
)

WIDE = Path(__file__).parents[2] / "fixtures" / "inventories" / "wide"
TODAY = date(2026, 11, 23)


@pytest.fixture(scope="module")
def plan() -> AccessPlan:
    compiled = compile_plan(load_inventory(WIDE, today=TODAY)).plan
    assert compiled is not None
    return compiled


def roles(plan: AccessPlan) -> Iterator[tuple[AccountPlan, RolePlan]]:
    for account in plan.accounts:
        for role in account.roles:
            yield account, role


def refused(account: AccountPlan, role: RolePlan) -> str:
    """Return why a plan of this role alone is refused, or the empty string."""
    try:
        prove_exact(AccessPlan((replace(account, roles=(role,)),)))
    except UnprovenPlanError as error:
        return str(error)
    return ""


def test_every_role_of_a_wide_inventory_is_proven(plan: AccessPlan) -> None:
    assert len(list(roles(plan))) >= 10
    prove_exact(plan)


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_change_of_any_trust_policy_is_caught(plan: AccessPlan, name: str) -> None:
    changed = 0
    for account, role in roles(plan):
        policy = role.trust_policy.to_json()
        MUTATIONS[name](policy)
        mutated = replace(role, trust_policy=PolicyDocument(json.dumps(policy)))
        if mutated.trust_policy.to_json() != role.trust_policy.to_json():
            changed += 1
            found = refused(account, mutated)
            assert f"roles.{role.key} in account {account.key}" in found, (role.key, policy)
            assert "please report it; nothing was applied" in found
    assert changed > 5


def test_every_pattern_and_condition_counts(plan: AccessPlan) -> None:
    """Taking away any one pattern, audience or test of any statement is caught."""
    tried = 0
    for account, role in roles(plan):
        for policy in _one_thing_less(role.trust_policy.to_json()):
            tried += 1
            assert refused(account, replace(role, trust_policy=PolicyDocument(json.dumps(policy)))), policy
    assert tried > 40


def _one_thing_less(policy: Policy) -> Iterator[Policy]:
    for index, statement in enumerate(policy["Statement"]):
        for operator, tests in statement["Condition"].items():
            for key, values in tests.items():
                less = copy.deepcopy(policy)
                del less["Statement"][index]["Condition"][operator][key]
                yield less
                for place in range(len(values) if isinstance(values, list) else 0):
                    less = copy.deepcopy(policy)
                    del less["Statement"][index]["Condition"][operator][key][place]
                    yield less


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            patterns(lambda pattern: f"{pattern[:38]}:*"),
            ("is admitted and not declared", f"the token with iss https://{ACME}, aud ari:cloud:bitbucket::workspace/"),
        ),
        (patterns(lambda pattern: pattern[1:]), ("is declared and not admitted", "sub {9a6d6bde-")),
        (
            for_each_statement(drop_audience),
            ("statement 0: it does not compare aud, so a token with", "aud another-audience", "is admitted and not"),
        ),
        (
            rename_operator("StringLike", "StringEquals"),
            ("statement 0: it does not compare sub", "is declared and not admitted"),
        ),
        (with_element("Principal", "*"), ("statement 0: its principal is *",)),
    ],
)
def test_a_token_shows_what_is_wrong(
    plan: AccessPlan, change: Callable[[Policy], None], expected: tuple[str, ...]
) -> None:
    account, role = next(found for found in roles(plan) if found[1].key == "everywhere")
    policy = role.trust_policy.to_json()
    policy["Statement"] = policy["Statement"][:1] if "acme/" in policy["Statement"][0]["Principal"]["Federated"] else []
    role = replace(role, trust=tuple(line for line in role.trust if line.workspace == "acme"))
    change(policy)
    found = refused(account, replace(role, trust_policy=PolicyDocument(json.dumps(policy))))
    assert all(part in found for part in expected), found


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"repository_uuid": BitbucketUuid(STRANGER)}, "is admitted and not declared"),
        ({"environment_uuid": BitbucketUuid(STRANGER)}, "is admitted and not declared"),
        ({"audiences": ("sts.amazonaws.com",)}, "is admitted and not declared"),
        ({"audiences": ("ari:cloud:bitbucket::workspace/0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11", "x")}, "aud x before"),
        ({"workspace": "beta"}, "is admitted and not declared"),
        ({"environment_uuid": None}, "has no meaning"),
        ({"repository_uuid": None}, "has no meaning"),
        ({"repository": None, "repository_uuid": None}, "has no meaning"),
        ({"steps": "all_including_environments"}, "has no meaning"),
        ({"environment": None, "environment_uuid": None, "steps": "outside_environments"}, "is admitted and not"),
        ({"environment": None, "environment_uuid": None, "steps": "sometimes"}, "has no meaning"),
    ],
)
def test_a_change_of_what_is_declared_is_caught(plan: AccessPlan, change: dict[str, Any], expected: str) -> None:
    account, role = next(found for found in roles(plan) if found[1].key == "gone")
    line = replace(role.trust[0], **change)
    assert expected in refused(account, replace(role, trust=(line,)))


def test_addresses_and_the_last_day_are_part_of_the_proof(plan: AccessPlan) -> None:
    office = next(found for found in roles(plan) if found[1].key == "from-the-office")
    gone = next(found for found in roles(plan) if found[1].key == "gone")
    assert "aws:" not in refused(*gone)
    assert "admitted and not declared" in refused(office[0], replace(office[1], source_ips=office[1].source_ips[1:]))
    assert "admitted and not declared" in refused(office[0], replace(office[1], source_ips=(ip_network("10.0.0.0/8"),)))
    assert "from 198.51.100.7/32, 2001:db8::/32, 203.0.113.0/24" in refused(
        office[0], replace(office[1], source_ips=())
    )
    assert "before 2021-01-01T00:00:00Z, sub" in refused(gone[0], replace(gone[1], expires=date(2020, 12, 30)))
    assert "not" in refused(gone[0], replace(gone[1], expires=None))


def test_the_subject_pattern_that_a_plan_shows_is_not_looked_at(plan: AccessPlan) -> None:
    """It comes from the builder, which is what is to be proved."""
    account, role = next(roles(plan))
    lines: tuple[TrustPlan, ...] = tuple(replace(line, subject_pattern="*") for line in role.trust)  # type: ignore[arg-type]  # on purpose
    assert refused(account, replace(role, trust=lines)) == ""


def test_lines_that_overlap_may_come_to_fewer_patterns(plan: AccessPlan) -> None:
    account, role = next(found for found in roles(plan) if found[1].key == "custom-audience")
    narrow = replace(role.trust[0], steps=None, environment="x", environment_uuid=BitbucketUuid(STRANGER))
    assert refused(account, replace(role, trust=(*role.trust, narrow))) == ""


def test_a_command_and_a_run_stop_before_anything_is_applied(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def widened(role_key: str, *arguments: Any) -> RolePlan | None:
        role = role_plan(role_key, *arguments)
        policy = role.trust_policy.to_json() if role else {}
        patterns(lambda _: "*")(policy)
        return role and replace(role, trust_policy=PolicyDocument(json.dumps(policy)))

    monkeypatch.setattr("access.compile.role_plan", widened)
    assert run(["plan", str(WIDE)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "error: the trust policy of roles." in err
    assert "is admitted and not declared; this is a defect of this program" in err
