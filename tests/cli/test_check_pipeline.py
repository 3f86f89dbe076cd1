"""check-pipeline: formats, exit codes, notes apart from findings, and words for what the user got wrong."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.main import run
from tests.cli.sarif_log import Log

ROLES = "roles: {deploy: {accounts: [prod], trust: [{repository: acme/shop, environments: [production]}]}}\n"
GOOD = """pipelines:
  default:
    - step:
        deployment: production
        oidc: true
        script:
          - pipe: atlassian/aws-s3-deploy:2.0.1
            variables:
              AWS_OIDC_ROLE_ARN: arn:aws:iam::222222222222:role/bitbucket/deploy
"""
KEY = GOOD + "              AWS_ACCESS_KEY_ID: $KEY\n"
BAD = GOOD.replace("production", "staging")
UNKNOWN = GOOD.replace("arn:aws:iam::222222222222:role/bitbucket/deploy", "$ROLE")

Check = Callable[..., int]


@pytest.fixture
def check(write_inventory: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Check:
    """Run the command beside an inventory, on the file of its default name."""
    write_inventory(ROLES)
    monkeypatch.chdir(tmp_path)

    def of(text: str, *arguments: str) -> int:
        (tmp_path / "bitbucket-pipelines.yml").write_text(text)
        return run(["check-pipeline", "--repository", "acme/shop", *arguments])

    return of


@pytest.mark.parametrize(
    ("text", "arguments", "code"),
    [(GOOD, [], 0), (BAD, [], 1), (KEY, [], 0), (KEY, ["--strict"], 1), (UNKNOWN, ["--strict"], 0), ("a: [", [], 1)],
)
def test_exit_codes_are_those_of_validate(check: Check, text: str, arguments: list[str], code: int) -> None:
    assert check(text, *arguments) == code


def test_a_finding_is_one_line_of_the_form_of_validate(check: Check, capsys: pytest.CaptureFixture[str]) -> None:
    check(BAD)
    captured = capsys.readouterr()
    assert captured.out == ""
    line, summary = captured.err.splitlines()
    assert line.startswith(
        "bitbucket-pipelines.yml:4:21: error[step-not-trusted] pipelines.default[0].step: role deploy in account prod "
        "refuses this step: "
    )
    assert summary == "1 named role checked, 0 not; 1 error in 1 file"


def test_a_note_is_no_finding(check: Check, capsys: pytest.CaptureFixture[str]) -> None:
    check(UNKNOWN, "--format", "json")
    captured = capsys.readouterr()
    assert json.loads(captured.out) == []
    assert captured.err == (
        "bitbucket-pipelines.yml:9:34: note: pipelines.default[0].step: not checked: AWS_OIDC_ROLE_ARN of the pipe: "
        "the ARN has a variable that this file does not set\n"
    )


def test_json_and_sarif_hold_the_findings(check: Check, capsys: pytest.CaptureFixture[str]) -> None:
    check(BAD, "--format", "json")
    (finding,) = json.loads(capsys.readouterr().out)
    assert {key: finding[key] for key in ("rule", "level", "file", "line", "column", "path")} == {
        "rule": "step-not-trusted",
        "level": "error",
        "file": "bitbucket-pipelines.yml",
        "line": 4,
        "column": 21,
        "path": "pipelines.default[0].step",
    }
    check(BAD, "--format", "sarif")
    (result,) = Log.model_validate_json(capsys.readouterr().out).runs[0].results
    place = result.locations[0].physicalLocation
    assert (result.ruleId, place.artifactLocation.uri, place.region.startLine) == (
        "step-not-trusted",
        "bitbucket-pipelines.yml",
        4,
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["no-such.yml"], "no-such.yml: cannot be read: No such file or directory"),
        (["--repository", "acme/shpo"], "did you mean `shop`?"),
        (["--repository", "shop"], "a repository is WORKSPACE/REPOSITORY"),
        (["--inventory", ""], "the path of the inventory is empty"),
    ],
)
def test_wrong_usage_is_told(
    check: Check, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert check(GOOD, *arguments) == 2
    assert message in capsys.readouterr().err


def test_an_inventory_with_errors_decides_nothing(check: Check, capsys: pytest.CaptureFixture[str]) -> None:
    Path("inventory/base.yaml").write_text("roles: 1\n")
    assert check(GOOD) == 1
    assert "named role checked" not in capsys.readouterr().err
