"""Filters of commands: what they show, what they say about it, and what stays that of the whole plan."""

import json
from pathlib import Path
from typing import Any

import pytest

from cli.main import run

FAMILIES = Path(__file__).parent.parent / "fixtures" / "inventories" / "families"


def output(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    assert run([*arguments]) == code
    return capsys.readouterr().out


def plan_json(capsys: pytest.CaptureFixture[str], *options: str) -> Any:
    return json.loads(output(capsys, "plan", str(FAMILIES), "--format", "json", *options))


def test_a_filtered_plan_says_how_much_it_shows(capsys: pytest.CaptureFixture[str]) -> None:
    whole = plan_json(capsys)
    number = sum(len(account["roles"]) for account in whole["accounts"])
    part = plan_json(capsys, "--account", "dev", "--repository", "acme/shop")
    shown = [role for account in part["accounts"] for role in account["roles"]]
    assert part["filtered"] == {
        "by": "--account dev --repository acme/shop",
        "roles": len(shown),
        "of_roles": number,
        "accounts": 1,
        "of_accounts": 2,
    }
    (dev,) = [account for account in whole["accounts"] if account["key"] == "dev"]
    expected = [role for role in dev["roles"] if any(line["repository"] in ("shop", None) for line in role["trust"])]
    assert shown == expected
    table = output(capsys, "plan", str(FAMILIES), "--account", "dev", "--repository", "acme/shop")
    words = f"filtered by --account dev --repository acme/shop: {len(shown)} of {number} roles in 1 of 2 accounts\n"
    assert table.startswith(words)


def test_digests_are_those_of_the_whole_plan(capsys: pytest.CaptureFixture[str]) -> None:
    digests = json.loads(output(capsys, "plan", str(FAMILIES), "--format", "digests"))
    table = output(capsys, "plan", str(FAMILIES), "--account", "dev", "--role", "build")
    of = {account["key"]: account["digest"] for account in digests["accounts"]}
    assert digests["whole"] in table
    assert of["dev"] in table
    assert of["prod"] not in table
    output(capsys, "plan", str(FAMILIES), "--format", "digests", "--account", "dev", code=2)


def test_a_filtered_plan_is_no_side_of_a_comparison(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "plan.json"
    file.write_text(output(capsys, "plan", str(FAMILIES), "--format", "json", "--account", "dev"))
    assert run(["diff", str(file), str(FAMILIES)]) == 2
    assert capsys.readouterr().err == (
        f"error: {file} is not a whole plan: it is filtered; write it again without filters\n"
    )


def test_a_filter_that_matches_nothing_is_an_error_of_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", str(FAMILIES), "--account", "prd"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines()[-1] == "error: --account: `prd` matches nothing in the plan; did you mean `prod`?"
