"""ci commands in a clone whose inventory is a fleet: each account has a stack, and no stack has a file."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from access.compile import Compiled, compile_plan
from cli.main import run
from config.load import Loaded
from config.project_file import PROJECT
from tests.cli.ci.conftest import stack_file
from tests.git_repository import git

Inventory = Callable[..., Path]
Capture = pytest.CaptureFixture[str]

ROLES = """
roles:
  d: {accounts: [dev], trust: [{repository: acme/shop, environments: [production]}]}
  p: {accounts: [prod, data], trust: [{repository: acme/shop, environments: [production]}]}
"""
ROLLOUT = "rollout: {guardrails: ../rules.yaml, secrets_provider: 'awskms://ours', waves: [{name: w, accounts: [dev]}]}"
RULES = "guardrails: {rules: {short: {max_session_duration: 12h}}}\n"


def commit(folder: Path) -> None:
    git(folder, "add", ".")
    git(folder, "commit", "-q", "--allow-empty", "-m", "a change")
    git(folder, "tag", "-f", "target")


@pytest.fixture
def clone(write_inventory: Inventory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone of a fleet of three accounts, whose target branch is `target`."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    monkeypatch.chdir(tmp_path)
    write_inventory(ROLES, rollout_yaml=ROLLOUT)
    (tmp_path / "rules.yaml").write_text(RULES)
    git(tmp_path, "init", "-q", "-b", "main")
    commit(tmp_path)
    return tmp_path


def named(capsys: Capture, *options: str) -> list[str]:
    assert run(["ci", "stacks", *options]) == 0
    return capsys.readouterr().out.split()


def stacks(capsys: Capture) -> dict[str, dict[str, Any]]:
    assert run(["ci", "stacks", "--base", "target", "--format", "json"]) == 0
    return {stack["stack"]: stack for stack in json.loads(capsys.readouterr().out)}


def changes(capsys: Capture) -> dict[str, str]:
    return {name: stack["change"] for name, stack in stacks(capsys).items()}


def test_every_account_has_a_stack_without_a_file(clone: Path, capsys: Capture) -> None:
    assert named(capsys) == ["data", "dev", "prod"]
    assert named(capsys, "--base", "target") == []
    assert {stack["accounts"][0]: stack["stack"] for stack in stacks(capsys).values()} == {
        "data": "data", "dev": "dev", "prod": "prod",
    }  # fmt: skip


def test_a_change_of_one_account_names_its_stack_alone_with_both_digests(
    clone: Path, write_inventory: Inventory, capsys: Capture
) -> None:
    before = stacks(capsys)["dev"]
    write_inventory(ROLES.replace("d: {", "d: {max_session_duration: 2h, "), rollout_yaml=ROLLOUT)
    assert named(capsys, "--base", "target") == ["dev"]
    after = stacks(capsys)
    assert [stack["change"] for stack in after.values()] == ["unchanged", "changed", "unchanged"]
    assert after["dev"]["base_digest"] == before["digest"] != after["dev"]["digest"]
    (account,), (was,) = after["dev"]["account_digests"], before["account_digests"]
    assert (account["key"], account["id"]) == ("dev", "111111111111")
    assert account["base_digest"] == was["digest"] != account["digest"]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("guardrails:", "protect_oidc_providers: true, guardrails:", ["data", "dev", "prod"]),
        ("guardrails: ../rules.yaml, ", "", ["data", "dev", "prod"]),
        ("awskms://ours", "awskms://theirs", []),
        ("accounts: [dev]", "accounts: [prod]", []),
    ],
)
def test_rollout_changes_the_stacks_whose_deployment_it_changes(
    clone: Path, write_inventory: Inventory, capsys: Capture, *, old: str, new: str, expected: list[str]
) -> None:
    write_inventory(ROLES, rollout_yaml=ROLLOUT.replace(old, new))
    assert named(capsys, "--base", "target") == expected


def test_new_removed_and_renamed_accounts_are_told_and_not_printed(clone: Path, capsys: Capture) -> None:
    base = clone / "inventory" / "base.yaml"
    text = (
        base.read_text().replace("  dev: {", "  test: {previous_keys: [dev], ").replace("[dev], trust", "[test], trust")
    )
    text = text.replace('  data: {id: "012345678901"', '  new: {id: "333333333333"').replace("prod, data]", "prod]")
    base.write_text(text)
    (clone / "inventory" / "rollout.yaml").write_text(ROLLOUT.replace("[dev]", "[test]"))
    assert run(["ci", "stacks", "--base", "target"]) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == (
        "note: stack data is no longer in the fleet: its account left the inventory; it stays in AWS until "
        "`bitbucket-oidc fleet destroy --account KEY`\n"
        "note: stack dev is no longer in the fleet: its account has another key now; `bitbucket-oidc fleet up` renames "
        "the stack, if `previous_keys` has it\n"
        "note: stack new is new in the fleet: `bitbucket-oidc fleet up` creates it\n"
        "note: stack test is new with an account that another stack has at target (dev): if the account was "
        "renamed, its `previous_keys` must have the old key; otherwise run `fleet split`\n"
    )
    after = stacks(capsys)
    expected = {"data": "removed", "dev": "removed", "new": "added", "prod": "unchanged", "test": "added"}
    assert {name: stack["change"] for name, stack in after.items()} == expected
    known = {
        name: [
            (account["digest"] is not None, account["base_digest"] is not None) for account in stack["account_digests"]
        ]
        for name, stack in after.items()
    }
    assert known == {
        "data": [(False, True)], "dev": [(True, True)], "new": [(True, False)], "prod": [(True, True)],
        "test": [(True, True)],
    }  # fmt: skip


def test_an_inventory_that_becomes_a_fleet_refuses_the_stack_of_all_accounts(
    clone: Path, write_inventory: Inventory, capsys: Capture
) -> None:
    (clone / "inventory" / "rollout.yaml").unlink()
    (clone / "Pulumi.all.yaml").write_text(f"config: {{'{PROJECT}:inventory': inventory}}\n")
    stack_file(clone, "dev", "dev", protectOidcProviders=True)
    stack_file(clone, "rest", "data")
    commit(clone)
    write_inventory(ROLES, rollout_yaml=ROLLOUT)
    (clone / "rules.yaml").write_text(RULES)
    assert run(["ci", "stacks", "--base", "target"]) == 0
    captured = capsys.readouterr()
    assert captured.out.split() == ["dev", "rest"]
    assert (
        "note: stack all is refused by `up`: its inventory is a fleet, which has no account of its name" in captured.err
    )
    assert "note: stack dev has a file, which `bitbucket-oidc fleet` does not read" in captured.err
    assert "note: account data is in stack rest as well as in the fleet" in captured.err
    assert "stacks data, prod are new with an account that another stack has at target" not in captured.err
    assert "stack data is new with an account that another stack has at target (all, rest)" in captured.err
    after = stacks(capsys)
    assert {name: stack["change"] for name, stack in after.items()} == {
        "all": "refused", "data": "added", "dev": "changed", "prod": "added", "rest": "changed",
    }  # fmt: skip
    assert [account["key"] for account in after["all"]["account_digests"]] == ["data", "dev", "prod"]
    assert all(account["digest"] != account["base_digest"] for account in after["all"]["account_digests"])
    assert run(["plan", "--format", "digests"]) == 0
    captured = capsys.readouterr()
    assert "note: stack all is refused in the fleet" in captured.err
    shown = {stack["stack"]: stack["digest"] for stack in json.loads(captured.out)["stacks"]}
    assert shown == {name: stack["digest"] for name, stack in after.items() if name != "all"}


def test_a_fleet_that_is_one_no_more_takes_the_defaults(clone: Path, capsys: Capture) -> None:
    (clone / "inventory" / "rollout.yaml").unlink()
    assert run(["ci", "stacks", "--base", "target"]) == 0
    captured = capsys.readouterr()
    assert captured.out.split() == ["data", "dev", "prod"]
    assert captured.err.startswith(
        "note: stacks data, dev, prod no longer have a file: its resources stay, and `up` uses"
    )
    assert {stack["change"] for stack in stacks(capsys).values()} == {"removed"}
    assert all(stack["accounts"] == ["data", "dev", "prod"] for stack in stacks(capsys).values())


def test_the_written_config_has_known_keys_and_the_encryption_of_the_base(
    clone: Path, write_inventory: Inventory, capsys: Capture
) -> None:
    changed = ROLLOUT.replace("awskms://ours", "awskms://theirs")
    write_inventory(ROLES.replace("p: {", "p: {tags: {A: b}, "), rollout_yaml=changed)
    assert named(capsys, "--base", "target", "--config-files", "files", "--inventory", "inventory") == ["data", "prod"]
    written = {path.name: yaml.safe_load(path.read_text()) for path in (clone / "files").iterdir()}
    expected = {"secretsprovider": "awskms://ours", "config": {f"{PROJECT}:inventory": str(clone / "inventory")}}
    assert written == {"Pulumi.data.yaml": expected, "Pulumi.prod.yaml": expected}


def test_a_base_that_does_not_compile_is_never_taken_for_new_stacks(
    clone: Path, write_inventory: Inventory, capsys: Capture
) -> None:
    write_inventory(ROLES.replace("production", "prodution"), rollout_yaml=ROLLOUT)
    commit(clone)
    write_inventory(ROLES, rollout_yaml=ROLLOUT)
    assert run(["ci", "stacks", "--base", "target"]) == 0
    captured = capsys.readouterr()
    assert captured.out.split() == ["data", "dev", "prod"]
    assert "stacks data, dev, prod cannot be compared with target: target:inventory/base.yaml:" in captured.err


def test_findings_of_a_fleet_without_stack_files_end_the_command(
    clone: Path, write_inventory: Inventory, capsys: Capture
) -> None:
    write_inventory(ROLES.replace("production", "prodution"), rollout_yaml=ROLLOUT)
    assert run(["ci", "stacks", "--base", "target"]) == 1
    assert capsys.readouterr().err.count("error[unknown-environment]") == 2


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--inventory", "inventory"], 0),
        (["--inventory", "inventory", "--guardrails", "rules.yaml"], 0),
        (["--inventory", "inventory", "--guardrails", "other.yaml"], 2),
    ],
)
def test_only_the_guardrails_that_rollout_names_are_the_reviewed_ones(
    clone: Path, capsys: Capture, *, options: list[str], code: int
) -> None:
    (clone / "other.yaml").write_text(RULES)
    assert run(["ci", "stacks", *options]) == code
    assert ("the stack uses" in capsys.readouterr().err) is (code == 2)


def test_rollout_cannot_lead_out_of_the_project(clone: Path, write_inventory: Inventory, capsys: Capture) -> None:
    outside = clone.parent / f"{clone.name}-rules.yaml"
    outside.write_text(RULES)
    write_inventory(ROLES, rollout_yaml=ROLLOUT.replace("../rules.yaml", f"../../{outside.name}"))
    assert run(["ci", "stacks"]) == 2
    assert "leads out of the project" in capsys.readouterr().err


def test_a_fleet_elsewhere_is_named_by_the_option_inventory(clone: Path, capsys: Capture) -> None:
    git(clone, "mv", "inventory", "access")
    assert named(capsys, "--inventory", "access") == ["data", "dev", "prod"]
    (clone / "Pulumi.yaml").write_text(f"name: {PROJECT}\nconfig: {{inventory: {{default: access}}}}\n")
    assert named(capsys) == ["data", "dev", "prod"]


def preview(path: Path, *stacks: str, **config: str) -> Path:
    settings = {f"{PROJECT}:{key}": text for key, text in {"inventory": "inventory", **config}.items()}
    urns = [f"urn:pulumi:{stack}::{PROJECT}::pulumi:pulumi:Stack::{PROJECT}-{stack}" for stack in stacks]
    steps = [{"op": "same", "urn": urn, "oldState": {}} for urn in urns]
    path.write_text(json.dumps({"config": settings, "steps": steps, "changeSummary": {"same": len(steps)}}))
    return path


def test_the_guard_knows_a_stack_of_the_fleet_by_the_name_in_its_preview(clone: Path, capsys: Capture) -> None:
    digests = {name: stack["digest"] for name, stack in stacks(capsys).items()}
    for config in ({}, {"accounts": '["*"]'}):
        dev = preview(clone / "any-name.json", "dev", **config)
        assert run(["ci", "guard", str(dev), "--reviewed", digests["dev"]]) == 0
        assert run(["ci", "guard", str(dev), "--reviewed", digests["prod"]]) == 1
    capsys.readouterr()
    explicit = preview(clone / "rest.json", "rest", accounts='["dev"]')
    assert run(["ci", "guard", str(explicit), "--reviewed", digests["dev"]]) == 0
    capsys.readouterr()
    for stacks_of_preview, told in (
        (["all"], "has no account of this name"),
        (["dev", "prod"], "2 stacks"),
        ([], "fleet"),
    ):
        refused = preview(clone / "refused.json", *stacks_of_preview)
        assert run(["ci", "guard", str(refused), "--reviewed", digests["dev"]]) == 2
        assert told in capsys.readouterr().err


def many(count: int, description: str = "deploys") -> str:
    accounts = "".join(f'  a{n:04}: {{id: "{n + 1:012}"}}\n' for n in range(count))
    trust = "trust: [{repository: acme/shop, environments: [production]}]"
    return (
        f"accounts:\n{accounts}roles:\n  r: {{description: {description}, accounts: [a*], {trust}}}\n"
        'workspaces:\n  acme:\n    uuid: "{11111111-0000-4000-8000-000000000001}"\n    repositories:\n      shop:\n'
        '        uuid: "{11111111-0000-4000-8000-000000000002}"\n        environments:\n'
        '          production: "{11111111-0000-4000-8000-000000000003}"\n'
    )


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[Loaded]:
    """Count the inventories that a command compiles."""
    runs: list[Loaded] = []

    def counted(loaded: Loaded) -> Compiled:
        runs.append(loaded)
        return compile_plan(loaded)

    monkeypatch.setattr("cli.revisions.compile_plan", counted)
    return runs


def test_a_thousand_stacks_stay_readable_and_each_side_is_compiled_once(
    clone: Path, capsys: Capture, compiled: list[Loaded]
) -> None:
    base = clone / "inventory" / "base.yaml"
    (clone / "inventory" / "rollout.yaml").write_text("rollout: {}\n")
    base.write_text(many(600))
    commit(clone)
    base.write_text(many(1000, "ships"))
    assert run(["ci", "stacks", "--base", "target"]) == 0
    captured = capsys.readouterr()
    assert len(captured.out.split()) == 600
    (note,) = captured.err.splitlines()
    assert note.startswith("note: stacks a0600, a0601, a0602, a0603, a0604 and 395 more are new in the fleet: ")
    assert len(compiled) == 2
    assert run(["plan"]) == 0
    assert "fleet of 1,000 stacks, each with the account of its name" in capsys.readouterr().out


@pytest.mark.parametrize(("description", "shown", "same"), [("deploys", 1, True), ("ships", 20, False)])
def test_the_comment_has_the_digests_that_change_and_counts_the_others(
    clone: Path, capsys: Capture, compiled: list[Loaded], *, description: str, shown: int, same: bool
) -> None:
    base = clone / "inventory" / "base.yaml"
    (clone / "inventory" / "rollout.yaml").write_text("rollout: {}\n")
    base.write_text(many(300))
    commit(clone)
    base.write_text(many(300, description).replace("a0007: {", "a0007: {region: eu-west-1, "))
    assert run(["ci", "comment", "--base", "target", "--print"]) == 0
    comment = capsys.readouterr().out
    assert len(comment) < 30_000
    assert "* the whole fleet: `sha256:" in comment
    assert ("* 299 stacks of the fleet do not change" in comment) is same
    assert "* stack **a0007**: `sha256:" in comment
    assert comment.count("* stack **") >= shown
    assert (comment.count("* stack **") == 1) is same
    assert len(compiled) == 2


def test_changes_of_rollout_are_in_the_longest_comment(clone: Path, capsys: Capture) -> None:
    base, rollout = clone / "inventory" / "base.yaml", clone / "inventory" / "rollout.yaml"
    base.write_text(many(300))
    rollout.write_text("rollout: {protect_oidc_providers: true}\n")
    commit(clone)
    base.write_text(many(300).replace("deploys", "x" * 900))
    rollout.write_text("rollout: {}\n")
    assert run(["ci", "comment", "--base", "target", "--print"]) == 0
    comment = capsys.readouterr().out
    assert comment.startswith(
        "**`rollout` changes for the whole fleet**\n\n* protect\\_oidc\\_providers false (was true)"
    )
