"""Adopted roles are the existing roles, and never wider."""

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from access.adoption.found import FoundAccount, FoundOidcProvider, FoundRole
from access.adoption.inventory import Adoption, adopt
from access.compile import compile_plan
from access.evaluation.decide import decide as decide_trust
from access.evaluation.request import WebIdentityRequest
from access.plan import AccessPlan, RolePlan
from config.load import load_inventory
from config.lock.models import Lock
from config.models.inventory import Inventory
from oidc.arn import Partition
from oidc.identifiers import AccountId
from tests.access.adoption_of_plans import found_in
from tests.sandbox.inventory_sequences import sequence

TODAY = date(2026, 11, 28)
PROJECT = Path(__file__).parent.parent.parent
INVENTORIES = PROJECT / "tests" / "fixtures" / "inventories"
EXAMPLES = [PROJECT / "examples" / "quickstart", *(path for path in INVENTORIES.iterdir() if path.name != "wide")]
"""Without `wide`, whose renamed workspaces have statements of two issuers and one UUID under two slugs."""


def plan_of(path: Path) -> AccessPlan:
    compiled = compile_plan(load_inventory(path))
    assert compiled.plan is not None, compiled.findings
    return compiled.plan


def accounts_alone(plan: AccessPlan) -> dict[str, Any]:
    """Return the accounts of an inventory that has only accounts."""
    return {
        account.key: {
            "id": account.id,
            "partition": account.partition.value,
            "quotas": {"trust_policy_chars": 4096, "managed_policies_per_role": 20},
        }
        for account in plan.accounts
    }


def adopted(plan: AccessPlan, folder: Path) -> tuple[Adoption, dict[str, Any]]:
    known = {"accounts": accounts_alone(plan)}
    adoption = adopt(found_in(plan), Inventory.model_validate(known), today=TODAY, lock=Lock())
    data: dict[str, Any] = yaml.safe_load(yaml.safe_dump(dict(adoption.data)))
    return adoption, data


def what_iam_holds(role: RolePlan) -> Any:
    inline = {name: document.to_json() for name, document in role.inline_policies.items()}
    limits = role.max_session_duration, role.permissions_boundary_arn
    return role.trust_policy.to_json(), role.managed_policy_arns, inline, limits, role.tags, role.description


def assert_comes_back(plan: AccessPlan, folder: Path) -> None:
    adoption, data = adopted(plan, folder)
    for role in data.get("roles", {}).values():
        decide(role)
    (folder / "adopted.yaml").write_text(yaml.safe_dump(data | {"accounts": accounts_alone(plan)}))
    again = {role.arn: role for account in plan_of(folder / "adopted.yaml").accounts for role in account.roles}
    existing = {role.arn: role for account in plan.accounts for role in account.roles}
    assert again.keys() == existing.keys(), adoption.notes
    for arn, role in existing.items():
        expected, inline = what_iam_holds(role), again[arn].inline_policies
        for name in role.inline_policies.keys() - inline.keys():
            assert any(name in note.message and "stays in AWS, unmanaged" in note.message for note in adoption.notes)
            del expected[2][name]
        assert what_iam_holds(again[arn]) == expected


def decide(role: dict[str, Any]) -> None:
    """Decide what `adopt` leaves to people: why a role has admin access."""
    if not any("dangerously_whole_workspace" in entry for entry in role["trust"]):
        role["dangerously_allow_admin"] = "as it was"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_the_roles_of_an_example_come_back(example: Path, tmp_path: Path) -> None:
    assert_comes_back(plan_of(example), tmp_path)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**32))
def test_the_roles_of_any_inventory_come_back(tmp_path: Path, seed: int) -> None:
    inventories = sequence(seed, tmp_path)
    for _ in range(3):
        assert_comes_back(plan_of(next(inventories)), tmp_path)


