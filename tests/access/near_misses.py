"""Trust policies and tokens that nearly open them, from a seed: what is wrong is wrong by very little."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import ip_network
from typing import Any

from access.evaluation.request import WebIdentityRequest
from access.plan import AccountPlan, RolePlan, TrustPlan
from oidc.identifiers import BitbucketUuid
from tests.access.exactness.wide import wide

AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
ANY_UUID = "{????????-????-????-????-????????????}"


@dataclass(frozen=True, slots=True)
class Case:
    """A call, the policy that decides it, and the role that the policy was rendered for, if it was."""

    name: str
    policy: dict[str, Any]
    request: WebIdentityRequest
    role: RolePlan | None = None


@cache
def wide_roles() -> tuple[tuple[AccountPlan, RolePlan], ...]:
    _, plan = wide()
    return tuple((account, role) for account in plan.accounts for role in account.roles)


def cases_of_rendered_policies(seed: int, count: int) -> Iterator[Case]:
    """Yield calls of the wide inventory's roles: right ones, and such that have one or two things wrong."""
    rng = random.Random(seed)
    for _ in range(count):
        account, role = rng.choice(wide_roles())
        request = right_call(rng, account, role, rng.choice(role.trust))
        wrongs = rng.choices(sorted(WRONGS), k=rng.choice([0, 1, 1, 1, 2]))
        for wrong in wrongs:
            request = WRONGS[wrong](rng, request)
        yield Case(" and ".join(wrongs) or "nothing wrong", role.trust_policy.to_json(), request, role)


def a_uuid(rng: random.Random) -> str:
    return "{" + "-".join("".join(rng.choices("0123456789abcdef", k=length)) for length in (8, 4, 4, 4, 12)) + "}"


def right_call(rng: random.Random, account: AccountPlan, role: RolePlan, line: TrustPlan) -> WebIdentityRequest:
    inside = line.environment_uuid
    if line.steps == "all_including_environments" and rng.random() < 0.7:
        inside = BitbucketUuid(a_uuid(rng))
    parts = [line.repository_uuid or a_uuid(rng), *([inside] if inside else []), a_uuid(rng)]
    claims = {
        "iss": f"https://api.bitbucket.org/2.0/workspaces/{line.workspace}/pipelines-config/identity/oidc",
        "aud": rng.choice(line.audiences),
        "sub": ":".join(parts),
    }
    address = str(rng.choice(role.source_ips)[0]) if role.source_ips else "192.0.2.77"
    at = AT if role.expires is None else datetime.combine(role.expires, AT.time(), UTC)
    return WebIdentityRequest(claims, account.id, at, account.partition.value, address)


Wrong = Callable[[random.Random, WebIdentityRequest], WebIdentityRequest]


def _claim(name: str, change: Callable[[random.Random, str], Any]) -> Wrong:
    def changed(rng: random.Random, request: WebIdentityRequest) -> WebIdentityRequest:
        return replace(request, claims={**request.claims, name: change(rng, str(request.claims[name]))})

    return changed


def _parts(change: Callable[[random.Random, list[str]], list[str]]) -> Wrong:
    return _claim("sub", lambda rng, subject: ":".join(change(rng, subject.split(":"))))


def _one_off(rng: random.Random, text: str) -> str:
    place = rng.randrange(len(text))
    return text[:place] + rng.choice("0123456789abcdef{}:-") + text[place + 1 :]


def _one_less(rng: random.Random, text: str) -> str:
    place = rng.randrange(len(text))
    return text[:place] + text[place + 1 :]


def _one_more(rng: random.Random, text: str) -> str:
    place = rng.randrange(len(text) + 1)
    return text[:place] + rng.choice("0af{}:*?") + text[place:]


def _shuffled(rng: random.Random, parts: list[str]) -> list[str]:
    return rng.sample(parts, len(parts))


def _in_another_place(rng: random.Random, request: WebIdentityRequest) -> WebIdentityRequest:
    networks = [ip_network(text) for text in ("203.0.113.0/24", "198.51.100.0/24", "2001:db8::/32", "2001:db9::/32")]
    network = rng.choice(networks)
    return replace(request, source_ip=str(network[rng.choice([0, 1, 7, 8, 255])]))


def _at_another_time(rng: random.Random, request: WebIdentityRequest) -> WebIdentityRequest:
    midnight = request.at.replace(hour=0) + timedelta(days=1)
    return replace(request, at=midnight + timedelta(seconds=rng.choice([-1, 0, 1, 86400])))


