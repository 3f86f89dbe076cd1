"""What a change means for access: each change gives its finding, in the right direction, and nothing else."""

import itertools
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from access.comparison.admission import Admitted
from access.comparison.changes import Change, Comparison, Effect
from access.comparison.compare import compare
from access.comparison.view import NOTHING, PlanView
from access.compile import compile_plan
from access.plan_json import plan_json
from access.plan_reading import plan_of, read_plan
from config.load import load_inventory
from oidc.errors import UsageError
from oidc.iam.pattern import matches
from tests.config.changed_inventories import SOUND, mutated

SHOP, PRODUCTION = "{9a6d6bde-2ae3-4d4c-8a43-1f6a5d9a3c01}", "{c2b1a5de-6b7e-4d4b-b1a0-6a9d8c7b5e03}"
INVENTORY = f"""
workspaces:
  acme:
    uuid: "{{0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11}}"
    audiences: [further]
    repositories:
      shop:
        uuid: "{SHOP}"
        environments: {{production: "{PRODUCTION}", staging: "{{5f0c9f0c-51e4-4c58-9a86-0b2f7f9f6a02}}"}}
accounts:
  dev: {{id: "111111111111"}}
permission_policies:
  p:
    document:
      Version: "2012-10-17"
      Statement:
        - {{Sid: Put, Effect: Allow, Action: ["s3:PutObject"], Resource: "arn:aws:s3:::b/*"}}
roles:
  r:
    accounts: [dev]
    trust: [{{repository: acme/shop, environments: [production]}}]
    inline_policies: [p]
"""
EVERY = {"repository": "acme/shop", "steps": "all_including_environments"}
STATEMENT = ("permission_policies", "p", "document", "Statement", 0)


def base(**role: Any) -> dict[str, Any]:
    data: dict[str, Any] = yaml.safe_load(INVENTORY)
    data["roles"]["r"] |= role
    return data


