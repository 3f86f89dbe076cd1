"""`bootstrap --deploy` on emulated accounts: what it makes, what it leaves alone, and what it says."""

import itertools
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from access.adoption.found import FoundTemplate
from cli.main import run
from facts.aws.existing_template import existing_template
from facts.aws.survey import ask_each
from oidc.errors import AwsError
from sandbox.emulated_aws import EmulatedAws
from sandbox.emulated_aws.new_accounts import (
    ADMINISTRATOR,
    SERVICES,
    NewAccounts,
    prepare_new_accounts,
)
from sandbox.emulated_aws.prepare_accounts import RootUsers
from tests.conftest import WORKSPACES
from tests.sandbox.bootstrap.bootstrapped import ALLOW_ALL, trusting

HUB = "000000000000"
DEFAULTS = """
defaults:
  deploy_role: {arn: "arn:{{partition}}:iam::{{account_id}}:role/PulumiDeploy", external_id: acme-7f3c}
  permissions_boundary: account:ci-boundary
"""
ROLES = """
roles:
  shop:
    accounts: ["*"]
    trust: [{repository: acme/shop, environments: [production]}]
    managed_policies: ["aws:AmazonECS_FullAccess"]
"""
ADMIN_ACCESS = "arn:aws:iam::aws:policy/AdministratorAccess"
_numbers = itertools.count(700_000_000_001)


@pytest.fixture(scope="module")
def emulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatedAws]:
    with EmulatedAws(tmp_path_factory.mktemp("new"), issuers=None, more_services=SERVICES) as running:
        yield running


@pytest.fixture(scope="module")
def roots(emulated: EmulatedAws) -> Iterator[RootUsers]:
    with closing(RootUsers(emulated.endpoint)) as users:
        yield users


