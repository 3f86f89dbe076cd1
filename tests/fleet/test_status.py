"""What `status` says of an account: in line only if plan, state and AWS agree; each difference is told in words."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from access.adoption.found import FoundAccount, FoundOidcProvider, FoundRole
from access.comparison.changes import Effect
from access.compile import compile_plan
from access.plan import AccountPlan, Mode
from access.update_preview import Loss
from config.load import load_inventory
from fleet.backend import StackLock, StackRecord
from fleet.decide import FleetAccount, RunRules, decide
from fleet.report import Result
from fleet.stack_job import Operation
from fleet.state import PendingOperation, StackState, StateResource
from fleet.status import Standing
from oidc.errors import AwsError
from oidc.identifiers import AccountId
from tests.fleet.deployed import (
    CREATED,
    PROJECT,
    SAVED,
    found_account,
    plan_in,
    resources_of,
    state_of,
    status_of,
)
from tests.sandbox.inventory_sequences import sequence

INVENTORY = """
defaults: {region: eu-west-1, deploy_role: "arn:{{partition}}:iam::{{account_id}}:role/PulumiDeploy"}
workspaces:
  acme:
    uuid: "{0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11}"
    repositories:
      shop:
        uuid: "{9a6d6bde-2ae3-4d4c-8a43-1f6a5d9a3c01}"
        environments:
          production: "{c2b1a5de-6b7e-4d4b-b1a0-6a9d8c7b5e03}"
accounts:
  prod: {id: "222222222222"}
roles:
  shop-deploy:
    accounts: [prod]
    trust: [{repository: acme/shop, environments: [production]}]
    inline_policies: [publish]
    managed_policies: ["aws:ReadOnlyAccess"]
    permissions_boundary: "account:boundary"
    description: Deploys the shop
  shop-read:
    accounts: [prod]
    trust: [{repository: acme/shop, steps: outside_environments}]
permission_policies:
  publish:
    document:
      Version: "2012-10-17"
      Statement: [{Effect: Allow, Action: ["s3:PutObject", "s3:DeleteObject"], Resource: "arn:aws:s3:::acme-shop/*"}]
