"""`dangerously_adopted_as_is`: only for a role that was so before, only for some time, and always shown."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

import access.trust
from access.adoption.as_found import ExistingRole, role_as_found
from access.adoption.comments import as_is_notes
from access.adoption.found import FoundRole
from access.comparison.changes import Change, Effect
from access.comparison.compare import compare
from access.comparison.view import PlanView
from access.compile import Compiled, compile_plan
from access.exactness.prove import prove_exact
from access.explanation.explain import TokenCall, explain
from access.explanation.names import Names
from access.managed_by import MANAGED_BY
from access.trust_in_words import trust_in_words
from config.load import load_inventory
from config.lock.models import Lock, LockedRoleAsFound
from oidc.arn import Partition
from oidc.bitbucket import Grade
from oidc.errors import UnprovenPlanError
from oidc.identifiers import AccountId

ACCOUNT, PATH = "111111111111", "api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc"
ARN = f"arn:aws:iam::{ACCOUNT}:role/ODICAssumeRole"
AUDIENCE = "ari:cloud:bitbucket::workspace/0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11"
ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"
SHOP, SITE = "{9a6d6bde-2ae3-4d4c-8a43-1f6a5d9a3c01}", "{7d1e2f3a-4b5c-4d6e-8f90-a1b2c3d4e504}"
PRODUCTION, STEP = "{c2b1a5de-6b7e-4d4b-b1a0-6a9d8c7b5e03}", "{aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee}"
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/ci-boundary"
TODAY = date(2026, 11, 28)
WHOLE = {
    "dangerously_whole_workspace": {"workspace": "acme", "reason": "as it was found"},
    "allow": {"whole-workspace-trust": "they move one by one"},
}
RECORD = {"arn": ARN, "role_id": "AROAEXAMPLE", "whole_workspaces": ["acme"], "audiences": [AUDIENCE]}


def compiled(
    folder: Path, *, until: str = "2027-03-31", record: Any = None, today: date = TODAY, **role: Any
) -> Compiled:
    """Compile an inventory whose only role is adopted as is."""
    shop = {"uuid": SHOP, "environments": {"production": PRODUCTION}}
    workspace = {"uuid": "{0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11}", "repositories": {"shop": shop, "site": SITE}}
    values = {
        "path": "/",
        "accounts": ["dev"],
        "managed_policies": ["aws:AdministratorAccess"],
        "dangerously_adopted_as_is": {"reason": "forty pipelines", "until": until},
        "trust": [WHOLE],
    }
    entry = {name: value for name, value in (values | role).items() if value is not None}
    inventory = {
        "workspaces": {"acme": workspace}, "accounts": {"dev": {"id": ACCOUNT}}, "roles": {"ODICAssumeRole": entry},
    }  # fmt: skip
    folder.mkdir(exist_ok=True)
    (folder / "inventory.yaml").write_text(yaml.safe_dump(inventory))
    found = {"id": ACCOUNT, "roles_as_found": {"ODICAssumeRole": RECORD | (record or {})}}
    (folder / "inventory.lock.yaml").write_text(yaml.safe_dump({"version": 1, "accounts": {"dev": found}}))
    return compile_plan(load_inventory(folder, today=today))


def rules(result: Compiled) -> list[tuple[str, str]]:
    return [(finding.rule, finding.level) for finding in result.findings if finding.rule != "unused-repository"]


BESIDE: dict[str, Any] = {"trust": [WHOLE, {"repository": "acme/shop", "environments": ["production"]}]}


def test_the_whole_workspace_ends_by_its_own_condition_and_the_repositories_beside_it_go_on(tmp_path: Path) -> None:
    plan = compiled(tmp_path, **BESIDE).plan
    assert plan is not None
    (role,) = plan.accounts[0].roles
    statements = role.trust_policy.to_json()["Statement"]
    ends = {
        tuple(statement["Condition"]["StringLike"][f"{PATH}:sub"]): statement["Condition"].get("DateLessThan")
        for statement in statements
    }
    assert ends == {
        (f"{SHOP}:{PRODUCTION}:*",): None,
        ("{????????-????-????-????-????????????}:*",): {"aws:CurrentTime": "2027-04-01T00:00:00Z"},
    }
    assert role.grade is Grade.WORKSPACE_WIDE
    assert any("ADOPTED AS IS until 2027-03-31" in trust_in_words(line) for line in role.trust)


@pytest.mark.parametrize(
    ("at", "allowed"),
    [
        ("2027-03-31T23:59:59+00:00", True),
        ("2027-04-01T00:00:00+00:00", False),
        ("2027-03-31T19:00:01-05:00", False),  # a day later in UTC
        ("2027-04-01T13:59:59+14:00", True),
    ],
)
def test_the_last_day_ends_at_midnight_in_utc_wherever_the_clock_is(tmp_path: Path, at: str, allowed: bool) -> None:
    plan = compiled(tmp_path).plan
    assert plan is not None
    claims = {"iss": f"https://{PATH}", "aud": AUDIENCE, "sub": f"{SITE}:{STEP}"}
    (verdict,) = explain(plan, TokenCall(claims, datetime.fromisoformat(at)), Names())
    assert verdict.answer.allowed is allowed
    assert any("ADOPTED AS IS" in reason.text for reason in verdict.answer.reasons) is allowed


def test_after_its_last_day_it_is_a_warning_and_everything_else_goes_on(tmp_path: Path) -> None:
    result = compiled(tmp_path, today=date(2027, 4, 1))
    assert rules(result) == [("expired", "warning")]
    assert result.plan == compiled(tmp_path).plan  # a plan never depends on today
    assert rules(compiled(tmp_path, today=date(2027, 3, 31))) == [("expires-soon", "warning")]


@pytest.mark.parametrize(
    ("role", "record"),
    [
        ({"name": "Another"}, {}),
        ({"path": "/ci/"}, {}),
        ({}, {"whole_workspaces": ["other"]}),
        ({}, {"audiences": ["deployments"]}),
        ({}, {"source_ips": ["192.0.2.0/24"]}),
        ({"source_ips": ["192.0.2.0/23"]}, {"source_ips": ["192.0.2.0/24"]}),
        ({"source_ips": ["2001:db8::/32"]}, {"source_ips": ["192.0.2.0/24"]}),
        ({"source_ips": ["192.0.2.0/24"]}, {"source_vpces": ["vpce-0123456789abcdef0"]}),
        ({"source_vpces": ["vpce-0123456789abcdef1"]}, {"source_vpces": ["vpce-0123456789abcdef0"]}),
        ({}, {"permissions_boundary": BOUNDARY}),
        ({"permissions_boundary": "account:another"}, {"permissions_boundary": BOUNDARY}),
    ],
)
def test_a_role_that_is_new_or_wider_than_the_lock_records_is_refused(tmp_path: Path, role: Any, record: Any) -> None:
    result = compiled(tmp_path, record=record, **role)
    assert ("adopted-as-is", "error") in rules(result)
    assert result.plan is None


def test_a_narrower_role_than_the_lock_records_is_accepted(tmp_path: Path) -> None:
    record = {"source_ips": ["192.0.2.0/24"], "whole_workspaces": ["acme", "other"]}
    assert rules(compiled(tmp_path, record=record, source_ips=["192.0.2.128/25"])) == []
    assert rules(compiled(tmp_path, permissions_boundary="account:ci-boundary")) == []
    bounded = {"permissions_boundary": BOUNDARY}
    assert rules(compiled(tmp_path, record=bounded, permissions_boundary="account:ci-boundary")) == []


def test_without_the_key_all_three_errors_come_at_once(tmp_path: Path) -> None:
    errors = {"admin-access", "whole-workspace-admin", "whole-workspace-expires"}
    assert {rule for rule, _ in rules(compiled(tmp_path, dangerously_adopted_as_is=None))} == errors
    inline: dict[str, Any] = {
        "managed_policies": ["aws:ReadOnlyAccess"],
        "dangerously_allow_admin": "because",
        "expires": "2027-03-31",
    }
    result = compiled(tmp_path, dangerously_adopted_as_is=None, **inline)
    assert [rule for rule, _ in rules(result)] == ["whole-workspace-admin"]


def test_the_proof_refuses_a_role_that_the_lock_does_not_have(tmp_path: Path) -> None:
    plan = compiled(tmp_path).plan
    loaded = load_inventory(tmp_path, today=TODAY)
    assert plan is not None
    prove_exact(plan, loaded.validated, loaded.lock.lock)
    with pytest.raises(UnprovenPlanError, match="what account dev has"):
        prove_exact(plan, loaded.validated, Lock())


@pytest.mark.parametrize("days", [None, 1, -1])
def test_the_proof_refuses_another_end_than_the_declared_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: int | None
) -> None:
    original: Any = access.trust._lines
    other = None if days is None else date(2027, 3, 31) + timedelta(days=days)
    monkeypatch.setattr(access.trust, "_lines", lambda *values: original(*values[:3], other))
    with pytest.raises(UnprovenPlanError, match="please report it; nothing was applied"):
        compiled(tmp_path)


def changes(folder: Path, before: dict[str, Any], after: dict[str, Any]) -> list[Change]:
    plans = [compiled(folder, **values).plan for values in (before, after)]
    assert all(plans)
    first, second = (PlanView.of(plan) for plan in plans if plan is not None)
    return [change for change in compare(first, second).changes if "dopted-as-is" in change.kind]


NARROWED: dict[str, Any] = {
    "dangerously_adopted_as_is": None,
    "dangerously_allow_admin": "x y",
    **BESIDE,
    "trust": BESIDE["trust"][1:],
}


@pytest.mark.parametrize(
    ("before", "after", "effect"),
    [
        (NARROWED, {}, Effect.WIDENING),
        ({}, {"until": "2027-04-01"}, Effect.WIDENING),
        ({}, {"until": "2027-03-30"}, Effect.NONE),
        ({}, NARROWED, Effect.NONE),
    ],
)
def test_a_diff_shows_it_as_widening_when_it_is_new_or_lasts_longer(
    tmp_path: Path, before: dict[str, Any], after: dict[str, Any], effect: Effect
) -> None:
    assert [change.effect for change in changes(tmp_path, before, after)] == [effect]


STATEMENT = {
    "Effect": "Allow",
    "Principal": {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{PATH}"},
    "Action": "sts:AssumeRoleWithWebIdentity",
    "Condition": {
        "StringEquals": {f"{PATH}:aud": AUDIENCE},
        "IpAddress": {"aws:SourceIp": ["34.199.54.113/32"]},
    },
}
FOUND = FoundRole(
    name="ODICAssumeRole", path="/", trust_policy={"Version": "2012-10-17", "Statement": [STATEMENT]}, description="",
    max_session_duration=3600, permissions_boundary_arn=None, managed_policy_arns=(ADMIN,), inline_policies={}, tags={},
)  # fmt: skip
EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


def recorded(role: FoundRole, before: LockedRoleAsFound | None = None, role_id: str = "AROAEXAMPLE") -> Any:
    return role_as_found(ExistingRole(ARN, role_id, role), AccountId(ACCOUNT), Partition.AWS, Names(), before)


def test_the_permissions_boundary_is_recorded() -> None:
    assert recorded(FOUND).permissions_boundary is None
    assert recorded(replace(FOUND, permissions_boundary_arn=BOUNDARY)).permissions_boundary == BOUNDARY


def with_condition(**condition: Any) -> FoundRole:
    statement = STATEMENT | {"Condition": condition}
    return replace(FOUND, trust_policy={"Version": "2012-10-17", "Statement": [statement]})


def test_the_role_of_the_template_is_recorded_as_it_is() -> None:
    record = recorded(FOUND)
    assert record == LockedRoleAsFound.model_validate(RECORD | {"source_ips": ["34.199.54.113/32"]})
    assert recorded(replace(FOUND, managed_policy_arns=(), inline_policies={"all": EVERYTHING})) == record


@pytest.mark.parametrize(
    "role",
    [
        replace(FOUND, managed_policy_arns=("arn:aws:iam::aws:policy/ReadOnlyAccess",)),
        with_condition(StringEquals={f"{PATH}:aud": AUDIENCE}, StringLike={f"{PATH}:sub": f"{SHOP}:*"}),
        with_condition(
            StringEquals={f"{PATH}:aud": AUDIENCE}, DateLessThan={"aws:CurrentTime": "2030-01-01T00:00:00Z"}
        ),
        with_condition(StringEquals={f"{PATH}:aud": AUDIENCE, "aws:PrincipalOrgID": "o-1"}),
        replace(FOUND, trust_policy={}),
    ],
    ids=["no admin access", "of a repository", "ends by itself", "an inexpressible condition", "no policy"],
)
def test_a_role_that_is_not_so_is_not_recorded(role: FoundRole) -> None:
    assert recorded(role) is None


def test_a_role_that_this_program_manages_gets_no_record_and_keeps_the_one_of_the_same_role() -> None:
    ours, record = replace(FOUND, tags={"ManagedBy": MANAGED_BY}), recorded(FOUND)
    assert recorded(ours) is None
    assert recorded(ours, record) == record
    assert recorded(ours, record, role_id="AROAANOTHER") is None


def test_adopt_gives_the_ready_lines_for_every_role_that_is_still_as_it_was(tmp_path: Path) -> None:
    compiled(tmp_path)
    inventory = load_inventory(tmp_path, today=TODAY).inventory
    (note,) = as_is_notes(inventory, Lock())
    assert note.subject == "roles.ODICAssumeRole"
    lines = (
        "- {repository: acme/shop, environments: [production]}, "
        "- {repository: acme/site, steps: all_including_environments}"
    )
    assert note.message.endswith(lines)
    locked = {"uuid": "{0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11}", "undeclared_repositories": {"old": STEP}}
    further, _ = as_is_notes(inventory, Lock.model_validate({"workspaces": {"acme": locked}}))
    assert further.message.endswith("old: ")
