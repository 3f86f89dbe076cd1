"""From one CloudFormation template per account to roles bound to environments: pipelines get in at every step."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.main import run
from fleet.pulumi_cli.steps import Summary
from sandbox.emulated_aws import EmulatedAws
from sandbox.emulated_aws.new_accounts import SERVICES
from sandbox.emulated_aws.prepare_accounts import RootUsers
from sandbox.emulated_aws.settings import IssuerEndpoint
from sandbox.emulated_bitbucket import EmulatedBitbucket
from sandbox.emulated_bitbucket.workspaces import EmulatedWorkspace, PipelineStep
from sandbox.engine_choice import EngineName
from sandbox.proof.callers import TokenCallers
from sandbox.proof.origins import CallOrigin
from sandbox.run import Action, EngineSettings, Listener, act
from sandbox.session import PROJECT_FOLDER
from tests.sandbox.life_cycle.one_stack import OneStack, did
from tests.sandbox.running_engine import RunningEngine, ignore

TEMPLATE = Path(__file__).parents[2] / "fixtures" / "classic_template.yaml"
"""The template as many teams have it: the audience alone, a list of Bitbucket's addresses, AdministratorAccess."""
SLUG, WORKSPACE = "mukesh-demo", "{3c8e6f6a-6a52-4ab0-9d4e-0d8c1f5b7a10}"
AUDIENCE = f"ari:cloud:bitbucket::workspace/{WORKSPACE[1:-1]}"
ISSUER = f"https://api.bitbucket.org/2.0/workspaces/{SLUG}/pipelines-config/identity/oidc"
DEMO, SITE, OTHER = (f"{{b7b1b0a2-8f0e-4a36-9a0f-52f0f0c3d11{number}}}" for number in range(3))
PRODUCTION = "{c2b1a5de-6b7e-4d4b-b1a0-6a9d8c7b5e03}"
ACCOUNT, ROLE = "222229272234", "ODICAssumeRole"
ADDRESS = CallOrigin("34.218.156.209")
INVENTORY = {
    "workspaces": {
        SLUG: {
            "uuid": WORKSPACE,
            "repositories": {"oidc-demo": {"uuid": DEMO, "environments": {"production": PRODUCTION}}, "site": SITE},
        }
    },
    "accounts": {"demo": {"id": ACCOUNT, "oidc_provider": "adopt"}},
}
TAKES_OVER = f"""
import runpy
import pulumi


def imported(resource):
    if not resource.type_.endswith((":Role", ":RolePolicyAttachmentsExclusive")):
        return None
    options = pulumi.ResourceOptions.merge(resource.opts, pulumi.ResourceOptions(import_={ROLE!r}))
    return pulumi.ResourceTransformationResult(resource.props, options)


pulumi.runtime.register_stack_transformation(imported)
runpy.run_path({str(PROJECT_FOLDER / "__main__.py")!r}, run_name="__main__")
"""
"""The program with what `pulumi import` does, for both engines: the built-in one has no such command."""


@dataclass
class Takeover:
    """An account with the template, a stack for it, and the steps whose tokens are tried."""

    stack: OneStack
    monkeypatch: pytest.MonkeyPatch

    def command(self, name: str, *arguments: str) -> int:
        endpoint = self.stack.running.aws.endpoint
        with self.monkeypatch.context() as environment:
            environment.setenv("AWS_ACCESS_KEY_ID", ACCOUNT)
            environment.setenv("AWS_SECRET_ACCESS_KEY", "test")
            return run([name, str(self.stack.folder), *arguments, *(["--aws-endpoint", endpoint] if arguments else [])])

    @property
    def adopted(self) -> Path:
        return self.stack.folder / "adopted.yaml"

    def edit(self, change: Callable[[dict[str, Any]], None]) -> None:
        data = yaml.safe_load(self.adopted.read_text())
        change(data["roles"][ROLE])
        self.adopted.write_text(yaml.safe_dump(data))

    def up(self, *, takes_over: bool = False) -> Summary:
        folder = self.stack.running.folder / "program"
        folder.mkdir(exist_ok=True)
        (folder / "__main__.py").write_text(TAKES_OVER)
        for name in ("Pulumi.yaml", ".venv"):
            if not (folder / name).exists():
                (folder / name).symlink_to(PROJECT_FOLDER / name)
        with self.stack.running.session(self.stack.folder) as session:
            program = replace(session.program, folder=folder) if takes_over else session.program
            settings = EngineSettings(self.stack.running.engine)
            return act(replace(session, program=program), Action.UP, Listener(ignore, ignore), settings)

    def role_id(self) -> str:
        with self.stack.iam() as iam:
            return str(iam.get_role(RoleName=ROLE)["Role"]["RoleId"])

    def answers(self, repository: str, environment: str | None = None, origin: CallOrigin = ADDRESS) -> str:
        bitbucket = self.stack.running.bitbucket
        token = bitbucket.step_token(PipelineStep(bitbucket.workspaces[0], repository, environment))
        callers = TokenCallers(self.stack.running.aws.endpoint)
        return callers.assume(f"arn:aws:iam::{ACCOUNT}:role/{ROLE}", token, origin).code


