"""Guardrails: which file holds them, and that nothing moves them. What they forbid is in the faulty inventories."""

import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from access.compile import Compiled, compile_plan
from config.load import load_inventory

DELEGATED = Path(__file__).parent.parent / "fixtures" / "inventories" / "delegated"
ROLE = "roles: {r: {accounts: [dev], trust: [{repository: acme/shop, environments: [production]}]}}\n"
GUARDRAILS = "guardrails: {rules: {everywhere: {permissions_boundary: account:ci-boundary}}}\n"

Inventory = Callable[..., Path]


def compiled(folder: Path, guardrails: Path | None = None) -> Compiled:
    return compile_plan(load_inventory(folder, guardrails=guardrails))


def rules(folder: Path, guardrails: Path | None = None) -> list[str]:
    return [finding.rule for finding in compiled(folder, guardrails).findings]


@pytest.fixture
def delegated(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DELEGATED, tmp_path / "inventory"))


def test_an_inventory_within_its_guardrails_gives_no_finding() -> None:
    assert compiled(DELEGATED).findings == ()


def test_without_guardrails_anything_goes(write_inventory: Inventory) -> None:
    assert rules(write_inventory(ROLE)) == []


def test_the_file_in_the_inventory_holds_unless_another_is_named(write_inventory: Inventory) -> None:
    assert rules(write_inventory(ROLE, guardrails_yaml=GUARDRAILS)) == ["guardrail-boundary"]


def test_a_named_file_inside_the_inventory_is_read_once(write_inventory: Inventory) -> None:
    folder = write_inventory(ROLE, platform__rules_yaml=GUARDRAILS)
    assert rules(folder, folder / "platform" / "rules.yaml") == ["guardrail-boundary"]
    assert rules(folder, folder / "platform" / ".." / "platform" / "rules.yaml") == ["guardrail-boundary"]


def test_a_named_file_outside_of_the_inventory_is_read_besides(write_inventory: Inventory, tmp_path: Path) -> None:
    folder = write_inventory(ROLE)
    (tmp_path / "rules.yaml").write_text(GUARDRAILS)
    (finding,) = compiled(folder, tmp_path / "rules.yaml").findings
    assert finding.rule == "guardrail-boundary"
    assert f"guardrail `everywhere` ({tmp_path / 'rules.yaml'}:1)" in finding.message


def test_a_named_file_may_be_a_link(write_inventory: Inventory, tmp_path: Path) -> None:
    folder = write_inventory(ROLE)
    (tmp_path / "mounted.yaml").write_text(GUARDRAILS)
    (tmp_path / "rules.yaml").symlink_to(tmp_path / "mounted.yaml")
    assert rules(folder, tmp_path / "rules.yaml") == ["guardrail-boundary"]


def test_a_named_guardrails_file_that_does_not_exist_is_an_error(write_inventory: Inventory, tmp_path: Path) -> None:
    (finding,) = compiled(write_inventory(ROLE), tmp_path / "rules.yaml").findings
    assert str(finding) == (
        f"{tmp_path}/rules.yaml:1:1: error[guardrails-missing] this file does not exist, and must hold guardrails; "
        "correct the stack config `guardrails`, the option --guardrails or `rollout`, or put the file back"
    )


@pytest.mark.parametrize("target", ["rules.yaml", "gone.yaml"])
def test_a_named_link_that_leads_nowhere_is_an_error(write_inventory: Inventory, tmp_path: Path, target: str) -> None:
    (tmp_path / "rules.yaml").symlink_to(tmp_path / target)
    assert rules(write_inventory(ROLE), tmp_path / "rules.yaml") == ["unreadable-file"]


def test_if_another_file_is_named_the_one_in_the_inventory_must_not_hold_guardrails(
    write_inventory: Inventory, tmp_path: Path
) -> None:
    weak = "guardrails: {rules: {everywhere: {max_session_duration: 12h}}}\n"
    folder = write_inventory(ROLE, guardrails_yaml=weak)
    (tmp_path / "rules.yaml").write_text(GUARDRAILS)
    assert sorted(rules(folder, tmp_path / "rules.yaml")) == ["guardrail-boundary", "guardrails-elsewhere"]


