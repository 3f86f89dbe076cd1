"""From what people have in an account to a stack that manages it: adopt, pulumi import, preview, up."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox.engine_choice import EngineName
from tests.sandbox.life_cycle.importing import adopt, imported
from tests.sandbox.life_cycle.one_stack import AUDIENCE, ISSUER, WORKSPACES, OneStack, did
from tests.sandbox.running_engine import NEEDS_CLI

SHOP = WORKSPACES["acme"]["repositories"]["shop"]  # type: ignore[index]  # of one shape
KEY = ISSUER.removeprefix("https://")


def trust(stack: OneStack, **condition: Any) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": stack.arn},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": condition,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture
def existing(stack: OneStack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> OneStack:
    """An account as it is found: roles as the console makes them, as Terraform modules do, as the template does."""
    stack.made_by_hand(AUDIENCE)
    look = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
    with stack.iam() as iam:
        iam.create_role(
            RoleName="by-console",
            AssumeRolePolicyDocument=trust(
                stack, StringEquals={f"{KEY}:aud": AUDIENCE}, StringLike={f"{KEY}:sub": f"{SHOP['uuid']}:*"}
            ),
            Description="by hand",
        )
        iam.put_role_policy(RoleName="by-console", PolicyName="look", PolicyDocument=json.dumps(look))
        iam.attach_role_policy(RoleName="by-console", PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")
        iam.create_role(
            RoleName="by-terraform",
            Path="/ci/",
            MaxSessionDuration=7200,
            AssumeRolePolicyDocument=trust(
                stack,
                **{"ForAnyValue:StringLike": {f"{KEY}:sub": [f"{SHOP['uuid']}:{SHOP['environments']['production']}*"]}},
            ),
            Tags=[{"Key": "terraform", "Value": "managed"}],
        )
        iam.create_role(
            RoleName="by-template",
            Path="/",
            AssumeRolePolicyDocument=trust(
                stack, StringEquals={f"{KEY}:aud": AUDIENCE}, IpAddress={"aws:SourceIp": ["34.199.54.113/32"]}
            ),
        )
        iam.attach_role_policy(RoleName="by-template", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
        iam.create_role(RoleName="of-people", AssumeRolePolicyDocument=of_people(stack))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", stack.account_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    stack.inventory["roles"] = {}
    stack.lock = {"accounts": {"prod": {"id": stack.account_id, "oidc_providers": {"acme": "present"}}}}
    stack.write()
    return stack


def of_people(stack: OneStack) -> str:
    principal = {"AWS": f"arn:aws:iam::{stack.account_id}:root"}
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def adopted(stack: OneStack) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    data = yaml.safe_load((stack.folder / "adopted.yaml").read_text())
    return data, json.loads(Path("import-2.json").read_text())["resources"]


def test_what_is_there_becomes_an_inventory_and_what_has_no_words_is_told(
    existing: OneStack, capsys: pytest.CaptureFixture[str]
) -> None:
    assert adopt(existing) == 1  # the template's role is for people to decide
    said = capsys.readouterr().err
    data, _ = adopted(existing)
    assert data["roles"].keys() == {"by-console", "by-terraform", "by-template"}
    assert data["roles"]["by-console"]["trust"] == [{"repository": "acme/shop", "steps": "all_including_environments"}]
    assert data["roles"]["by-terraform"] == {
        "name": "by-terraform",
        "path": "/ci/",
        "max_session_duration": 7200,
        "tags": {"terraform": "managed"},
        "accounts": ["prod"],
        "trust": [{"repository": "acme/shop", "environments": ["production"]}],
    }
    assert "prod, role by-terraform: its trust policy compares no audience" in said
    assert "account prod: its OIDC provider exists: write `oidc_provider: adopt` on it" in said
    assert data["roles"]["by-template"]["trust"][0].keys() == {"dangerously_whole_workspace"}
    for rule in ("whole-workspace-expires", "admin-access"):
        assert f"error[{rule}] roles.by-template" in said
    before = (existing.folder / "adopted.yaml").read_text()
    assert adopt(existing) == 2
    assert "exists already; rename it" in capsys.readouterr().err
    assert (existing.folder / "adopted.yaml").read_text() == before


def decided(stack: OneStack) -> None:
    """Decide what adopt leaves open: the template's role is for one repository, and reads."""
    stack.inventory["accounts"]["prod"]["oidc_provider"] = "adopt"
    path = stack.folder / "adopted.yaml"
    data = yaml.safe_load(path.read_text())
    role = data["roles"]["by-template"]
    role["trust"] = [{"repository": "acme/shop", "environments": ["production"]}]
    role["managed_policies"] = ["aws:ReadOnlyAccess"]
    path.write_text(yaml.safe_dump(data))


def test_the_import_file_names_what_the_program_registers(existing: OneStack) -> None:
    adopt(existing)
    decided(existing)
    _, resources = adopted(existing)
    names = {one["name"]: one for one in resources}

    def urn(one: dict[str, Any]) -> tuple[str, str]:
        parents = one["type"]
        parent = names.get(one.get("parent", ""))
        while parent is not None:
            parents = f"{parent['type']}${parents}"
            parent = names.get(parent.get("parent", ""))
        return parents, one.get("logicalName", one["name"])

    registered = {
        tuple(step.urn.split("::", 3)[2:])
        for step in existing.preview().steps
        if step.type != "pulumi:pulumi:Stack" and not step.type.endswith(":OpenIdConnectProvider")
    }
    assert {urn(one) for one in resources} == registered


CHANGED_BY_GUARDRAILS = {
    "by-console": {"forceDetachPolicies", "tagsAll"},
    "by-terraform": {"assumeRolePolicy", "forceDetachPolicies", "tagsAll"},
    "by-template": {"assumeRolePolicy", "forceDetachPolicies", "tagsAll"},
}


@NEEDS_CLI
@pytest.mark.parametrize("engine", [EngineName.PULUMI], indirect=True)
def test_after_the_import_a_preview_shows_what_the_program_adds_and_nothing_else(existing: OneStack) -> None:
    adopt(existing)
    decided(existing)
    imported(existing)
    previewed = existing.preview()
    changes = {step.name.split("/")[1]: set(step.changes) for step in previewed.steps if step.type.endswith(":Role")}
    assert changes == CHANGED_BY_GUARDRAILS
    expected = {
        ("import", "OpenIdConnectProvider", "prod/acme"),
        *(("update", "Role", f"prod/{role}") for role in changes),
        ("update", "RolePolicyAttachmentsExclusive", "prod/by-template"),
    }
    assert did(previewed) == did(existing.up()) == expected
    assert existing.roles() == {*changes, "of-people"}
    assert not existing.up().changes