@pytest.fixture
def takeover(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: EngineName) -> Iterator[Takeover]:
    bitbucket_of = EmulatedBitbucket(tmp_path / "bitbucket", [EmulatedWorkspace(SLUG, WORKSPACE)])
    with bitbucket_of as bitbucket:
        issuers = IssuerEndpoint(bitbucket.address, bitbucket.ca_file)
        with EmulatedAws(tmp_path / "aws", issuers=issuers, more_services=SERVICES) as aws:
            deploy(aws.endpoint)
            monkeypatch.chdir(tmp_path)
            stack = OneStack(RunningEngine(engine, tmp_path / "stack", bitbucket, aws), ACCOUNT, INVENTORY)
            stack.write()
            yield Takeover(stack, monkeypatch)


class _Template(yaml.SafeLoader):
    """YAML with the short forms of CloudFormation's functions."""


_Template.add_constructor("!Ref", lambda _, node: {"Ref": node.value})
_Template.add_constructor("!GetAtt", lambda _, node: {"Fn::GetAtt": node.value.split(".")})


def deploy(endpoint: str) -> None:
    """Deploy the template with its five parameters.

    The emulated CloudFormation does not know OIDC providers, so that one is created beside it.
    """
    template = yaml.load(TEMPLATE.read_text(), _Template)
    del template["Resources"]["OIDCProvider"], template["Outputs"]["OIDCProviderArn"]
    values = {
        "WorkspaceName": SLUG, "RoleName": ROLE, "Audience": AUDIENCE, "Thumbprint": "a" * 40, "URL": ISSUER,
    }  # fmt: skip
    parameters = [{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()]
    with closing(RootUsers(endpoint)) as roots:
        roots.client(ACCOUNT).create_open_id_connect_provider(
            Url=ISSUER, ClientIDList=[AUDIENCE], ThumbprintList=["a" * 40]
        )
        cloudformation = roots.client(ACCOUNT, "cloudformation")
        cloudformation.create_stack(
            StackName="bitbucket-oidc", TemplateBody=json.dumps(template, default=str), Parameters=parameters,
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )  # fmt: skip
        cloudformation.get_waiter("stack_create_complete").wait(StackName="bitbucket-oidc", WaiterConfig={"Delay": 1})


def test_a_pipeline_gets_in_at_every_step_of_the_way(takeover: Takeover, capsys: pytest.CaptureFixture[str]) -> None:
    assert takeover.answers(DEMO, PRODUCTION) == takeover.answers(OTHER) == "assumed"
    # Adopt: three errors at once, and the lines that are ready to be chosen.
    assert takeover.command("adopt", "--aws") == 1
    said = capsys.readouterr().err
    for rule in ("admin-access", "whole-workspace-admin", "whole-workspace-expires"):
        assert f"error[{rule}] roles.{ROLE}" in said
    ready = re.search(r"# (dangerously_adopted_as_is: .*)", takeover.adopted.read_text())
    assert ready is not None
    takeover.edit(lambda role: role.update(yaml.safe_load(ready[1].replace("WHY", "forty pipelines use it"))))
    assert takeover.command("validate") == 1
    assert "error[adopted-as-is]" in capsys.readouterr().err
    # As is: the lock records the role, then the stack takes it over.
    assert takeover.command("lock", "--only", "accounts") == 0
    assert takeover.command("validate") == 0
    before = takeover.role_id()
    assert ("import", "Role", f"demo/{ROLE}") in did(takeover.up(takes_over=True))
    assert takeover.answers(DEMO, PRODUCTION) == takeover.answers(OTHER) == "assumed"
    assert takeover.answers(OTHER, origin=CallOrigin("198.51.100.7")) == "AccessDenied"
    assert takeover.command("lock", "--only", "accounts") == 0  # the role is ours now, and its record stays
    assert takeover.command("validate") == 0
    assert not takeover.up().changes
    # Narrowed to repositories: the ready lines.
    listed = [yaml.safe_load(line.strip())[0] for line in said.splitlines() if "- {repository:" in line]
    assert [entry["repository"] for entry in listed] == [f"{SLUG}/oidc-demo", f"{SLUG}/site"]
    as_is = takeover.adopted.read_text()
    takeover.edit(lambda role: narrow(role, [{**entry, **ALL_STEPS} for entry in listed]))
    assert takeover.command("validate") == 0
    takeover.up()
    assert takeover.answers(DEMO, PRODUCTION) == takeover.answers(DEMO) == takeover.answers(SITE) == "assumed"
    assert takeover.answers(OTHER) == "AccessDenied"
    # Bound to environments.
    takeover.edit(lambda role: narrow(role, [listed[0]]))
    takeover.up()
    assert takeover.role_id() == before
    assert takeover.answers(DEMO, PRODUCTION) == "assumed"
    assert takeover.answers(DEMO) == takeover.answers(SITE, PRODUCTION) == takeover.answers(OTHER) == "AccessDenied"
    # Never back: the lock has dropped the record, and AWS cannot tell any more how the role was.
    assert takeover.command("lock", "--only", "accounts") == 0
    takeover.adopted.write_text(as_is)
    assert takeover.command("lock", "--only", "accounts") == 0
    capsys.readouterr()
    assert takeover.command("validate") == 1
    assert "error[adopted-as-is]" in capsys.readouterr().err


ALL_STEPS = {"steps": "all_including_environments"}


def narrow(role: dict[str, Any], trust: list[dict[str, Any]]) -> None:
    role.pop("dangerously_adopted_as_is", None)
    role["dangerously_allow_admin"] = "until its permissions are known"
    role["trust"] = [
        {key: value for key, value in entry.items() if key != "environments" or "steps" not in entry} for entry in trust
    ]