@pytest.fixture
def accounts(emulated: EmulatedAws, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Two new accounts by key; the environment has the credentials of the management account."""
    found = {key: str(next(_numbers)) for key in ("dev", "prod")}
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", HUB)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    return found


@pytest.fixture
def new(emulated: EmulatedAws, accounts: dict[str, str]) -> NewAccounts:
    return prepare_new_accounts(emulated.endpoint, HUB, accounts.values())


@pytest.fixture
def inventory(accounts: dict[str, str], tmp_path: Path) -> Path:
    path = tmp_path / "inventory.yaml"
    listed = "".join(f'  {key}: {{id: "{number}"}}\n' for key, number in accounts.items())
    path.write_text(f"{WORKSPACES}accounts:\n{listed}{DEFAULTS}{ROLES}")
    return path


Bootstrap = Callable[..., int]


@pytest.fixture
def bootstrap(emulated: EmulatedAws, inventory: Path, new: NewAccounts) -> Bootstrap:
    def bootstrap(*options: str) -> int:
        hub = ["--hub-role", new.hub_role_arn, "--organization", new.organization]
        return run(["bootstrap", str(inventory), *hub, "--aws-endpoint", emulated.endpoint, *options])

    return bootstrap


@pytest.fixture
def deploy(bootstrap: Bootstrap) -> Bootstrap:
    def deploy(*options: str) -> int:
        return bootstrap("--deploy", "--yes", "--through-role", ADMINISTRATOR, *options)

    return deploy


def names_of(iam: Any) -> set[str]:
    return {role["RoleName"] for role in iam.list_roles()["Roles"]}


def test_many_accounts_by_a_role_and_a_second_run_changes_nothing(
    deploy: Bootstrap, emulated: EmulatedAws, capsys: pytest.CaptureFixture[str]
) -> None:
    assert deploy() == 0
    captured = capsys.readouterr()
    assert sorted(captured.out.splitlines()) == [
        f"{key}: created the stack bitbucket-oidc-bootstrap: has the current template" for key in ("dev", "prod")
    ]
    assert f"note: {emulated.endpoint} stands in for AWS: its CloudFormation is that of an emulator\n" in captured.err
    assert "dev: creates the stack bitbucket-oidc-bootstrap in us-east-1: DeployingRole, Deploy" in captured.err
    assert deploy() == 0
    assert capsys.readouterr().out == "dev: has the current template\nprod: has the current template\n"


def test_the_check_by_the_hub_agrees_with_what_was_deployed(
    deploy: Bootstrap, bootstrap: Bootstrap, new: NewAccounts, roots: RootUsers, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert deploy() == 0
    as_hub = roots.client(HUB, "sts").assume_role(RoleArn=new.hub_role_arn, RoleSessionName="test")["Credentials"]
    for name, part in (
        ("ACCESS_KEY_ID", "AccessKeyId"), ("SECRET_ACCESS_KEY", "SecretAccessKey"), ("SESSION_TOKEN", "SessionToken"),
    ):  # fmt: skip
        monkeypatch.setenv(f"AWS_{name}", as_hub[part])
    assert bootstrap("--check") == 0


def test_a_new_managed_policy_updates_the_stack_and_says_which_difference(
    deploy: Bootstrap, inventory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert deploy() == 0
    text = inventory.read_text()
    inventory.write_text(text.replace('FullAccess"]', 'FullAccess", "aws:ReadOnlyAccess"]'))
    capsys.readouterr()
    assert deploy("--account", "prod", "--format", "json") == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out) == {
        "agrees": True,
        "accounts": [
            {
                "account": "prod",
                "result": "updated",
                "message": "updated the stack bitbucket-oidc-bootstrap: has the current template",
            }
        ],
        "failed": [],
    }
    lacks = "AttachInsideTheBoundary lacks ArnEquals iam:PolicyARN arn:aws:iam::aws:policy/ReadOnlyAccess"
    assert f"  deploying role PulumiDeploy: permissions: {lacks}\n" in captured.err
    assert deploy() == 0
    assert "prod: has the current template\n" in capsys.readouterr().out


def test_credentials_of_another_account_deploy_nothing_anywhere(
    bootstrap: Bootstrap,
    accounts: dict[str, str],
    roots: RootUsers,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", accounts["dev"])
    assert bootstrap("--deploy", "--yes", "--account", "prod") == 3
    err = capsys.readouterr().err
    assert f"error: account prod: the credentials belong to account {accounts['dev']}, not to" in err
    for number in accounts.values():
        assert names_of(roots.client(number)) == {ADMINISTRATOR}
        assert roots.client(number, "cloudformation").describe_stacks()["Stacks"] == []
    assert bootstrap("--deploy", "--yes") == 2
    assert "for one account, and these are 2; add --account KEY, --through-role NAME" in capsys.readouterr().err
    assert bootstrap("--deploy", "--yes", "--account", "dev") == 0


def test_an_account_that_cannot_be_entered_stops_nobody_else(
    deploy: Bootstrap, accounts: dict[str, str], roots: RootUsers, capsys: pytest.CaptureFixture[str]
) -> None:
    roots.client(accounts["dev"]).update_assume_role_policy(
        RoleName=ADMINISTRATOR, PolicyDocument=trusting(f"arn:aws:iam::{accounts['prod']}:root")
    )
    assert deploy() == 3
    captured = capsys.readouterr()
    assert captured.out == "prod: created the stack bitbucket-oidc-bootstrap: has the current template\n"
    (line,) = [line for line in captured.err.splitlines() if line.startswith("error: ")]
    assert line.startswith(f"error: account dev: assuming arn:aws:iam::{accounts['dev']}:role/{ADMINISTRATOR} with the")


def test_what_iam_does_not_show_yet_is_asked_again(
    deploy: Bootstrap, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answers: list[str] = []

    def late(*given: Any) -> FoundTemplate:
        answers.append("")
        if len(answers) == 2:
            raise AwsError("the role PulumiDeploy: NoSuchEntity")
        return FoundTemplate({}, {}) if len(answers) == 3 else existing_template(*given)

    monkeypatch.setattr("cli.bootstrap_deploy.existing_template", late)
    assert deploy("--account", "dev") == 0
    assert capsys.readouterr().out.startswith("dev: created the stack")
    assert len(answers) == 4


def test_an_account_that_no_longer_answers_after_the_deployment_is_said(
    deploy: Bootstrap, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answers: list[str] = []

    def expired(*given: Any) -> FoundTemplate:
        answers.append("")
        if len(answers) > 1:
            raise AwsError("the role PulumiDeploy: ExpiredToken", do="log in again")
        return existing_template(*given)

    monkeypatch.setattr("cli.bootstrap_deploy._SPREADING_PAUSES", (0.0, 0.0))
    monkeypatch.setattr("cli.bootstrap_deploy.existing_template", expired)
    assert deploy("--account", "dev") == 3
    what = "the stack is deployed, and was not compared: the role PulumiDeploy: ExpiredToken; log in again"
    assert f"error: account dev: {what}\n" in capsys.readouterr().err


def test_profiles_of_the_inventory_lead_into_the_accounts(
    bootstrap: Bootstrap,
    accounts: dict[str, str],
    inventory: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = inventory.read_text()
    for key, number in accounts.items():
        text = text.replace(f'{{id: "{number}"}}', f'{{id: "{number}", profile: {key}}}')
    inventory.write_text(text)
    config = inventory.with_name("config")
    config.write_text(
        f"[profile prod]\naws_access_key_id = {accounts['prod']}\naws_secret_access_key = test\nregion = us-east-1\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    assert bootstrap("--deploy", "--yes", "--through-profiles", "--deploying-role", "PulumiDeploy") == 3
    captured = capsys.readouterr()
    assert captured.out == "prod: created the stack bitbucket-oidc-bootstrap: has the current template\n"
    assert "error: account dev: profile dev: The config profile (dev) could not be found" in captured.err


def test_resources_from_outside_of_the_stack_are_named_and_left_alone(
    deploy: Bootstrap, accounts: dict[str, str], roots: RootUsers, capsys: pytest.CaptureFixture[str]
) -> None:
    iam = roots.client(accounts["prod"])
    by_hand = trusting(f"arn:aws:iam::{accounts['prod']}:root")
    iam.create_role(RoleName="PulumiDeploy", AssumeRolePolicyDocument=by_hand)
    boundary = iam.create_policy(PolicyName="ci-boundary", PolicyDocument=ALLOW_ALL)["Policy"]["Arn"]
    assert deploy() == 1
    captured = capsys.readouterr()
    assert "dev: created the stack" in captured.out
    (line,) = [line for line in captured.out.splitlines() if line.startswith("prod: ")]
    assert line.startswith(f"prod: PulumiDeploy, {boundary} exist outside of the stack bitbucket-oidc-bootstrap; ")
    assert "delete them if nothing uses them, or choose other names (deploy_role, --reading-role)" in line
    assert names_of(iam) == {ADMINISTRATOR, "PulumiDeploy"}
    assert iam.get_role(RoleName="PulumiDeploy")["Role"]["AssumeRolePolicyDocument"] == json.loads(by_hand)
    assert roots.client(accounts["prod"], "cloudformation").describe_stacks()["Stacks"] == []


def test_resources_of_another_stack_or_region_name_that_stack(
    deploy: Bootstrap, capsys: pytest.CaptureFixture[str], inventory: Path
) -> None:
    assert deploy("--account", "prod", "--region", "eu-west-1") == 0
    capsys.readouterr()
    assert deploy("--account", "prod") == 0
    assert "prod: has the current template, from the stack arn:aws:cloudformation:eu-west-1:" in capsys.readouterr().out
    inventory.write_text(inventory.read_text().replace("AmazonECS_FullAccess", "ReadOnlyAccess"))
    assert deploy("--account", "prod") == 1
    out = capsys.readouterr().out
    assert "exist outside of the stack bitbucket-oidc-bootstrap; deploy the printed template to the stack that" in out
    assert "arn:aws:cloudformation:eu-west-1:" in out
    assert deploy("--account", "prod", "--region", "eu-west-1") == 0


def test_what_somebody_changed_by_hand_is_named_with_the_command_that_mends_it(
    deploy: Bootstrap, accounts: dict[str, str], roots: RootUsers, capsys: pytest.CaptureFixture[str]
) -> None:
    assert deploy() == 0
    roots.client(accounts["prod"]).attach_role_policy(RoleName="PulumiDeploy", PolicyArn=ADMIN_ACCESS)
    own = trusting(f"arn:aws:iam::{accounts['dev']}:root")
    roots.client(accounts["dev"]).update_assume_role_policy(RoleName="PulumiDeploy-reading", PolicyDocument=own)
    capsys.readouterr()
    assert deploy() == 1
    dev, prod = capsys.readouterr().out.splitlines()
    start = "its stack has the current template, and somebody changed the resources: "
    assert dev.startswith(f"dev: {start}reading role PulumiDeploy-reading: trust policy: ")
    assert "--stack-name bitbucket-oidc-bootstrap --change-set-name revert-drift --region us-east-1" in dev
    assert "--deployment-mode REVERT_DRIFT" in dev
    assert prod.startswith(f"prod: {start}deploying role PulumiDeploy: the policy {ADMIN_ACCESS} is attached")
    assert prod.endswith(f"run `aws iam detach-role-policy --role-name PulumiDeploy --policy-arn {ADMIN_ACCESS}`")


def test_no_boundary_is_deleted(
    deploy: Bootstrap, accounts: dict[str, str], roots: RootUsers, inventory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert deploy("--account", "prod") == 0
    inventory.write_text(inventory.read_text().replace("AmazonECS_FullAccess", "ReadOnlyAccess"))
    capsys.readouterr()
    assert deploy("--account", "prod", "--existing-boundary") == 1
    boundary = f"arn:aws:iam::{accounts['prod']}:policy/ci-boundary"
    out = capsys.readouterr().out
    assert out.startswith(f"prod: the update would delete the permissions boundary {boundary}; leave out --existing")
    assert roots.client(accounts["prod"]).get_policy(PolicyArn=boundary)


def test_a_stack_whose_creation_failed_is_named_with_the_reason(
    deploy: Bootstrap, accounts: dict[str, str], roots: RootUsers, capsys: pytest.CaptureFixture[str]
) -> None:
    policy = {"PolicyName": "p", "Roles": ["absent"], "PolicyDocument": json.loads(ALLOW_ALL)}
    body = json.dumps({"Resources": {"Faulty": {"Type": "AWS::IAM::Policy", "Properties": policy}}})
    cloudformation = roots.client(accounts["prod"], "cloudformation")
    cloudformation.create_stack(
        StackName="bitbucket-oidc-bootstrap", TemplateBody=body, Capabilities=["CAPABILITY_IAM"]
    )
    while cloudformation.describe_stacks()["Stacks"][0]["StackStatus"].endswith("IN_PROGRESS"):
        pass
    assert deploy("--account", "prod") == 1
    out = capsys.readouterr().out
    assert (
        "is ROLLBACK_COMPLETE: Faulty (AWS::IAM::Policy): The role with name absent cannot be found; it has no" in out
    )
    assert "run `aws cloudformation delete-stack --stack-name bitbucket-oidc-bootstrap --region us-east-1`" in out


def test_without_a_terminal_nobody_is_asked_and_nothing_is_called(
    bootstrap: Bootstrap, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    assert bootstrap("--deploy", "--through-role", ADMINISTRATOR) == 2
    assert capsys.readouterr().err == (
        "error: --deploy asks before it changes accounts, and there is no terminal; add --yes\n"
    )


def test_who_does_not_confirm_deploys_nothing(
    bootstrap: Bootstrap,
    accounts: dict[str, str],
    roots: RootUsers,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("click.confirm", lambda *_, **__: False)
    assert bootstrap("--deploy", "--through-role", ADMINISTRATOR, "--format", "json") == 1
    results = json.loads(capsys.readouterr().out)["accounts"]
    assert {entry["account"]: entry["result"] for entry in results} == dict.fromkeys(("dev", "prod"), "declined")
    assert names_of(roots.client(accounts["prod"])) == {ADMINISTRATOR}


def test_after_an_interruption_cloudformation_goes_on_and_a_second_run_continues(
    deploy: Bootstrap, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(_key: str) -> None:
        raise KeyboardInterrupt

    def ask(*given: Any, **more: Any) -> Any:
        return ask_each(*given, **more | ({"progress": interrupted} if "progress" in more else {}))

    with monkeypatch.context() as patch:
        patch.setattr("cli.bootstrap_deploy.ask_each", ask)
        assert deploy() == 130
    assert "note: CloudFormation goes on with the stacks that it has started\n" in capsys.readouterr().err
    until = time.monotonic() + 20
    while deploy() == 1 and time.monotonic() < until:  # the other stack is still being made
        time.sleep(0.2)
    capsys.readouterr()
    assert deploy() == 0
    assert capsys.readouterr().out == "dev: has the current template\nprod: has the current template\n"
