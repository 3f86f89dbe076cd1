"""`bootstrap --check` on emulated accounts: nothing to say after a deployment, and every later difference in words."""

import contextlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cli.main import run
from tests.sandbox.bootstrap.bootstrapped import (
    ALLOW_ALL,
    DEV,
    EXTERNAL_ID,
    HUB,
    HUB_ROLE,
    INVENTORY,
    KEYS,
    PREVIEW_ROLE,
    PROD,
    Bootstrapped,
    bootstrapped,
    printed,
    trusting,
)

ADMIN_ACCESS = "arn:aws:iam::aws:policy/AdministratorAccess"
BOUNDARY = f"arn:aws:iam::{PROD}:policy/team/boundary"


@pytest.fixture(scope="module")
def accounts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bootstrapped]:
    with bootstrapped(tmp_path_factory.mktemp("check")) as ready:
        yield ready


@pytest.fixture(autouse=True)
def as_the_hub(accounts: Bootstrapped, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment's credentials are the hub's, and the inventory is the deployed one."""
    hub = accounts.session(HUB_ROLE)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", hub["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", hub["SecretAccessKey"])
    monkeypatch.setenv("AWS_SESSION_TOKEN", hub["SessionToken"])
    accounts.inventory.write_text(INVENTORY)


def check(accounts: Bootstrapped, *more: str) -> tuple[int, dict[str, Any]]:
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()):
        code = run(["bootstrap", *options(accounts), "--format", "json", *more])
    return code, json.loads(out.getvalue())


def options(accounts: Bootstrapped) -> list[str]:
    return [
        str(accounts.inventory), "--check", "--aws-endpoint", accounts.aws.endpoint, "--hub-role", HUB_ROLE,
        "--preview-role", PREVIEW_ROLE, "--organization", accounts.organization, "--stack", "bootstrap",
    ]  # fmt: skip


def of(report: dict[str, Any], account: str = PROD) -> list[str]:
    (entry,) = [entry for entry in report["accounts"] if entry["account"] == KEYS[account]]
    return [f"{difference['resource']}: {difference['difference']}" for difference in entry["differences"]]


def test_a_deployed_template_leaves_nothing_to_say(accounts: Bootstrapped) -> None:
    code, report = check(accounts)
    assert (code, report["agrees"], report["failed"], report["commands"]) == (0, True, [], [])
    assert (of(report, PROD), of(report, DEV)) == ([], [])
    assert report["notes"] == ["control policies of the organization were not read: the inventory has no accounts_from"]


def test_a_further_managed_policy_is_missing_until_the_template_is_deployed(accounts: Bootstrapped) -> None:
    logs = "aws:CloudWatchLogsReadOnlyAccess"
    accounts.inventory.write_text(
        INVENTORY.replace('["aws:AmazonECS_FullAccess"]', f'["aws:AmazonECS_FullAccess", "{logs}"]')
    )
    code, report = check(accounts)
    assert code == 1
    permissions = "deploying role PulumiDeploy: permissions: AttachInsideTheBoundary"
    arn = "ArnEquals iam:PolicyARN arn:aws:iam::aws:policy/CloudWatchLogsReadOnlyAccess"
    assert of(report) == [f"{permissions} lacks {arn}"]
    assert of(report, DEV) == []
    (deploy,) = report["commands"]
    assert deploy.startswith(f"bitbucket-oidc bootstrap {accounts.inventory} --hub-role {HUB_ROLE}")
    endpoint = f"--aws-endpoint {accounts.aws.endpoint}"
    assert deploy.endswith(f" --stack bootstrap {endpoint} --deploy")
    accounts.deploy(PROD, update=True)
    assert check(accounts)[0] == 0
    accounts.inventory.write_text(INVENTORY)
    assert of(check(accounts)[1]) == [f"{permissions} has {arn}, which is not needed"]
    accounts.deploy(PROD, update=True)
    assert check(accounts)[0] == 0


def locked(accounts: Bootstrapped, *more: str) -> Path:
    """Return an inventory folder whose lock has what the accounts answered."""
    folder = accounts.folder / "locked"
    folder.mkdir(exist_ok=True)
    (folder / "inventory.yaml").write_text(accounts.inventory.read_text())
    assert run(["lock", str(folder), "--only", "accounts", "--aws-endpoint", accounts.aws.endpoint, *more]) == 0
    return folder


def validated(folder: Path, inventory: str) -> list[str]:
    (folder / "inventory.yaml").write_text(inventory)
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()):
        run(["validate", str(folder), "--format", "json"])
    findings = json.loads(out.getvalue())
    return [finding["message"] for finding in findings if finding["rule"] == "template-outdated"]


def test_the_lock_has_the_digest_of_what_is_deployed_and_validate_says_what_it_lacks(
    accounts: Bootstrapped, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = locked(accounts, "--reading-role", "PulumiDeploy-reading")
    assert "account prod, template digest: now sha256:" in capsys.readouterr().out
    lock = (folder / "inventory.lock.yaml").read_text()
    assert lock.count("template_digest: ") == 2
    assert validated(folder, INVENTORY) == []
    logs = "aws:CloudWatchLogsReadOnlyAccess"
    more = INVENTORY.replace('["aws:AmazonECS_FullAccess"]', f'["aws:AmazonECS_FullAccess", "{logs}"]')
    (message,) = validated(folder, more)
    arn = "arn:aws:iam::aws:policy/CloudWatchLogsReadOnlyAccess"
    assert message == f"account prod needs a newer template: the deploying role may not attach {arn}"
    # A removed policy needs no newer template: `up` still has to detach it.
    assert validated(folder, INVENTORY.replace('["aws:ReadOnlyAccess"]', "[]")) == []
    accounts.inventory.write_text(INVENTORY)
    capsys.readouterr()
    locked(accounts)
    assert (folder / "inventory.lock.yaml").read_text() == lock
    assert "account prod: its template was not read, because the deploying role may not read" in capsys.readouterr().err


def test_what_somebody_changed_by_hand_is_said(accounts: Bootstrapped) -> None:
    root, names = accounts.root(PROD), {"RoleName": "PulumiDeploy"}
    before = root.get_role(**names)["Role"]["AssumeRolePolicyDocument"]
    boundary = root.get_policy_version(PolicyArn=BOUNDARY, VersionId="v1")["PolicyVersion"]["Document"]
    root.update_assume_role_policy(**names, PolicyDocument=trusting("*"))
    root.attach_role_policy(**names, PolicyArn=ADMIN_ACCESS)
    root.put_role_policy(RoleName="PulumiDeploy-reading", PolicyName="more", PolicyDocument=ALLOW_ALL)
    root.create_policy_version(PolicyArn=BOUNDARY, PolicyDocument=ALLOW_ALL, SetAsDefault=True)
    try:
        code, report = check(accounts)
    finally:
        root.update_assume_role_policy(**names, PolicyDocument=json.dumps(before))
        root.detach_role_policy(**names, PolicyArn=ADMIN_ACCESS)
        root.delete_role_policy(RoleName="PulumiDeploy-reading", PolicyName="more")
        root.create_policy_version(PolicyArn=BOUNDARY, PolicyDocument=json.dumps(boundary), SetAsDefault=True)
    assert code == 1
    said = of(report)
    assert "deploying role PulumiDeploy: trust policy: statement 1 has Principal AWS *, which is not needed" in said
    assert (
        f"deploying role PulumiDeploy: trust policy: statement 1 lacks StringEquals sts:ExternalId {EXTERNAL_ID}"
        in said
    )
    assert (
        f"deploying role PulumiDeploy: the policy {ADMIN_ACCESS} is attached, and the template has no such policy"
        in said
    )
    assert (
        "reading role PulumiDeploy-reading: it has the inline policy more, and the template has no such policy" in said
    )
    assert "permissions boundary boundary: document: the statement NeverTheirStacks is missing" in said
    commands = [entry["command"] for entry in report["accounts"][1]["differences"] if entry["command"]]
    assert f"aws iam detach-role-policy --role-name PulumiDeploy --policy-arn {ADMIN_ACCESS}" in commands
    assert check(accounts)[0] == 0


def test_an_account_without_the_template_fails_and_the_others_are_compared(
    accounts: Bootstrapped, capsys: pytest.CaptureFixture[str]
) -> None:
    text = INVENTORY.replace(
        '  dev: {id: "333333333333"}\n', '  dev: {id: "333333333333"}\n  new: {id: "444444444444"}\n'
    )
    accounts.inventory.write_text(text)
    assert run(["bootstrap", *options(accounts)]) == 3
    captured = capsys.readouterr()
    assert "prod: has the current template\n" in captured.out
    assert "error: account new: " in captured.err
    assert "has no reading role" in captured.err
    several = "; for several accounts, add --through-role NAME or --through-profiles"
    assert f"to mend, with an administrator's credentials{several}:\n  bitbucket-oidc bootstrap " in captured.err
    assert f" --aws-endpoint {accounts.aws.endpoint} --deploy\n" in captured.err


def test_an_older_reading_role_is_named_as_the_reason_for_what_it_cannot_read(accounts: Bootstrapped) -> None:
    root, where = accounts.root(PROD), {"RoleName": "PulumiDeploy-reading", "PolicyName": "reads"}
    current = root.get_role_policy(**where)["PolicyDocument"]
    older = json.dumps(current).replace(', "iam:GetPolicyVersion"', "")
    assert older != json.dumps(current)
    root.put_role_policy(**where, PolicyDocument=older)
    try:
        code, report = check(accounts)
    finally:
        root.put_role_policy(**where, PolicyDocument=json.dumps(current))
    assert code == 1
    said = of(report)
    assert "reading role PulumiDeploy-reading: permissions: ReadPolicies lacks Action iam:GetPolicyVersion" in said
    assert "permissions boundary boundary: the reading role may not read it, so it was not compared" in said


def test_an_attached_control_policy_is_compared_with_the_one_that_is_printed(accounts: Bootstrapped) -> None:
    client = accounts.root(HUB, "organizations")
    (root,) = client.list_roots()["Roots"]
    unit = client.create_organizational_unit(ParentId=root["Id"], Name="Pipelines")["OrganizationalUnit"]["Id"]
    of_unit = f"accounts_from: {{organization: {{ou: [{unit}]}}}}\n"
    accounts.inventory.write_text(f"{of_unit}{INVENTORY}")
    folder = locked(accounts)
    (folder / "inventory.yaml").replace(accounts.inventory)
    lock = (folder / "inventory.lock.yaml").replace(accounts.folder / "inventory.lock.yaml")
    with contextlib.suppress(ClientError):  # it may be enabled already
        client.enable_policy_type(RootId=root["Id"], PolicyType="SERVICE_CONTROL_POLICY")
    scp = ("bootstrap", str(accounts.inventory), "--stack", "bootstrap", "--scp")
    document = {"Type": "SERVICE_CONTROL_POLICY", "Description": "", "Content": printed(*scp)}
    try:
        note = check(accounts)[1]["notes"][-1]
        assert note.startswith("no service control policy of `bootstrap --scp` is attached")
        number = client.create_policy(Name="pipelines", **document)["Policy"]["PolicySummary"]["Id"]
        client.attach_policy(PolicyId=number, TargetId=unit)
        code, report = check(accounts)
        assert (code, report["organization"], report["notes"]) == (0, [], [])
        accounts.inventory.write_text(
            accounts.inventory.read_text().replace("    accounts:", "    path: /new/\n    accounts:")
        )
        code, report = check(accounts)
        (difference,) = report["organization"]
        assert (code, difference["resource"]) == (1, f"service control policy pipelines ({number})")
        assert "RolesOfPipelines lacks Resource arn:aws:iam::*:role/new/*" in difference["difference"]
        update = f"--scp > scp.json && aws organizations update-policy --policy-id {number} --content file://scp.json"
        assert difference["command"].endswith(update)
        notes = check(accounts, "--account", "prod")[1]["notes"]
        assert notes == ["the service control policy was not compared: --account chooses some of its accounts"]
    finally:
        lock.unlink()


def test_check_and_scp_exclude_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bootstrap", "inventory", "--check", "--scp"]) == 2
    assert "--check cannot be combined with --scp" in capsys.readouterr().err
