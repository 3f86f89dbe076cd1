"""A fleet's rollout belongs to the platform team: no file of a team chooses the guardrails that judge it."""

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from access.compile import compile_plan
from config.load import load_inventory
from config.models.rollout import Rollout
from tests.config.editor_schema import refusals

Inventory = Callable[..., Path]
ROLES = "roles: {r: {accounts: [dev], trust: [{repository: acme/shop, environments: [production]}]}}\n"
STRICT = """
guardrails:
  rules: {everywhere: {permissions_boundary: account:boundary}}
  folders: {FOLDER: {roles: ["team-*"], accounts: [dev], repositories: ["acme/*"]}}
  platform: [base.yaml, PLATFORM, rules]
"""
LAX = "guardrails: {platform: [.]}\n"


def rules_of(folder: Path, guardrails: Path | None = None) -> set[str]:
    compiled = compile_plan(load_inventory(folder, guardrails=guardrails))
    assert (compiled.plan is None) == any(finding.level == "error" for finding in compiled.findings)
    return {finding.rule for finding in compiled.findings if finding.level == "error"}


@pytest.mark.parametrize(
    ("named", "team", "key"),
    list(itertools.product(["by-default", "by-rollout", "by-option"], ["a-team", "z-team"], ["guardrails", "waves"])),
)
def test_a_file_of_a_team_chooses_no_guardrails(
    write_inventory: Inventory, tmp_path: Path, named: str, team: str, key: str
) -> None:
    value = f"{{guardrails: {team}/own.yaml}}" if key == "guardrails" else "{waves: [{name: first, accounts: [dev]}]}"
    platform = "rollout: {guardrails: ../strict.yaml}\n" if named == "by-rollout" else ""
    folder = write_inventory(
        ROLES, **{f"{team}__roles_yaml": f"rollout: {value}\n", f"{team}__own_yaml": LAX, "platform_yaml": platform}
    )
    strict = STRICT.replace("FOLDER", team).replace("PLATFORM", "platform.yaml").replace(", rules]", "]")
    file = folder / "guardrails.yaml" if named == "by-default" else tmp_path / "strict.yaml"
    file.write_text(strict)
    option = file if named == "by-option" else None
    # The team's own file is wrong in itself where it does not count; what matters is that nothing is compiled.
    assert rules_of(folder, option) & {"delegation-section", "duplicate", "guardrails-elsewhere"}
    (folder / team / "roles.yaml").unlink()
    (folder / team / "own.yaml").unlink()
    (folder / team / "more.yaml").write_text("roles: {}\n")
    assert rules_of(folder, option) == {"guardrail-boundary"}


def test_the_file_that_rollout_names_may_be_in_the_inventory_or_outside(
    write_inventory: Inventory, tmp_path: Path
) -> None:
    strict = "guardrails: {rules: {everywhere: {permissions_boundary: account:boundary}}}\n"
    (tmp_path / "strict.yaml").write_text(strict)
    for path in ("../strict.yaml", "rules/strict.yaml", "./guardrails.yaml"):
        folder = write_inventory(f"{ROLES}rollout: {{guardrails: {path}}}\n")
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(strict)
        assert rules_of(folder) == {"guardrail-boundary"}, path
        (folder / path).unlink()
        assert rules_of(folder) == {"guardrails-missing"}, path


def test_another_file_named_for_a_run_counts_in_place_of_that_of_rollout(
    write_inventory: Inventory, tmp_path: Path
) -> None:
    (tmp_path / "other.yaml").write_text("guardrails: {rules: {everywhere: {required: [owner]}}}\n")
    folder = write_inventory(f"{ROLES}rollout: {{guardrails: ../strict.yaml}}\n")
    assert rules_of(folder, tmp_path / "other.yaml") == {"guardrail-required"}


paths = st.one_of(st.text(), st.from_regex(r"(\.\./|[a-zA-Z]:|~|/)?[a-z ./\\]*", fullmatch=True))
providers = st.one_of(
    st.text(),
    st.from_regex(r"(passphrase|default|awskms|gcpkms|azurekeyvault|hashivault)(:/{0,3})?[ -~]*", fullmatch=True),
)


@settings(max_examples=150)
@given(st.one_of(st.tuples(st.just("guardrails"), paths), st.tuples(st.just("secrets_provider"), providers)))
def test_editors_and_the_program_take_the_same_paths_and_secrets_providers(entry: tuple[str, str]) -> None:
    key, text = entry
    try:
        Rollout.model_validate({key: text})
    except ValidationError:
        taken = False
    else:
        taken = True
    assert (refusals({"rollout": {key: text}}) == []) == taken


@pytest.mark.parametrize("path", ["..", ".", "x" * 300, "a//b/../c.yaml", "base.yaml", "base.yaml/x"])
def test_any_path_of_the_guardrails_gives_findings(write_inventory: Inventory, path: str) -> None:
    assert rules_of(write_inventory(f'{ROLES}rollout: {{guardrails: "{path}"}}\n'))
