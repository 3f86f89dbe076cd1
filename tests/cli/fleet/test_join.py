"""fleet join, and the summary that every command of the fleet ends with."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cli.fleet.summary import MAX_LINES, summary_lines
from cli.main import run
from fleet.report import AccountReport, Part, Result, write_report
from tests.fleet.run_reports import TEXTS, report_of


def account(key: str, result: Result = Result.SUCCEEDED, reason: str = "", do: str = "") -> AccountReport:
    number = f"{abs(hash(key)) % 10**12:012}"
    return AccountReport(
        account=key, id=number, stack=key, wave="others", standing=None, result=result, reason=reason, do=do
    )


@settings(max_examples=15)
@given(st.lists(st.tuples(st.sampled_from(Result), TEXTS, TEXTS), min_size=1, max_size=40), st.integers(20, 200))
def test_the_summary_of_a_thousand_accounts_of_any_mix_fits_a_screen(
    mix: list[tuple[Result, str, str]], width: int
) -> None:
    accounts = [
        account(f"account-{number:04}", result, reason and f"{reason} {number % 7}", do)
        for number in range(1000)
        for result, reason, do in [mix[number % len(mix)]]
    ]
    lines = summary_lines(report_of(accounts), width)
    assert len(lines) <= MAX_LINES <= 40
    assert any("1,000 accounts" in line for line in lines) or width < 60


def test_the_same_reason_in_many_accounts_is_one_line() -> None:
    accounts = [
        account(key, Result.FAILED, f"arn:aws:iam::{account(key).id}:role/deployer denies {key}")
        for key in ("a", "b", "c", "d")
    ]
    lines = summary_lines(report_of([*accounts, account("e")]), 160)
    assert lines == [
        "failed: 4 accounts (a, b, c and 1 more): arn:aws:iam::{{account_id}}:role/deployer denies {{account}}",
        "up of 5 accounts: 1 succeeded, 4 failed; 1 s",
    ]


def test_a_note_that_the_reason_has_already_is_not_shown_again() -> None:
    told = account("a", Result.TO_DO, "the state lacks a/x; 1 change")
    told = told.model_copy(update={"notes": ("the state lacks a/x", "b is new")})
    assert summary_lines(report_of([told]), 160)[:-1] == [
        "note: a: b is new",
        "to do: a: the state lacks a/x; 1 change",
    ]


def test_failures_come_first_and_what_is_left_out_is_counted() -> None:
    accounts = [account(f"s{number}", Result.SKIPPED, f"reason {number} of {'x' * number}") for number in range(100)]
    lines = summary_lines(report_of([*accounts, account("z", Result.FAILED, "denied", "ask")]), 120)
    assert lines[:2] == ["failed: z: denied", "  ask"]
    left = len(accounts) - (len(lines) - 4)
    assert lines[-2] == f"and {left} more reasons in {left} accounts; --report FILE has them all"


def test_join_writes_one_report_and_succeeds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_report(tmp_path / "1.json", report_of([account("b")], part=Part(shard="1/2"), fleet=3))
    write_report(tmp_path / "2.json", report_of([account("a")], part=Part(shard="2/2"), fleet=3))
    files = [str(tmp_path / name) for name in ("1.json", "2.json")]
    assert run(["fleet", "join", *files, "--report", str(tmp_path / "joined.json"), "--format", "json"]) == 0
    printed = capsys.readouterr()
    assert printed.out == (tmp_path / "joined.json").read_text()
    assert [each["account"] for each in json.loads(printed.out)["accounts"]] == ["a", "b"]
    assert printed.err == "up of 2 of 3 accounts: 2 succeeded; 1 s\n"


@pytest.mark.parametrize("result", [Result.FAILED, Result.REFUSED, Result.NOT_STARTED])
def test_join_fails_for_an_account_that_failed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], result: Result
) -> None:
    file = tmp_path / "1.json"
    write_report(file, report_of([account("a", result, "because")]))
    assert run(["fleet", "join", str(file)]) == 1
    assert "a: because" in capsys.readouterr().err
    assert run(["fleet", "join", str(file), "--max-failures", "1"]) == 0


def test_join_fails_without_the_report_of_a_shard(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "1.json"
    write_report(file, report_of([account("a")], part=Part(shard="1/2")))
    assert run(["fleet", "join", str(file)]) == 1
    assert "error: no report of shard 2/2" in capsys.readouterr().err