WRONGS: dict[str, Wrong] = {
    "a character of sub": _claim("sub", _one_off),
    "a character of sub too few": _claim("sub", _one_less),
    "a character of sub too many": _claim("sub", _one_more),
    "a brace of sub": _claim("sub", lambda rng, text: text.replace(rng.choice("{}"), "", rng.choice([1, 5]))),
    "sub in capitals": _claim("sub", lambda _, text: text.upper()),
    "parts of sub swapped": _parts(_shuffled),
    "a part of sub too few": _parts(lambda rng, parts: rng.sample(parts, max(1, len(parts) - 1))),
    "a part of sub too many": _parts(lambda rng, parts: [*parts[:1], a_uuid(rng), *parts[1:]]),
    "another repository": _parts(lambda rng, parts: [a_uuid(rng), *parts[1:]]),
    "another environment": _parts(lambda rng, parts: [parts[0], a_uuid(rng), parts[-1]]),
    "the repository twice": _parts(lambda _, parts: [parts[0], *parts]),
    "a newer step": _parts(lambda rng, parts: [*parts[:-1], a_uuid(rng)]),
    "another audience": _claim("aud", lambda rng, _: rng.choice(["sts.amazonaws.com", "deploy.example", "x"])),
    "a character of aud": _claim("aud", _one_off),
    "aud with braces": _claim("aud", lambda _, text: text.replace("/", "/{") + "}"),
    "aud in a list": _claim("aud", lambda _, text: [text]),
    "another workspace": _claim("iss", lambda rng, text: text.replace("acme", rng.choice(["acme-", "other", "Acme"]))),
    "a character of iss": _claim("iss", lambda rng, text: text[:8] + _one_more(rng, text[8:-1]) + text[-1]),
    "another account": lambda rng, request: replace(request, account=f"{int(request.account) + 1:012}"),
    "another partition": lambda rng, request: replace(request, partition="aws-cn"),
    "another place": _in_another_place,
    "another time": _at_another_time,
}


ACME = "api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc"
OTHER = ACME.replace("acme", "other")
AUDIENCE = "ari:cloud:bitbucket::workspace/0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11"
ACCOUNT = "222222222222"
OWN_ARN, OTHER_ARN = (f"arn:aws:iam::{ACCOUNT}:oidc-provider/{issuer}" for issuer in (ACME, OTHER))
REPO, ENV = "{9a6d6bde-2ae3-4d4c-8a43-1f6a5d9a3c01}", "{c2b1a5de-6b7e-4d4b-b1a0-6a9d8c7b5e03}"
STEP = "{11111111-2222-4333-8444-555555555555}"
SUBJECTS = [f"{REPO}:{STEP}", f"{REPO}:{ENV}:{STEP}", f"{ENV}:{REPO}:{STEP}", f"{REPO[:-1]}:{STEP}"]
AN_ARN = f"arn:aws:iam::{ACCOUNT}:role/x"

_STRINGS = ["StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", "StringLike"]
_ORDERS = ["Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals"]
_NUMERIC, _DATES = ([f"{family}{order}" for order in _ORDERS] for family in ("Numeric", "Date"))
_EPOCH = int(AT.timestamp())
_TESTS: list[tuple[list[str], list[str], list[Any]]] = [
    (
        [*_STRINGS, "StringNotLike", "StringLike", "StringLike"],
        [f"{ACME}:sub", f"{ACME}:SUB", f"{ACME.upper()}:sub", f"{OTHER}:sub", f"{ACME}:repositoryUuid"],
        [f"{REPO}:*", f"{REPO}:{ENV}:*", f"{REPO}*", f"{REPO}:{ANY_UUID}", f"{ANY_UUID}:*", f"*:{ENV}:*", "*", "*:*",
         *SUBJECTS, f"{REPO}:{STEP[:-2]}?}}", f"{REPO.upper()}:*", f"{REPO[1:-1]}:*", "", "*:*:*", "{*}:{*}"],
    ),
    (
        [*_STRINGS, "StringNotLike", "StringEquals"],
        [f"{ACME}:aud", f"{ACME}:aud", f"{OTHER}:aud"],
        [AUDIENCE, AUDIENCE.upper(), "ari:*", AUDIENCE[:-1] + "?", "sts.amazonaws.com", AN_ARN, "", "x"],
    ),
    ([*_STRINGS, "StringNotLike"], [f"{ACME}:amr"], ["a", "b", "c", "?", "A", "a*"]),
    (["Null"], [f"{ACME}:sub", f"{ACME}:amr", f"{OTHER}:aud", f"{ACME}:branchName"], ["true", "false", True, False]),
    (
        ["IpAddress", "NotIpAddress"], ["aws:SourceIp", "AWS:sourceip"],
        ["203.0.113.0/24", "203.0.113.0/29", "203.0.113.7", "0.0.0.0/0", "2001:db8::/32", "::/0"],
    ),
    (
        _DATES, ["aws:CurrentTime", "aws:currenttime", "aws:EpochTime"],
        ["2026-11-23T12:00:00Z", "2026-11-23T12:00:01Z", "2026-11-23", "2026-11-23T14:00:00+02:00", str(_EPOCH),
         "2027-02-01T00:00:00Z"],
    ),
    (_NUMERIC, ["aws:EpochTime"], [_EPOCH, str(_EPOCH - 1), _EPOCH + 1, f"{_EPOCH}.0"]),
    (["Bool"], ["aws:SecureTransport"], ["true", "false", True, False, "True"]),
    (
        ["ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike"], [f"{OTHER}:aud"],
        [AN_ARN, f"arn:aws:iam::{ACCOUNT}:role/*"],
    ),
]  # fmt: skip
"""Operators, keys and values that belong together."""

