"""Trust policies from a seed, with what others write into them: variables, slips, wildcards, several tests of a key.

And such with a piece that IAM's grammar does not have, so that the evaluator does not decide them.
"""

import random
import re
from collections.abc import Iterator
from typing import Any

from access.evaluation.request import WebIdentityRequest
from tests.access.near_misses import (
    ACCOUNT,
    ACME,
    ANY_UUID,
    AT,
    AUDIENCE,
    ENV,
    OTHER,
    OTHER_ARN,
    OWN_ARN,
    REPO,
    STEP,
)

STRANGER = "{ffffffff-0000-4000-8000-eeeeeeeeeeee}"
"""In the place of a repository, an environment or a step: one that no policy names."""
SECOND = "{7d1e2f3a-4b5c-4d6e-8f90-a1b2c3d4e504}"
WORKSPACE = "{0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11}"

VARIABLES = [
    f"${{{ACME}:sub}}", f"${{{ACME}:aud}}", f"${{{ACME}:SUB}}", "${aws:username}", "${aws:PrincipalTag/x}",
    "${aws:PrincipalTag/x, ''}", "${aws:PrincipalTag/x, 'a'}", "${aws:PrincipalTag/x, '*'}",
    f"${{aws:PrincipalTag/x, '{AUDIENCE}'}}", "${aws:RequestTag/x,''}", f"${{{OTHER}:sub}}", "${sts:RoleSessionName}",
    f"${{{ACME}:email, '*'}}", "${ aws:username }", "${a:b", "${aws:SourceIp}",
]  # fmt: skip
"""Variables of which AWS may have a value, some of forms that it does not document."""

PLACEHOLDERS = ["${REPO_UUID}", "${repo}", "${workspace.uuid}"]
BARE = ["${*}", "${?}", "${$}"]

_BARE_REPO, _BARE_ENV = REPO[1:-1], ENV[1:-1]
SUBJECT_VALUES = [
    f"{REPO}:*", f"{REPO}:{ENV}:*", f"{REPO}:{ANY_UUID}", f"{REPO}:{ENV}:{STEP}", f"{REPO}:{STEP}", f"{REPO}:{ENV}",
    f"{SECOND}:*", f"{REPO}*", f"{REPO}:{ENV}*", f"{REPO}*:{ENV}*", f"{REPO}:*{_BARE_ENV}*", f"*{_BARE_REPO}*",
    f"{{{_BARE_REPO}*", f"?{_BARE_REPO}?:*", f"{_BARE_REPO}:*", f"{{{_BARE_REPO}:*", f"*:{ENV}:*", f"*{STEP}", "*",
    "*:*", "*:*:*", "", "{*}:{*}", f"{ANY_UUID}:*", f"{REPO.upper()}:*", f"{REPO.upper()}:{ENV}:{STEP.upper()}",
    f"{WORKSPACE}:{REPO}:*", f"{WORKSPACE}:*", f" {REPO}:*", f"{REPO}:production:*", "{YOUR_REPOSITORY_UUID}:*",
    "repo:acme/shop:*", f"{REPO[:-2]}?}}:*", f"{REPO[:-2]}*", f"*1}}:{ENV}:*", f"{REPO}:${{*}}", f"{REPO}:${{?}}*",
]  # fmt: skip
AUDIENCE_VALUES = [
    AUDIENCE, AUDIENCE.upper(), f"ari:cloud:bitbucket::workspace/{WORKSPACE}", "ari:cloud:bitbucket::workspace/acme",
    "ari:*", "*", AUDIENCE[:-1] + "?", "sts.amazonaws.com", _BARE_REPO, f" {AUDIENCE}", f"{REPO}:*", "",
    f"https://{ACME}", "${*}",
]  # fmt: skip
_OPERATORS = ["StringLike"] * 6 + ["StringEquals"] * 5 + ["StringEqualsIgnoreCase", "StringNotLike", "StringNotEquals"]
_ALL = [*_OPERATORS, "ArnLike", "Null", "NumericEquals", "Bool"]
_PRINCIPALS: list[Any] = [{"Federated": OWN_ARN}] * 8 + [
    "*", {"Federated": [OWN_ARN, OTHER_ARN]}, {"Federated": OTHER_ARN}, {"AWS": ACCOUNT, "Federated": OWN_ARN},
]  # fmt: skip


