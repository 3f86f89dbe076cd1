"""`adopt` judges trust policies as `explain` does, and tells what it leaves out with the reason of `explain`."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from access.adoption.found import FoundAccount, FoundOidcProvider, FoundRole
from access.adoption.inventory import Adoption, adopt
from access.compile import compile_plan
from access.evaluation.decide import decide, form_problem
from access.evaluation.request import WebIdentityRequest
from access.explanation.names import Names
from access.plan import AccessPlan
from access.trust_review.review import review
from config.load import load_inventory
from config.lock.models import Lock
from config.models.inventory import Inventory
from oidc.arn import Partition
from oidc.identifiers import AccountId
from tests.access.adoption_of_plans import found_in
from tests.access.near_misses import ACCOUNT, ACME, AUDIENCE, ENV, OWN_ARN, REPO, STEP
from tests.access.trust_review.any_condition import WORKSPACE, any_policies

TODAY = date(2026, 11, 28)
OLD = ACME.replace("/acme/", "/acme-old/")
SITE, STAGING = "{7d1e2f3a-4b5c-4d6e-8f90-a1b2c3d4e504}", "{5f0c9f0c-51e4-4c58-9a86-0b2f7f9f6a02}"
BETA, API = "{3f1c2d4e-5a6b-4c7d-8e9f-0a1b2c3d4e5f}", "{1a2b3c4d-5e6f-4a7b-8c9d-0e1f2a3b4c5d}"
KNOWN: dict[str, Any] = {
    "workspaces": {
        "acme": {
            "uuid": WORKSPACE,
            "repositories": {
                "shop": {"uuid": REPO, "environments": {"production": ENV}},
                "site": {"uuid": SITE, "environments": {"staging": STAGING}},
            },
        },
        "beta": {"uuid": BETA, "repositories": {"api": API}},
    },
    "accounts": {"prod": {"id": ACCOUNT, "region": "eu-west-1", "oidc_provider": "reference"}},
}
ACCOUNTS_ALONE = {"accounts": KNOWN["accounts"]}


def statement(
    sub: str | list[str] | None = f"{REPO}:{ENV}:*",
    aud: str | list[str] | None = AUDIENCE,
    issuer: str = ACME,
    key: str = "",
    **others: Any,
) -> dict[str, Any]:
    condition: dict[str, dict[str, Any]] = {}
    if aud is not None:
        condition["StringEquals"] = {f"{key or issuer}:aud": aud}
    if sub is not None:
        condition["StringLike"] = {f"{key or issuer}:sub": sub}
    return {
        "Effect": "Allow",
        "Principal": {"Federated": OWN_ARN.replace(ACME, issuer)},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": condition | others,
    }


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def adopted(
    *policies: dict[str, Any],
    known: dict[str, Any] = KNOWN,
    tags: dict[str, str] | None = None,
    oidc_providers: tuple[FoundOidcProvider, ...] = (),
) -> Adoption:
    roles = tuple(
        FoundRole(f"role-{index}", "/", trust, "", 3600, None, (), {}, tags or {})
        for index, trust in enumerate(policies)
    )
    account = FoundAccount("prod", AccountId(ACCOUNT), Partition.AWS, oidc_providers, roles)
    return adopt([account], Inventory.model_validate(known), today=TODAY, lock=Lock())


def messages(adoption: Adoption) -> str:
    return "\n".join(note.message for note in adoption.notes)


def plan_with(adoption: Adoption, folder: Path, known: dict[str, Any] = KNOWN) -> AccessPlan:
    """Compile what was adopted beside the inventory that was there; its findings are at most warnings."""
    (folder / "known.yaml").write_text(yaml.safe_dump(known))
    (folder / "adopted.yaml").write_text(yaml.safe_dump(dict(adoption.data)))
    compiled = compile_plan(load_inventory(folder))
    assert compiled.plan is not None, [str(finding) for finding in compiled.findings]
    return compiled.plan


def test_no_role_is_adopted_if_explain_says_that_nobody_gets_in() -> None:
    refused = 0
    for trust in any_policies(8, 400):
        if any(form_problem(trust, index, each) for index, each in enumerate(trust["Statement"])):
            continue
        reviewed = review(trust, ACCOUNT, Names())
        if any(tokens.steps for tokens in reviewed.admitted) or "denial" in {fault.rule for fault in reviewed.faults}:
            continue
        adoption = adopted(trust, known=ACCOUNTS_ALONE)
        assert "roles" not in adoption.data, trust
        assert "workspaces" not in adoption.data, trust
        assert all(note.is_left_out for note in adoption.notes if "role" in note.subject)
        if len(trust["Statement"]) == 1 and "no token of Bitbucket matches" in messages(adoption):
            refused += 1
            assert any(fault.message in messages(adoption) for fault in reviewed.faults if fault.level == "error")
    assert refused > 50


WRONG_ISSUERS = [
    "api.bitbucket.org", "api.bitbucket.orgacme/pipelines-config/identity/oidc", ACME.upper(), f"{ACME}/",
    ACME.replace("acme", "ACME"), ACME.replace("acme", WORKSPACE), ACME.replace("acme", WORKSPACE[1:-1]),
    ACME.removesuffix("/oidc"), f"https://{ACME}", f"{ACME}/.well-known/openid-configuration",
    ACME.replace("acme", WORKSPACE[1:-1].replace("-", "")),
]  # fmt: skip


@pytest.mark.parametrize("sub", [f"{REPO}:{ENV}:*", None])
@pytest.mark.parametrize("issuer", WRONG_ISSUERS)
def test_another_spelling_of_the_issuer_gives_no_workspace_and_no_role(issuer: str, sub: str | None) -> None:
    oidc_provider = FoundOidcProvider(OWN_ARN.replace(ACME, issuer), (AUDIENCE,), {})
    for known in (KNOWN, ACCOUNTS_ALONE):
        adoption = adopted(policy(statement(sub, issuer=issuer)), known=known, oidc_providers=(oidc_provider,))
        assert adoption.data == {}
        (note,) = [note for note in adoption.notes if "role" in note.subject]
        assert note.is_left_out
        assert "no token has the issuer" in note.message or "has a scheme" in note.message


@pytest.mark.parametrize(
    ("trust", "reason"),
    [
        (statement(key=ACME.replace("acme", "other")), "it is a claim of another issuer"),
        (statement(sub=f"{REPO[1:-1]}:*"), "a UUID lacks its braces"),
        (statement(sub=REPO.upper() + ":*"), "it has capitals"),
        (statement(sub="${REPO_UUID}:*"), "AWS has no key REPO_UUID"),
        (statement(sub="repo:acme/shop:*"), "has the form of GitHub Actions"),
        (statement(sub=[]), "is empty: no value matches"),
        (statement(sub=AUDIENCE), "is an audience, not a subject"),
        (statement(sub=f"{REPO}:{ENV}"), "is one run of one step"),
        (statement(sub=f"{REPO}:{ENV}:{STEP}"), "the last UUID is new at every run"),
        (statement(aud=f"{REPO}:*"), "is a subject pattern, not an audience"),
        (statement(aud="ari:cloud:bitbucket::workspace/acme"), "the workspace's slug instead of its UUID"),
        (statement(aud=f"ari:cloud:bitbucket::workspace/{WORKSPACE}"), "it has braces around the UUID"),
        (statement(aud=f"ari:cloud:bitbucket::workspace/{BETA[1:-1]}"), "is not the audience of acme"),
        ({**statement(), "Action": "sts:AssumeRole"}, "takes no token"),
        (
            {**statement(), "Principal": {"Federated": OWN_ARN.replace(ACCOUNT, "333333333333")}},
            "the OIDC provider is in account 333333333333",
        ),
        ({**statement(), "Principal": {"AWS": OWN_ARN}}, "IAM refuses it under AWS"),
    ],
)
def test_what_lets_in_nobody_is_left_out_with_the_reason_of_explain(trust: dict[str, Any], reason: str) -> None:
    adoption = adopted(policy(trust))
    assert adoption.data == {}
    (note,) = adoption.notes
    assert note.is_left_out
    assert reason in note.message


@pytest.mark.parametrize("key", ["aws:PrincipalOrgID", "aws:PrincipalTag/team", f"{ACME}:branchName"])
def test_a_key_that_no_token_has_leaves_out_its_statement_alone(key: str) -> None:
    dead = statement(sub=f"{SITE}:*")
    dead["Condition"]["StringEquals"][key] = "x"
    adoption = adopted(policy(dead, statement()))
    assert adoption.data["roles"]["role-0"]["trust"] == [{"repository": "acme/shop", "environments": ["production"]}]
    (note,) = adoption.notes
    assert not note.is_left_out
    assert f"{key} never matches" in note.message


def test_a_wrong_value_among_right_ones_is_left_out_alone() -> None:
    audiences = [AUDIENCE, "ari:cloud:bitbucket::workspace/acme", "deployments"]
    adoption = adopted(policy(statement([f"{REPO}:{ENV}:*", f"{SITE[1:-1]}:*"], audiences)))
    (entry,) = adoption.data["roles"]["role-0"]["trust"]
    assert entry == {"repository": "acme/shop", "environments": ["production"], "audiences": [AUDIENCE, "deployments"]}
    assert adoption.data["workspaces"] == {"acme": {"audiences": ["deployments"]}}
    assert "a subject is left out" in messages(adoption)
    assert "an audience is left out" in messages(adoption)


NAMED = [WORKSPACE, BETA, REPO, SITE, API, ENV, STAGING]
RIGHT = {(REPO, ENV), (SITE, STAGING), (REPO, ""), (SITE, "")}


@given(st.sampled_from(NAMED), st.sampled_from(["", *NAMED]))
def test_a_uuid_of_something_else_is_no_repository_and_no_environment(first: str, second: str) -> None:
    sub = f"{first}:{second}:*" if second else f"{first}:*"
    adoption = adopted(policy(statement(sub)))
    assert ("roles" in adoption.data) is ((first, second) in RIGHT)
    assert "workspaces" not in adoption.data
    if (first, second) not in RIGHT:
        (note,) = adoption.notes
        assert note.is_left_out
        assert "UUID" in note.message


def test_new_uuids_are_repositories_and_environments_with_made_up_names() -> None:
    new = f"{{{'1' * 8}-2222-4333-8444-{'5' * 12}}}"
    adoption = adopted(policy(statement([f"{new}:*", f"{REPO}:{new.replace('1', '6')}:*"])))
    assert adoption.data["workspaces"]["acme"]["repositories"].keys() == {"repository-11111111", "shop"}


def test_the_uuid_of_an_undeclared_workspace_is_known_by_its_oidc_provider() -> None:
    oidc_provider = FoundOidcProvider(OWN_ARN, (AUDIENCE,), {})
    first = policy(statement(f"{WORKSPACE}:{REPO}:*", aud=None))
    adoption = adopted(first, known=ACCOUNTS_ALONE, oidc_providers=(oidc_provider,))
    assert "roles" not in adoption.data
    assert "begins with the workspace's UUID" in messages(adoption)


@given(st.sampled_from(["ManagedBy", "ManagedByStack"]), st.lists(st.booleans(), min_size=14, max_size=14))
def test_a_tag_that_the_program_sets_is_left_out_in_any_case(key: str, upper: list[bool]) -> None:
    spelt = "".join(letter.upper() if up else letter.lower() for letter, up in zip(key, upper, strict=False))
    adoption = adopted(policy(statement()), tags={spelt: "terraform", "Team": "shop"})
    assert adoption.data["roles"]["role-0"]["tags"] == {"Team": "shop"}
    assert f"its tag {spelt}: terraform is left out" in messages(adoption)


def test_tags_of_this_program_and_of_aws_are_left_out_without_a_word() -> None:
    tags = {"ManagedBy": "bitbucket-aws-oidc", "ManagedByStack": "prod", "aws:cloudformation:stack-name": "x"}
    adoption = adopted(policy(statement()), tags=tags)
    assert "tags" not in adoption.data["roles"]["role-0"]
    assert adoption.notes == ()


BOTH = policy(statement(), statement(issuer=OLD))


def test_a_former_slug_becomes_a_previous_slug_and_trust_is_written_once(tmp_path: Path) -> None:
    adoption = adopted(BOTH)
    assert adoption.data["workspaces"] == {"acme": {"previous_slugs": {"acme-old": {"expires": date(2027, 2, 26)}}}}
    assert adoption.data["roles"]["role-0"]["trust"] == [{"repository": "acme/shop", "environments": ["production"]}]
    assert "former slug acme-old until 2027-02-26" in messages(adoption)
    (account,) = plan_with(adoption, tmp_path).accounts
    assert {line.workspace for line in account.roles[0].trust} == {"acme", "acme-old"}


def test_a_former_slug_keeps_the_day_of_its_policy() -> None:
    until = statement(issuer=OLD, DateLessThan={"aws:CurrentTime": "2027-04-01T00:00:00Z"})
    adoption = adopted(policy(statement(), until))
    assert adoption.data["workspaces"]["acme"]["previous_slugs"] == {"acme-old": {"expires": date(2027, 3, 31)}}


@pytest.mark.parametrize(
    ("policies", "why"),
    [
        ([policy(statement(issuer=OLD))], "the role does not trust acme"),
        ([BOTH, policy(statement(f"{SITE}:*"))], "some roles trust acme alone"),
        ([policy(statement([f"{REPO}:*", f"{SITE}:*"]), statement(f"{REPO}:*", issuer=OLD))], "it differs"),
        ([policy(statement(None), statement(None, issuer=OLD))], "a role trusts the whole of acme"),
        (
            [policy(statement(), statement(issuer=OLD, DateLessThan={"aws:CurrentTime": "2026-11-01T00:00:00Z"}))],
            "its last day was 2026-10-31",
        ),
        ([policy(statement(), statement(issuer=OLD, IpAddress={"aws:SourceIp": "203.0.113.0/24"}))], "it differs"),
    ],
)
def test_a_former_slug_is_left_out_if_previous_slugs_would_be_wider(policies: list[dict[str, Any]], why: str) -> None:
    adoption = adopted(*policies)
    assert "workspaces" not in adoption.data
    assert why in messages(adoption)
    assert "acme-old" in messages(adoption)


def test_of_two_undeclared_slugs_with_one_uuid_none_is_chosen() -> None:
    adoption = adopted(BOTH, known=ACCOUNTS_ALONE)
    assert adoption.data == {}
    assert "declare the present slug with its UUID, and adopt again" in messages(adoption)


def test_a_declared_previous_slug_is_not_declared_again() -> None:
    workspaces = KNOWN["workspaces"]
    acme = workspaces["acme"] | {"previous_slugs": {"acme-old": {"expires": "2027-05-31"}}}
    adoption = adopted(BOTH, known=KNOWN | {"workspaces": workspaces | {"acme": acme}})
    assert "workspaces" not in adoption.data
    assert adoption.data["roles"]["role-0"]["trust"] == [{"repository": "acme/shop", "environments": ["production"]}]
    assert adoption.notes == ()


LINES = st.lists(
    st.sampled_from([f"{REPO}:*", f"{REPO}:{ENV}:*", f"{SITE}:*", f"{SITE}:{STAGING}:*"]), max_size=3, unique=True
)
SUBJECTS = [f"{REPO}:{STEP}", f"{REPO}:{ENV}:{STEP}", f"{SITE}:{STEP}", f"{SITE}:{STAGING}:{STEP}"]


@settings(max_examples=40)
@given(st.lists(st.tuples(LINES, LINES), min_size=1, max_size=3))
def test_adopted_roles_of_a_renamed_workspace_are_never_wider(
    tmp_path_factory: pytest.TempPathFactory, trusted: list[tuple[list[str], list[str]]]
) -> None:
    policies = [
        policy(*[statement(sub, issuer=issuer) for sub, issuer in ((now, ACME), (before, OLD)) if sub])
        for now, before in trusted
        if now or before
    ]
    adoption = adopted(*policies)
    if "roles" not in adoption.data:
        return
    (account,) = plan_with(adoption, tmp_path_factory.mktemp("renamed")).accounts
    at = datetime(2026, 12, 1, tzinfo=UTC)
    for role in account.roles:
        before = policies[int(role.name.removeprefix("role-"))]
        for issuer in (ACME, OLD):
            for subject in SUBJECTS:
                claims = {"iss": f"https://{issuer}", "aud": AUDIENCE, "sub": subject}
                request = WebIdentityRequest(claims, ACCOUNT, at)
                if decide(role.trust_policy.to_json(), request).allowed:
                    assert decide(before, request).allowed, (claims, before)


def test_the_roles_of_renamed_workspaces_come_back(tmp_path: Path) -> None:
    workspaces = {
        "acme": KNOWN["workspaces"]["acme"] | {"previous_slugs": {"acme-old": {"expires": date(2027, 3, 31)}}}
    }
    role = {"accounts": ["prod"], "trust": [{"repository": "acme/shop", "environments": ["production"]}]}
    other = {**role, "expires": date(2027, 1, 31), "source_ips": ["203.0.113.0/24"]}
    before = {**KNOWN, "workspaces": workspaces, "roles": {"deploy": role, "other": other}}
    folder = tmp_path / "before"
    folder.mkdir()
    plan = plan_with(Adoption({}, (), ()), folder, before)
    known = KNOWN | {"workspaces": {"acme": KNOWN["workspaces"]["acme"]}}
    adoption = adopt(found_in(plan), Inventory.model_validate(known), today=TODAY, lock=Lock())
    after = tmp_path / "after"
    after.mkdir()
    policies = [
        {role.name: role.trust_policy.to_json() for role in compiled.accounts[0].roles}
        for compiled in (plan, plan_with(adoption, after, known))
    ]
    assert policies[0] == policies[1]
