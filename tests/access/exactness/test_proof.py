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

WIDE = Path(__file__).parents[2] / "fixtures" / "inventories" / "wide"
TODAY = date(2026, 11, 23)
ACME = "api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc"
ANY = "{????????-????-????-????-????????????}"
STRANGER = "{dddddddd-dddd-4ddd-8ddd-dddddddddddd}"

Policy = dict[str, Any]


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


def for_each_statement(change: Callable[[Policy], None]) -> Callable[[Policy], None]:
    def change_all(policy: Policy) -> None:
        for statement in policy["Statement"]:
            change(statement)

    return change_all


def patterns(change: Callable[[str], str]) -> Callable[[Policy], None]:
    def change_patterns(statement: Policy) -> None:
        tests = statement["Condition"]["StringLike"]
        for key, values in tests.items():
            tests[key] = [change(value) for value in values]

    return for_each_statement(change_patterns)


def rename_operator(old: str, new: str) -> Callable[[Policy], None]:
    def rename(statement: Policy) -> None:
        if old in statement["Condition"]:
            tests = statement["Condition"].pop(old)
            statement["Condition"].setdefault(new, {}).update(tests)

    return for_each_statement(rename)


def add_key(operator: str, key: str, values: object) -> Callable[[Policy], None]:
    return for_each_statement(lambda statement: statement["Condition"].setdefault(operator, {}).update({key: values}))


def with_element(name: str, value: object) -> Callable[[Policy], None]:
    return for_each_statement(lambda statement: statement.update({name: value}))


def add_statement(**changes: Any) -> Callable[[Policy], None]:
    def add(policy: Policy) -> None:
        policy["Statement"].append(copy.deepcopy(policy["Statement"][0]) | changes)

    return add


def drop_audience(statement: Policy) -> None:
    del statement["Condition"]["StringEquals"]


def drop_subject(statement: Policy) -> None:
    del statement["Condition"]["StringLike"]


def more_audiences(statement: Policy) -> None:
    [key] = statement["Condition"]["StringEquals"]
    statement["Condition"]["StringEquals"][key] = [statement["Condition"]["StringEquals"][key], "sts.amazonaws.com"]


def add_stranger(policy: Policy) -> None:
    first = copy.deepcopy(policy["Statement"][0])
    [(key, values)] = first["Condition"]["StringLike"].items()
    first["Condition"]["StringLike"][key] = [f"{STRANGER}:*"]
    if not values[0].startswith(ANY):  # then a stranger is declared
        policy["Statement"].append(first)


def other_account(statement: Policy) -> None:
    arn = statement["Principal"]["Federated"]
    statement["Principal"]["Federated"] = arn.replace(arn.split(":")[4], "999999999999")


MUTATIONS: dict[str, Callable[[Policy], None]] = {
    "a colon dropped": patterns(lambda pattern: pattern.replace("}:", "}", 1)),
    "the last colon dropped": patterns(lambda pattern: "".join(pattern.rsplit(":", 1))),
    "a star for the repository": patterns(lambda pattern: "*" + pattern[38:]),
    "a star in braces for the repository": patterns(lambda pattern: "{*}" + pattern[38:]),
    "any repository": patterns(lambda pattern: ANY + pattern[38:] if pattern[1] != "?" else "*:*"),
    "no braces": patterns(lambda pattern: pattern.replace("{", "").replace("}", "")),
    "a brace dropped": patterns(lambda pattern: pattern.replace("}", "", 1)),
    "the first brace dropped": patterns(lambda pattern: pattern[1:]),
    "a character too few": patterns(lambda pattern: pattern[:10] + pattern[11:]),
    "a character wild": patterns(lambda pattern: pattern[:10] + "*" + pattern[11:]),
    "another repository": patterns(lambda pattern: STRANGER + pattern[38:]),
    "in capitals": patterns(lambda pattern: "{ABCDEFAB" + pattern[9:]),
    "everything": patterns(lambda _: "*"),
    "two parts of anything": patterns(lambda _: "*:*"),
    "nothing": patterns(lambda _: ""),
    "a policy variable": patterns(lambda pattern: pattern + "${*}"),
    "the audience dropped": for_each_statement(drop_audience),
    "a further audience": for_each_statement(more_audiences),
    "the subject dropped": for_each_statement(drop_subject),
    "no condition": with_element("Condition", {}),
    "StringEquals in place of StringLike": rename_operator("StringLike", "StringEquals"),
    "StringLike in place of StringEquals": rename_operator("StringEquals", "StringLike"),
    "StringNotLike": rename_operator("StringLike", "StringNotLike"),
    "StringNotEquals": rename_operator("StringEquals", "StringNotEquals"),
    "StringEqualsIgnoreCase": rename_operator("StringEquals", "StringEqualsIgnoreCase"),
    "StringLikeIfExists": rename_operator("StringLike", "StringLikeIfExists"),
    "StringEqualsIfExists": rename_operator("StringEquals", "StringEqualsIfExists"),
    "ForAllValues": rename_operator("StringEquals", "ForAllValues:StringEquals"),
    "ForAnyValue": rename_operator("StringLike", "ForAnyValue:StringLike"),
    "an address": add_key("IpAddress", "aws:SourceIp", ["192.0.2.0/24"]),
    "everywhere": add_key("IpAddress", "aws:SourceIp", ["0.0.0.0/0"]),
    "an end": add_key("DateLessThan", "aws:CurrentTime", "2029-01-01T00:00:00Z"),
    "two ends": add_key("DateLessThan", "aws:CurrentTime", ["2029-01-01T00:00:00Z", "2030-01-01T00:00:00Z"]),
    "a begin": add_key("DateGreaterThan", "aws:CurrentTime", "2029-01-01T00:00:00Z"),
    "a branch": add_key("StringEquals", f"{ACME}:branchName", "main"),
    "a VPC endpoint": add_key("StringEquals", "aws:SourceVpce", "vpce-1"),
    "an address and a VPC endpoint": lambda policy: (
        add_key("StringEquals", "aws:SourceVpce", "vpce-1")(policy),
        add_key("IpAddress", "aws:SourceIp", ["192.0.2.0/24"])(policy),
    )[0],
    "a denial": with_element("Effect", "Deny"),
    "every action": with_element("Action", "*"),
    "a list of actions": with_element("Action", ["sts:AssumeRoleWithWebIdentity", "sts:AssumeRole"]),
    "everybody": with_element("Principal", "*"),
    "a second principal": for_each_statement(lambda statement: statement["Principal"].update({"AWS": "*"})),
    "an account for a principal": with_element("Principal", {"AWS": "999999999999"}),
    "another account": for_each_statement(other_account),
    "all but a principal": with_element("NotPrincipal", {"AWS": "999999999999"}),
    "a statement for a stranger": add_stranger,
    "a statement without a condition": add_statement(Condition={}),
    "a statement for a service": add_statement(Principal={"Service": "ec2.amazonaws.com"}, Action="sts:AssumeRole"),
    "a statement that denies": add_statement(Effect="Deny"),
    "a statement too few": lambda policy: policy["Statement"].pop(),
    "one statement without a list": lambda policy: policy.update({"Statement": policy["Statement"][0]}),
    "a statement that is text": lambda policy: policy.update({"Statement": ["Allow"]}),
    "a condition that is text": with_element("Condition", "StringLike"),
    "an operator before text": with_element("Condition", {"StringLike": "*"}),
    "a pattern that is a number": add_key("StringLike", f"{ACME}:sub", [1]),
    "a newline behind": patterns(lambda pattern: pattern + "\n"),
    "an older version": lambda policy: policy.update({"Version": "2008-10-17"}),
}


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
