"""A step of a pull request previews with its own token, through the pipeline's role, as a role that only reads."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from access.aws_profiles import aws_profiles
from access.deploy_policy import reading_policy
from fleet.pulumi_cli.steps import Operation
from oidc.arn import Partition
from oidc.errors import BitbucketOidcError
from oidc.identifiers import AccountId
from sandbox.emulated_bitbucket.workspaces import EmulatedWorkspace, PipelineStep
from tests.sandbox.one_sandbox import OneSandbox, one_sandbox

WORKSPACE, REPOSITORY = "{0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11}", "{5b7c9e10-2d4f-4a6b-8c8d-0e1f2a3b4c5d}"
PIPELINE_ROLE = "arn:aws:iam::999999999999:role/bitbucket/access-preview"
INVENTORY = f"""
defaults: {{region: eu-west-1}}
workspaces:
  acme:
    uuid: "{WORKSPACE}"
    repositories:
      access: {{uuid: "{REPOSITORY}", environments: {{production: "{{8e0f2b43-5a7c-4d9e-9f1a-3b4c5d6e7f80}}"}}}}
accounts:
  tools: {{id: "999999999999", profile: tools}}
  prod: {{id: "222222222222", profile: prod}}
roles:
  access-preview:
    accounts: [tools]
    trust:
      - {{repository: acme/access, steps: outside_environments, allow: {{repository-wide-trust: reads}}}}
    inline_policies: [become-reader]
  deploy:
    accounts: [prod]
    trust: [{{repository: acme/access, environments: [production]}}]
permission_policies:
  become-reader:
    document:
      Version: "2012-10-17"
      Statement:
        - Effect: Allow
          Action: "sts:AssumeRole"
          Resource:
            - "arn:aws:iam::222222222222:role/PulumiDeploy-reading"
            - "arn:aws:iam::999999999999:role/PulumiDeploy-reading"
"""


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OneSandbox]:
    """A sandbox that is up, with reading roles that trust the role of pull requests."""
    folder = tmp_path_factory.mktemp("reading")
    (folder / "inventory.yaml").write_text(INVENTORY)
    with one_sandbox(folder, folder / "inventory.yaml") as sandbox:
        sandbox.engine().up()
        for account in sandbox.subject.plan.accounts:
            sandbox.by_hand(account.id, partial(make_reading_role, account.id))
        yield sandbox


def make_reading_role(account: str, iam: Any) -> None:
    trust = {"Effect": "Allow", "Principal": {"AWS": PIPELINE_ROLE}, "Action": "sts:AssumeRole"}
    policy = reading_policy(Partition.AWS, AccountId(account)).text
    iam.create_role(
        RoleName="PulumiDeploy-reading",
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
    )
    iam.put_role_policy(RoleName="PulumiDeploy-reading", PolicyName="read", PolicyDocument=policy)


def become(sandbox: OneSandbox, folder: Path, monkeypatch: pytest.MonkeyPatch, step: PipelineStep) -> None:
    """Leave the credentials of the sandbox, and take those of a step."""
    (folder / "token").write_text(sandbox.session.bitbucket.step_token(step))
    (folder / "config").write_text(
        aws_profiles(
            sandbox.subject.plan,
            pipeline_role=PIPELINE_ROLE,
            role="PulumiDeploy-reading",
            token_file=str(folder / "token"),
            session_name="bitbucket-12",
        )
    )
    monkeypatch.delenv("AWS_PROFILE")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(folder / "config"))
    monkeypatch.setenv("AWS_ENDPOINT_URL", sandbox.session.endpoint)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")


def step_of(repository: str = REPOSITORY, environment: str | None = None) -> PipelineStep:
    return PipelineStep(EmulatedWorkspace("acme", WORKSPACE), repository, environment)


def test_a_preview_needs_no_more_than_reading_and_an_update_is_refused(
    sandbox: OneSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    become(sandbox, tmp_path, monkeypatch, step_of())
    assert not sandbox.engine().preview().changes
    sandbox.edit("environments: [production]}]\n", "environments: [production]}]\n    tags: {A: b}\n")
    assert sandbox.engine().preview().counts[Operation.UPDATE] == 1
    with pytest.raises(BitbucketOidcError, match="TagRole"):
        sandbox.engine().up()


@pytest.mark.parametrize(
    "step",
    [step_of(repository="{00000000-0000-4000-8000-000000000000}"), step_of(environment=REPOSITORY)],
    ids=["another repository", "a deployment environment"],
)
def test_the_token_of_another_step_previews_nothing(
    sandbox: OneSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: PipelineStep
) -> None:
    become(sandbox, tmp_path, monkeypatch, step)
    with pytest.raises(BitbucketOidcError, match="AssumeRoleWithWebIdentity"):
        sandbox.engine().preview()