def test_guardrails_beside_an_inventory_of_one_file_apply_to_it(write_inventory: Inventory) -> None:
    folder = write_inventory(ROLE, guardrails_yaml=GUARDRAILS)
    assert rules(folder / "base.yaml") == ["guardrail-boundary"]


def test_an_inventory_of_one_file_cannot_hold_its_own_guardrails(write_inventory: Inventory) -> None:
    folder = write_inventory(ROLE, GUARDRAILS)
    assert rules(folder / "base.yaml") == ["guardrails-elsewhere"]


def test_a_teams_link_to_the_guardrails_is_not_the_guardrails_file(write_inventory: Inventory) -> None:
    folder = write_inventory(ROLE.replace("accounts", "permissions_boundary: account:ci-boundary, accounts"))
    (folder / "guardrails.yaml").write_text(GUARDRAILS)
    (folder / "teams").mkdir()
    (folder / "teams" / "guardrails.yaml").symlink_to(folder / "guardrails.yaml")
    assert rules(folder) == ["guardrails-elsewhere"]


def test_guardrails_brought_by_a_merge_key_are_seen(write_inventory: Inventory) -> None:
    folder = write_inventory(ROLE, more_yaml="<<: {guardrails: {rules: {x: {max_session_duration: 12h}}}}\n")
    assert rules(folder) == ["guardrails-elsewhere"]


def test_a_fault_in_the_guardrails_is_never_half_of_them(write_inventory: Inventory) -> None:
    broken = GUARDRAILS.replace("}}}", ", max_session_duration: 1m}}}")
    result = compiled(write_inventory(ROLE, guardrails_yaml=broken))
    assert [finding.rule for finding in result.findings] == ["bad-duration"]
    assert result.plan is None


def test_a_linked_file_in_a_folder_of_a_team_is_not_that_of_another(delegated: Path) -> None:
    (delegated / "platform" / "more.txt").write_text("roles: {}\n")
    (delegated / "teams" / "shop" / "more.yaml").symlink_to(delegated / "platform" / "more.txt")
    (finding,) = compiled(delegated).findings
    assert (finding.rule, Path(finding.place.file).name) == ("delegation-file", "more.yaml")
    assert "this is a link" in finding.message


def test_a_linked_policy_file_is_that_of_the_folder_it_leads_to(delegated: Path) -> None:
    file = delegated / "teams" / "payments" / "files.json"
    file.rename(delegated / "teams" / "shop" / "files.json")
    file.symlink_to(delegated / "teams" / "shop" / "files.json")
    assert rules(delegated) == ["delegation-policy"]


def test_the_point_covers_everything_that_no_other_path_covers(delegated: Path) -> None:
    (delegated / "more.yaml").write_text("accounts: {test: {id: '333333333333'}}\n")
    assert rules(delegated) == ["delegation-file"]
    text = (delegated / "guardrails.yaml").read_text()
    (delegated / "guardrails.yaml").write_text(text.replace("platform: [platform]", 'platform: ["."]'))
    assert rules(delegated) == []


def test_the_nearest_path_holds_alone(delegated: Path) -> None:
    inner = delegated / "teams" / "shop" / "inner"
    inner.mkdir()
    (delegated / "teams" / "shop" / "roles.yaml").rename(inner / "roles.yaml")
    assert rules(delegated) == []
    text = (delegated / "guardrails.yaml").read_text()
    narrow = text.replace("  platform:", '    teams/shop/inner: {roles: ["inner-*"]}\n  platform:')
    (delegated / "guardrails.yaml").write_text(narrow)
    assert rules(delegated) == ["delegation-name", "delegation-account", "delegation-repository"]


def test_a_lock_that_a_team_contradicts_is_a_mismatch(delegated: Path) -> None:
    roles = delegated / "teams" / "payments" / "roles.yaml"
    roles.write_text(roles.read_text().replace("{3a3b4c5d-", "{3a3b4c5e-"))
    assert rules(delegated) == ["lock-mismatch"]


