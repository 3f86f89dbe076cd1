"""The output of `sandbox serve`: lines to paste into a shell."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cli.sandbox.serve import made_new, role_commands, show_served
from oidc.errors import SandboxError
from sandbox.emulated_aws.new_accounts import NewAccounts
from sandbox.emulator_inputs import STRANGER
from sandbox.session import read_subject

WIDE = Path(__file__).parent.parent / "fixtures" / "inventories" / "wide"


@pytest.fixture
def session() -> Any:
    """A session with addresses, without servers."""
    bitbucket = SimpleNamespace(
        address="127.0.0.1:8443",
        ca_file=Path("/a folder/ca.pem"),
        workspaces=(STRANGER,),
        api_url="https://127.0.0.1:8443/2.0",
        ranges_url="https://127.0.0.1:8443/ip-ranges",
    )
    return SimpleNamespace(subject=read_subject(WIDE), endpoint="http://127.0.0.1:4566", bitbucket=bitbucket)


def test_every_line_of_trust_has_a_command_for_its_token(session: Any) -> None:
    commands = {(entry.role, entry.who): entry.token_command for entry in role_commands(session)}
    start = f"bitbucket-oidc sandbox token {WIDE} --repository"
    assert f"{start} acme/shop --environment production > web-identity-token" in commands.values()
    assert f"{start} acme-data/tool > web-identity-token" in commands.values()
    assert f"{start} acme/site --audience deploy.example > web-identity-token" in commands.values()
    assert [command for (role, _), command in commands.items() if role == "whole-workspace"] == [
        f"{start} acme/shop > web-identity-token"
    ]


def test_notes_say_why_a_role_is_refused(session: Any) -> None:
    notes = {entry.role: entry.note for entry in role_commands(session)}
    assert notes["from-the-office"].startswith("refused from this machine: only from 198.51.100.7/32, ")
    assert notes["gone"] == "the last day is 2020-12-31"
    assert notes["custom-audience"].endswith("AWS refuses a token with two")
    assert notes["whole-workspace"] == "the last day is 2031-12-31"


def test_variables_that_override_a_token_file_are_unset(session: Any, capsys: pytest.CaptureFixture[str]) -> None:
    show_served(session)
    out = capsys.readouterr().out
    assert "unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_PROFILE\n" in out
    assert "export AWS_ENDPOINT_URL=http://127.0.0.1:4566 AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1\n" in out
    assert "curl --cacert '/a folder/ca.pem' --connect-to api.bitbucket.org:443:127.0.0.1:8443 https://" in out
    assert "AWS_ROLE_ARN=arn:aws:iam::444444444444:role/bitbucket/custom-audience aws sts get-caller-identity\n" in out


def test_commands_that_ask_the_accounts_are_printed(session: Any, capsys: pytest.CaptureFixture[str]) -> None:
    plan = session.subject.plan
    session.subject = replace(session.subject, folder=Path(".sandbox/wide"), plan=plan.only({"by-role", "ambient"}))
    show_served(session)
    keys = "AWS_ACCESS_KEY_ID=111111111111 AWS_SECRET_ACCESS_KEY=test"
    start = f"AWS_CONFIG_FILE=.sandbox/wide/aws-config {keys} bitbucket-oidc"
    out = capsys.readouterr().out
    assert f"{start} lock {WIDE} --only accounts --aws-endpoint http://127.0.0.1:4566\n" in out
    assert f"{start} adopt {WIDE} --aws --aws-endpoint http://127.0.0.1:4566\n" in out


def test_several_accounts_with_ambient_credentials_are_not_asked(
    session: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    show_served(session)
    out = capsys.readouterr().out
    assert (
        "# ambient, ambient-too, referenced have neither deploy_role nor profile, and ambient credentials belong to one"
        in out
    )
    assert "--aws-endpoint" not in out


def test_the_variables_of_lock_can_be_pasted(session: Any, capsys: pytest.CaptureFixture[str]) -> None:
    show_served(session)
    out = capsys.readouterr().out
    assert "export BITBUCKET_API_URL=https://127.0.0.1:8443/2.0 BITBUCKET_ACCESS_TOKEN=sandbox\n" in out
    assert "BITBUCKET_CA_FILE='/a folder/ca.pem' ATLASSIAN_IP_RANGES_URL=https://127.0.0.1:8443/ip-ranges\n" in out


def test_new_accounts_get_the_commands_that_make_them_ready(session: Any, capsys: pytest.CaptureFixture[str]) -> None:
    session.subject = replace(session.subject, folder=Path(".sandbox/wide"))
    show_served(session, NewAccounts("o-a1b2c3d4e5", "arn:aws:iam::000000000000:role/pulumi-runner"))
    *_, deploy, check = capsys.readouterr().out.splitlines()
    hub = "--hub-role arn:aws:iam::000000000000:role/pulumi-runner --organization o-a1b2c3d4e5"
    through = "--deploy --through-role OrganizationAccountAccessRole --deploying-role PulumiDeploy"
    assert f" bootstrap {WIDE} {through} {hub} --aws-endpoint " in deploy
    assert check.startswith("AWS_CONFIG_FILE=.sandbox/wide/aws-config AWS_PROFILE=pulumi-runner bitbucket-oidc boot")


def test_new_accounts_with_only_a_profile_get_the_name_of_a_deploying_role(
    session: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for way, is_named in (("profile: mine", True), ('deploy_role: "arn:aws:iam::222222222222:role/Deploy"', False)):
        (tmp_path / "a.yaml").write_text(f'accounts: {{prod: {{id: "222222222222", {way}}}}}')
        session.subject = read_subject(tmp_path / "a.yaml")
        show_served(session, NewAccounts("o-a1b2c3d4e5", "arn:aws:iam::000000000000:role/pulumi-runner"))
        *_, deploy, check = capsys.readouterr().out.splitlines()
        assert [" --deploying-role PulumiDeploy " in command for command in (deploy, check)] == [is_named, is_named]


def test_accounts_that_an_up_made_ready_are_not_new(session: Any) -> None:
    session.is_up = True
    with pytest.raises(SandboxError, match="an `up` has made these accounts ready, so they are not new; remove "):
        made_new(session)
