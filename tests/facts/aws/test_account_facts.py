"""The questions to an account, and the facts in its answers."""

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from facts.aws.account_facts import AccountFacts, ask_account
from facts.aws.callers import CallSettings
from facts.aws.survey import Answered, Failed, ask_each
from sandbox.emulated_aws.prepare_accounts import RootUsers
from tests.facts.aws.conftest import AUDIENCE, FULL, RAISED, account_plan
from tests.facts.aws.existing_iam import ISSUER, by_root, make_oidc_provider, trusting


def ask(account: str, settings: CallSettings, **changes: Any) -> AccountFacts:
    (outcome,) = ask_each([account_plan(account, **changes)], settings, ask_account)
    assert isinstance(outcome, Answered), outcome
    return outcome.facts


def role(name: str, *, arn: str = "", boundary: str | None = None, managed: tuple[str, ...] = ()) -> Any:
    """Return the part of a role's plan that is asked about."""
    policies = {"permissions_boundary_arn": boundary, "managed_policy_arns": managed}
    return SimpleNamespace(name=name, arn=arn, adopted_as_is=None, **policies)


def test_an_account_without_the_oidc_provider_says_so(logged_in: str, settings: CallSettings) -> None:
    assert ask(logged_in, settings).oidc_providers == {"acme": None}


def test_an_oidc_provider_is_read_as_iam_has_it(logged_in: str, settings: CallSettings, iam: Any) -> None:
    make_oidc_provider(iam, "z", AUDIENCE, Team="core", ManagedBy="Terraform")
    facts = ask(logged_in, settings).oidc_providers["acme"]
    assert facts is not None
    assert facts.audiences == (AUDIENCE, "z")
    assert facts.thumbprints == ("b" * 40, "a" * 40)
    assert facts.tags == {"ManagedBy": "Terraform", "Team": "core"}
    assert facts.owner == "terraform"


def test_roles_that_trust_it_and_pin_no_audience_are_listed(logged_in: str, settings: CallSettings, iam: Any) -> None:
    make_oidc_provider(iam, AUDIENCE)
    sub = {f"{ISSUER}:sub": "{9a6d6bde-2ae3-4d4c-8a43-1f6a5d9a3c01}:*"}
    pinned = {"StringEquals": {f"{ISSUER}:aud": AUDIENCE}, "StringLike": sub}
    for name, document in {
        "checked": trusting(logged_in, pinned),
        "unchecked": trusting(logged_in, {"StringLike": sub}),
        "unrelated": by_root(logged_in),
    }.items():
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)
    facts = ask(logged_in, settings).oidc_providers["acme"]
    assert facts is not None
    assert facts.unchecked_roles == (f"arn:aws:iam::{logged_in}:role/unchecked",)


def test_a_role_on_a_later_page_counts(logged_in: str, settings: CallSettings, iam: Any) -> None:
    make_oidc_provider(iam, AUDIENCE)
    for number in range(205):
        iam.create_role(RoleName=f"r{number:03}", AssumeRolePolicyDocument=by_root(logged_in))
    iam.create_role(RoleName="zz", AssumeRolePolicyDocument=trusting(logged_in, {}))
    facts = ask(logged_in, settings, roles=(role("ZZ"),))
    assert facts.taken_names == {"ZZ": f"arn:aws:iam::{logged_in}:role/zz"}
    oidc_provider = facts.oidc_providers["acme"]
    assert oidc_provider is not None
    assert oidc_provider.unchecked_roles == (f"arn:aws:iam::{logged_in}:role/zz",)


def test_a_name_is_taken_whatever_its_case_and_path_unless_it_is_ours(
    logged_in: str, settings: CallSettings, iam: Any
) -> None:
    ours = [{"Key": "ManagedBy", "Value": "bitbucket-aws-oidc"}]
    iam.create_role(RoleName="Deploy", Path="/old/", AssumeRolePolicyDocument=by_root(logged_in))
    iam.create_role(RoleName="mine", AssumeRolePolicyDocument=by_root(logged_in), Tags=ours)
    facts = ask(logged_in, settings, roles=(role("deploy"), role("mine"), role("free")))
    assert facts.taken_names == {"deploy": f"arn:aws:iam::{logged_in}:role/old/Deploy"}


def test_missing_boundaries_and_managed_policies_are_listed(logged_in: str, settings: CallSettings, iam: Any) -> None:
    existing = iam.create_policy(PolicyName="existing", PolicyDocument=json.dumps({
        "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]
    }))["Policy"]["Arn"]  # fmt: skip
    gone, aws = f"arn:aws:iam::{logged_in}:policy/ci/gone", "arn:aws:iam::aws:policy/ReadOnlyAccess"
    wanted = (role("a", boundary=gone, managed=(existing, aws)), role("b", managed=(f"{existing}-2",)))
    assert ask(logged_in, settings, roles=wanted).missing_policies == (gone, f"{existing}-2")


def test_quotas_are_those_of_the_account(
    roots: RootUsers, settings: CallSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", RAISED)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    facts = ask(RAISED, settings)
    assert facts.notes == ()
    assert facts.quotas == {
        "trust_policy_chars": 4096, "managed_policies_per_role": 25, "roles": 1000, "oidc_providers": 7
    }  # fmt: skip


def test_more_than_a_quota_lets_in_is_noted(
    settings: CallSettings, roots: RootUsers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", FULL)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    roots.client(FULL).create_open_id_connect_provider(
        Url="https://example.org", ClientIDList=["a"], ThumbprintList=["a" * 40]
    )
    assert ask(FULL, settings).notes == ("it has 1 OIDC providers, the inventory adds 1, and the quota is 1",)


def test_other_accounts_are_asked_when_one_fails(logged_in: str, settings: CallSettings) -> None:
    done: list[str] = []
    plans = [account_plan("999999999999", key="wrong"), account_plan(logged_in, key="right")]
    right, wrong = ask_each(plans, settings, ask_account, progress=done.append)
    assert isinstance(right, Answered)
    assert isinstance(wrong, Failed)
    assert wrong.error.what == f"the credentials belong to account {logged_in}, not to 999999999999"
    assert sorted(done) == ["right", "wrong"]


def test_an_account_that_takes_too_long_is_given_up(logged_in: str, settings: CallSettings) -> None:
    (failed,) = ask_each([account_plan(logged_in)], settings, ask_account, seconds=0.0)
    assert isinstance(failed, Failed)
    assert "did not answer everything within 0 seconds" in failed.error.what


def test_nobody_answers_where_no_account_is_asked(settings: CallSettings) -> None:
    assert ask_each([], replace(settings, attempts=1), ask_account) == ()
