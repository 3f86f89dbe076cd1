"""Emulated accounts that a bootstrap template made ready, through CloudFormation, and who calls there."""

import contextlib
import io
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.session import Session

from cli.main import run
from fleet.pulumi_cli.steps import Summary
from sandbox.emulated_aws import EmulatedAws
from sandbox.emulated_aws.prepare_accounts import RootUsers
from sandbox.emulated_aws.settings import IssuerEndpoint
from sandbox.emulated_bitbucket import EmulatedBitbucket
from sandbox.emulator_inputs import workspaces_of
from sandbox.engine_choice import EngineName
from sandbox.run import Action, EngineSettings, Listener, act
from sandbox.session import read_subject, session_with
from tests.sandbox.running_engine import ignore

HUB, PROD, DEV = "999999999999", "222222222222", "333333333333"
HUB_ROLE, PREVIEW_ROLE = f"arn:aws:iam::{HUB}:role/pulumi-runner", f"arn:aws:iam::{HUB}:role/previews"
KEYS = {PROD: "prod", DEV: "dev"}
EXTERNAL_ID = "acme-7f3c"
ALLOW_ALL = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}})
INVENTORY = """
defaults:
  # Under the inventory's own path: the hardest place.
  deploy_role: {arn: "arn:{{partition}}:iam::{{account_id}}:role/bitbucket/PulumiDeploy", external_id: acme-7f3c}
  permissions_boundary: account:team/boundary
  thumbprints: omit
workspaces:
  acme:
    uuid: "{0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11}"
    repositories: {site: "{7d1e2f3a-4b5c-4d6e-8f90-a1b2c3d4e504}", shop: "{9a6d6bde-2ae3-4d4c-8a43-1f6a5d9a3c01}"}
accounts:
  prod: {id: "222222222222"}
  dev: {id: "333333333333"}
permission_policies:
  read: {document: {Version: "2012-10-17", Statement: {Effect: Allow, Action: "s3:GetObject", Resource: "*"}}}
roles:
  site:
    accounts: ["*"]
    description: Publishes
    trust: [{repository: acme/site, steps: outside_environments}]
    managed_policies: ["aws:ReadOnlyAccess"]
    inline_policies: [read]
    overrides: {prod: {managed_policies: ["aws:AmazonECS_FullAccess"]}}
"""


def printed(*arguments: str) -> str:
    """Return what a command prints."""
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()):
        assert run(arguments) == 0
    return out.getvalue()


def trusting(principal: str) -> str:
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": principal}}
    return json.dumps({"Version": "2012-10-17", "Statement": statement})