_PRINCIPALS: list[Any] = [
    {"Federated": OWN_ARN}, {"Federated": OWN_ARN}, {"Federated": OWN_ARN}, {"Federated": OTHER_ARN}, {"AWS": "*"},
    {"Federated": [OTHER_ARN, OWN_ARN]}, {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, {"Service": "ec2.amazonaws.com"},
    {"AWS": ACCOUNT, "Federated": OWN_ARN},
]  # fmt: skip
_ACTIONS = [
    "sts:AssumeRoleWithWebIdentity", "sts:AssumeRoleWithWebIdentity", "STS:assumerolewithwebidentity", "sts:*", "*",
    "sts:AssumeRole", "sts:AssumeRole*", "sts:AssumeRoleWith???Identity", ["sts:TagSession", "sts:Assume*"],
]  # fmt: skip


def cases_of_any_policies(seed: int, count: int) -> Iterator[Case]:
    """Yield calls of policies as others write them: any operators, keys, principals and effects."""
    rng = random.Random(seed)
    for _ in range(count):
        statements = [_statement(rng) for _ in range(rng.choice([1, 1, 2, 3]))]
        claims: dict[str, Any] = {
            "iss": f"https://{ACME}",
            "aud": rng.choice([AUDIENCE, AUDIENCE, "sts.amazonaws.com", AN_ARN]),
            "sub": rng.choice([*SUBJECTS, _one_off(rng, SUBJECTS[1])]),
            "repositoryUuid": REPO,
            "branchName": "main",
        }
        if rng.random() < 0.4:
            claims["amr"] = rng.sample(["a", "b", "c"], rng.choice([1, 2, 3]))
        address = rng.choice(["203.0.113.7", "203.0.113.8", "198.51.100.1", "2001:db8::1"])
        at = AT + timedelta(seconds=rng.choice([0, 0, 1, -1]))
        request = WebIdentityRequest(claims, ACCOUNT, at, "aws", address)
        yield Case("any policy", {"Version": "2012-10-17", "Statement": statements}, request)


def _statement(rng: random.Random) -> dict[str, Any]:
    condition: dict[str, dict[str, Any]] = {}
    for _ in range(rng.choice([0, 1, 1, 2, 2, 3])):
        operator, key, values = _test(rng)
        tests = condition.setdefault(operator, {})
        # One key in two spellings is no policy that IAM would take.
        if key.lower() not in {other.lower() for other in tests}:
            tests[key] = values
    return {
        "Effect": rng.choice(["Allow", "Allow", "Allow", "Allow", "Deny"]),
        "Principal": rng.choice(_PRINCIPALS),
        rng.choice(["Action"] * 9 + ["NotAction"]): rng.choice(_ACTIONS),
        "Condition": condition,
    }


def _test(rng: random.Random) -> tuple[str, str, Any]:
    operators, keys, values = rng.choice([*_TESTS, _TESTS[0], _TESTS[0], _TESTS[1]])
    operator, key = rng.choice(operators), rng.choice(keys)
    if operator == "Null":
        return operator, key, rng.choice(values)
    # Several values are documented for set operators alone.
    over = rng.choice(["ForAllValues:", "ForAnyValue:"]) if key.endswith("amr") or rng.random() < 0.1 else ""
    suffix = "IfExists" if rng.random() < 0.15 else ""
    chosen = rng.sample(values, rng.choice([1, 1, 2, 3]) if len(values) > 2 else 1)
    return over + operator + suffix, key, chosen if len(chosen) > 1 or rng.random() < 0.5 else chosen[0]
