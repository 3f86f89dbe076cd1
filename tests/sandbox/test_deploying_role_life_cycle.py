"""The deploying role's own policy suffices for the life of an inventory: up, edits of each kind, drift, destroy."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli.main import run
from sandbox.emulated_aws.prepare_accounts import RootUsers
from sandbox.session import read_subject, running

ACCOUNT = "222222222222"
INVENTORY = """
defaults:
  deploy_role: {arn: "arn:{{partition}}:iam::{{account_id}}:role/PulumiDeploy", external_id: acme-7}
  permissions_boundary: account:team/boundary
  thumbprints: omit
workspaces:
  acme:
    uuid: "{0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11}"
    audiences: [one.example]
    repositories: {site: "{7d1e2f3a-4b5c-4d6e-8f90-a1b2c3d4e504}", shop: "{9a6d6bde-2ae3-4d4c-8a43-1f6a5d9a3c01}"}
  data:
    uuid: "{f4e3d2c1-b0a9-4887-9665-544332211a08}"
    repositories: {tool: "{2a3b4c5d-6e7f-4081-92a3-b4c5d6e7f809}"}
accounts:
  prod: {id: "222222222222"}
permission_policies:
  read: {document: {Version: "2012-10-17", Statement: {Effect: Allow, Action: "s3:GetObject", Resource: "*"}}}
  list: {document: {Version: "2012-10-17", Statement: {Effect: Allow, Action: "s3:ListBucket", Resource: "*"}}}
roles:
  site:
    accounts: [prod]
    description: Publishes
    trust: [{repository: acme/site, steps: outside_environments}]
    managed_policies: ["aws:ReadOnlyAccess"]
    inline_policies: [read]
    tags: {A: "1"}
"""
TWO = """
  tool:
    accounts: [prod]
    path: /tools/
    trust: [{repository: data/tool, steps: all_including_environments}]
"""
EDITS: dict[str, list[tuple[str, str]]] = {
    "everything in place": [
        ("repository: acme/site", "repository: acme/shop"),
        ("description: Publishes", "description: Publishes more"),
        ('tags: {A: "1"}', 'tags: {B: "2"}'),
        ("    description:", "    max_session_duration: 2h\n    description:"),
        ("aws:ReadOnlyAccess", "account:team/extra"),
        ("inline_policies: [read]", "inline_policies: [list]"),
        ("audiences: [one.example]", "audiences: [two.example]"),
        ("thumbprints: omit", f"thumbprints: [{'ab' * 20}]"),
        ("account:team/boundary", "account:team/tighter"),
    ],
    "an inline policy's document, and a second role and workspace": [
        ("s3:ListBucket", "s3:ListAllMyBuckets"),
        ('tags: {B: "2"}\n', 'tags: {B: "2"}\n' + TWO.lstrip("\n")),
    ],
    "another path": [("path: /tools/", "path: /other/")],
    "another name": [("    path: /other/", "    name: renamed\n    path: /other/")],
    "the second role and workspace away": [
        (TWO.replace("    path: /tools/", "    name: renamed\n    path: /other/").lstrip("\n"), ""),
    ],
}
"""Each on top of those before it."""


@pytest.fixture
def inventory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "inventory.yaml"
    path.write_text(INVENTORY)
    return path


def sandbox(action: str, inventory: Path, *options: str) -> int:
    return run(["sandbox", action, str(inventory), "--engine", "builtin", *options])


def as_root(inventory: Path, use: Callable[[Any], Any]) -> Any:
    with running(read_subject(inventory)) as session:
        return use(RootUsers(session.endpoint).client(ACCOUNT))


def test_every_kind_of_edit_is_within_the_deploying_roles_policy(
    inventory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sandbox("up", inventory) == 0
    for edit, changes in EDITS.items():
        text = inventory.read_text()
        for old, new in changes:
            assert old in text, edit
            text = text.replace(old, new, 1)
        inventory.write_text(text)
        capsys.readouterr()
        meant = ["--allow-oidc-provider-loss"] if edit.endswith("workspace away") else []
        assert sandbox("up", inventory, *meant) == 0, f"{edit}: {capsys.readouterr().err}"
        assert "no changes" not in capsys.readouterr().out, edit
    assert sandbox("destroy", inventory) == 0
    assert as_root(inventory, lambda iam: [role["RoleName"] for role in iam.list_roles()["Roles"]]) == ["PulumiDeploy"]


def test_drift_is_mended_within_the_deploying_roles_policy(inventory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert sandbox("up", inventory) == 0
    name = {"RoleName": "site"}

    def drift(iam: Any) -> None:
        iam.attach_role_policy(**name, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
        iam.detach_role_policy(**name, PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")
        iam.delete_role_policy(**name, PolicyName="read")
        iam.delete_role_permissions_boundary(**name)
        iam.update_role(**name, Description="changed", MaxSessionDuration=43200)
        iam.untag_role(**name, TagKeys=["A"])
        iam.update_assume_role_policy(
            **name,
            PolicyDocument=json.dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"},
                }
            ),
        )

    as_root(inventory, drift)
    assert sandbox("up", inventory) == 0
    role = as_root(inventory, lambda iam: iam.get_role(**name)["Role"])
    assert role["PermissionsBoundary"]["PermissionsBoundaryArn"] == f"arn:aws:iam::{ACCOUNT}:policy/team/boundary"
    capsys.readouterr()
    assert sandbox("up", inventory) == 0
    assert capsys.readouterr().out == "no changes\n"
    as_root(inventory, delete_all_of_it)
    assert sandbox("up", inventory) == 0
    assert "created" in capsys.readouterr().out


def delete_all_of_it(iam: Any) -> None:
    """Delete the role by hand: for one that is not there IAM knows no path."""
    iam.detach_role_policy(RoleName="site", PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")
    iam.delete_role_policy(RoleName="site", PolicyName="read")
    iam.delete_role(RoleName="site")


def test_a_boundary_goes_only_by_the_hand_of_an_administrator(
    inventory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sandbox("up", inventory) == 0
    inventory.write_text(inventory.read_text().replace("  permissions_boundary: account:team/boundary\n", ""))
    capsys.readouterr()
    assert sandbox("up", inventory) == 3
    err = capsys.readouterr().err
    assert "AWS refused DeleteRolePermissionsBoundary: AccessDenied" in err
    assert "Traceback" not in err
    as_root(inventory, lambda iam: iam.delete_role_permissions_boundary(RoleName="site"))
    assert sandbox("up", inventory) == 0


def test_a_role_in_an_instance_profile_goes_once_an_administrator_takes_it_out(
    inventory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sandbox("up", inventory) == 0
    machine = {"InstanceProfileName": "machine"}

    def put_in(iam: Any) -> None:
        iam.create_instance_profile(**machine)
        iam.add_role_to_instance_profile(**machine, RoleName="site")

    as_root(inventory, put_in)
    capsys.readouterr()
    assert sandbox("destroy", inventory) == 3
    err = capsys.readouterr().err
    assert "AWS refused RemoveRoleFromInstanceProfile: AccessDenied" in err
    assert "take the role out of the instance profile as an administrator, then run again" in err
    as_root(inventory, lambda iam: iam.remove_role_from_instance_profile(**machine, RoleName="site"))
    assert sandbox("destroy", inventory) == 0
