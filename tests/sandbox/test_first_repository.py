"""What init writes, from its first step to a pull request and its merge, with the Pulumi CLI in emulated accounts."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.main import run
from fleet.pulumi_cli.installed_cli import find_cli
from sandbox.emulated_aws import EmulatedAws
from sandbox.emulated_aws.prepare_accounts import RootUsers
from sandbox.emulated_aws.settings import IssuerEndpoint
from sandbox.emulated_bitbucket import EmulatedBitbucket
from sandbox.emulated_bitbucket.behaviour import SANDBOX_TOKEN
from sandbox.emulated_bitbucket.servers import PipelinesProxy
from sandbox.emulated_bitbucket.workspaces import (
    EmulatedEnvironment,
    EmulatedRepository,
    EmulatedWorkspace,
    PipelineStep,
)
from sandbox.pulumi_cli.environment import ambient_folders
from sandbox.session import PROJECT_FOLDER
from tests.git_repository import git
from tests.project.pages import steps_in
from tests.sandbox.bootstrap.bootstrapped import make_administrator
from tests.sandbox.running_engine import NEEDS_CLI

pytestmark = NEEDS_CLI

DEV, TOOLS = "111111111111", "999999999999"
BUCKET = "s3://acme-access-state?region=eu-west-1"
ENVIRONMENTS = {
    "access": {name: f"{{{digit * 8}-1111-4111-8111-111111111111}}" for name, digit in (("dev", "a"), ("tools", "b"))},
    "shop": {"staging": "{cccccccc-1111-4111-8111-111111111111}"},
}
ACCESS, SHOP = (
    EmulatedRepository(
        slug, uuid, tuple(EmulatedEnvironment(*found) for found in ENVIRONMENTS[slug].items()), pull_requests=(7,)
    )
    for slug, uuid in {
        "access": "{5b7c9e10-2d4f-4a6b-8c8d-0e1f2a3b4c5d}",
        "shop": "{9a6d6bde-2ae3-4d4c-8a43-1f6a5d9a3c01}",
    }.items()
)
ACME = EmulatedWorkspace("acme", "{0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11}", (ACCESS, SHOP))
OPTIONS = [
    "--workspace", "acme", "--inventory-repository", "access", "--repository", "shop", "--environment", "staging",
    "--account", f"dev={DEV}", "--account", f"tools={TOOLS}", "--hub", "tools", "--deploys", "staging=dev",
    "--region", "eu-west-1", "--state-bucket", "acme-access-state", "--organization", "none",
]  # fmt: skip

COMMAND = """#!{python}
# Stands in for the installed command: it leads Pulumi and `bootstrap` into the emulated accounts, and `ci insights` to
# its proxy.
import os, sys, tempfile, yaml
words = sys.argv[1:]
if words[:2] in (["pulumi", "up"], ["pulumi", "preview"]):
    stack = words[words.index("--stack") + 1]
    name = words[words.index("--config-file") + 1] if "--config-file" in words else f"Pulumi.{{stack}}.yaml"
    data = yaml.safe_load(open(name).read())
    data["config"] |= {config!r}
    other = tempfile.NamedTemporaryFile("w", suffix=".yaml", delete=False)
    other.write(yaml.safe_dump(data))
    other.close()
    if "--config-file" in words:
        words[words.index(name)] = other.name
    else:
        words += ["--config-file", other.name, "--yes", "--non-interactive"]
if words[0] == "bootstrap":
    words += ["--yes", "--aws-endpoint", {endpoint!r}]
if words[:2] == ["ci", "insights"]:
    words += ["--proxy", {proxy!r}]
sys.argv = ["bitbucket-oidc", *words]
from cli.main import main
main()
"""
AWS = """#!{python}
# Stands in for the AWS CLI, with the credentials of an administrator of each account.
import sys
from botocore.session import Session
def client(service, account):
    return Session().create_client(service, region_name="eu-west-1", endpoint_url={endpoint!r},
                                   aws_access_key_id=account, aws_secret_access_key="test")
words = sys.argv[1:]
options = dict(zip(words[2::2], words[3::2]))
if words[0] == "s3api":
    pass
elif words[:2] == ["sts", "get-caller-identity"]:
    print("arn:aws:sts::{tools}:assumed-role/Admin/me")
else:
    assert words[:2] == ["iam", "get-role"], words
    print(client("iam", "{tools}").get_role(RoleName=options["--role-name"])["Role"]["Arn"])
