"""What the next run takes up after a killed one, and what it only names."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from access.adoption.found import FoundAccount, FoundOidcProvider, FoundRole
from access.managed_by import PIPELINE_ROLE
from access.plan import AccountPlan
from access.update_preview import OIDC_PROVIDER_TYPE, ROLE_TYPE
from fleet.backend.locks import StackLock
from fleet.backend.records import StackRecord
from fleet.state import PendingOperation, StackState, StateResource
from fleet.take_up import CLOCK_SKEW, TakeUp, choose_take_up
from tests.access.plans_in_full import compiled_plan

BEGIN = datetime(2026, 11, 29, 10, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
TAGS = {"ManagedBy": "bitbucket-aws-oidc", "ManagedByStack": "bitbucket-aws-oidc/prod", "Team": "shop"}
INVENTORY = """
accounts: {prod: {id: "222222222222"}}
permission_policies: {read: {document: {Version: "2012-10-17", Statement: [
  {Effect: Allow, Action: "s3:GetObject", Resource: "arn:aws:s3:::shop/*"}]}}}
roles:
  shop-deploy:
    accounts: [prod]
    trust: [{repository: acme/shop, environments: [production]}]
    inline_policies: [read]
"""


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> AccountPlan:
    (account,) = compiled_plan(tmp_path_factory.mktemp("plan"), INVENTORY).accounts
    return account


def role(planned: AccountPlan, **changes: Any) -> FoundRole:
    """Return the planned role as the last run created it."""
    it = planned.roles[0]
    created = FoundRole(it.name, it.path, {}, "", 3600, None, (), {}, TAGS, created=BEGIN + MINUTE)
    return replace(created, **changes)


def oidc_provider(planned: AccountPlan, **changes: Any) -> FoundOidcProvider:
    return replace(FoundOidcProvider(planned.oidc_providers[0].arn, (), TAGS), **changes)


def account(planned: AccountPlan, *parts: FoundRole | FoundOidcProvider) -> FoundAccount:
    roles = tuple(part for part in parts if isinstance(part, FoundRole))
    oidc_providers = tuple(part for part in parts if isinstance(part, FoundOidcProvider))
    return FoundAccount(planned.key, planned.id, planned.partition, oidc_providers, roles)


def state(*resources: StateResource, saved: datetime | None = BEGIN) -> StackState:
    return StackState("prod", saved, resources, (), None, None)


def lock(since: datetime | None) -> StackLock:
    return StackLock("prod", "1", 1, "ci", "runner", since)


def inline(*effects: str) -> dict[str, Any]:
    return {"Statement": [{"Effect": effect, "Action": "*", "Resource": "*"} for effect in effects]}


def chosen(planned: AccountPlan, found: FoundAccount, record: StackRecord) -> TakeUp:
    return choose_take_up(planned, record, found, "bitbucket-aws-oidc/prod")


def test_a_role_and_an_oidc_provider_that_the_state_lacks_are_taken_up(planned: AccountPlan) -> None:
    found = account(planned, role(planned), oidc_provider(planned))
    arns = sorted([planned.roles[0].arn, planned.oidc_providers[0].arn])
    assert chosen(planned, found, StackRecord("prod", state())) == TakeUp(tuple(arns))


def test_what_the_state_has_is_never_taken_up(planned: AccountPlan) -> None:
    found = account(planned, role(planned), oidc_provider(planned))
    arn = planned.oidc_providers[0].arn
    resources = [
        StateResource("urn:a", ROLE_TYPE, planned.roles[0].name, {}, {}),
        StateResource("urn:b", OIDC_PROVIDER_TYPE, arn, {}, {}),
    ]
    assert chosen(planned, found, StackRecord("prod", state(*resources))) == TakeUp()
    only_read = [replace(resource, is_external=True) for resource in resources]
    assert len(chosen(planned, found, StackRecord("prod", state(*only_read))).arns) == 2


@pytest.mark.parametrize(
    "tags",
    [
        {},
        {**TAGS, "ManagedByStack": "bitbucket-aws-oidc/dev"},
        {**TAGS, "ManagedBy": "terraform"},
        {**TAGS, "ManagedByStack": "x/prod"},
    ],
)
def test_nothing_is_taken_up_without_the_tags_of_this_very_stack(planned: AccountPlan, tags: dict[str, str]) -> None:
    found = account(planned, role(planned, tags=tags), oidc_provider(planned, tags=tags))
    assert chosen(planned, found, StackRecord("prod", state())) == TakeUp()


@pytest.mark.parametrize("change", [{"name": "another"}, {"path": "/elsewhere/"}])
def test_a_role_that_the_plan_does_not_create_is_not_taken_up(planned: AccountPlan, change: dict[str, str]) -> None:
    assert chosen(planned, account(planned, role(planned, **change)), StackRecord("prod", state())) == TakeUp()


@pytest.mark.parametrize("mode", ["reference", "adopt"])
def test_an_oidc_provider_that_the_plan_does_not_create_is_not_taken_up(planned: AccountPlan, mode: Any) -> None:
    other = replace(planned, oidc_providers=(replace(planned.oidc_providers[0], mode=mode),))
    assert chosen(other, account(planned, oidc_provider(planned)), StackRecord("prod", state())) == TakeUp()


@pytest.mark.parametrize(
    ("policies", "is_taken"),
    [
        ({}, True),
        ({"read": {}}, True),
        ({"AWSRevokeOlderSessions": inline("Deny"), "read": {}}, True),
        ({"AWSRevokeOlderSessions": inline("Deny", "Allow")}, False),
        ({"AWSRevokeOlderSessions": inline("Allow")}, False),
        ({"AWSRevokeOlderSessions": "unreadable"}, False),
        ({"admin": inline("Deny")}, False),
    ],
)
def test_a_role_with_inline_policies_that_the_plan_does_not_know_is_only_named(
    planned: AccountPlan, policies: dict[str, Any], is_taken: bool
) -> None:
    result = chosen(planned, account(planned, role(planned, inline_policies=policies)), StackRecord("prod", state()))
    assert bool(result.arns) is is_taken
    refused = [planned.roles[0].arn in sentence and min(policies) in sentence for sentence in result.refused]
    assert refused == [True] * (not is_taken)


@given(
    created=st.integers(-30, 30),
    begins=st.lists(st.integers(-20, 20), max_size=2),
    saved=st.none() | st.integers(-20, 20),
)
def test_a_role_older_than_every_run_that_could_have_made_it_is_only_named(
    planned: AccountPlan, created: int, begins: list[int], saved: int | None
) -> None:
    found = account(planned, role(planned, created=BEGIN + created * MINUTE))
    locks = tuple(lock(BEGIN + begin * MINUTE) for begin in begins)
    record = StackRecord("prod", state(saved=None if saved is None else BEGIN + saved * MINUTE), locks)
    runs = [*begins, *([] if saved is None else [saved])]
    is_taken = any(created * MINUTE >= run * MINUTE - CLOCK_SKEW for run in runs)
    result = chosen(planned, found, record)
    assert (bool(result.arns), bool(result.refused)) == (is_taken, not is_taken)


@pytest.mark.parametrize("record", [StackRecord("prod", None), StackRecord("prod", None, (lock(None),))])
def test_without_a_trace_of_a_run_a_role_is_only_named(planned: AccountPlan, record: StackRecord) -> None:
    result = chosen(planned, account(planned, role(planned)), record)
    assert result.arns == ()
    assert "neither the state nor a lock" in result.refused[0]
    assert "if the stack's state was lost, restore a copy and delete nothing" in result.refused[0]


def test_a_role_of_unknown_age_is_only_named(planned: AccountPlan) -> None:
    result = chosen(planned, account(planned, role(planned, created=None)), StackRecord("prod", state()))
    assert (result.arns, len(result.refused)) == ((), 1)


@pytest.mark.parametrize(("kind", "is_taken"), [("creating", True), ("updating", False), (None, False)])
def test_a_role_that_a_killed_run_was_creating_is_taken_up_after_later_runs_that_failed(
    planned: AccountPlan, kind: str | None, is_taken: bool
) -> None:
    name = f"{planned.key}/{planned.roles[0].key}"
    component = StateResource(f"urn:pulumi:prod::p::t::{name}", PIPELINE_ROLE, "", {}, {}, created=BEGIN)
    pending = (PendingOperation(f"urn:pulumi:prod::p::t${ROLE_TYPE}::{name}", ROLE_TYPE, kind),) if kind else ()
    later = replace(state(component, saved=BEGIN + 300 * MINUTE), pending=pending)
    assert bool(chosen(planned, account(planned, role(planned)), StackRecord("prod", later)).arns) is is_taken
    before = account(planned, role(planned, created=BEGIN - 10 * MINUTE))
    assert chosen(planned, before, StackRecord("prod", later)).arns == ()