ACCOUNT = "222222222222"
ISSUER = "https://api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc"
KEY = ISSUER.removeprefix("https://")
ARN = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{KEY}"
WORKSPACE = "0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11"
OWN = f"ari:cloud:bitbucket::workspace/{WORKSPACE}"
SHOP, SITE = "{9a6d6bde-2ae3-4d4c-8a43-1f6a5d9a3c01}", "{7d1e2f3a-4b5c-4d6e-8f90-a1b2c3d4e504}"
PRODUCTION, STEP = "{c2b1a5de-6b7e-4d4b-b1a0-6a9d8c7b5e03}", "{aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee}"
ANY = "{????????-????-????-????-????????????}"
PATTERNS = [
    *("*", "*:*", "{*}:*", "{*", f"{ANY}:*", f"{SHOP}:*", f"{SHOP}*", f"{SHOP}:{ANY}", f"{SHOP}:{PRODUCTION}:*"),
    *(f"{SHOP}:{PRODUCTION}*", f"{SHOP}:{PRODUCTION}:{ANY}", f"{SHOP}:*:*", f"*:{PRODUCTION}:*", f"{SHOP[1:-1]}:*"),
    *(f"{SHOP}:{STEP}", f"{SITE}:*", f"{SITE[:-4]}*:*", f"*{SITE}*", "", "${aws:username}", f"{SHOP}:*{STEP}"),
]
SUBJECTS = [f"{SHOP}:{STEP}", f"{SHOP}:{PRODUCTION}:{STEP}", f"{SITE}:{STEP}", f"{SITE}:{PRODUCTION}:{STEP}"]
OPERATORS = ["StringLike", "StringEquals", "ForAnyValue:StringLike", "ForAllValues:StringEquals", "StringNotEquals"]


def one_or_more(values: list[str]) -> st.SearchStrategy[Any]:
    return st.sampled_from(values) | st.lists(st.sampled_from(values), min_size=1, max_size=3, unique=True)


TESTS = st.one_of(
    st.tuples(st.sampled_from(OPERATORS), st.just(f"{KEY}:sub"), one_or_more(PATTERNS)),
    st.tuples(st.sampled_from(OPERATORS), st.just(f"{KEY}:aud"), one_or_more([OWN, "further", "fur*"])),
    st.tuples(st.just("IpAddress"), st.just("aws:SourceIp"), one_or_more(["203.0.113.0/24", "8.8.8.8/32"])),
    st.tuples(st.just("StringEquals"), st.just("aws:SourceVpce"), st.just("vpce-0a1b2c3d4e5f60718")),
    st.tuples(st.just("DateLessThan"), st.just("aws:CurrentTime"), st.sampled_from(["2026-12-01T00:00:00Z"])),
    st.tuples(st.just("StringEquals"), st.just("sts:RoleSessionName"), st.just("deploy")),
)


@st.composite
def statements(draw: st.DrawFn) -> dict[str, Any]:
    condition: dict[str, dict[str, Any]] = {}
    for operator, key, values in draw(st.lists(TESTS, max_size=4)):
        condition.setdefault(operator, {})[key] = values
    action = draw(st.sampled_from(["sts:AssumeRoleWithWebIdentity", "sts:*", ["sts:AssumeRole"]]))
    effect = draw(st.sampled_from(["Allow", "Allow", "Allow", "Deny"]))
    return {"Effect": effect, "Principal": {"Federated": ARN}, "Action": action, "Condition": condition}


REQUESTS = [
    WebIdentityRequest({"iss": ISSUER, "aud": audience, "sub": subject}, ACCOUNT, at, "aws", ip, vpce, session)
    for audience, session in ((OWN, "deploy"), ("further", "other"))
    for subject in SUBJECTS
    for at in (datetime(2026, 11, 23, tzinfo=UTC), datetime(2026, 12, 24, tzinfo=UTC))
    for ip, vpce in (("203.0.113.7", None), ("198.51.100.1", None), (None, "vpce-0a1b2c3d4e5f60718"))
]


def test_an_adopted_role_admits_only_tokens_that_the_old_policy_admits() -> None:
    seen: Counter[bool] = Counter()

    @settings(max_examples=150, database=None)
    @given(st.lists(statements(), min_size=1, max_size=3))
    def adopts_no_more(statements: list[dict[str, Any]]) -> None:
        policy = {"Version": "2012-10-17", "Statement": statements}
        rendered = adopted_policy(policy)
        # What nobody can decide admits nobody here, and a denial leaves nothing to adopt.
        decidable = {**policy, "Statement": [each for each in statements if "${aws:" not in json.dumps(each)]}
        for request in REQUESTS if rendered is not None else ():
            if decide_trust(rendered or {}, request).allowed:
                seen[True] += 1
                assert decide_trust(decidable, request).allowed, (request, rendered)
            else:
                seen[False] += 1

    adopts_no_more()
    assert min(seen[True], seen[False]) > 100