def test_without_the_lock_every_uuid_of_a_team_is_refused(delegated: Path) -> None:
    (delegated / "inventory.lock.yaml").unlink()
    assert rules(delegated) == ["delegation-repository", "delegation-repository"]


@pytest.mark.parametrize(
    ("previous", "expected"),
    [("[payments-old]", []), ("[payments-old, deploy]", ["delegation-name"]), ("[shop-old]", ["delegation-name"])],
)
def test_a_team_claims_only_previous_keys_that_its_folder_may_use(
    delegated: Path, previous: str, expected: list[str]
) -> None:
    roles = delegated / "teams" / "payments" / "roles.yaml"
    for role in ("payments-deploy: &deploy", "payments-build:"):
        text = roles.read_text()
        roles.write_text(text.replace(f"  {role}\n", f"  {role}\n    previous_keys: {previous}\n"))
        found = [rule for rule in rules(delegated) if rule.startswith("delegation")]
        roles.write_text(text)
        assert found[:1] == expected, role


def test_the_platform_claims_any_previous_key(delegated: Path) -> None:
    roles = delegated / "teams" / "payments" / "roles.yaml"
    text = roles.read_text()
    moved = text[text.index("  payments-build:") :]
    roles.write_text(text.replace(moved, ""))
    renamed = moved.replace("  payments-build:\n", "  payments-build:\n    previous_keys: [shop-old]\n")
    (delegated / "platform" / "build.yaml").write_text(f"roles:\n{renamed}")
    assert not [rule for rule in rules(delegated) if rule.startswith("delegation")]


def test_what_the_platform_declares_needs_no_lock(delegated: Path) -> None:
    (delegated / "inventory.lock.yaml").unlink()
    roles = delegated / "teams" / "payments" / "roles.yaml"
    text = roles.read_text()
    moved = text[text.index("workspaces:") : text.index("permission_policies:")]
    roles.write_text(text.replace(moved, ""))
    (delegated / "platform" / "payments.yaml").write_text(moved)
    assert rules(delegated) == []


FAULTY = {
    "teams/payments/roles.yaml": [("12h", "11h"), ("account:team/payments/extra", "account:extra")],
    "teams/shop/roles.yaml": [("owner: team-shop", "description: Deploys"), ("env: dev", "env: prod")],
    "platform/base.yaml": [("owner: platform", "description: Looks"), ("ci-boundary, region", "none, region")],
}


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.randoms(use_true_random=False))
def test_guardrails_find_the_same_in_any_order_of_keys(tmp_path: Path, rng: random.Random) -> None:
    folder = Path(shutil.copytree(DELEGATED, tmp_path / "inventory", dirs_exist_ok=True))
    for name, changes in FAULTY.items():
        text = (folder / name).read_text()
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        (folder / name).write_text(text)
    expected = rules_and_paths(folder)
    assert len({rule for rule, _ in expected}) >= 5
    for path in folder.rglob("*.yaml"):
        path.write_text(yaml.safe_dump(shuffled(yaml.safe_load(path.read_text()), rng), sort_keys=False))
    assert rules_and_paths(folder) == expected


def rules_and_paths(folder: Path) -> list[tuple[str, str]]:
    """Return rules and paths of findings; an anchor written out gives a finding at each use."""
    return sorted({(finding.rule, finding.path.replace("payments-read", "payments-deploy")) for finding in
                   compiled(folder).findings})  # fmt: skip


def shuffled(data: Any, rng: random.Random) -> Any:
    if isinstance(data, dict):
        return {key: shuffled(data[key], rng) for key in rng.sample(list(data), len(data))}
    return data


def test_guardrails_do_not_depend_on_names_and_order_of_files(delegated: Path) -> None:
    before = compiled(delegated)
    (delegated / "platform" / "base.yaml").rename(delegated / "platform" / "zz.yml")
    (delegated / "teams" / "payments" / "roles.yaml").rename(delegated / "teams" / "payments" / "a.yaml")
    after = compiled(delegated)
    assert (after.findings, after.plan) == ((), before.plan)
