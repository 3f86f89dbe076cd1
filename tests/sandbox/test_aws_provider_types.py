"""Each resource type of the small AWS provider, against emulated AWS accounts."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from oidc.errors import AwsError, SandboxError
from sandbox.engine.plugin import Plugin
from sandbox.engine.values import UNKNOWN
from tests.sandbox.managed_resources import (
    ACCOUNT,
    EXCLUSIVE,
    ISSUER,
    OIDC,
    POLICY,
    READ,
    ROLE,
    TRUST,
    Managed,
    configured,
    role_inputs,
)


def test_a_role_has_the_outputs_and_defaults_of_the_official_provider(plugin: Plugin) -> None:
    role = Managed(plugin, ROLE.format("outputs"), **role_inputs("outputs", path="/bitbucket/", description="d"))
    assert role.id == "outputs"
    assert role.outputs["arn"] == f"arn:aws:iam::{ACCOUNT}:role/bitbucket/outputs"
    assert str(role.outputs["uniqueId"]).startswith("AROA")
    assert str(role.outputs["createDate"]).endswith("Z")
    assert role.outputs["maxSessionDuration"] == 3600
    assert role.outputs["namePrefix"] == ""
    assert role.outputs["tagsAll"] == {}
    assert role.outputs["assumeRolePolicy"] == json.dumps(TRUST)
    assert not role.diff(**role_inputs("outputs", path="/bitbucket/", description="d")).changes


def test_each_property_of_a_role_is_updated_in_place(plugin: Plugin, iam: Any) -> None:
    boundary = iam.create_policy(PolicyName="boundary", PolicyDocument=json.dumps(READ))["Policy"]["Arn"]
    role = Managed(plugin, ROLE.format("updates"), **role_inputs("updates", tags={"A": "1", "B": "2"}))
    trust = json.loads(json.dumps(TRUST).replace(":root", ":user/x"))
    wanted = role_inputs(
        "updates",
        assumeRolePolicy=json.dumps(trust),
        description="new",
        maxSessionDuration=7200,
        permissionsBoundary=boundary,
        tags={"A": "9", "C": "3"},
    )
    found = role.diff(**wanted)
    assert set(found.properties) == {
        "assumeRolePolicy", "description", "maxSessionDuration", "permissionsBoundary", "tags", "tagsAll",
    }  # fmt: skip
    assert found.replaces == ()
    role.update(**wanted)
    actual = iam.get_role(RoleName="updates")["Role"]
    assert actual["AssumeRolePolicyDocument"] == trust
    assert actual["Description"] == "new"
    assert actual["MaxSessionDuration"] == 7200
    assert actual["PermissionsBoundary"]["PermissionsBoundaryArn"] == boundary
    assert {tag["Key"]: tag["Value"] for tag in actual["Tags"]} == {"A": "9", "C": "3"}
    role.update(**role_inputs("updates"))
    actual = iam.get_role(RoleName="updates")["Role"]
    assert not actual.get("Description")
    assert "PermissionsBoundary" not in actual
    assert not actual.get("Tags")
    assert actual["MaxSessionDuration"] == 3600


def test_a_trust_policy_written_differently_is_the_same(plugin: Plugin) -> None:
    role = Managed(plugin, ROLE.format("same"), **role_inputs("same"))
    statement = {**TRUST["Statement"][0], "Action": ["sts:AssumeRole"]}  # type: ignore[dict-item]  # of the test's own
    written = json.dumps({"Statement": statement, "Version": "2012-10-17"}, indent=2)
    assert not role.diff(**role_inputs("same", assumeRolePolicy=written)).changes


def test_drift_of_every_property_of_a_role_is_seen_and_mended(plugin: Plugin, iam: Any) -> None:
    inputs = role_inputs("drift", description="d", tags={"A": "1"})
    role = Managed(plugin, ROLE.format("drift"), **inputs)
    boundary = iam.create_policy(PolicyName="drift-boundary", PolicyDocument=json.dumps(READ))["Policy"]["Arn"]
    iam.update_role(RoleName="drift", Description="", MaxSessionDuration=7200)
    iam.put_role_permissions_boundary(RoleName="drift", PermissionsBoundary=boundary)
    iam.tag_role(RoleName="drift", Tags=[{"Key": "A", "Value": "2"}, {"Key": "X", "Value": "y"}])
    iam.update_assume_role_policy(RoleName="drift", PolicyDocument=json.dumps(TRUST).replace(":root", ":user/y"))
    assert role.refresh()
    assert role.inputs["maxSessionDuration"] == 7200
    assert set(role.diff(**inputs).properties) == {
        "assumeRolePolicy", "description", "maxSessionDuration", "permissionsBoundary", "tags", "tagsAll",
    }  # fmt: skip
    role.update(**inputs)
    assert role.refresh()
    assert not role.diff(**inputs).changes
    assert role.inputs == {**inputs, "tagsAll": inputs["tags"]}


def test_a_role_is_deleted_with_its_policies_when_it_says_so(plugin: Plugin, iam: Any) -> None:
    policy = iam.create_policy(PolicyName="attached", PolicyDocument=json.dumps(READ))["Policy"]["Arn"]
    role = Managed(plugin, ROLE.format("force"), **role_inputs("force"))
    iam.attach_role_policy(RoleName="force", PolicyArn=policy)
    iam.put_role_policy(RoleName="force", PolicyName="inline", PolicyDocument=json.dumps(READ))
    role.delete()
    assert not role.refresh()
    role.delete()


def test_a_role_that_has_policies_is_not_deleted_without_being_told_so(plugin: Plugin, iam: Any) -> None:
    role = Managed(plugin, ROLE.format("keep"), **role_inputs("keep", forceDetachPolicies=False))
    iam.put_role_policy(RoleName="keep", PolicyName="inline", PolicyDocument=json.dumps(READ))
    with pytest.raises(AwsError, match=r"keep: AWS refused DeleteRole: DeleteConflict.*detach that first"):
        role.delete()


def test_a_role_that_exists_is_an_error_that_says_what_to_do(plugin: Plugin) -> None:
    Managed(plugin, ROLE.format("twice"), **role_inputs("twice"))
    with pytest.raises(AwsError, match=r"::twice: AWS refused CreateRole: EntityAlreadyExists: .*; it exists"):
        Managed(plugin, ROLE.format("twice"), **role_inputs("twice"))


def test_a_role_without_a_name_gets_one_and_keeps_it(plugin: Plugin) -> None:
    inputs = {"assumeRolePolicy": json.dumps(TRUST)}
    role = Managed(plugin, ROLE.format("auto"), **inputs)
    assert str(role.id).startswith("auto-")
    assert not role.diff(**inputs).changes
    role.delete()


def test_inputs_that_the_provider_does_not_implement_are_refused(plugin: Plugin) -> None:
    with pytest.raises(SandboxError, match="managedPolicyArns: this provider does not implement the property"):
        plugin.check(
            ROLE.format("x"), {}, role_inputs("x", managedPolicyArns=["arn:aws:iam::aws:policy/ReadOnlyAccess"])
        )
    with pytest.raises(SandboxError, match="assumeRolePolicy: is required"):
        plugin.check(ROLE.format("x"), {}, {"name": "x"})
    with pytest.raises(SandboxError, match="does not implement aws:s3/bucket:Bucket"):
        plugin.check("urn:pulumi:dev::proj::aws:s3/bucket:Bucket::b", {}, {})


def test_json_of_the_configuration_is_folded_and_compared_by_its_content(plugin: Plugin) -> None:
    urn = "urn:pulumi:dev::proj::pulumi:providers:aws::p"
    roles: list[dict[str, object]] = [{"roleArn": "arn:ä", "externalId": "e"}]
    spaced: dict[str, object] = {"region": "us-east-1", "assumeRoles": json.dumps(roles, ensure_ascii=False)}
    folded = plugin.check_config(urn, {}, spaced)
    assert folded == {"region": "us-east-1", "assumeRoles": '[{"externalId":"e","roleArn":"arn:ä"}]'}
    assert plugin.check_config(urn, folded, folded) == folded
    cases: list[tuple[dict[str, object], bool]] = [(folded, False), ({**folded, "assumeRoles": "[]"}, True)]
    for written, changes in cases:
        assert plugin.diff_config(urn, "id", spaced, written).changes is changes


def test_an_inline_policy_lives_in_its_role(plugin: Plugin, iam: Any) -> None:
    role = Managed(plugin, ROLE.format("inline"), **role_inputs("inline"))
    inputs: dict[str, object] = {"name": "p", "role": "inline", "policy": json.dumps(READ)}
    policy = Managed(plugin, POLICY.format("p"), **inputs)
    assert policy.id == "inline:p"
    other = json.dumps(READ).replace("GetObject", "PutObject")
    found = policy.diff(**{**inputs, "policy": other})
    assert (found.properties, found.replaces) == (("policy",), ())
    policy.update(**{**inputs, "policy": other})
    assert iam.get_role_policy(RoleName="inline", PolicyName="p")["PolicyDocument"] == json.loads(other)
    assert policy.diff(**{**inputs, "role": UNKNOWN}).replaces == ("role",)
    assert policy.diff(**{**inputs, "name": "q"}).replaces == ("name",)
    iam.put_role_policy(RoleName="inline", PolicyName="p", PolicyDocument=json.dumps(READ))
    assert policy.refresh()
    assert policy.diff(**{**inputs, "policy": other}).changes
    policy.delete()
    assert not policy.refresh()
    policy.delete()
    role.delete()


def test_attachments_are_exactly_what_is_wanted(plugin: Plugin, iam: Any) -> None:
    arns = [
        str(iam.create_policy(PolicyName=f"ex-{name}", PolicyDocument=json.dumps(READ))["Policy"]["Arn"])
        for name in "abc"
    ]
    role = Managed(plugin, ROLE.format("exclusive"), **role_inputs("exclusive"))
    iam.attach_role_policy(RoleName="exclusive", PolicyArn=arns[2])
    one = Managed(plugin, EXCLUSIVE.format("x"), roleName="exclusive", policyArns=arns[:2])
    assert one.id == "exclusive"

    def attached() -> list[str]:
        return sorted(p["PolicyArn"] for p in iam.list_attached_role_policies(RoleName="exclusive")["AttachedPolicies"])

    assert attached() == arns[:2]
    assert not one.diff(roleName="exclusive", policyArns=arns[1::-1]).changes
    iam.attach_role_policy(RoleName="exclusive", PolicyArn=arns[2])
    assert one.refresh()
    assert one.outputs["policyArns"] == arns
    assert one.diff(roleName="exclusive", policyArns=arns[:2]).properties == ("policyArns",)
    one.update(roleName="exclusive", policyArns=arns[1:])
    assert attached() == arns[1:]
    one.delete()
    assert attached() == arns[1:]
    assert one.diff(roleName="other", policyArns=arns).replaces == ("roleName",)
    role.delete()
    assert not one.refresh()


def test_an_oidc_provider_is_updated_in_place(plugin: Plugin, iam: Any) -> None:
    issuer = ISSUER.format("updates")
    inputs: dict[str, object] = {
        "url": f"https://{issuer}", "clientIdLists": ["ari:a", "b"], "thumbprintLists": ["a" * 40], "tags": {"A": "1"},
    }  # fmt: skip
    one = Managed(plugin, OIDC.format("o"), **inputs)
    assert one.id == one.outputs["arn"] == f"arn:aws:iam::{ACCOUNT}:oidc-provider/{issuer}"
    assert one.outputs["tagsAll"] == {"A": "1"}
    assert not one.diff(**{**inputs, "clientIdLists": ["b", "ari:a"]}).changes
    wanted = {**inputs, "clientIdLists": ["b", "c"], "thumbprintLists": ["c" * 40, "d" * 40], "tags": {"B": "2"}}
    assert one.diff(**wanted).replaces == ()
    one.update(**wanted)
    actual = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=one.id)
    assert sorted(actual["ClientIDList"]) == ["b", "c"]
    assert sorted(actual["ThumbprintList"]) == ["c" * 40, "d" * 40]
    assert actual["Tags"] == [{"Key": "B", "Value": "2"}]
    assert one.diff(**{**wanted, "url": "https://other.example"}).replaces == ("url",)
    iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=one.id, ClientID="evil")
    assert one.refresh()
    assert one.diff(**wanted).properties == ("clientIdLists",)
    one.update(**wanted)
    assert sorted(iam.get_open_id_connect_provider(OpenIDConnectProviderArn=one.id)["ClientIDList"]) == ["b", "c"]
    one.delete()
    assert not one.refresh()
    one.delete()


def test_each_type_is_found_by_its_inputs_when_there_is_no_id(plugin: Plugin) -> None:
    inputs = role_inputs("found", description="d")
    Managed(plugin, ROLE.format("found"), **inputs)
    url = f"https://{ISSUER.format('found')}"
    Managed(plugin, OIDC.format("found"), url=url, clientIdLists=["a"], thumbprintLists=["a" * 40])
    Managed(plugin, POLICY.format("found"), role="found", name="p", policy=json.dumps(READ))
    assert plugin.read(ROLE.format("found"), "", inputs, {})[:2] == ("found", inputs)
    assert plugin.read(OIDC.format("found"), "", {"url": url}, {})[0].endswith("found/pipelines-config/identity/oidc")
    assert plugin.read(POLICY.format("x"), "", {"role": "found", "name": "p"}, {})[0] == "found:p"
    assert plugin.read(EXCLUSIVE.format("x"), "", {"roleName": "found"}, {})[0] == "found"
    assert plugin.read(ROLE.format("gone"), "", role_inputs("gone"), {})[0] == ""
    assert plugin.read(OIDC.format("gone"), "", {"url": "https://gone.example"}, {})[0] == ""


def test_the_account_is_checked_before_anything_is_called(
    endpoint: str, loop: asyncio.AbstractEventLoop, iam: Any
) -> None:
    plugin = configured(endpoint, loop, allowedAccountIds='["333333333333"]')
    with pytest.raises(AwsError, match=f"belong to the AWS account {ACCOUNT}, expected 333333333333"):
        Managed(plugin, ROLE.format("wrong-account"), **role_inputs("wrong-account"))
    names = [role["RoleName"] for role in iam.list_roles()["Roles"]]
    assert "wrong-account" not in names


def test_a_role_is_assumed_on_the_way_into_the_account(
    endpoint: str, loop: asyncio.AbstractEventLoop, iam: Any
) -> None:
    trust = json.loads(json.dumps(TRUST).replace(f":{ACCOUNT}:root", ":111111111111:root"))
    trust["Statement"][0]["Condition"] = {"StringEquals": {"sts:ExternalId": "x1"}}
    Managed(
        configured(endpoint, loop), ROLE.format("deploy"), **role_inputs("deploy", assumeRolePolicy=json.dumps(trust))
    )
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    iam.put_role_policy(RoleName="deploy", PolicyName="all", PolicyDocument=json.dumps(everything))
    role = {
        "roleArn": f"arn:aws:iam::{ACCOUNT}:role/deploy",
        "externalId": "x1",
        "sessionName": "session",
        "duration": "30m",
    }
    more = {"accessKey": "111111111111", "allowedAccountIds": json.dumps([ACCOUNT])}
    plugin = configured(endpoint, loop, assumeRoles=json.dumps([role]), **more)
    made = Managed(plugin, ROLE.format("assumed"), **role_inputs("assumed"))
    assert made.outputs["arn"] == f"arn:aws:iam::{ACCOUNT}:role/assumed"
    wrong = configured(endpoint, loop, assumeRoles=[{**role, "externalId": "no"}], **more)
    with pytest.raises(AwsError, match=r"assuming arn:aws:iam::\d+:role/deploy: AWS refused AssumeRole: AccessDenied"):
        Managed(wrong, ROLE.format("never"), **role_inputs("never"))


def test_keys_in_the_environment_win_over_the_profile_in_the_check_of_credentials(
    endpoint: str, loop: asyncio.AbstractEventLoop, iam: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trust = json.dumps(TRUST)
    Managed(configured(endpoint, loop), ROLE.format("entered"), **role_inputs("entered", assumeRolePolicy=trust))
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    iam.put_role_policy(RoleName="entered", PolicyName="all", PolicyDocument=json.dumps(everything))
    keys = f"aws_access_key_id = {ACCOUNT}\naws_secret_access_key = test\n"
    (tmp_path / "config").write_text(f"[profile mine]\n{keys}")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    role = [{"roleArn": f"arn:aws:iam::{ACCOUNT}:role/entered", "sessionName": "session"}]

    def made(name: str) -> Managed:
        plugin = configured(endpoint, loop, accessKey="", secretKey="", profile="mine", assumeRoles=role)
        return Managed(plugin, ROLE.format(name), **role_inputs(name))

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    assert made("by-profile").outputs["arn"] == f"arn:aws:iam::{ACCOUNT}:role/by-profile"
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "999999999999")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with pytest.raises(AwsError, match=r"with the keys in the environment: assuming arn.*AccessDenied"):
        made("never")


def test_nothing_is_called_in_a_preview_and_what_is_not_known_yet_is_unknown(plugin: Plugin, tmp_path: Path) -> None:
    inputs = plugin.check(ROLE.format("previewed"), {}, role_inputs("previewed"))
    identity, outputs = plugin.create(ROLE.format("previewed"), inputs, 0, preview=True)
    assert identity == ""
    assert (outputs["arn"], outputs["name"], outputs["path"]) == (UNKNOWN, "previewed", "/")
    assert plugin.read(ROLE.format("previewed"), "previewed", inputs, {})[0] == ""