"""


@dataclass
class Rehearsal:
    """The repository in a clone, with Bitbucket and AWS emulated.

    Attributes:
        clone: The folder that init filled.
        folder: Everything else.
        environment: The variables of every command.
        bitbucket: The running emulated Bitbucket.
        roots: The administrators of the accounts.
    """

    clone: Path
    folder: Path
    environment: dict[str, str]
    bitbucket: EmulatedBitbucket
    roots: RootUsers

    def shell(self, lines: list[str], **more: str) -> subprocess.CompletedProcess[str]:
        """Run lines in one shell that ends at the first failure. The state is in a folder instead of a bucket."""
        script = "\n".join(["set -e", *lines]).replace(BUCKET, f"file://{self.folder}/state")
        # No issuer is reached by its name.
        script = re.sub("lock inventory(?! --only)", "lock inventory --only workspaces", script)
        environment = self.environment | more
        return subprocess.run(
            ["bash", "-c", script], cwd=self.clone, env=environment, capture_output=True, text=True, check=False
        )

    def step(self, name: str) -> subprocess.CompletedProcess[str]:
        """Run a step as Pipelines does, with its token."""
        pipelines = yaml.safe_load((self.clone / "bitbucket-pipelines.yml").read_text())["pipelines"]
        (step,) = (step for step in steps_in(pipelines) if step["name"] == name)
        environment = ENVIRONMENTS["access"].get(step.get("deployment", ""))
        token = self.bitbucket.step_token(PipelineStep(ACME, ACCESS.uuid, environment))
        shutil.rmtree(self.clone / "stacks", ignore_errors=True)  # each step has a separate clone
        return self.shell(step["script"], BITBUCKET_STEP_OIDC_TOKEN=token)

    def edit(self, file: str, old: str, new: str) -> None:
        text = (self.clone / file).read_text()
        assert old in text
        (self.clone / file).write_text(text.replace(old, new))

    def roles(self) -> dict[str, int]:
        """Return the longest session of each role of both accounts, in seconds."""
        roles: list[Any] = [role for number in (DEV, TOOLS) for role in self.roots.client(number).list_roles()["Roles"]]
        return {role["RoleName"]: role["MaxSessionDuration"] for role in roles}


TWO_HOURS = 7200


@pytest.fixture(scope="module")
def rehearsal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    """The repository after all its steps are done and main is pushed, with the change of a pull request."""
    folder = tmp_path_factory.mktemp("rehearsal")
    clone, programs = folder / "access", folder / "bin"
    programs.mkdir()
    (folder / "state").mkdir()
    git(folder, "init", "-q", "--bare", "-b", "main", "origin")
    git(folder, "clone", "-q", "origin", "access")
    assert run(["init", str(clone), *OPTIONS]) == 0
    with ExitStack() as stack:
        bitbucket = stack.enter_context(EmulatedBitbucket(folder / "bitbucket", [ACME]))
        bitbucket.behaviour.access_tokens[SANDBOX_TOKEN] = frozenset(
            {"account", "pullrequest", "repository", "pipeline"}
        )
        proxy = stack.enter_context(bitbucket.pipelines_proxy())
        issuers = IssuerEndpoint(bitbucket.address, bitbucket.ca_file)
        aws = stack.enter_context(EmulatedAws(folder / "aws", issuers=issuers, more_services=("cloudformation",)))
        roots = RootUsers(aws.endpoint)
        stack.callback(roots.close)
        make_administrator(roots.client(TOOLS), "Admin", TOOLS)
        write_programs(programs, aws.endpoint, bitbucket, proxy)
        rehearsal = Rehearsal(clone, folder, variables(folder, programs, aws, bitbucket), bitbucket, roots)
        done = rehearsal.shell(setup_lines(clone))
        assert done.returncode == 0, done.stdout + done.stderr
        for file, key in (("roles.yaml", "shop-staging:"), ("pipelines.yaml", "access-preview:")):
            rehearsal.edit(f"inventory/{file}", f"  {key}", f"  {key}\n    max_session_duration: 2h")
        yield rehearsal


def write_programs(folder: Path, endpoint: str, bitbucket: EmulatedBitbucket, proxy: PipelinesProxy) -> None:
    config = {
        "bitbucket-aws-oidc:awsEndpoint": endpoint,
        "bitbucket-aws-oidc:issuerConnect": {"address": bitbucket.address, "caFile": str(bitbucket.ca_file)},
    }
    texts = {
        "bitbucket-oidc": COMMAND.format(python=sys.executable, config=config, endpoint=endpoint, proxy=proxy.url),
        "aws": AWS.format(python=sys.executable, endpoint=endpoint, tools=TOOLS),
    }
    for name, text in texts.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)


def variables(folder: Path, programs: Path, aws: EmulatedAws, bitbucket: EmulatedBitbucket) -> dict[str, str]:
    (folder / "aws-config").write_text(
        "".join(
            f"[profile {name}]\naws_access_key_id = {number}\naws_secret_access_key = test\n"
            for name, number in (("dev", DEV), ("tools", TOOLS))
        )
    )
    cli = find_cli()
    path = [programs, *ambient_folders(cli, folder / "plugins", PROJECT_FOLDER), cli.path.parent]
    return {
        "PATH": os.pathsep.join([*map(str, path), os.environ["PATH"]]), "HOME": str(folder),
        "PYTHONPATH": str(PROJECT_FOLDER), "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull,
        "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.com", "GIT_COMMITTER_NAME": "a",
        "GIT_COMMITTER_EMAIL": "a@example.com",
        "PULUMI_SKIP_UPDATE_CHECK": "true", "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "AWS_CONFIG_FILE": str(folder / "aws-config"), "AWS_ENDPOINT_URL": aws.endpoint,
        "AWS_DEFAULT_REGION": "eu-west-1", "AWS_EC2_METADATA_DISABLED": "true",
        "BITBUCKET_WORKSPACE": "acme", "BITBUCKET_REPO_SLUG": "access", "BITBUCKET_REPO_UUID": ACCESS.uuid,
        "BITBUCKET_COMMIT": "0123456789abcdef0123456789abcdef01234567", "BITBUCKET_BUILD_NUMBER": "12",
        "BITBUCKET_PR_ID": "7", "BITBUCKET_ACCESS_TOKEN": SANDBOX_TOKEN, "BITBUCKET_API_URL": bitbucket.api_url,
        "BITBUCKET_CA_FILE": str(bitbucket.ca_file),
    }  # fmt: skip


def setup_lines(folder: Path) -> list[str]:
    """Return the commands of SETUP.md, without the two that only show what another test looks at."""
    blocks = re.findall(r"```bash\n(.*?)```", (folder / "SETUP.md").read_text(), re.DOTALL)
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if not re.match(r"bitbucket-oidc (validate|plan)", line)]


def test_its_pull_request_is_annotated_commented_previewed_and_guarded(rehearsal: Rehearsal) -> None:
    before = rehearsal.roles()
    checked, done = (rehearsal.step(name) for name in ("Check", "Preview"))
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"previews/dev\.json: .*0 of", done.stdout), done.stdout
    assert len(rehearsal.bitbucket.reports.reports) == 1
    ((comment,),) = rehearsal.bitbucket.pull_requests.comments.values()
    change = (
        "* **2 roles in 2 accounts**: sessions last up to 120 minutes (was 60)\n    * access-preview, shop-staging\n"
    )
    assert change in comment.raw
    assert re.search(r"\*\*dev\*\*: \d+ to create", comment.raw)
    assert "**tools**: 1 to update" in comment.raw
    assert rehearsal.roles() == before


@pytest.mark.parametrize("stack", ["dev", "tools"])
def test_its_merge_deploys_each_stack(rehearsal: Rehearsal, stack: str) -> None:
    done = rehearsal.step(f"Deploy {stack}")
    assert done.returncode == 0, done.stdout + done.stderr
    role = {"dev": "shop-staging", "tools": "access-preview"}[stack]
    assert rehearsal.roles()[role] == TWO_HOURS


def test_another_managed_policy_is_a_warning_until_its_template_is_deployed_and_locked(rehearsal: Rehearsal) -> None:
    locking = "bitbucket-oidc lock inventory --only accounts --deploying-role PulumiDeploy"
    assert locking in setup_lines(rehearsal.clone)
    validate = "bitbucket-oidc validate inventory"
    assert "template-outdated" not in rehearsal.shell([validate]).stderr
    rehearsal.edit("inventory/roles.yaml", '"aws:job-function/ViewOnlyAccess"', '"aws:SecurityAudit"')
    try:
        warned = rehearsal.shell([validate]).stderr
        assert (
            "account dev needs a newer template: the deploying role may not attach arn:aws:iam::aws:policy/" in warned
        )
        assert "then `bitbucket-oidc lock --aws --deploying-role PulumiDeploy`" in warned
        assert "account tools needs" not in warned
        (deploy,) = (line for line in setup_lines(rehearsal.clone) if "bootstrap" in line and "--account dev" in line)
        done = rehearsal.shell([deploy, "bitbucket-oidc lock inventory --only accounts", validate])
        assert done.returncode == 0, done.stdout + done.stderr
        assert "template-outdated" not in done.stderr
    finally:
        rehearsal.edit("inventory/roles.yaml", '"aws:SecurityAudit"', '"aws:job-function/ViewOnlyAccess"')