@dataclass(frozen=True)
class Bootstrapped:
    """Emulated accounts, the hub among them."""

    folder: Path
    aws: EmulatedAws
    bitbucket: EmulatedBitbucket
    roots: RootUsers
    organization: str
    options: tuple[str, ...] = ()

    @property
    def inventory(self) -> Path:
        return self.folder / "inventory.yaml"

    def client(self, service: str, credentials: Mapping[str, str]) -> Any:
        return Session().create_client(
            service,
            region_name="us-east-1",
            endpoint_url=self.aws.endpoint,
            aws_access_key_id=credentials["AccessKeyId"],
            aws_secret_access_key=credentials["SecretAccessKey"],
            aws_session_token=credentials.get("SessionToken"),
        )

    def root(self, account: str, service: str = "iam") -> Any:
        return self.client(service, {"AccessKeyId": account, "SecretAccessKey": "test"})

    def session(self, role_arn: str, of: Mapping[str, str] | None = None, **more: str) -> dict[str, str]:
        """Assume a role, as root of its account where nobody else is given."""
        caller = of or {"AccessKeyId": role_arn.split(":")[4], "SecretAccessKey": "test"}
        found: dict[str, str] = self.client("sts", caller).assume_role(
            RoleArn=role_arn, RoleSessionName="test", **more
        )["Credentials"]
        return found

    def as_hub(self, role_arn: str) -> dict[str, str]:
        return self.session(role_arn, self.session(HUB_ROLE), ExternalId=EXTERNAL_ID)

    def template(self, account: str) -> str:
        """Return the template of one account: ministack knows no `Fn::FindInMap` in conditions, as several need it."""
        return printed(
            "bootstrap", str(self.inventory), "--account", KEYS[account], "--hub-role", HUB_ROLE,
            "--preview-role", PREVIEW_ROLE, "--organization", self.organization, "--stack", "bootstrap",
            *self.options,
        )  # fmt: skip

    def deploy(self, account: str, *, update: bool = False, template: str = "") -> None:
        """Make or change the stack, as CloudFormation does in an account that belongs to a StackSet."""
        cloudformation = self.root(account, "cloudformation")
        change = cloudformation.update_stack if update else cloudformation.create_stack
        change(
            StackName="bootstrap",
            TemplateBody=template or self.template(account),
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        deadline = time.monotonic() + 30
        while (status := stack_status(cloudformation)).endswith("IN_PROGRESS") and time.monotonic() < deadline:
            time.sleep(0.05)
        assert status in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}

    def act(self, action: Action, *, profiles: str = "") -> Summary:
        """Run the program as the hub's role, in accounts that nothing else prepares.

        Args:
            action: What to do.
            profiles: Name of the role that the profile of each account leads to, by way of the hub's.
        """
        subject = replace(read_subject(self.inventory), folder=self.folder)
        hub = self.session(HUB_ROLE)
        with (
            session_with(subject, self.bitbucket, self.aws, prepare=False) as session,
            pytest.MonkeyPatch.context() as patch,
        ):
            patch.delenv("AWS_PROFILE")
            patch.setenv("AWS_ACCESS_KEY_ID", hub["AccessKeyId"])
            patch.setenv("AWS_SECRET_ACCESS_KEY", hub["SecretAccessKey"])
            patch.setenv("AWS_SESSION_TOKEN", hub["SessionToken"])
            if profiles:
                patch.setenv("AWS_CONFIG_FILE", str(self.aws_config(profiles, hub)))
                patch.setenv("AWS_ENDPOINT_URL", self.aws.endpoint)
            return act(session, action, Listener(ignore, ignore), EngineSettings(EngineName.BUILTIN))

    def aws_config(self, role: str, hub: Mapping[str, str]) -> Path:
        """Write an AWS configuration whose profile of each account leads to a role, by way of the hub's."""
        keys = {"aws_access_key_id": "AccessKeyId", "aws_secret_access_key": "SecretAccessKey"}
        sections = {"hub": {key: hub[name] for key, name in {**keys, "aws_session_token": "SessionToken"}.items()}}
        for account, key in KEYS.items():
            sections[key] = {"role_arn": f"arn:aws:iam::{account}:role/{role}", "source_profile": "hub"}
        lines = [
            f"[profile {name}]\n" + "".join(f"{k} = {v}\n" for k, v in found.items())
            for name, found in sections.items()
        ]
        path = self.folder / "aws-config-of-the-test"
        path.write_text("\n".join(lines))
        return path


@contextmanager
def bootstrapped(folder: Path, inventory: str = INVENTORY, *options: str) -> Iterator[Bootstrapped]:
    """Start the accounts, make the hub's roles, and deploy the template to the others."""
    (folder / "inventory.yaml").write_text(inventory)
    workspaces = workspaces_of(read_subject(folder / "inventory.yaml").inventory)
    with ExitStack() as stack:
        bitbucket = stack.enter_context(EmulatedBitbucket(folder / "bitbucket", workspaces))
        issuers = IssuerEndpoint(bitbucket.address, bitbucket.ca_file)
        services = ("cloudformation",)
        aws = stack.enter_context(EmulatedAws(folder / "aws", issuers=issuers, more_services=services))
        roots = stack.enter_context(closing(RootUsers(aws.endpoint)))
        found = Bootstrapped(folder, aws, bitbucket, roots, "", options)
        for name in ("pulumi-runner", "previews", "stranger"):
            make_administrator(found.root(HUB), name, HUB)
        organization = found.root(HUB, "organizations").describe_organization()["Organization"]["Id"]
        found = replace(found, organization=organization)
        for account in (PROD, DEV):
            found.deploy(account)
            make_administrator(found.root(account), "Admin", account)
            found.root(account).create_user(UserName="alice")
        yield found


def make_administrator(iam: Any, name: str, account: str) -> None:
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=trusting(f"arn:aws:iam::{account}:root"))
    iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=ALLOW_ALL)


def stack_status(cloudformation: Any) -> str:
    return str(cloudformation.describe_stacks(StackName="bootstrap")["Stacks"][0]["StackStatus"])


def outcome(client: Any, call: str, parameters: Mapping[str, Any]) -> str:
    """Return ``done``, or the code of AWS's refusal."""
    try:
        getattr(client, call)(**parameters)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "done"