"""
SHOP = "{9a6d6bde-2ae3-4d4c-8a43-1f6a5d9a3c01}"
ANYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


@pytest.fixture
def plan(tmp_path: Path) -> AccountPlan:
    return plan_in(tmp_path, INVENTORY)


def with_role(account: FoundAccount, changed: FoundRole | None, name: str | None = None) -> FoundAccount:
    """Return the account with another role in place of the one of its name; ``None`` deletes it."""
    gone = changed.name if changed is not None else name
    kept = [role for role in account.roles if role.name != gone]
    return replace(account, roles=(*kept, *([changed] if changed is not None else [])))


def first(account: FoundAccount) -> FoundRole:
    return next((role for role in account.roles if role.name == "shop-deploy"), account.roles[0])


def plans(seed: int, folder: Path) -> list[AccountPlan]:
    compiled = compile_plan(load_inventory(next(sequence(seed, folder))))
    assert compiled.plan is not None
    return [account for account in compiled.plan.accounts if account.roles]


ANY_INVENTORY = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@ANY_INVENTORY
@given(st.integers(0, 2**32))
def test_a_deployed_account_is_in_line_however_aws_writes_its_documents(tmp_path: Path, seed: int) -> None:
    for plan in plans(seed, tmp_path):
        status = status_of(plan)
        assert (status.standing, status.changes, status.drift, status.needs_up) == (Standing.IN_LINE, (), (), False)
        assert status.digest == status.digest_before
        assert status.loss == Loss(len(plan.roles), ())


def trusting(role: FoundRole, statement: Mapping[str, Any]) -> FoundRole:
    document: Any = role.trust_policy
    return replace(role, trust_policy={**document, "Statement": [*document["Statement"], dict(statement)]})


def with_condition(role: FoundRole, change: Callable[[Any], Any]) -> FoundRole:
    document: Any = role.trust_policy
    changed = [{**statement, "Condition": change(statement["Condition"])} for statement in document["Statement"]]
    return replace(role, trust_policy={**document, "Statement": changed})


def any_subject(role: FoundRole) -> FoundRole:
    def widened(condition: Any) -> Any:
        (subject,) = condition["StringLike"]
        return {**condition, "StringLike": {subject: "*"}}

    return with_condition(role, widened)


def any_audience(role: FoundRole) -> FoundRole:
    return with_condition(role, lambda condition: {key: condition[key] for key in condition if key != "StringEquals"})


def odd_subject(role: FoundRole) -> FoundRole:
    def widened(condition: Any) -> Any:
        (subject,) = condition["StringLike"]
        return {**condition, "StringLike": {subject: "{9a6d*"}}

    return with_condition(role, widened)


BY_USER = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::999999999999:root"}, "Action": "sts:AssumeRole"}

MUTATIONS: dict[str, tuple[Callable[[FoundRole], FoundRole], str, bool]] = {
    "another principal": (lambda role: trusting(role, BY_USER), "999999999999", True),
    "every subject": (any_subject, "every repository of", True),
    "every audience": (any_audience, "aud", True),
    "a subject that no line can say": (odd_subject, "{9a6d*", True),
    "no trust policy that can be read": (
        lambda role: replace(role, trust_policy="<"),
        "may no longer assume it",
        False,
    ),
    "an attached policy": (
        lambda role: replace(role, managed_policy_arns=(*role.managed_policy_arns, "arn:aws:iam::aws:policy/Added")),
        "arn:aws:iam::aws:policy/Added is attached",
        False,
    ),
    "no boundary or another one": (
        lambda role: replace(role, permissions_boundary_arn="arn:aws:iam::222222222222:policy/Other"),
        "permissions boundary arn:aws:iam::222222222222:policy/Other",
        False,
    ),
    "a longer session": (lambda role: replace(role, max_session_duration=40_020), "667 minutes", False),
    "a description": (lambda role: replace(role, description="hello"), "description hello", False),
    "a tag": (lambda role: replace(role, tags={**role.tags, "Added": "x"}), "tags change: Added", False),
    "a default tag": (
        lambda role: replace(role, tags={**role.tags, "ManagedByStack": f"{PROJECT}/other"}),
        "tags change: ManagedByStack",
        False,
    ),
    "another path": (lambda role: replace(role, path="/elsewhere/"), "ARN changes", False),
}


@ANY_INVENTORY
@given(seed=st.integers(0, 2**32), mutation=st.sampled_from(sorted(MUTATIONS)))
def test_one_field_changed_by_hand_is_drift_in_words(tmp_path: Path, seed: int, mutation: str) -> None:
    change, words, is_wider = MUTATIONS[mutation]
    for plan in plans(seed, tmp_path):
        found = found_account(plan)
        status = status_of(plan, found=with_role(found, change(first(found))))
        assert status.standing is Standing.DRIFTED, mutation
        assert status.needs_up
        assert any(words in told.message for told in status.drift), [told.message for told in status.drift]
        assert {told.role for told in status.drift} == {
            role.key for role in plan.roles if role.name == first(found).name
        }
        assert status.changes, "and `up` puts it right"
        if is_wider:
            assert any(told.effect is Effect.WIDENING for told in status.drift)


def test_after_an_interrupted_run_nobody_is_blamed_for_a_difference(plan: AccountPlan) -> None:
    found = with_role(found_account(plan), None, "shop-read")
    deleting = PendingOperation("a::b::c::prod/shop-read", "aws:iam/role:Role", "deleting")
    status = status_of(plan, state_of(plan, pending=(deleting,)), found)
    assert (status.standing, status.has_pending, status.needs_up) == (Standing.DRIFTED, True, True)
    assert status.reason.endswith("by hand or by the interrupted run")
    assert status_of(plan, found=found).reason.endswith("by hand")


def test_an_inline_policy_rewritten_by_hand_is_drift(plan: AccountPlan) -> None:
    found = found_account(plan)
    role = replace(first(found), inline_policies={"publish": ANYTHING})
    status = status_of(plan, found=with_role(found, role))
    assert status.drift[0].kind == "admin-gained"
    assert any("no longer" in change.message for change in status.changes)
    assert (status.standing, status.needs_up) == (Standing.DRIFTED, True)


def test_an_inline_policy_put_there_by_hand_is_drift_that_up_leaves_alone(plan: AccountPlan) -> None:
    found = found_account(plan)
    role = first(found)
    role = replace(role, inline_policies={**role.inline_policies, "extra": ANYTHING})
    status = status_of(plan, found=with_role(found, role))
    (told,) = status.drift
    assert "delete them in AWS" in status.do
    assert told.message == (
        "inline policy extra now allows *; Resource *; somebody put it there by hand, and `up` does not remove it"
    )
    assert (told.role, told.effect, status.changes) == ("shop-deploy", Effect.GAIN, ())
    assert (status.standing, status.needs_up) == (Standing.DRIFTED, False)


@pytest.mark.parametrize(("effect", "standing"), [("Deny", Standing.IN_LINE), ("Allow", Standing.DRIFTED)])
def test_the_policy_that_revokes_sessions_is_no_drift_if_it_only_denies(
    plan: AccountPlan, effect: str, standing: Standing
) -> None:
    found = found_account(plan)
    revokes = {"Version": "2012-10-17", "Statement": [{"Effect": effect, "Action": ["*"], "Resource": ["*"]}]}
    role = first(found)
    role = replace(role, inline_policies={**role.inline_policies, "AWSRevokeOlderSessions": revokes})
    assert status_of(plan, found=with_role(found, role)).standing is standing


def test_a_role_deleted_by_hand_is_drift_and_is_made_again(plan: AccountPlan) -> None:
    status = status_of(plan, found=with_role(found_account(plan), None, "shop-read"))
    assert "role-removed" in {change.kind for change in status.drift}
    assert "role-added" in [change.kind for change in status.changes]
    assert (status.standing, status.needs_up) == (Standing.DRIFTED, True)


PROVIDERS: dict[str, tuple[Callable[[FoundOidcProvider], FoundOidcProvider], str]] = {
    "audiences": (lambda it: replace(it, audiences=(*it.audiences, "sts.amazonaws.com")), "audience sts.amazonaws.com"),
    "thumbprints": (lambda it: replace(it, thumbprints=("d" * 40,)), "d" * 40),
    "tags": (lambda it: replace(it, tags={**it.tags, "Added": "x"}), "Added=x"),
}


@pytest.mark.parametrize("field", PROVIDERS)
def test_an_oidc_provider_changed_by_hand_is_drift(plan: AccountPlan, field: str) -> None:
    change, words = PROVIDERS[field]
    found = found_account(plan)
    status = status_of(plan, found=replace(found, oidc_providers=(change(found.oidc_providers[0]),)))
    assert status.standing is Standing.DRIFTED
    assert any(words in told.message for told in status.drift), status.drift
    assert status.changes


def test_an_oidc_provider_deleted_by_hand_breaks_the_roles_that_trust_it(plan: AccountPlan) -> None:
    status = status_of(plan, found=replace(found_account(plan), oidc_providers=()))
    (told,) = status.drift
    assert (told.kind, told.effect) == ("oidc-provider-removed", Effect.BREAKS)
    assert told.message == "OIDC provider of acme is gone from AWS: nobody can assume the roles that trust it"
    assert [(change.kind, change.effect) for change in status.changes] == [("oidc-provider-added", Effect.NONE)]


@pytest.mark.parametrize("mode", ["adopt", "reference"])
def test_an_oidc_provider_of_somebody_else_keeps_what_it_has_but_must_exist(plan: AccountPlan, mode: Mode) -> None:
    plan = replace(plan, oidc_providers=(replace(plan.oidc_providers[0], mode=mode),))
    found = found_account(plan)
    for change, _ in PROVIDERS.values():
        changed = replace(found, oidc_providers=(change(found.oidc_providers[0]),))
        assert status_of(plan, found=changed).standing is Standing.IN_LINE
    gone = status_of(plan, found=replace(found, oidc_providers=()))
    assert gone.standing is Standing.BLOCKED
    assert "does not exist" in gone.reason
    assert [change.kind for change in gone.drift] == ["oidc-provider-removed"]


def test_a_change_of_the_plan_is_told_from_aws_to_the_plan(plan: AccountPlan, tmp_path: Path) -> None:
    later = plan_in(tmp_path, INVENTORY.replace('"s3:PutObject", ', ""))
    status = status_of(later, state_of(plan), found_account(plan))
    assert [change.message for change in status.changes] == [
        "inline policy publish, statement 1: no longer allows s3:PutObject"
    ]
    assert (status.standing, status.drift, status.needs_up) == (Standing.CHANGED, (), True)
    assert status.digest != status.digest_before


def test_a_plan_that_differs_in_what_aws_does_not_have_still_needs_a_run(plan: AccountPlan, tmp_path: Path) -> None:
    later = plan_in(tmp_path, INVENTORY.replace("description: Deploys", "owner: team\n    description: Deploys"))
    status = status_of(later, state_of(plan), found_account(plan))
    assert (status.standing, status.changes, status.needs_up) == (Standing.CHANGED, (), True)
    assert status.reason == "AWS agrees with the plan, but the last run applied another plan"


def test_drift_that_is_what_the_plan_wants_is_still_drift(plan: AccountPlan, tmp_path: Path) -> None:
    later = plan_in(tmp_path, INVENTORY.replace("Deploys the shop", "hello"))
    status = status_of(later, state_of(plan), found_account(later))
    assert (status.standing, status.changes, status.needs_up) == (Standing.DRIFTED, (), True)


def test_deleted_and_replaced_roles_are_losses(plan: AccountPlan, tmp_path: Path) -> None:
    other = INVENTORY.replace("  shop-read:\n", "  shop-look:\n").replace(
        "description: Deploys", "path: /new/\n    description: Deploys"
    )
    status = status_of(plan_in(tmp_path, other), state_of(plan), found_account(plan))
    assert status.loss == Loss(
        2,
        (
            "arn:aws:iam::222222222222:role/bitbucket/shop-deploy",
            "arn:aws:iam::222222222222:role/bitbucket/shop-read",
        ),
    )


def test_previous_keys_lose_nothing(plan: AccountPlan, tmp_path: Path) -> None:
    text = INVENTORY.replace("  shop-read:\n", "  look:\n    name: shop-read\n    previous_keys: [shop-read]\n")
    renamed = plan_in(
        tmp_path, text.replace("prod: {id", "live: {previous_keys: [prod], id").replace("[prod]\n", "[live]\n")
    )
    record = StackRecord("prod", state_of(plan))
    status = status_of(renamed, found=found_account(plan), record=record)
    assert (status.standing, status.rename_from, status.loss) == (Standing.CHANGED, "prod", Loss(2, ()))
    assert "live/acme" not in status.reason
    assert "prod/acme" not in status.reason
    kinds = {change.kind for change in status.changes}
    assert {"account-key-changed", "key-changed", "tags-changed"} <= kinds
    assert not any(change.effect is Effect.BREAKS for change in status.changes)


def test_a_key_that_changed_without_previous_keys_blocks(plan: AccountPlan, tmp_path: Path) -> None:
    renamed = plan_in(tmp_path, INVENTORY.replace("  shop-read:\n", "  look:\n    name: shop-read\n"))
    status = status_of(renamed, state_of(plan), found_account(plan))
    assert (status.standing, status.needs_up) == (Standing.BLOCKED, False)
    assert "previous_keys" in status.do


def test_without_a_stack_nothing_is_deployed(plan: AccountPlan) -> None:
    empty = replace(found_account(plan), roles=(), oidc_providers=())
    status = status_of(plan, found=empty, record=StackRecord("prod", None))
    assert (status.standing, status.is_new, status.needs_up) == (Standing.NEVER_MADE, True, True)
    assert {change.kind for change in status.changes} >= {"role-added", "oidc-provider-added"}


def test_what_a_killed_run_made_is_taken_up(plan: AccountPlan) -> None:
    found = found_account(plan)
    resources = [resource for resource in resources_of(plan) if resource.name != "prod/shop-read"]
    made = replace(found, roles=tuple(replace(role, created=SAVED) for role in found.roles))
    status = status_of(plan, state_of(plan, resources=tuple(resources)), made)
    assert status.take_up == ("arn:aws:iam::222222222222:role/bitbucket/shop-read",)
    assert (status.standing, status.needs_up) == (Standing.CHANGED, True)


def test_a_role_older_than_the_run_that_could_have_made_it_blocks(plan: AccountPlan) -> None:
    resources = [resource for resource in resources_of(plan) if resource.name != "prod/shop-read"]
    status = status_of(plan, state_of(plan, resources=tuple(resources)), found_account(plan))
    assert SAVED - timedelta(hours=1) > CREATED
    assert (status.standing, status.take_up, status.needs_up) == (Standing.BLOCKED, (), False)
    assert status.not_taken_up


@pytest.mark.parametrize(
    ("tags", "reason", "do"),
    [
        ({}, "belongs to somebody else", "adopt"),
        (
            {"ManagedBy": PROJECT, "ManagedByStack": f"{PROJECT}/all"},
            f"belongs to the stack {PROJECT}/all",
            "fleet split all",
        ),
    ],
)
def test_what_belongs_to_others_blocks(plan: AccountPlan, tags: dict[str, str], reason: str, do: str) -> None:
    found = found_account(plan)
    theirs = replace(found, roles=tuple(replace(role, tags=tags) for role in found.roles), oidc_providers=())
    status = status_of(plan, found=theirs, record=StackRecord("prod", None))
    assert (status.standing, status.needs_up) == (Standing.BLOCKED, False)
    assert reason in status.reason
    assert do in status.do
    providers = (replace(found.oidc_providers[0], tags=tags),)
    status = status_of(plan, found=replace(found, roles=(), oidc_providers=providers), record=StackRecord("prod", None))
    assert reason in status.reason


def test_a_role_under_the_tag_of_the_stack_that_nobody_knows_is_drift(plan: AccountPlan) -> None:
    found = found_account(plan)
    stray = replace(first(found), name="stray")
    status = status_of(plan, found=replace(found, roles=(*found.roles, stray)))
    assert [change.kind for change in status.drift] == ["unmanaged-role"]
    assert (status.standing, status.needs_up) == (Standing.DRIFTED, False)


LOCK = StackLock("prod", "id", 7, "ann", "runner", datetime(2026, 11, 29, tzinfo=UTC))


def with_state(change: Callable[[StackState], StackState]) -> Callable[[StackRecord], StackRecord]:
    def changed(record: StackRecord) -> StackRecord:
        assert record.state is not None
        return replace(record, state=change(record.state))

    return changed


def half_replaced(state: StackState) -> StackState:
    return replace(state, resources=(*state.resources, replace(state.resources[-2], is_deleting=True)))


def with_another(state: StackState) -> StackState:
    another = replace(state.resources[-1], type="aws:iam/rolePolicy:RolePolicy", inputs={})
    return replace(state, resources=(*state.resources, another))


PENDING = PendingOperation("a::b::c::prod/x", "t", "creating")
NEEDS: dict[str, tuple[Callable[[StackRecord], StackRecord], Standing, str]] = {
    "lock": (lambda it: replace(it, locks=(LOCK,)), Standing.BLOCKED, "ann@runner, process 7"),
    "pending": (with_state(lambda it: replace(it, pending=(PENDING,))), Standing.CHANGED, "creating prod/x"),
    "empty attributes": (lambda it: replace(it, has_empty_attributes=True), Standing.CHANGED, "empty file"),
    "half a replacement": (with_state(half_replaced), Standing.CHANGED, "did not delete"),
    "a resource too many": (with_state(with_another), Standing.CHANGED, "has also"),
    "a resource too few": (
        with_state(lambda it: replace(it, resources=it.resources[:-1])), Standing.CHANGED, "lacks",
    ),
}  # fmt: skip


@pytest.mark.parametrize("need", NEEDS)
def test_what_an_interrupted_run_left_is_told_and_mended_by_the_next(plan: AccountPlan, need: str) -> None:
    change, standing, words = NEEDS[need]
    status = status_of(plan, record=change(StackRecord("prod", state_of(plan))))
    assert any(words in sentence for sentence in status.needs), status.needs
    assert (status.standing, status.needs_up, status.drift) == (standing, True, ())
    assert status.is_locked is (need == "lock")


def test_a_state_that_cannot_be_read_blocks(plan: AccountPlan) -> None:
    status = status_of(plan, record=StackRecord("prod", None, fault="the state is not JSON"))
    assert (status.standing, status.reason, status.needs_up) == (Standing.BLOCKED, "the state is not JSON", False)
    assert not status.is_new


def test_a_state_of_another_account_blocks(plan: AccountPlan) -> None:
    moved = replace(plan, id=AccountId("333333333333"))
    status = status_of(moved, state_of(plan), replace(found_account(plan), id=moved.id, roles=(), oidc_providers=()))
    assert status.standing is Standing.BLOCKED
    assert "222222222222" in status.reason


def test_a_stack_of_many_accounts_blocks(plan: AccountPlan) -> None:
    other = resources_of(replace(plan, key="dev"))
    status = status_of(plan, state_of(plan, resources=(*resources_of(plan), *other)))
    assert status.standing is Standing.BLOCKED
    assert status.do == "take it apart with `fleet split prod`"


def test_another_way_into_the_account_is_told(plan: AccountPlan) -> None:
    entered = replace(plan, access=replace(plan.access, role_arn="arn:aws:iam::222222222222:role/Other"))
    status = status_of(entered, state_of(plan), found_account(plan))
    assert [change.kind for change in status.changes] == ["way-in-changed"]
    assert status.standing is Standing.CHANGED


def test_another_region_is_told(plan: AccountPlan) -> None:
    status = status_of(replace(plan, region="eu-central-1"), state_of(plan), found_account(plan))
    assert [change.message for change in status.changes] == ["region eu-central-1 (was eu-west-1)"]


def test_an_account_that_does_not_answer_is_unreachable(plan: AccountPlan) -> None:
    status = status_of(plan, found=AwsError("AWS refused", do="ask"))
    assert (status.standing, status.reason, status.do) == (Standing.UNREACHABLE, "AWS refused", "ask")
    assert not status.needs_up


@pytest.mark.parametrize("is_in_inventory", [True, False])
def test_a_stack_with_resources_of_other_accounts_is_not_destroyed(plan: AccountPlan, is_in_inventory: bool) -> None:
    other = replace(plan, key="dev")
    state = state_of(plan, resources=(*resources_of(plan), *resources_of(other)))
    stack = plan.key if is_in_inventory else "main"
    status = status_of(plan if is_in_inventory else None, record=StackRecord(stack, state))
    accounts = ("dev",) if is_in_inventory else ("dev", "prod")
    assert status.other_accounts == accounts
    assert status.do == f"take it apart with `fleet split {stack}`"
    account = FleetAccount(stack, None, None, status)
    (decision,) = decide([account], RunRules(Operation.DESTROY))
    assert (decision.result, decision.do) == (Result.REFUSED, status.do)
    assert ", ".join(accounts) in decision.reason


def test_the_stack_of_a_removed_account_is_told_and_destroyed(plan: AccountPlan) -> None:
    status = status_of(None, record=StackRecord(plan.key, state_of(plan)))
    assert (status.key, status.standing, status.needs_up) == ("prod", Standing.NOT_IN_INVENTORY, False)
    assert (status.other_accounts, "fleet destroy --account prod" in status.do) == ((), True)
    assert "stack rm" in status_of(None, record=StackRecord("prod", state_of(plan, resources=()))).do
    (decision,) = decide([FleetAccount(plan.key, None, None, status)], RunRules(Operation.DESTROY))
    assert decision.result is None


@pytest.mark.parametrize(
    ("kind", "urn", "shown"),
    [
        ("aws:iam/user:User", "a::b::x:y:Z$aws:iam/user:User::prod/admin", "the state has also prod/admin"),
        ("aws:iam/role:Role", "a::b::aws:iam/role:Role::prod/old", "has also prod/old outside of its component"),
    ],
)
def test_a_resource_in_the_state_that_the_program_never_registers_is_told(
    plan: AccountPlan, kind: str, urn: str, shown: str
) -> None:
    foreign = StateResource(urn, kind, "theirs", {"name": "theirs"}, {})
    status = status_of(plan, state_of(plan, resources=(*resources_of(plan), foreign)))
    assert status.standing is not Standing.IN_LINE
    assert any(shown in need for need in status.needs), status.needs