def adopted_policy(policy: Any) -> dict[str, Any] | None:
    """Return the trust policy of the adopted role, or ``None`` if it is left out."""
    role = FoundRole("found", "/", policy, "", 3600, None, (), {}, {})
    oidc_provider = FoundOidcProvider(ARN, (OWN, "further"), {})
    account = FoundAccount("prod", AccountId(ACCOUNT), Partition.AWS, (oidc_provider,), (role,))
    data = dict(
        adopt(
            [account], Inventory.model_validate({"accounts": {"prod": {"id": ACCOUNT}}}), today=TODAY, lock=Lock()
        ).data
    )
    if not data.get("roles"):
        return None
    inventory = data | {"accounts": {"prod": {"id": ACCOUNT, "quotas": {"trust_policy_chars": 8192}}}}
    for entry in inventory["roles"].values():
        if any("dangerously_whole_workspace" in line for line in entry["trust"]):
            entry.setdefault("expires", date(2027, 1, 1))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "inventory.yaml"
        path.write_text(yaml.safe_dump(inventory))
        (plan,) = plan_of(path).accounts
    return plan.roles[0].trust_policy.to_json()


WILD = sorted((PROJECT / "tests" / "access" / "trust_review" / "wild").glob("*.json"))
TAKEN_OVER = {
    *("audience-not-compared", "every-action-but-one", "for-all-values", "for-any-value"),
    *("github-in-the-same-policy", "if-exists", "no-colon-after-the-repository"),
    *("no-condition", "one-repository-or-any", "repository-and-environment-by-stars", "sound-one-environment"),
    *("sound-repository-and-address", "star-as-subject", "subject-not-compared"),
}


@pytest.mark.parametrize("file", WILD, ids=lambda file: file.stem)
def test_a_wild_policy_is_adopted_no_wider_or_left_out(file: Path) -> None:
    try:
        policy = json.loads(file.read_text())
    except ValueError:
        policy = file.read_text()
    rendered = adopted_policy(policy)
    assert (rendered is not None) is (file.stem in TAKEN_OVER)
    for request in REQUESTS if rendered is not None else ():
        if decide_trust(rendered or {}, request).allowed:
            assert decide_trust(policy, request).allowed, request


def trusting(subject: str, audience: str = OWN, account: str = ACCOUNT) -> dict[str, Any]:
    condition = {"StringEquals": {f"{KEY}:aud": audience}, "StringLike": {f"{KEY}:sub": subject}}
    principal = {"Federated": ARN.replace(ACCOUNT, account)}
    action = "sts:AssumeRoleWithWebIdentity"
    statement = {"Effect": "Allow", "Principal": principal, "Action": action, "Condition": condition}
    return {"Version": "2012-10-17", "Statement": [statement]}


def role_called(name: str, trust: dict[str, Any], **inline: Any) -> FoundRole:
    return FoundRole(name, "/", trust, "", 3600, None, (), inline, {})


def account_with(key: str, number: str, *roles: FoundRole) -> FoundAccount:
    return FoundAccount(key, AccountId(number), Partition.AWS, (), roles)


KNOWN = {
    "workspaces": {
        "acme": {
            "uuid": f"{{{WORKSPACE}}}",
            "audiences": ["further"],
            "repositories": {"shop": {"uuid": SHOP, "environments": {"production": PRODUCTION}}},
        }
    },
    "accounts": {"prod": {"id": ACCOUNT}, "dev": {"id": "111111111111"}},
}


def roles_of(*accounts: FoundAccount, managed: tuple[tuple[str, str], ...] = ()) -> tuple[Adoption, dict[str, Any]]:
    adoption = adopt(accounts, Inventory.model_validate(KNOWN), managed, today=TODAY, lock=Lock())
    return adoption, dict(adoption.data.get("roles", {}))


