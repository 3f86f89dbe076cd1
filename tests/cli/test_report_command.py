"""report writes one page, or says why there is none."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.main import run
from tests.git_repository import git
from tests.project.pages import PROJECT

Inventory = Callable[..., Path]
ROLE = "roles: {r: {accounts: [prod], trust: [{repository: acme/shop, environments: [production]}]}}\n"
TWO = ROLE.replace("[prod]", "['*']").replace(
    "{r:", "{s: {accounts: [prod], trust: [{repository: acme/shop, environments: [production]}]}, r:"
)
WIDE = "roles: {r: {accounts: [prod], trust: [{repository: acme/shop, steps: outside_environments}]}}\n"
ENDED = (
    "roles: {r: {accounts: [prod], expires: 2027-01-31, "
    "trust: [{repository: acme/shop, environments: [production]}]}}\n"
)
WRONG = "roles: {r: {accounts: [nowhere], trust: [{repository: acme/shop, environments: [production]}]}}\n"


def commit_all(folder: Path) -> str:
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "first"]):
        git(folder, *arguments)
    return git(folder, "rev-parse", "HEAD")


def test_the_page_goes_to_standard_output_if_asked(
    write_inventory: Inventory, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["report", str(write_inventory(ROLE)), "-o", "-"]) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("<!doctype html>\n")
    assert captured.out.endswith("</html>\n")
    assert captured.err == ""


def test_one_role_is_not_counted_as_several(write_inventory: Inventory, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", str(write_inventory(ROLE)), "-o", "-"]) == 0
    page = capsys.readouterr().out
    assert (page.count('data-unit="role">1</td>'), page.count('data-unit="roles">0</td>')) == (1, 3)


def test_roles_are_counted_as_in_plan_and_diff(write_inventory: Inventory, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_inventory(TWO)
    assert run(["plan", str(folder), "--format", "json"]) == 0
    roles = sum(len(account["roles"]) for account in json.loads(capsys.readouterr().out)["accounts"])
    assert run(["diff", str(folder), str(folder)]) == 0
    assert capsys.readouterr().out == f"no change; {roles} roles\n"
    assert run(["report", str(folder), "-o", "-"]) == 0
    page = capsys.readouterr().out
    assert f"{roles} roles in " in page
    assert f'data-unit="roles">{roles}</td>' in page


def test_the_page_goes_into_a_file(
    write_inventory: Inventory, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inventory, output = str(write_inventory(ROLE)), tmp_path / "report.html"
    assert run(["report", inventory, "--output", str(output)]) == 0
    assert capsys.readouterr() == ("", f"wrote {output}\n")
    assert run(["report", inventory, "--output", "-"]) == 0
    assert output.read_text() == capsys.readouterr().out


def test_without_output_the_page_is_report_html_and_replaces_an_earlier_report(
    write_inventory: Inventory, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    inventory, output = write_inventory(ROLE), tmp_path / "report.html"
    monkeypatch.chdir(tmp_path)
    pages = []
    for day in ("2026-11-27", "2026-11-28"):
        assert run(["report", str(inventory), "--date", day]) == 0
        assert capsys.readouterr() == ("", "wrote report.html\n")
        pages.append(output.read_text())
    assert [f'datetime="2026-11-2{day}"' in page for day, page in zip("78", pages, strict=True)] == [True, True]


@pytest.mark.parametrize("text", ["", "<!doctype html>\n<title>of the tests</title>\n", "x" * 2_000])
def test_another_report_html_stays_unless_it_is_named(
    write_inventory: Inventory,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    text: str,
) -> None:
    inventory, output = write_inventory(ROLE), tmp_path / "report.html"
    output.write_text(text)
    monkeypatch.chdir(tmp_path)
    assert run(["report", str(inventory)]) == 2
    assert "report.html is not a report of this command, so it is not overwritten" in capsys.readouterr().err
    assert output.read_text() == text
    assert run(["report", str(inventory), "--output", "report.html"]) == 0
    assert output.read_text().startswith("<!doctype html>\n<html")


def test_findings_of_level_error_give_no_page(
    write_inventory: Inventory, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "report.html"
    output.write_text("the last one")
    assert run(["report", str(write_inventory(WRONG)), "--output", str(output)]) == 1
    captured = capsys.readouterr()
    assert "error[selects-no-account]" in captured.err or "error[unknown-account]" in captured.err
    assert captured.out == ""
    assert output.read_text() == "the last one"


def test_warnings_are_counted_on_standard_error_and_shown_on_the_page(
    write_inventory: Inventory, capsys: pytest.CaptureFixture[str]
) -> None:
    inventory = str(write_inventory(WIDE))
    assert run(["report", inventory, "-o", "-"]) == 0
    captured = capsys.readouterr()
    assert captured.err == "2 warnings; see `validate`\n"
    assert "production-outside-environments" in captured.out
    assert run(["report", inventory, "-o", "-", "--strict"]) == 1


def test_the_day_may_be_given_and_all_is_judged_as_on_that_day(
    write_inventory: Inventory, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    inventory = str(write_inventory(ENDED))
    assert run(["report", inventory, "-o", "-", "--date", "2027-02-01"]) == 0
    captured = capsys.readouterr()
    assert captured.err == "1 warning; see `validate`\n"
    assert 'datetime="2027-02-01"' in captured.out
    assert "it has ended" in captured.out
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767225600")  # 2026-01-01
    assert run(["report", inventory, "-o", "-"]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    assert 'datetime="2026-01-01"' in captured.out


@pytest.mark.parametrize(
    ("options", "epoch", "said"),
    [
        (["--date", "soon"], "", "does not match the format"),
        ([], "soon", "SOURCE_DATE_EPOCH is `soon`: expected seconds since 1970"),
        ([], "9" * 30, "expected seconds since 1970"),
        (["--output", ""], "", "the path of the output is empty"),
    ],
)
def test_a_wrong_option_is_wrong_usage(
    write_inventory: Inventory,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    *,
    options: list[str],
    epoch: str,
    said: str,
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
    assert run(["report", str(write_inventory(ROLE)), *options]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("output", ["nowhere/report.html", "inventory"])
def test_an_output_that_cannot_be_written_is_the_world_outside(
    write_inventory: Inventory,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    output: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["report", str(write_inventory(ROLE)), "--output", output]) == 3
    assert f"{output} cannot be written: " in capsys.readouterr().err


def test_the_revision_is_that_of_the_inventory_with_a_mark_where_it_differs(
    write_inventory: Inventory, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inventory = write_inventory(ROLE)
    assert run(["report", str(inventory), "-o", "-"]) == 0
    assert "is not in a git repository</dd>" in capsys.readouterr().out
    revision = commit_all(tmp_path)
    output = tmp_path / "report.html"  # a file that is not committed, and nothing that a report is made from
    assert run(["report", str(inventory), "--output", str(output)]) == 0
    assert f"<code>{revision}</code></dd>" in output.read_text()
    (inventory / "more.yaml").write_text("accounts: {more: {id: '333333333333'}}\n")
    assert run(["report", str(inventory), "--output", str(output)]) == 0
    assert f"<code>{revision}</code> <strong" in output.read_text()
    assert "with changes that are not committed" in output.read_text()


def test_without_git_there_is_a_page_without_a_revision(
    write_inventory: Inventory, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    inventory = write_inventory(ROLE)
    commit_all(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert run(["report", str(inventory), "-o", "-"]) == 0
    assert "<dd>none: git is not on PATH</dd>" in capsys.readouterr().out


def test_the_page_is_the_same_in_a_terminal_of_any_encoding(write_inventory: Inventory) -> None:
    command = [sys.executable, "-m", "cli", "report", str(write_inventory(ROLE)), "-o", "-", "--date", "2026-11-27"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUTF8"}
    found = {
        subprocess.run(
            command, capture_output=True, check=True, cwd=PROJECT, env=environment | {"PYTHONIOENCODING": encoding}
        ).stdout
        for encoding in ("ascii", "utf-8")
    }
    assert len(found) == 1
