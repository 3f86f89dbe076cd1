"""The trust policy, to the character: one too wide is the worst bug that this project can have."""

import json
from datetime import date
from ipaddress import ip_network

from hypothesis import given
from hypothesis import strategies as st

from oidc.arn import Partition
from oidc.bitbucket import SubjectPattern
from oidc.iam.trust_policy import TrustConditions, TrustedIssuer, end_of_access, trust_policy
from oidc.identifiers import AccountId, WorkspaceSlug

ACME = "api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc"
AUDIENCE = "ari:cloud:bitbucket::workspace/0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11"
PATTERN = SubjectPattern("{9a6d6bde-2ae3-4d4c-8a43-1f6a5d9a3c01}:{c2b1a5de-6b7e-4d4b-b1a0-6a9d8c7b5e03}:*")


def test_one_issuer_gives_one_statement_with_audience_and_subject() -> None:
    issuer = TrustedIssuer(WorkspaceSlug("acme"), (AUDIENCE,), (PATTERN,))
    policy = trust_policy(Partition.AWS, AccountId("222222222222"), [issuer], TrustConditions())
    assert policy.text == (
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow",'
        f'"Principal":{{"Federated":"arn:aws:iam::222222222222:oidc-provider/{ACME}"}},'
        '"Action":"sts:AssumeRoleWithWebIdentity",'
        f'"Condition":{{"StringEquals":{{"{ACME}:aud":"{AUDIENCE}"}},"StringLike":{{"{ACME}:sub":["{PATTERN}"]}}}}}}]}}'
    )


def test_addresses_and_the_last_day_are_conditions_of_every_statement() -> None:
    issuers = [TrustedIssuer(WorkspaceSlug(slug), (AUDIENCE,), (PATTERN,)) for slug in ("acme", "acme-data")]
    conditions = TrustConditions((ip_network("203.0.113.0/24"), ip_network("2001:db8::/32")), date(2027, 1, 31))
    policy = trust_policy(Partition.AWS_CN, AccountId("222222222222"), issuers, conditions).to_json()
    assert [statement["Condition"]["IpAddress"] for statement in policy["Statement"]] == [
        {"aws:SourceIp": ["2001:db8::/32", "203.0.113.0/24"]}
    ] * 2
    assert [statement["Condition"]["DateLessThan"] for statement in policy["Statement"]] == [
        {"aws:CurrentTime": "2027-02-01T00:00:00Z"}
    ] * 2
    assert policy["Statement"][1]["Principal"]["Federated"].startswith("arn:aws-cn:iam::222222222222:oidc-provider/")


def test_networks_and_vpc_endpoints_have_separate_statements_because_no_call_has_both() -> None:
    issuers = [TrustedIssuer(WorkspaceSlug(slug), (AUDIENCE,), (PATTERN,)) for slug in ("acme", "acme-data")]
    conditions = TrustConditions(
        (ip_network("203.0.113.0/24"),), date(2027, 1, 31), ("vpce-0123456789abcdef0", "vpce-01234567")
    )
    statements = trust_policy(Partition.AWS, AccountId("222222222222"), issuers, conditions).to_json()["Statement"]
    rendered = [statement["Condition"] for statement in statements]
    assert [sorted(condition) for condition in rendered] == [
        ["DateLessThan", "IpAddress", "StringEquals", "StringLike"],
        ["DateLessThan", "StringEquals", "StringLike"],
    ] * 2
    data = "api.bitbucket.org/2.0/workspaces/acme-data/pipelines-config/identity/oidc"
    endpoints = {"aws:SourceVpce": ["vpce-01234567", "vpce-0123456789abcdef0"]}
    assert [condition["StringEquals"] for condition in rendered] == [
        {f"{ACME}:aud": AUDIENCE},
        {f"{ACME}:aud": AUDIENCE, **endpoints},
        {f"{data}:aud": AUDIENCE},
        {f"{data}:aud": AUDIENCE, **endpoints},
    ]


@given(st.dates(max_value=date(9998, 12, 31)))
def test_access_ends_with_the_last_day(last_day: date) -> None:
    assert date.fromisoformat(end_of_access(last_day)[:10]).toordinal() == last_day.toordinal() + 1


@given(
    st.lists(st.sampled_from(["acme", "acme-data", "x"]), min_size=1, max_size=3, unique=True),
    st.lists(st.sampled_from([AUDIENCE, "sts.amazonaws.com", "a"]), min_size=1, max_size=3, unique=True),
)
def test_no_statement_ever_lacks_a_condition_or_uses_a_set_operator(slugs: list[str], audiences: list[str]) -> None:
    issuers = [TrustedIssuer(WorkspaceSlug(slug), tuple(audiences), (PATTERN,)) for slug in slugs]
    policy = trust_policy(Partition.AWS, AccountId("222222222222"), issuers, TrustConditions())
    for statement, slug in zip(json.loads(policy.text)["Statement"], slugs, strict=True):
        prefix = f"api.bitbucket.org/2.0/workspaces/{slug}/pipelines-config/identity/oidc"
        assert statement["Condition"].keys() == {"StringEquals", "StringLike"}
        assert statement["Condition"]["StringEquals"].keys() == {f"{prefix}:aud"}
        assert statement["Condition"]["StringLike"].keys() == {f"{prefix}:sub"}