def test_equal_roles_of_accounts_are_one_role_and_different_ones_are_two() -> None:
    alike = trusting(f"{SHOP}:*"), trusting(f"{SHOP}:*", account="111111111111")
    prod = account_with("prod", ACCOUNT, role_called("same", alike[0]), role_called("other", alike[0]))
    narrower = trusting(f"{SHOP}:{PRODUCTION}:*", account="111111111111")
    dev = account_with("dev", "111111111111", role_called("same", alike[1]), role_called("other", narrower))
    adoption, roles = roles_of(prod, dev)
    assert {key: role["accounts"] for key, role in roles.items()} == {
        "same": ["dev", "prod"], "other-dev": ["dev"], "other-prod": ["prod"],
    }  # fmt: skip
    assert {(role.account, role.key, role.name) for role in adoption.roles} == {
        *(("dev", "same", "same"), ("prod", "same", "same")),
        *(("dev", "other-dev", "other"), ("prod", "other-prod", "other")),
    }


def test_names_come_from_the_inventory_and_are_not_written_again() -> None:
    adoption, roles = roles_of(account_with("prod", ACCOUNT, role_called("r", trusting(f"{SHOP}:{PRODUCTION}:*"))))
    assert roles["r"]["trust"] == [{"repository": "acme/shop", "environments": ["production"]}]
    assert "workspaces" not in adoption.data
    assert adoption.notes == ()


def test_a_role_with_two_tests_of_the_audience_is_left_out() -> None:
    trust = trusting(f"{SHOP}:{PRODUCTION}:*")
    trust["Statement"][0]["Condition"] = {
        "StringEquals": {f"{KEY}:aud": [OWN, "further"]},
        "StringLike": {f"{KEY}:sub": f"{SHOP}:{PRODUCTION}:*", f"{KEY}:aud": "further"},
    }
    adoption, roles = roles_of(account_with("prod", ACCOUNT, role_called("r", trust)))
    assert not roles
    assert any("cannot express" in note.message and ":aud" in note.message for note in adoption.notes)


def test_an_audience_that_the_workspace_lacks_is_reported() -> None:
    adoption, roles = roles_of(account_with("prod", ACCOUNT, role_called("r", trusting(f"{SHOP}:*", "theirs"))))
    assert roles["r"]["trust"][0]["audiences"] == ["theirs"]
    assert [note.message for note in adoption.notes] == ["add theirs to its audiences in the file that declares them"]


def test_the_second_inline_policy_of_one_name_stays_unmanaged() -> None:
    first, second = ({"Version": "2012-10-17", "Statement": [{"Sid": sid}]} for sid in ("First", "Second"))
    trust = trusting(f"{SHOP}:*")
    prod = account_with("prod", ACCOUNT, role_called("a", trust, look=first), role_called("b", trust, look=second))
    adoption, roles = roles_of(prod)
    assert adoption.data["permission_policies"] == {"look": {"document": first}}
    assert (roles["a"]["inline_policies"], "inline_policies" in roles["b"]) == (["look"], False)
    assert [note.subject for note in adoption.notes] == ["prod, role b"]
    assert [role.inline_policies for role in adoption.roles] == [("look",), ()]


def test_roles_of_the_inventory_are_not_adopted() -> None:
    prod = account_with("prod", ACCOUNT, role_called("ours", trusting(f"{SHOP}:*")))
    adoption, _ = roles_of(prod, managed=(("prod", "ours"),))
    assert adoption.data == {}


@pytest.mark.parametrize(
    ("until", "last_day"),
    [
        ("2027-01-01T00:00:00Z", date(2026, 12, 31)),
        ("2027-01-01T00:30:00+14:00", date(2026, 12, 30)),
        ("2026-12-31T20:00:00-05:00", date(2026, 12, 31)),
    ],
)
def test_the_last_day_is_no_later_than_in_the_policy_in_any_time_zone(until: str, last_day: date) -> None:
    trust = trusting(f"{SHOP}:*")
    trust["Statement"][0]["Condition"]["DateLessThan"] = {"aws:CurrentTime": until}
    _, roles = roles_of(account_with("prod", ACCOUNT, role_called("r", trust)))
    assert roles["r"]["expires"] == last_day


