"""The built-in engine and the small AWS provider together, on a program that uses ``pulumi_aws`` as ours does."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fleet.pulumi_cli.steps import Operation
from oidc.errors import SandboxError
from sandbox.aws_provider import SmallAwsProvider
from sandbox.emulated_aws import EmulatedAws
from sandbox.engine.builtin import BuiltinEngine
from sandbox.engine.program import Program

PROGRAM = """
import json
import pulumi
import pulumi_aws as aws

config = pulumi.Config()
endpoint = config.require("endpoint")
account = aws.Provider(
    "prod",
    region="eu-west-1",
    allowed_account_ids=["222222222222"],
    default_tags={"tags": {"Team": "core"}},
    endpoints=[{"iam": endpoint, "sts": endpoint}],
)
here = pulumi.ResourceOptions(provider=account)
issuer = "api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc"
workspace = aws.iam.OpenIdConnectProvider(
    "acme", url="https://" + issuer, client_id_lists=["ari:x"], thumbprint_lists=["a" * 40], opts=here
)
trust = {
    "Effect": "Allow",
    "Action": "sts:AssumeRoleWithWebIdentity",
    "Principal": {"Federated": "arn:aws:iam::222222222222:oidc-provider/" + issuer},
    "Condition": {"StringEquals": {issuer + ":aud": "ari:x"}},
}
role = aws.iam.Role(
    "deploy",
    name="deploy",
    path=config.get("path") or "/bitbucket/",
    assume_role_policy=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
    force_detach_policies=True,
    opts=pulumi.ResourceOptions(provider=account, depends_on=[workspace]),
)
read = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
aws.iam.RolePolicy(
    "deploy-read", name="read", role=role.name,
    policy=json.dumps({"Version": "2012-10-17", "Statement": [read]}), opts=here,
)
aws.iam.RolePolicyAttachmentsExclusive("deploy-managed", role_name=role.name, policy_arns=[], opts=here)
pulumi.export("arn", role.arn)
"""


@pytest.fixture
def endpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "222222222222")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    with EmulatedAws(tmp_path / "aws", issuers=None) as emulated:
        yield emulated.endpoint


def engine(folder: Path, endpoint: str, **config: str) -> BuiltinEngine:
    (folder / "__main__.py").write_text(PROGRAM)
    values = {"proj:endpoint": endpoint, **{f"proj:{key}": value for key, value in config.items()}}
    program = Program(folder, "proj", "dev", config=values)
    return BuiltinEngine(program, folder / "state.json", {"aws": SmallAwsProvider})


def test_a_program_of_pulumi_aws_lives_on_emulated_accounts(tmp_path: Path, endpoint: str) -> None:
    made = engine(tmp_path, endpoint).up()
    assert made.outputs == {"arn": "arn:aws:iam::222222222222:role/bitbucket/deploy"}
    assert made.counts == {Operation.CREATE: 6}
    assert engine(tmp_path, endpoint).preview().changes is False
    moved = engine(tmp_path, endpoint, path="/other/").up()
    assert moved.outputs == {"arn": "arn:aws:iam::222222222222:role/other/deploy"}
    # The role's name stays, so the role and what lives in it go first; the OIDC provider is not touched.
    assert moved.counts == {Operation.SAME: 3, Operation.DELETE_REPLACED: 3, Operation.REPLACE: 3}
    assert engine(tmp_path, endpoint, path="/other/").refresh().changes is False
    assert engine(tmp_path, endpoint).destroy().counts == {Operation.DELETE: 6}


def test_real_aws_is_refused_before_anything_is_called(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match=r"the endpoint of iam is https://iam\.amazonaws\.com"):
        engine(tmp_path, "https://iam.amazonaws.com").up()