def at(path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    data: Any = base()
    holder = data
    for part in path[:-1]:
        holder = holder[part]
    holder[path[-1]] = value
    result: dict[str, Any] = data
    return result


@pytest.fixture
def view(tmp_path: Path) -> Callable[[dict[str, Any]], PlanView]:
    def see(data: dict[str, Any]) -> PlanView:
        (tmp_path / "inventory.yaml").write_text(yaml.safe_dump(data, sort_keys=False))
        compiled = compile_plan(load_inventory(tmp_path))
        assert compiled.plan is not None, compiled.findings
        return PlanView.of(compiled.plan)

    return see


View = Callable[[dict[str, Any]], PlanView]


def kinds(comparison: Comparison) -> list[tuple[str, str]]:
    return [(change.kind, change.effect.value) for change in comparison.changes]


BOUNDARY = "account:b"
DEPLOY = "arn:aws:iam::111111111111:role/Deploy"
ADMIN = {"managed_policies": ["aws:AdministratorAccess"], "dangerously_allow_admin": "why"}


@pytest.mark.parametrize(
    ("before", "after", "forward", "backward"),
    [
        (base(), base(trust=[EVERY]), [("trust-gained", "widening")], [("trust-lost", "loss")]),
        (
            base(),
            base(trust=[{"repository": "acme/shop", "environments": ["production", "staging"]}]),
            [("trust-gained", "gain")],
            [("trust-lost", "loss")],
        ),
        (
            base(),
            base(trust=[{"repository": "acme/shop", "environments": ["production"], "audiences": ["further"]}]),
            [("trust-gained", "gain"), ("trust-lost", "loss")],
            [("trust-gained", "gain"), ("trust-lost", "loss")],
        ),
        (base(source_ips=["8.8.8.0/24"]), base(), [("addresses-removed", "widening")], [("addresses-added", "loss")]),
        (
            base(source_ips=["8.8.8.0/24"]),
            base(source_ips=["8.8.8.0/24"], source_vpces=["vpce-0123456789abcdef0"]),
            [("addresses-gained", "gain")],
            [("addresses-lost", "loss")],
        ),
        (base(expires="2031-01-01"), base(), [("end-removed", "widening")], [("end-added", "loss")]),
        (base(expires="2031-01-01"), base(expires="2032-01-01"), [("end-later", "gain")], [("end-earlier", "loss")]),
        (
            base(permissions_boundary=BOUNDARY),
            base(),
            [("boundary-removed", "widening")],
            [("boundary-added", "loss")],
        ),
        (
            base(),
            base(**ADMIN),
            [("admin-allowed", "widening"), ("admin-gained", "widening"), ("managed-policy-attached", "gain")],
            [("admin-lost", "loss"), ("managed-policy-detached", "loss"), ("admin-no-longer-allowed", "none")],
        ),
        (
            base(),
            base(dangerously_allow_admin="why"),
            [("admin-allowed", "widening")],
            [("admin-no-longer-allowed", "none")],
        ),
        (
            base(dangerously_allow_admin="why"),
            base(dangerously_allow_admin="why not"),
            [("admin-reason-changed", "none")],
            [("admin-reason-changed", "none")],
        ),
        (base(), base(max_session_duration="2h"), [("session-longer", "gain")], [("session-shorter", "loss")]),
        (base(), base(description="x"), [("description-changed", "none")], [("description-changed", "none")]),
        (base(), base(tags={"A": "b"}), [("tags-changed", "none")], [("tags-changed", "none")]),
        (base(), base(name="other"), [("arn-changed", "breaks")], [("arn-changed", "breaks")]),
        (base(), base(inline_policies=[]), [("permission-lost", "loss")], [("permission-gained", "gain")]),
        (
            base(),
            at((*STATEMENT, "Action"), ["s3:PutObject", "s3:GetObject"]),
            [("permission-gained", "gain")],
            [("permission-lost", "loss")],
        ),
        (
            base(),
            at((*STATEMENT, "Condition"), {"Bool": {"aws:SecureTransport": "true"}}),
            [("permission-lost", "loss")],
            [("permission-gained", "gain")],
        ),
        (
            base(),
            at((*STATEMENT, "Effect"), "Deny"),
            [("permission-lost", "loss")],
            [("permission-gained", "gain")],
        ),
        (
            base(),
            at(("accounts", "dev", "oidc_provider"), "reference"),
            [("mode-changed", "breaks")],
            [("mode-changed", "none")],
        ),
        (
            base(),
            at(("workspaces", "acme", "audiences"), []),
            [("audiences-removed", "breaks")],
            [("audiences-added", "none")],
        ),
        (
            base(),
            at(("defaults",), {"thumbprints": "omit"}),
            [("thumbprints-changed", "none")],
            [("thumbprints-changed", "none")],
        ),
    ],
)  # fmt: skip
def test_each_change_is_reported_in_its_direction(
    view: View, before: dict[str, Any], after: dict[str, Any], forward: list[Any], backward: list[Any]
) -> None:
    old, new = view(before), view(after)
    assert kinds(compare(old, new)) == forward
    assert kinds(compare(new, old)) == backward


def entered(**how: Any) -> dict[str, Any]:
    return at(("accounts", "dev"), {"id": "111111111111", **how})


def by_role(**more: Any) -> dict[str, Any]:
    return entered(deploy_role={"arn": DEPLOY, **more})


def test_patterns_that_the_deploying_role_may_attach_are_a_gain_also_of_a_new_account(view: View) -> None:
    none, some = entered(), entered(attachable_policies=["aws:*", "account:ci/*"])
    (gained,) = compare(view(none), view(some)).changes
    assert (gained.kind, gained.effect) == ("attachable-policies-added", Effect.GAIN)
    assert "may attach arn:aws:iam::111111111111:policy/ci/*, arn:aws:iam::aws:policy/*, once" in gained.message
    (lost,) = compare(view(some), view(none)).changes
    assert (lost.kind, lost.effect) == ("attachable-policies-removed", Effect.NONE)
    (added,) = (change for change in compare(NOTHING, view(some)).changes if change.kind == "account-added")
    assert "its deploying role may attach arn:aws:iam::111111111111:policy/ci/*" in added.message


@pytest.mark.parametrize(
    ("before", "after", "parts"),
    [
        (entered(), entered(profile="p"), ["by the profile p"]),
        (entered(profile="p"), entered(profile="q"), ["by the profile q (was by the profile p)"]),
        (entered(), by_role(external_id="secret-1"), [f"by the role {DEPLOY}", "external id is new"]),
        (by_role(), entered(deploy_role=f"{DEPLOY}2"), [f"by the role {DEPLOY}2 (was by the role {DEPLOY})"]),
        (by_role(external_id="secret-1"), by_role(external_id="secret-2"), ["external id changes"]),
        (by_role(external_id="secret-1"), by_role(), ["external id is removed"]),
        (by_role(), by_role(session_name="shown"), ["with the session name shown (was without a session name)"]),
    ],
)
def test_a_changed_way_into_an_account_is_reported_without_external_ids(
    view: View, before: dict[str, Any], after: dict[str, Any], parts: list[str]
) -> None:
    comparison = compare(view(before), view(after))
    assert kinds(comparison) == [("way-in-changed", "gain")] * len(parts)
    assert all(part in change.message for part, change in zip(parts, comparison.changes, strict=True))
    assert "secret-" not in repr((comparison, compare(NOTHING, view(after)), compare(view(after), NOTHING)))


def test_a_new_account_says_how_it_is_entered(view: View) -> None:
    (added,) = [change for change in compare(NOTHING, view(by_role(external_id="secret-1"))).changes if not change.arn]
    assert added.message.endswith(f"is new; the program enters it by the role {DEPLOY}, with external id")


def test_a_plan_in_a_file_is_not_compared_in_what_it_leaves_out(view: View) -> None:
    old = plan_json_of(view(entered(profile="p", oidc_provider="create")))
    for account in old["accounts"]:
        for part in (account, *account["roles"], *account["oidc_providers"]):
            del part["others"]
    assert compare(plan_of(old, "x"), view(entered())).changes == ()


def test_trust_that_earlier_trust_included_is_only_a_loss(view: View) -> None:
    narrower = compare(view(base(trust=[EVERY])), view(base()))
    assert kinds(narrower) == [("trust-lost", "loss")]
    both = base(trust=[EVERY, {"repository": "acme/shop", "environments": ["production"]}])
    assert kinds(compare(view(base(trust=[EVERY])), view(both))) == [("policy-rewritten", "none")]


def test_a_removed_limit_is_reported_while_trust_narrows(view: View) -> None:
    comparison = compare(view(base(trust=[EVERY], source_ips=["8.8.8.0/24"])), view(base()))
    assert kinds(comparison) == [("addresses-removed", "widening"), ("trust-lost", "loss")]


def test_another_key_for_the_same_arn_changes_no_access_and_breaks_the_next_deployment(view: View) -> None:
    data = base(name="same")
    moved = base(name="same")
    moved["roles"] = {"moved": moved["roles"]["r"]}
    comparison = compare(view(data), view(moved))
    assert kinds(comparison) == [("key-changed", "breaks")]
    assert comparison.roles_lost == ("arn:aws:iam::111111111111:role/bitbucket/same",)


FAMILY = {
    "name": "r-{{environment}}",
    "for_each": {"environment": ["production", "staging"]},
    "trust": [{"repository": "acme/shop", "environments": ["{{environment}}"]}],
}
ONLY_STAGING = {**FAMILY, "for_each": {"environment": ["staging"]}}
TAKEN_OUT = {"name": "r-production"}


@pytest.mark.parametrize(
    ("after", "advice"),
    [
        ({"moved": FAMILY}, "name the old one under `previous_keys`"),
        ({"r": ONLY_STAGING, "taken": TAKEN_OUT}, "`previous_keys` cannot name the old key"),
        ({"moved": ONLY_STAGING, "taken": TAKEN_OUT}, "`previous_keys` cannot name the old key"),
        ({"r": ONLY_STAGING, "taken": {**FAMILY, "for_each": {"environment": ["production"]}}}, "cannot name the old"),
    ],
)
def test_a_changed_key_is_told_only_advice_that_validate_accepts(
    view: View, after: dict[str, dict[str, Any]], advice: str
) -> None:
    old, new = base(**FAMILY), base()
    new["roles"] = {key: new["roles"]["r"] | role for key, role in after.items()}
    changed = [change for change in compare(view(old), view(new)).changes if change.kind == "key-changed"]
    assert advice in next(change.message for change in changed if "roles.r[production]" in change.message)


def test_keys_that_say_what_they_were_break_nothing(view: View) -> None:
    moved = base(name="same", accounts=["first"], previous_keys=["r"])
    moved["roles"] = {"moved": moved["roles"]["r"]}
    moved["accounts"] = {"first": {"id": "111111111111", "previous_keys": ["dev"]}}
    comparison = compare(view(base(name="same")), view(moved))
    assert kinds(comparison) == [("account-key-changed", "none"), ("key-changed", "none")]
    assert comparison.roles_lost == ()


def test_another_name_for_a_repository_changes_nothing(view: View) -> None:
    renamed = yaml.safe_load(INVENTORY.replace("shop", "store"))
    assert kinds(compare(view(base()), view(renamed))) == [("name-changed", "none")]


def test_notaction_in_place_of_action_is_a_gain(view: View) -> None:
    data = base()
    del data["permission_policies"]["p"]["document"]["Statement"][0]["Action"]
    old = plan_json_of(view(base()))
    statement = old["accounts"][0]["roles"][0]["inline_policies"]["p"]["Statement"][0]
    statement["NotAction"] = statement.pop("Action")
    comparison = compare(view(base()), plan_of(old, "x"))
    assert ("permission-gained", "gain") in kinds(comparison)


def plan_json_of(plan: PlanView) -> dict[str, Any]:
    dumped: dict[str, Any] = json.loads(plan.model_dump_json())
    return dumped


def test_from_nothing_everything_is_new_and_says_what_it_may_do(view: View) -> None:
    comparison = compare(NOTHING, view(base(source_ips=["8.8.8.0/24"])))
    assert {change.kind for change in comparison.changes} == {
        "trust-gained", "role-added", "account-added", "oidc-provider-added",
    }  # fmt: skip
    (role,) = [change for change in comparison.changes if change.kind == "role-added"]
    assert role.message == "new role: inline policy p; only from 8.8.8.0/24"
    gone = compare(view(base(source_ips=["8.8.8.0/24"])), NOTHING)
    assert gone.roles_lost == ("arn:aws:iam::111111111111:role/bitbucket/r",)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda plan: [], "Input should be a valid dictionary"),
        (lambda plan: {"accounts": 3}, "accounts: "),
        (lambda plan: {"accounts": plan["accounts"] * 2}, "account 111111111111 appears twice"),
        (lambda plan: trust_of(plan).pop("Condition") and plan, "admits tokens that no line of `trust` names"),
        (lambda plan: trust_of(plan)["Condition"].pop("StringEquals") and plan, "compares no audience"),
        (
            lambda plan: changed(plan, trust_of(plan), Principal={"AWS": "*"}),
            "admits tokens that no line of `trust` names",
        ),
        (lambda plan: changed(plan, role_of(plan)["inline_policies"], p={"a": 1}), "no sound `Statement`"),
        (lambda plan: changed(plan, role_of(plan), max_session_duration="1"), "roles[0].max_session_duration: "),
    ],
)
def test_json_that_is_not_a_plan_gives_one_clear_line(view: View, change: Callable[[Any], Any], expected: str) -> None:
    with pytest.raises(UsageError, match=r"plan\.json is not a plan") as error:
        plan_of(change(plan_json_of(view(base()))), "plan.json")
    assert expected in str(error.value)
    assert "\n" not in str(error.value)


