"""Findings as text: lines in logs, lines with excerpts on a terminal, and a summary."""

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.cells import cell_len

from cli.main import run
from config.findings import Finding, Place
from review.findings import excerpt, summary

Inventory = Callable[..., Path]

ROLE = (
    "roles:\n  r:\n    accounts: [dev]\n    trust:\n      - repository: acme/shop\n        environments: [production]\n"
)
FAULTY = ROLE.replace("production", "prodution")
EXPIRED = ROLE + "    expires: 2020-01-01\n"
ACCEPTED = EXPIRED + "    allow: {expired: kept for the auditors}\n"
LINE = re.compile(r"\S+:\d+:\d+: (error|warning)\[[a-z-]+\] .+; .+")


def written(folder: Path, *files: str) -> None:
    for name in files:
        section = {"guardrails.yaml": "guardrails", "pipelines.yml": "pipelines"}.get(Path(name).name, "roles")
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"{section}: {{}}\n")


@pytest.mark.parametrize(
    ("others", "named", "folder"),
    [
        (["inventory/more.yaml"], "inventory/base.yaml", "inventory"),
        (["inventory/more.yaml"], "inventory/teams/shop/roles.yml", "inventory"),
        (["a/guardrails.yaml", "a/b.yaml", "a/t/x.yaml"], "a/t/r.yaml", "a"),
    ],
)
def test_validate_of_one_file_of_a_folder_says_that_the_others_were_not_read(
    inside: Path, capsys: pytest.CaptureFixture[str], others: list[str], named: str, folder: str
) -> None:
    written(inside, named, *others)
    run(["validate", named])
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith(f"note: only {named} was read; {folder} has ")
    assert last.endswith(f"`bitbucket-oidc validate {folder}`")
    run(["validate", folder])
    assert "note:" not in capsys.readouterr().err


