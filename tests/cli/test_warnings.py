"""Commands other than validate count the warnings in one line, and show errors in full."""

from collections.abc import Callable
from pathlib import Path

import pytest

from cli.main import run

Inventory = Callable[..., Path]
WIDE = "roles: {r: {accounts: [prod], trust: [{repository: acme/shop, steps: outside_environments}]}}\n"
WRONG = WIDE + "defaults: {max_session_duration: 13h}\n"
HUB_ROLE = "arn:aws:iam::999999999999:role/hub"
COMMANDS = (
    ["plan"],
    ["plan", "--format", "json"],
    ["report", "--output", "-"],
    ["snippet"],
    ["explain", "--repository", "acme/shop", "--at", "2026-12-31T12:00:00Z"],
    ["deploy-policy", "--account", "prod"],
    ["bootstrap", "--organization", "none", "--deploying-role", "PulumiDeploy", "--hub-role", HUB_ROLE],
)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_the_warnings_are_counted_unless_quiet(
    write_inventory: Inventory, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    inventory = str(write_inventory(WIDE))
    assert run([*command, inventory]) == 0
    captured = capsys.readouterr()
    assert captured.err.splitlines()[0] == "2 warnings; see `validate`"
    assert "warning[" not in captured.err
    assert run([*command, inventory, "--quiet"]) == 0
    quiet = capsys.readouterr()
    assert "warning" not in quiet.err
    assert quiet.out == captured.out
    assert run([*command, inventory, "--quiet", "--strict"]) == 1


@pytest.mark.parametrize("more", [[], ["--quiet"]], ids=" ".join)
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_errors_are_shown_in_full_even_if_quiet(
    write_inventory: Inventory, capsys: pytest.CaptureFixture[str], command: list[str], more: list[str]
) -> None:
    assert run([*command, str(write_inventory(WRONG)), *more]) == 1
    captured = capsys.readouterr()
    assert "error[bad-duration] defaults.max_session_duration: " in captured.err
    assert captured.out == ""


def test_validate_shows_the_warnings_and_only_counts_them_if_quiet(
    write_inventory: Inventory, capsys: pytest.CaptureFixture[str]
) -> None:
    inventory = str(write_inventory(WIDE))
    assert run(["validate", inventory]) == 0
    assert "warning[production-outside-environments]" in capsys.readouterr().err
    assert run(["validate", inventory, "--quiet"]) == 0
    assert capsys.readouterr().err == "2 warnings in 1 file\n"
    assert run(["validate", inventory, "--quiet", "--format", "json"]) == 2
    assert "--quiet needs --format text, not json" in capsys.readouterr().err