def changed(plan: dict[str, Any], part: dict[str, Any], **values: Any) -> dict[str, Any]:
    part.update(values)
    return plan


def role_of(plan: dict[str, Any]) -> dict[str, Any]:
    role: dict[str, Any] = plan["accounts"][0]["roles"][0]
    return role


def trust_of(plan: dict[str, Any]) -> dict[str, Any]:
    statement: dict[str, Any] = role_of(plan)["trust_policy"]["Statement"][0]
    return statement


@pytest.mark.parametrize("content", [b"{", b"\xff", b"[" * 100_000, b""])
def test_a_file_that_holds_no_json_is_no_plan(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "plan.json").write_bytes(content)
    with pytest.raises(UsageError, match="it is not JSON"):
        read_plan(tmp_path / "plan.json")


def compiled_or_none(folder: Path, data: Any) -> PlanView | None:
    (folder / "inventory.yaml").write_text(yaml.safe_dump(data, sort_keys=False, allow_unicode=True))
    plan = compile_plan(load_inventory(folder)).plan
    if plan is None:
        return None
    assert compare(plan_of(json.loads(json.dumps(plan_json(plan))), "x"), PlanView.of(plan)).changes == ()
    return PlanView.of(plan)


def access(changes: tuple[Change, ...], kind: str) -> set[tuple[str, str | None, str | None]]:
    return {(change.arn or "", change.who, change.grade) for change in changes if change.kind == kind}


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.randoms(use_true_random=False))
def test_a_gain_in_one_direction_is_a_loss_in_the_other(tmp_path: Path, rng: random.Random) -> None:
    first, second = compiled_or_none(tmp_path, rng.choice(SOUND)), compiled_or_none(tmp_path, mutated(rng))
    if first is None or second is None:
        return
    assert compare(second, second).changes == ()
    forward, backward = compare(first, second), compare(second, first)
    arns = {role.arn for plan in (first, second) for account in plan.accounts for role in account.roles}
    renamed = {
        change.arn
        for comparison in (forward, backward)
        for change in comparison.changes
        if change.kind == "arn-changed"
    }
    same = {line for line in access(forward.changes, "trust-gained") if line[0] in arns - renamed}
    assert same == {line for line in access(backward.changes, "trust-lost") if line[0] in arns - renamed}
    assert {change.effect for change in forward.changes} <= set(Effect)