def any_policies(seed: int, count: int) -> Iterator[dict[str, Any]]:
    """Yield trust policies, each with one statement or two."""
    rng = random.Random(seed)
    for _ in range(count):
        statements = [_statement(rng) for _ in range(rng.choice([1, 1, 1, 2]))]
        yield {"Version": rng.choice(["2012-10-17"] * 9 + ["2008-10-17"]), "Statement": statements}


def _statement(rng: random.Random) -> dict[str, Any]:
    condition: dict[str, Any] = {}
    for claim in rng.choice(
        [["sub", "aud"]] * 6 + [["sub", "sub", "aud"]] * 3 + [["sub"], ["aud"], ["aud", "aud", "sub"]]
    ):
        operator = rng.choice(_ALL if rng.random() < 0.2 else _OPERATORS)
        name = rng.choice([""] * 8 + ["ForAllValues:", "ForAnyValue:"]) + operator if operator != "Null" else operator
        name += "IfExists" if operator != "Null" and rng.random() < 0.08 else ""
        issuer = rng.choice([ACME] * 18 + [OTHER, ACME.upper()])
        values = [_value(rng, claim, operator) for _ in range(rng.choice([1, 1, 1, 2, 3]))]
        key = f"{issuer}:{rng.choice([claim] * 9 + [claim.upper()])}"
        condition.setdefault(name, {})[key] = values if len(values) > 1 or rng.random() < 0.3 else values[0]
    statement = {
        "Effect": rng.choice(["Allow"] * 12 + ["Deny"]),
        "Principal": rng.choice(_PRINCIPALS),
        "Action": rng.choice(["sts:AssumeRoleWithWebIdentity"] * 9 + ["sts:*", "sts:AssumeRole"]),
        "Condition": condition,
    }
    return statement if condition else {**statement, "Condition": {}}


def _value(rng: random.Random, claim: str, operator: str) -> str:
    if operator == "Null":
        return rng.choice(["true", "false"])
    value = rng.choice(SUBJECT_VALUES if claim == "sub" else AUDIENCE_VALUES)
    if rng.random() < 0.25:
        put_in = rng.choice(VARIABLES if rng.random() < 0.8 else PLACEHOLDERS + BARE)
        place = rng.choice([0, len(value), rng.randrange(len(value) + 1)])
        return rng.choice([put_in, value[:place] + put_in + value[place:], f"{put_in}*"])
    return value


def malformed_policies(seed: int, count: int) -> Iterator[dict[str, Any]]:
    """Yield trust policies with one malformed piece or two."""
    rng = random.Random(seed)
    for policy in any_policies(seed, count):
        for _ in range(rng.choice([1, 1, 2])):
            rng.choice(MALFORMED)(rng, policy, rng.choice(policy["Statement"]))
        yield policy


def _other_spelling(rng: random.Random, name: str) -> str:
    return rng.choice([name.lower(), name.upper(), name + "s", f" {name}", name.swapcase()])


def _misspell_an_element(rng: random.Random, _: dict[str, Any], statement: dict[str, Any]) -> None:
    name = rng.choice([*statement])
    statement[_other_spelling(rng, name)] = statement[name]
    if rng.random() < 0.5:
        del statement[name]


def _misspell_an_operator(rng: random.Random, _: dict[str, Any], statement: dict[str, Any]) -> None:
    condition = statement.get("Condition") or {"StringLike": {f"{ACME}:sub": "*"}}
    name = rng.choice([*condition])
    wider = dict.fromkeys(condition[name], "*") if isinstance(condition[name], dict) else "*"
    statement["Condition"] = {**condition, _other_spelling(rng, name): rng.choice([condition[name], wider])}
    if rng.random() < 0.5:
        del statement["Condition"][name]


