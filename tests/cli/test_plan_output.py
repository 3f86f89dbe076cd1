"""`plan` for people: a summary by account of a large plan, words that stay whole at any width, and a pager."""

import json
import os
import pty
import re
import subprocess
import sys
from collections import Counter
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from bench.large_inventory import write_large_inventory
from cli.main import run
from review.terminal import show_rows, show_text

WIDE = Path(__file__).parent.parent / "fixtures" / "inventories" / "wide"


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("large")
    write_large_inventory(folder, roles=60, repositories=20, accounts=7, files=5)
    (folder / "more.yaml").write_text(
        "accounts:\n  an-account-with-quite-a-long-name-of-a-department: {id: '777777777777'}\n"
        "roles:\n  admin:\n    accounts: [a3]\n    dangerously_allow_admin: to try\n"
        "    managed_policies: ['aws:AdministratorAccess']\n"
        "    trust: [{repository: acme/r1, environments: [production]}]\n"
        "  build:\n    accounts: [a3]\n    trust: [{repository: acme/r1, steps: outside_environments}]\n"
        "    allow: {production-outside-environments: to try}\n"
    )
    return folder


def output(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run(["plan", *arguments]) == 0
    return capsys.readouterr().out


def test_a_large_plan_is_a_summary_by_account(large: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan: Any = json.loads(output(capsys, str(large), "--format", "json"))
    digests: Any = json.loads(output(capsys, str(large), "--format", "digests"))
    lines = output(capsys, str(large)).splitlines()
    short = {account["key"]: account["digest"][7:19] for account in digests["accounts"]}
    for account in plan["accounts"]:
        roles, providers = account["roles"], len(account["oidc_providers"])
        is_a3 = account["key"] == "a3"
        numbers = [len(roles), int(is_a3), 0, int(is_a3), providers]
        words = [*(str(number) if number else "-" for number in numbers), short[account["key"]]]
        at = next(number for number, line in enumerate(lines) if line.split()[:1] == [account["key"]])
        assert (lines[at].split()[1:] or lines[at + 1].split()) == words
    assert lines[0] == "62 roles in 8 accounts"
    assert ["the", "whole", "62", "1", "-", "1", "7", digests["whole"][7:19]] in [line.split() for line in lines]
    assert f"  {digests['whole']}" in lines
    assert "1 warning is accepted by the inventory: --all lists them" in lines
    assert f"  bitbucket-oidc plan {large} --account a3" in lines
    assert all(len(line) <= 80 for line in lines if str(large) not in line)


def test_a_filter_or_all_shows_the_roles_of_a_large_plan(large: Path, capsys: pytest.CaptureFixture[str]) -> None:
    part = output(capsys, str(large), "--account", "a3")
    whole = output(capsys, str(large), "--all")
    assert "role-3 " in part
    assert "role-4 " not in part
    assert all(f"role-{number} " in whole for number in range(60))
    assert "1 warning is accepted by the whole inventory: `plan --all` without filters lists them" in part
    assert "production-outside-environments" in whole


def test_a_filter_that_keeps_many_roles_of_many_accounts_shows_a_summary(
    large: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = output(capsys, str(large), "--role", "role-*").splitlines()
    assert lines[0] == "filtered by --role 'role-*': 60 of 62 roles in 7 of 8 accounts"
    assert next(line for line in lines if line.startswith("all of these")).split()[3] == "60"
    assert "role-3 " not in "\n".join(lines)
    assert "role-3 " in output(capsys, str(large), "--role", "role-*", "--all")


words = st.text("abé-_/.,:[]@漢", min_size=1, max_size=50)
cells = st.lists(st.lists(words, min_size=1, max_size=5).map(" ".join), min_size=1, max_size=3).map("\n".join)


tables = st.integers(2, 4).flatmap(lambda size: st.lists(st.tuples(*[cells] * size), min_size=1, max_size=3))


@settings(max_examples=100)
@given(st.integers(20, 200), tables)
def test_no_word_is_broken_at_any_width(width: int, rows: list[tuple[str, ...]]) -> None:
    shown = StringIO()
    out = Console(file=shown, width=width, emoji=False)
    show_rows(out, "title", [f"column{number}" for number in range(len(rows[0]))], rows)
    for row in rows:
        show_text(out, "\n".join(row))
    left = Counter(shown.getvalue().replace("│", " ").split())
    expected = Counter(word for row in rows for cell in [*row, *row] for word in cell.split())
    assert expected <= left


def on_a_terminal(*arguments: str, rows: int, columns: int = 80, **variables: str) -> str:
    """Run plan on a pseudo-terminal, and return what it shows."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": str(columns), "LINES": str(rows), **variables}
    command = [sys.executable, "-m", "cli", "plan", *arguments]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=subprocess.DEVNULL, env=environment) as process:
        os.close(theirs)
        shown = bytearray()
        try:
            while piece := os.read(ours, 65_536):
                shown += piece
        except OSError:
            pass  # the other end is closed
    os.close(ours)
    assert process.returncode == 0
    return shown.decode().replace("\r\n", "\n")


PAGER = "awk '{print \"paged: \" $0}'"


def test_on_a_terminal_the_pager_shows_what_is_longer_than_it(large: Path) -> None:
    long = on_a_terminal(str(large), "--all", rows=24, PAGER=PAGER)
    assert all(line.startswith("paged: ") for line in long.splitlines())
    short = on_a_terminal(str(large), rows=24, PAGER=PAGER)
    assert "paged: " not in short
    assert "62 roles in 8 accounts" in short


def test_json_is_never_paged(large: Path) -> None:
    json.loads(on_a_terminal(str(large), "--format", "json", rows=10, PAGER=PAGER))


@pytest.mark.parametrize("pager", ["no-such-program", "'", ""])
def test_a_pager_that_cannot_run_hides_nothing(pager: str) -> None:
    shown = on_a_terminal(str(WIDE), rows=10, PAGER=pager, TERM="dumb")
    assert "the whole" in shown


def test_on_a_terminal_of_80_columns_every_line_fits(large: Path) -> None:
    shown = on_a_terminal(str(large), "--all", rows=10_000)
    assert max(len(re.sub("\x1b\\[[0-9;]*m", "", line)) for line in shown.splitlines()) <= 80


def test_no_color_gives_no_colour_in_the_pager(large: Path) -> None:
    shown = on_a_terminal(str(large), "--all", rows=24, PAGER=PAGER, NO_COLOR="1")
    assert "\x1b[3" not in shown
