"""ci profiles: the AWS configuration file of a step, as the AWS SDK reads it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from botocore.configloader import load_config

from cli.main import run

Inventory = Callable[..., Path]
Capture = pytest.CaptureFixture[str]

PIPELINE_ROLE = "arn:aws:iam::999999999999:role/bitbucket/access-preview"
ACCOUNTS = """accounts:
  one: {id: "111111111111", region: eu-west-1, profile: first}
  two: {id: "222222222222", partition: aws-us-gov, profile: second}
  three: {id: "333333333333", profile: third, deploy_role: "arn:aws:iam::333333333333:role/R"}
"""


@pytest.fixture
def inventory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("BITBUCKET_BUILD_NUMBER", "12")

    def write(text: str) -> Path:
        (tmp_path / "inventory.yaml").write_text(text)
        return tmp_path / "inventory.yaml"

    return write


def profiles(inventory: Path, *options: str) -> int:
    return run(["ci", "profiles", str(inventory), "--pipeline-role", PIPELINE_ROLE, "--role", "PulumiRead", *options])


def test_every_profile_assumes_the_role_of_its_account_through_the_pipeline_role(
    inventory: Callable[[str], Path], tmp_path: Path, capsys: Capture
) -> None:
    assert profiles(inventory(ACCOUNTS)) == 0
    (tmp_path / "config").write_text(capsys.readouterr().out)
    assert load_config(str(tmp_path / "config"))["profiles"] == {
        "pipeline": {
            "role_arn": PIPELINE_ROLE,
            "web_identity_token_file": str(tmp_path / "token"),
            "role_session_name": "bitbucket-12",
        },
        "first": {
            "role_arn": "arn:aws:iam::111111111111:role/PulumiRead",
            "source_profile": "pipeline",
            "role_session_name": "bitbucket-12",
            "region": "eu-west-1",
        },
        "second": {
            "role_arn": "arn:aws-us-gov:iam::222222222222:role/PulumiRead",
            "source_profile": "pipeline",
            "role_session_name": "bitbucket-12",
        },
        "third": {
            "role_arn": "arn:aws:iam::333333333333:role/PulumiRead",
            "source_profile": "pipeline",
            "role_session_name": "bitbucket-12",
        },
    }


@pytest.mark.parametrize(
    "profile", ["a]\\nrole_arn = x\\n[profile b", "a b", "a#b", "ü", "pipeline", "second", "x" * 65, "a]"]
)
def test_a_profile_name_that_breaks_the_file_is_refused(
    inventory: Callable[[str], Path], capsys: Capture, profile: str
) -> None:
    assert profiles(inventory(ACCOUNTS.replace("profile: first", f'profile: "{profile}"'))) in (1, 2)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "options",
    [
        ["--role", "a b"],
        ["--role", "../x\n[profile y]"],
        ["--role", ""],
        ["--pipeline-role", "access-preview"],
        ["--pipeline-role", "arn:aws:iam::999999999999:policy/p"],
    ],
)
def test_an_invalid_role_is_wrong_usage(inventory: Callable[[str], Path], options: list[str]) -> None:
    assert profiles(inventory(ACCOUNTS), *options) == 2


@pytest.mark.parametrize(
    ("without", "message"),
    [
        (
            [", profile: third"],
            "account without a profile: three; write `profile: three` under accounts.three, in place of `deploy_role`",
        ),
        (
            [", profile: first", ", profile: third"],
            "accounts without a profile: one, three; write `profile: KEY` under each, in place of `deploy_role`",
        ),
    ],
)
def test_accounts_without_a_profile_are_named_in_one_line(
    inventory: Callable[[str], Path], capsys: Capture, without: list[str], message: str
) -> None:
    text = ACCOUNTS
    for profile in without:
        text = text.replace(profile, "")
    assert profiles(inventory(text)) == 2
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", f"error: {message}\n")


def test_a_missing_token_file_variable_is_reported(
    inventory: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.delenv("AWS_WEB_IDENTITY_TOKEN_FILE")
    assert profiles(inventory(ACCOUNTS)) == 2
    assert "AWS_WEB_IDENTITY_TOKEN_FILE is not set" in capsys.readouterr().err


def test_findings_of_level_error_end_the_command(inventory: Callable[[str], Path], capsys: Capture) -> None:
    assert profiles(inventory(ACCOUNTS.replace("111111111111", "1"))) == 1
    assert "error[bad-account-id]" in capsys.readouterr().err