@pytest.mark.parametrize("other", ["guardrails.yaml", "pipelines.yml", "inventory.lock.yaml", "examples/x.yaml"])
def test_an_inventory_of_one_file_is_whole(inside: Path, capsys: pytest.CaptureFixture[str], other: str) -> None:
    written(inside, "inventory.yaml", other)
    run(["validate", "inventory.yaml"])
    assert "note:" not in capsys.readouterr().err


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git repository, as the working folder."""
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("output", ["text", "json", "sarif"])
@pytest.mark.parametrize(
    ("roles", "options", "code"),
    [
        (ROLE, [], 0),
        (ROLE, ["--strict"], 0),
        (EXPIRED, [], 0),
        (EXPIRED, ["--strict"], 1),
        (ACCEPTED, ["--strict"], 0),
        (FAULTY, [], 1),
    ],
)
def test_the_exit_code_is_the_same_in_every_format(
    write_inventory: Inventory, output: str, roles: str, options: list[str], code: int
) -> None:
    assert run(["validate", str(write_inventory(roles)), "--format", output, *options]) == code


def test_a_log_has_a_plain_line_for_each_finding_and_a_summary_at_its_end(
    write_inventory: Inventory, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_inventory(FAULTY + "    expires: 2020-01-01\n", x_yaml="nonsense: 1\n")
    assert run(["validate", str(folder)]) == 1
    captured = capsys.readouterr()
    *lines, last = captured.err.splitlines()
    assert len(lines) == 3
    assert all(LINE.fullmatch(line) for line in lines)
    assert last == "2 errors, 1 warning in 2 files"
    assert captured.out == ""


def finding(rule: str, file: str) -> Finding:
    return Finding(Place(0, 1, 1, file), rule, "", "what", "do")


@pytest.mark.parametrize(
    ("rules", "shown"),
    [
        ([], "no findings"),
        (["expired"], "1 warning in 1 file"),
        (["duplicate"], "1 error in 1 file"),
        (["expired", "expired", "duplicate"], "1 error, 2 warnings in 1 file"),
    ],
)
def test_the_summary_counts_by_level(rules: list[str], shown: str) -> None:
    assert summary([finding(rule, "a.yaml") for rule in rules], ()) == shown


def test_accepted_findings_are_counted_and_shown_with_show_accepted(
    write_inventory: Inventory, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_inventory(ACCEPTED)
    assert run(["validate", str(folder)]) == 0
    assert capsys.readouterr().err == "no findings; 1 accepted\n"
    assert run(["validate", str(folder), "--show-accepted"]) == 0
    line, last = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{folder}/base.yaml:")
    assert line.endswith(
        ": accepted[expired] roles.r.expires: the last day of access was 2020-01-01; because: kept for the auditors"
    )
    assert last == "no findings; 1 accepted"


@pytest.mark.parametrize("output", ["json", "sarif"])
def test_show_accepted_needs_the_text_format(
    write_inventory: Inventory, output: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["validate", str(write_inventory(ACCEPTED)), "--show-accepted", "--format", output]) == 2
    assert capsys.readouterr().out == ""


def test_the_plan_ends_with_the_accepted_findings(
    write_inventory: Inventory, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(write_inventory(ACCEPTED).parent)  # so that no cell is too long for its column
    folder = "inventory"
    assert run(["plan", str(folder)]) == 0
    text = capsys.readouterr().out.partition("accepted by the inventory")[2]
    assert all(word in text for word in ("expired", "roles.r.expires", "base.yaml:", "kept for the auditors"))
    assert run(["plan", str(folder), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out).keys() == {"accounts"}


def test_the_plan_without_accepted_findings_does_not_mention_them(
    write_inventory: Inventory, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["plan", str(write_inventory(EXPIRED))]) == 0
    assert "accepted by" not in capsys.readouterr().out


def on_a_terminal(folder: Path, **variables: str) -> str:
    """Run validate with standard error on a pseudo-terminal, 80 columns wide, and return what it shows."""
    ours, theirs = pty.openpty()
    environment = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
    with subprocess.Popen(
        [sys.executable, "-m", "cli", "validate", str(folder)],
        stderr=theirs, stdout=subprocess.DEVNULL, env=environment | {"COLUMNS": "80", "TERM": "xterm"} | variables,
    ):  # fmt: skip
        os.close(theirs)
        shown = b""
        try:
            while chunk := os.read(ours, 4096):
                shown += chunk
        except OSError:  # Linux raises it when the other side is closed
            pass
    os.close(ours)
    return shown.decode().replace("\r\n", "\n")


def test_a_terminal_shows_the_line_with_carets(write_inventory: Inventory) -> None:
    first, above, text, carets, empty, last = on_a_terminal(write_inventory(FAULTY), NO_COLOR="1").splitlines()
    assert LINE.fullmatch(first)
    assert (above.strip(), empty, last) == ("|", "", "1 error in 1 file")
    assert text.endswith("environments: [prodution]")
    assert text[carets.index("^") : carets.rindex("^") + 1] == "prodution"


def test_colour_is_for_terminals_without_no_color(write_inventory: Inventory) -> None:
    folder = write_inventory(FAULTY)
    assert "\x1b[31m" in on_a_terminal(folder)
    assert "\x1b[" not in on_a_terminal(folder, NO_COLOR="1")


def shown(tmp_path: Path, line: str, column: int, width: int = 80) -> list[str]:
    path = tmp_path / "x.yaml"
    path.write_bytes(line.encode())
    return excerpt(Place(0, 1, column, str(path)), width)


@pytest.mark.parametrize(
    ("line", "column", "value"),
    [
        ("key: value  # comment", 6, "value"),
        ("key: value", 1, "key"),
        ('key: "a, b: c"', 6, '"a, b: c"'),
        ("{a: b, c: d}", 5, "b"),
        ("x: {a: b, c: d} # y", 4, "{a: b, c: d}"),
        ("url: http://x", 6, "http://x"),
        ("key:", 1, "key"),
        ("key: 'open", 6, "'open"),
        ("日本: 日本", 5, "日本"),
        ("\tkey: x", 1, "    key"),
        ("a: \x1b[31m\u00a0\u200b", 4, "\\x1b[31m\\xa0\\u200b"),
    ],
)
def test_the_carets_are_below_the_value(tmp_path: Path, line: str, column: int, value: str) -> None:
    _, text, carets = shown(tmp_path, line, column)
    assert cell_len(carets.replace("^", "")) == cell_len(text[: text.rindex(value)])
    assert carets.count("^") == cell_len(value)


@pytest.mark.parametrize("width", [20, 40, 80])
@pytest.mark.parametrize("column", [1, 100, 250, 400, 500])
@pytest.mark.parametrize("letter", ["x", "日", "\t", "\x1b"])
def test_a_long_line_is_cut_around_the_place(tmp_path: Path, width: int, column: int, letter: str) -> None:
    lines = shown(tmp_path, (letter * 99 + ",") * 5, column, width)
    assert all(cell_len(line) <= max(width, 25) for line in lines)
    assert "…" in lines[1]
    assert "^" in lines[2]


def test_a_removed_or_shortened_file_has_no_excerpt(tmp_path: Path) -> None:
    assert excerpt(Place(0, 1, 1, str(tmp_path / "gone.yaml")), 80) == []
    (tmp_path / "short.yaml").write_text("a\n")
    assert excerpt(Place(0, 9, 1, str(tmp_path / "short.yaml")), 80) == []


def test_no_excerpt_is_shown_from_outside_the_inventory(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret\n")
    (tmp_path / "inventory").mkdir()
    (tmp_path / "inventory" / "x.yaml").symlink_to(tmp_path / "secret")
    assert "secret" not in on_a_terminal(tmp_path / "inventory").replace("outside", "")