def test_another_repository_of_the_same_name_is_reported_by_its_uuid(view: View) -> None:
    other = SHOP.replace("3c01", "3c99")
    after = at(("workspaces", "acme", "repositories", "shop", "uuid"), other)
    changes = compare(view(base()), view(after)).changes
    assert [(change.kind, change.message.partition("; subject pattern ")[2]) for change in changes] == [
        ("trust-gained", f"{other}:{PRODUCTION}:*"),
        ("trust-lost", f"{SHOP}:{PRODUCTION}:*"),
    ]


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.randoms(use_true_random=False))
def test_an_added_line_of_trust_is_exactly_that_gain(tmp_path: Path, rng: random.Random) -> None:
    data = yaml.safe_load(yaml.safe_dump(rng.choice(SOUND)))
    before = compiled_or_none(tmp_path, data)
    assert before is not None
    data["workspaces"]["acme"]["repositories"]["added"] = {
        "uuid": "{aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee}",
        "environments": {"live": "{aaaaaaaa-bbbb-4ccc-8ddd-ffffffffffff}"},
    }
    plain = [key for key, role in data["roles"].items() if not is_wide(role) and "for_each" not in role]
    key = rng.choice(plain)
    data["roles"][key]["trust"].append({"repository": "acme/added", "environments": ["live"]})
    after = compiled_or_none(tmp_path, data)
    assert after is not None
    changes = [change for change in compare(before, after).changes if not change.kind.startswith("oidc-provider")]
    assert {(change.kind, change.role, change.who) for change in changes} == {
        ("trust-gained", key, "acme/added, deployment environment live")
    }