def test_values_that_differ_from_the_defaults_are_written() -> None:
    known = Inventory.model_validate(KNOWN | {"defaults": {"max_session_duration": "12h", "path": "/"}})
    role = role_called("r", trusting(f"{SHOP}:*"))
    changed = replace(role, path="/bitbucket/"), replace(role, name="long", max_session_duration=43200)
    roles = adopt([account_with("prod", ACCOUNT, *changed)], known, today=TODAY, lock=Lock()).data["roles"]
    assert (roles["r"]["max_session_duration"], roles["r"]["path"]) == (3600, "/bitbucket/")
    assert not {"max_session_duration", "path"} & roles["long"].keys()


@pytest.mark.parametrize("default", [None, "account:ci-boundary"])
@pytest.mark.parametrize("boundary", [None, f"arn:aws:iam::{ACCOUNT}:policy/own"])
def test_a_boundary_that_only_the_defaults_give_is_a_note(default: str | None, boundary: str | None) -> None:
    known = Inventory.model_validate(KNOWN | {"defaults": {"permissions_boundary": default} if default else {}})
    role = replace(role_called("r", trusting(f"{SHOP}:*")), permissions_boundary_arn=boundary)
    adoption = adopt([account_with("prod", ACCOUNT, role)], known, today=TODAY, lock=Lock())
    noted = [note.message for note in adoption.notes if "permissions boundary" in note.message]
    sets = "it has no permissions boundary: `up` sets account:ci-boundary of the defaults, so it may do less"
    assert noted == ([sets] if default and boundary is None else [])
    assert adoption.data["roles"]["r"].get("permissions_boundary") == ("account:own" if boundary else None)


@pytest.mark.parametrize(
    ("tags", "advice"),
    [
        ({"ManagedBy": "bitbucket-aws-oidc"}, []),
        ({}, ["its OIDC provider exists: write `oidc_provider: adopt` on it"]),
    ],
)
def test_an_oidc_provider_of_this_program_gives_no_note(tags: dict[str, str], advice: list[str]) -> None:
    oidc_provider = FoundOidcProvider(f"arn:aws:iam::{ACCOUNT}:oidc-provider/x", (), tags)
    prod = FoundAccount("prod", AccountId(ACCOUNT), Partition.AWS, (oidc_provider,), ())
    adoption, _ = roles_of(prod)
    assert [note.message for note in adoption.notes] == advice


@pytest.mark.parametrize(
    ("operator", "key", "values"),
    [
        ("IpAddress", "aws:SourceIp", []),
        ("StringEquals", "aws:SourceVpce", []),
        ("IpAddress", "aws:SourceIp", ["203.0.113.0/24", "203.0.113.7/24"]),
        ("IpAddress", "aws:SourceIp", "${aws:SourceIp}"),
        ("StringEquals", "aws:SourceVpce", "vpce-*"),
        ("StringEquals", "aws:SourceVpce", ["vpce-0a1b2c3d4e5f60718", "vpc-0a1b2c3d4e5f60718"]),
    ],
)
def test_a_condition_that_the_inventory_cannot_hold_leaves_the_role_out(operator: str, key: str, values: Any) -> None:
    trust = trusting(f"{SHOP}:*")
    trust["Statement"][0]["Condition"].setdefault(operator, {})[key] = values
    adoption, roles = roles_of(account_with("prod", ACCOUNT, role_called("r", trust)))
    assert roles == {}
    assert [note.is_left_out for note in adoption.notes] == [True]


@pytest.mark.parametrize(("effect", "names"), [("Deny", []), ("Allow", ["AWSRevokeOlderSessions"])])
def test_a_policy_that_revokes_sessions_is_left_out_unless_it_allows_something(effect: str, names: list[str]) -> None:
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": effect, "Action": "s3:*", "Resource": "*"}]}
    role = role_called("deploy", trusting(f"{SHOP}:*"), AWSRevokeOlderSessions=policy)
    _, roles = roles_of(account_with("prod", ACCOUNT, role))
    (entry,) = roles.values()
    assert entry.get("inline_policies", []) == names