def _put_in_an_odd_value(rng: random.Random, _: dict[str, Any], statement: dict[str, Any]) -> None:
    odd: Any = rng.choice([None, [], {}, [None], ["*", None], ["*", []], [f"{REPO}:*", {"*": "*"}]])
    tests = [each for each in (statement.get("Condition") or {}).values() if isinstance(each, dict) and each]
    if tests and rng.random() < 0.7:
        each = rng.choice(tests)
        each[rng.choice([*each])] = odd
    else:
        statement[rng.choice(["Action", "Principal", "Effect", "Condition", "Sid"])] = odd


def _put_in_an_odd_principal(rng: random.Random, _: dict[str, Any], statement: dict[str, Any]) -> None:
    arn = rng.choice([
        "*", "**", OWN_ARN.replace("identity/oidc", "identity/*"), OWN_ARN.replace(ACCOUNT, "*"), OWN_ARN[:-1] + "?",
        OWN_ARN.replace("arn:aws:", "arn:*:"), OWN_ARN, f"{OWN_ARN}*",
    ])  # fmt: skip
    kind = rng.choice(["Federated", "Federated", "federated", "Oidc", "*", "aws"])
    statement["Principal"] = rng.choice([{kind: arn}, {kind: [OWN_ARN, arn]}, {"Federated": OWN_ARN, kind: arn}, arn])


def _add_an_element(rng: random.Random, policy: dict[str, Any], statement: dict[str, Any]) -> None:
    where = rng.choice([statement, statement, statement, policy])
    where[rng.choice(["Resource", "NotResource", "NotPrincipal", "Comment", "NotAction", "Federated"])] = "*"


def _change_an_effect_or_version(rng: random.Random, policy: dict[str, Any], statement: dict[str, Any]) -> None:
    if rng.random() < 0.7:
        statement["Effect"] = rng.choice(["allow", "ALLOW", "Allow ", "deny", "", True, None, ["Allow"]])
    else:
        policy["Version"] = rng.choice(["2012-10-18", "", 2012, None, ["2012-10-17"]])


MALFORMED = [
    _misspell_an_element, _misspell_an_operator, _misspell_an_operator, _put_in_an_odd_value, _put_in_an_odd_principal,
    _add_an_element, _change_an_effect_or_version,
]  # fmt: skip


_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def tokens_for(rng: random.Random, policy: dict[str, Any], count: int) -> Iterator[WebIdentityRequest]:
    """Yield calls with tokens as Bitbucket issues them: of what the policy names, and of strangers."""
    named = sorted({f"{{{uuid.lower()}}}" for uuid in _UUID.findall(str(policy))} | {REPO, ENV, STEP})
    audiences = [AUDIENCE, AUDIENCE, AUDIENCE, *AUDIENCE_VALUES, "a", "*"]
    for _ in range(count):
        parts = [rng.choice([*named, STRANGER]) for _ in range(rng.choice([2, 3, 3]))]
        claims = {
            "iss": f"https://{rng.choice([ACME] * 9 + [OTHER])}",
            "aud": rng.choice([each for each in audiences if each]),
            "sub": ":".join(parts),
        }
        yield WebIdentityRequest(claims, ACCOUNT, AT, session_name="pipeline")


def statement_with(claim: str, operator: str, value: Any) -> dict[str, Any]:
    """Return a statement as ours, with another comparison of one claim."""
    condition: dict[str, Any] = {
        "StringEquals": {f"{ACME}:aud": AUDIENCE},
        "StringLike": {f"{ACME}:sub": f"{REPO}:{ENV}:*"},
    }
    own = "StringEquals" if claim == "aud" else "StringLike"
    del condition[own]
    condition.setdefault(operator, {})[f"{ACME}:{claim}"] = value
    principal = {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ACME}"}
    return {
        "Effect": "Allow",
        "Principal": principal,
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": condition,
    }
