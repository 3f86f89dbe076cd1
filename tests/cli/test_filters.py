"""Filters of commands: what they show, what they say about it, and what stays that of the whole plan."""

import json
from pathlib import Path
from typing import Any

import pytest

from cli.doctor_script import main as doctor
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


def test_a_filtered_report_says_so_and_has_only_its_roles(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pages = {}
    for name, options in (("whole", []), ("part", ["--account", "dev", "--role", "build"])):
        assert run(["report", str(FAMILIES), "--output", str(tmp_path / name), "--date", "2026-11-28", *options]) == 0
        pages[name] = (tmp_path / name).read_text()
    assert "A part of the plan" not in pages["whole"]
    part = plan_json(capsys, "--account", "dev", "--role", "build")["filtered"]
    words = f"filtered by --account dev --role build: {part['roles']} of {part['of_roles']} roles in 1 of 2 accounts"
    assert f"<strong>A part of the plan</strong>, {words}." in pages["part"]
    assert "role/bitbucket/shop/shop-deploy" in pages["whole"]
    assert "role/bitbucket/shop/shop-deploy" not in pages["part"]
    assert "build-shop" in pages["part"]


STEP = ["explain", str(FAMILIES), "--repository", "acme/shop", "--environment", "staging"]


def test_explain_answers_for_the_roles_of_a_filter(capsys: pytest.CaptureFixture[str]) -> None:
    every = json.loads(output(capsys, *STEP, "--format", "json"))
    assert run([*STEP, "--format", "json", "--account", "dev", "--role", "deploy"]) == 0
    captured = capsys.readouterr()
    chosen = [one for one in every if one["account"] == "dev" and one["role"].startswith("deploy[")]
    assert json.loads(captured.out) == chosen
    assert captured.err.splitlines()[-1] == (
        f"note: filtered by --account dev --role deploy: {len(chosen)} of {len(every)} roles in 1 of 2 accounts"
    )


def test_explain_shows_each_role_that_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    shown = output(capsys, *STEP, "--role", "deploy[acme/site, staging]")
    assert "no  dev  deploy[acme/site, staging]" in shown
    assert "not shown" not in shown
    assert shown.startswith("filtered by --role 'deploy[acme/site, staging]': 1 of ")


def test_explain_counts_the_roles_of_a_named_family_that_trust_other_repositories(
    capsys: pytest.CaptureFixture[str],
) -> None:
    shown = output(capsys, *STEP, "--role", "deploy")
    assert "deploy[acme/site, staging]" not in shown
    assert "not shown" in shown
    assert "deploy[acme/site, staging]" in output(capsys, *STEP, "--role", "deploy", "--all")


def test_explain_says_the_same_answer_in_many_accounts_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "inventory.yaml").write_text(
        MANY.replace("ACCOUNTS", "\n".join(f"  a{n}: {{id: '{n:012}'}}" for n in range(1, 7)))
    )
    asked = ["explain", str(tmp_path), "--repository", "acme/shop", "--environment", "production"]
    shown = output(capsys, *asked)
    assert "yes a1, a2, a3 and 3 more accounts  deploy\n" in shown
    assert "--all lists these 6" in shown
    assert "6 roles allowed, 0 roles refused" in shown
    assert output(capsys, *asked, "--all").count("yes a") == 6
    assert len(json.loads(output(capsys, *asked, "--format", "json"))) == 6


MANY = """
workspaces:
  acme:
    uuid: "{0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11}"
    repositories:
      shop:
        uuid: "{9a6d6bde-2ae3-4d4c-8a43-1f6a5d9a3c01}"
        environments: {production: "{c2b1a5de-6b7e-4d4b-b1a0-6a9d8c7b5e03}"}
accounts:
ACCOUNTS
roles:
  deploy:
    accounts: ["*"]
    trust: [{repository: acme/shop, environments: [production]}]
    managed_policies: ["aws:ReadOnlyAccess"]
"""


def test_explain_takes_no_filter_beside_events(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "event.json").write_text("{}")
    assert run(["explain", str(FAMILIES), "--event", str(tmp_path / "event.json"), "--owner", "a"]) == 2
    assert capsys.readouterr().err == (
        "error: --event asks for the role of each call, and no filter; remove --owner a\n"
    )


def changed(tmp_path: Path) -> list[str]:
    """Return the arguments of a comparison in which roles of dev change; those of prod have an override."""
    for name, line in (("old", ""), ("new", "    max_session_duration: 3h\n")):
        (tmp_path / name).mkdir()
        for file in FAMILIES.iterdir():
            text = file.read_text().replace("    path: /bitbucket", f"{line}    path: /bitbucket")
            (tmp_path / name / file.name).write_text(text)
    return ["diff", str(tmp_path / "old"), str(tmp_path / "new")]


def test_a_filtered_comparison_says_so_and_keeps_the_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = changed(tmp_path)
    whole = json.loads(output(capsys, *command, "--format", "json"))
    assert {change["account"] for change in whole["changes"]} == {"dev"}
    part = json.loads(output(capsys, *command, "--exit-code", "--format", "json", "--account", "prod", code=1))
    assert part["changes"] == []
    assert (
        part["filtered"].items() >= {"by": "--account prod", "changes": 0, "of_changes": len(whole["changes"])}.items()
    )
    text = output(capsys, *command, "--account", "prod")
    assert text.startswith(f"filtered by --account prod: 0 of {len(whole['changes'])} changes, of ")
    shown = output(capsys, *command, "--format", "markdown", "--max-chars", "1200", "--role", "deploy")
    assert shown.startswith(r"filtered by --role deploy: ")
    assert len(shown) <= 1200
    output(capsys, *command, "--format", "markdown", "--max-chars", "1000", "--role", "deploy", code=2)


def test_the_doctor_takes_no_filtered_plan(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "plan.json"
    file.write_text(output(capsys, "plan", str(FAMILIES), "--format", "json", "--account", "dev"))
    with pytest.raises(SystemExit) as caught:
        doctor(["--plan", str(file)])
    assert caught.value.code == 2
    assert f"--plan: {file} is filtered; write it again without filters" in capsys.readouterr().err
