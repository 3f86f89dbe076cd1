"""diff of `rollout`: what the stacks of a fleet share never changes unseen."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli.main import run
from config.models.rollout import Rollout
from tests.git_repository import git

Inventory = Callable[..., Path]
Capture = pytest.CaptureFixture[str]

ROLE = "roles: {r: {accounts: [dev], trust: [{repository: acme/shop, environments: [production]}]}}\n"
RULES = "guardrails: {rules: {short: {max_session_duration: 12h}}}\n"
WAVES = "waves: [{name: canary, accounts: [dev]}, {name: early, accounts: {labels: {env: prod}, exclude: [data]}}]"
FLEET = f"rollout: {{{WAVES}, guardrails: ../rules.yaml, protect_oidc_providers: true, secrets_provider: 'awskms://x'}}"


@pytest.fixture
def fleet(write_inventory: Inventory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone with a fleet, whose target branch is `target`; its guardrails are outside of the inventory."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    monkeypatch.chdir(tmp_path)
    write_inventory(ROLE, rollout_yaml=FLEET)
    (tmp_path / "rules.yaml").write_text(RULES)
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "first")
    git(tmp_path, "tag", "target")
    return tmp_path


def changes(capsys: Capture, *sides: str) -> list[dict[str, Any]]:
    assert run(["diff", *(sides or ("target",)), "--format", "json"]) == 0, capsys.readouterr().err
    return list(json.loads(capsys.readouterr().out)["changes"])


def test_an_unchanged_fleet_has_no_changes(fleet: Path, capsys: Capture) -> None:
    assert changes(capsys) == []


@pytest.mark.parametrize(
    ("old", "new", "effect", "message"),
    [
        (
            "protect_oidc_providers: true", "protect_oidc_providers: false", "gain",
            "protect_oidc_providers false (was true): Pulumi may delete OIDC providers",
        ),
        (
            "guardrails: ../rules.yaml, ", "", "gain",
            "guardrails none (was ../rules.yaml): a run without guardrails no longer fails",
        ),
        ("../rules.yaml", "../other.yaml", "gain", "guardrails ../other.yaml (was ../rules.yaml)"),
        (
            "awskms://x", "awskms://y", "gain",
            "secrets_provider awskms://y (was awskms://x); stacks that exist keep theirs",
        ),
        (
            ", secrets_provider: 'awskms://x'", "", "gain",
            "secrets_provider passphrase by default (was awskms://x); stacks that exist keep theirs",
        ),
        (
            "canary, accounts: [dev]", "canary, accounts: [de*]", "none",
            "waves canary (de*), early (env=prod), others (was canary (dev), early (env=prod), others)",
        ),
    ],
)  # fmt: skip
def test_each_setting_of_rollout_changes_in_words(
    fleet: Path, write_inventory: Inventory, capsys: Capture, *, old: str, new: str, effect: str, message: str
) -> None:
    (fleet / "other.yaml").write_text(RULES)
    write_inventory(ROLE, rollout_yaml=FLEET.replace(old, new))
    (change,) = changes(capsys)
    assert (change["file"], change["account"], change["effect"]) == ("rollout", None, effect)
    assert change["message"].replace("labels env=prod without data", "env=prod") == message
    assert change["kind"].startswith("rollout-")


def test_protection_that_is_switched_on_changes_no_access(
    fleet: Path, write_inventory: Inventory, capsys: Capture
) -> None:
    write_inventory(ROLE, rollout_yaml=FLEET.replace(": true", ": false"))
    assert [(change["kind"], change["effect"]) for change in changes(capsys, "inventory", "target")] == [
        ("rollout-protect-oidc-providers-changed", "none")
    ]


def test_accounts_that_change_their_wave_are_named(fleet: Path, write_inventory: Inventory, capsys: Capture) -> None:
    write_inventory(ROLE, rollout_yaml=FLEET.replace("accounts: [dev]", "accounts: [data]"))
    moved = [change for change in changes(capsys) if change["kind"] == "rollout-wave-changed"]
    assert [(change["account"], change["message"]) for change in moved] == [
        ("data", "runs in wave canary (was others)"),
        ("dev", "runs in wave others (was canary)"),
    ]


@pytest.mark.parametrize("setting", sorted(Rollout.model_fields))
def test_an_inventory_that_becomes_a_fleet_or_no_longer_is_one_shows_every_setting(
    fleet: Path, write_inventory: Inventory, capsys: Capture, setting: str
) -> None:
    (fleet / "inventory" / "rollout.yaml").unlink()
    write_inventory(ROLE)
    (added,) = changes(capsys, "inventory", "target")
    assert (added["kind"], added["effect"]) == ("rollout-added", "gain")
    assert f"; {setting} " in added["message"]
    (removed,) = changes(capsys)
    assert (removed["kind"], removed["effect"]) == ("rollout-removed", "gain")
    assert run(["diff", "target", "--exit-code"]) == 1


def test_a_new_fleet_names_the_stack_files_that_it_refuses_or_does_not_read(
    fleet: Path, write_inventory: Inventory, capsys: Capture
) -> None:
    stacks = {"all": "{}", "dev": "{}", "rest": "{bitbucket-aws-oidc:accounts: [prod]}", "star": "{accounts: ['*']}"}
    for name, config in stacks.items():
        (fleet / f"Pulumi.{name}.yaml").write_text(f"config: {config}\n")
    (fleet / "inventory" / "rollout.yaml").unlink()
    git(fleet, "add", ".")
    git(fleet, "commit", "-q", "-m", "stack files, and no fleet")
    write_inventory(ROLE, rollout_yaml=FLEET)
    shown = {change["file"]: (change["kind"], change["effect"]) for change in changes(capsys, "HEAD")}
    assert shown == {
        "rollout": ("rollout-added", "gain"),
        "Pulumi.all.yaml": ("stack-file-refused", "breaks"),
        "Pulumi.star.yaml": ("stack-file-refused", "breaks"),
        "Pulumi.rest.yaml": ("stack-file-beside-fleet", "breaks"),
        "Pulumi.dev.yaml": ("stack-file-superseded", "none"),
    }
    git(fleet, "add", ".")
    git(fleet, "commit", "-q", "-m", "a fleet")
    assert changes(capsys, "HEAD") == []
    (fleet / "Pulumi.more.yaml").write_text("config: {}\n")
    assert [change["kind"] for change in changes(capsys, "HEAD")] == ["stack-file-added", "stack-file-refused"]


def test_guardrails_of_a_revision_are_those_of_that_revision(
    fleet: Path, write_inventory: Inventory, capsys: Capture
) -> None:
    (fleet / "rules.yaml").write_text(RULES.replace("12h", "1h"))
    write_inventory(ROLE.replace("{accounts", "{max_session_duration: 2h, accounts"), rollout_yaml=FLEET)
    assert run(["diff", "target"]) == 1
    assert "guardrail-session" in capsys.readouterr().err
    git(fleet, "commit", "-q", "-a", "-m", "shorter")
    (fleet / "rules.yaml").write_text(RULES)
    assert run(["diff", "HEAD"]) == 1
    assert "HEAD:inventory/base.yaml" in capsys.readouterr().err
    (fleet / "rules.yaml").unlink()
    git(fleet, "commit", "-q", "-a", "-m", "gone")
    (fleet / "rules.yaml").write_text(RULES)
    assert run(["diff", "HEAD"]) == 1
    assert "error[guardrails-missing]" in (told := capsys.readouterr().err)
    assert f"HEAD:{Path('inventory/../rules.yaml')}" in told or "HEAD:rules.yaml" in told


@pytest.mark.parametrize("is_link", [True, False])
def test_guardrails_outside_of_the_repository_are_not_compared(
    fleet: Path, write_inventory: Inventory, capsys: Capture, *, is_link: bool
) -> None:
    outside = fleet.parent / f"{fleet.name}-outside.yaml"
    outside.write_text(RULES)
    if is_link:
        (fleet / "rules.yaml").unlink()
        (fleet / "rules.yaml").symlink_to(outside)
    else:
        write_inventory(ROLE, rollout_yaml=FLEET.replace("../rules.yaml", f"../../{outside.name}"))
    for _ in range(2):
        assert run(["diff", "target", "--format", "json"]) == 2
        expected = "a symbolic link" if is_link else "is outside of the repository"
        assert expected in capsys.readouterr().err
        git(fleet, "commit", "-q", "-a", "--allow-empty", "-m", "the other side")
        git(fleet, "tag", "-f", "target")