def is_wide(role: dict[str, Any]) -> bool:
    return any("dangerously_whole_workspace" in entry for entry in role["trust"])


subject_patterns = st.text("ab*?", min_size=1, max_size=4)
SUBJECTS = ["".join(letters) for length in range(6) for letters in itertools.product("abc", repeat=length)]


@given(wide=subject_patterns, narrow=subject_patterns)
@example(wide="ab*", narrow="a*b")
@example(wide="?*?", narrow="b*")
@example(wide="*b?", narrow="*bb*")
def test_a_pattern_covers_another_only_if_it_matches_all_that_the_other_does(wide: str, narrow: str) -> None:
    if Admitted("acme", wide, "own").covers(Admitted("acme", narrow, "own")):
        assert all(matches(subject, wide) for subject in SUBJECTS if matches(subject, narrow))


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [("ab*", "a*b"), ("{r}:?*", "{r}:*"), ("*b?", "*bb*"), ("{r}:{e}:*", "{r}:*"), ("{r}:????", "{r}:*")],
)
def test_tokens_covered_in_part_are_not_covered(wide: str, narrow: str) -> None:
    assert not Admitted("acme", wide, "own").covers(Admitted("acme", narrow, "own"))


@pytest.mark.parametrize(("wide", "narrow"), [("{r}:*", "{r}:{e}:*"), ("{r}:*", "{r}:{??}"), ("*", "?"), ("a*", "a*")])
def test_tokens_covered_as_a_whole_are_covered(wide: str, narrow: str) -> None:
    assert Admitted("acme", wide, "own").covers(Admitted("acme", narrow, "own"))
    assert not Admitted("acme", wide, "own").covers(Admitted("other", narrow, "own"))
    assert not Admitted("acme", wide, "own").covers(Admitted("acme", narrow, "further"))
