"""The ready pipelines of an inventory's repository: valid, by the roles of their own inventory, and every line runs."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from access.compile import compile_plan
from access.evaluation.decide import decide
from access.evaluation.request import WebIdentityRequest
from access.pipeline_check import check_pipelines
from access.plan import AccessPlan, RolePlan
from cli.main import run
from config.load import load_inventory
from config.pipelines.reading import read_pipelines
from sandbox.emulated_bitbucket import EmulatedBitbucket
from sandbox.emulated_bitbucket.behaviour import SANDBOX_TOKEN
from sandbox.emulated_bitbucket.servers import PipelinesProxy
from sandbox.emulated_bitbucket.workspaces import EmulatedEnvironment, EmulatedRepository, EmulatedWorkspace
from tests.git_repository import git
from tests.pipelines_schema import PIPELINES_SCHEMA
from tests.project.pages import PROJECT, TODAY, steps_in

FOLDER = PROJECT / "examples" / "inventory-repository"
PIPELINES: dict[str, Any] = yaml.safe_load((FOLDER / "bitbucket-pipelines.yml").read_text())
STEP_UUID = "{759de0c6-1f4b-4d3a-9c8e-0b1a2c3d4e5f}"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


UUIDS = {
    "access": "5b7c9e10-2d4f-4a6b-8c8d-0e1f2a3b4c5d", "access/dev": "6c8d0f21-3e5a-4b7c-9d9e-1f2a3b4c5d6e",
    "access/staging": "7d9e1a32-4f6b-4c8d-8e0f-2a3b4c5d6e7f", "access/tools": "9f1a3c54-6b8d-4e0f-8a2b-4c5d6e7f8091",
    "access/production": "8e0f2b43-5a7c-4d9e-9f1a-3b4c5d6e7f80", "shop": "9a6d6bde-2ae3-4d4c-8a43-1f6a5d9a3c01",
    "shop/staging": "5f0c9f0c-51e4-4c58-9a86-0b2f7f9f6a02", "shop/production": "c2b1a5de-6b7e-4d4b-b1a0-6a9d8c7b5e03",
}  # fmt: skip
OPTIONS = [
    "--workspace", "acme={0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11}",
    "--inventory-repository", f"access={{{UUIDS['access']}}}", "--repository", f"shop={{{UUIDS['shop']}}}",
    *(option for name in UUIDS if "/" in name for option in ("--environment", f"{name}={{{UUIDS[name]}}}")),
    "--account", "dev=111111111111", "--account", "staging=333333333333", "--account", "prod=222222222222",
    "--account", "tools=999999999999", "--hub", "tools", "--stack", "production=prod",
    "--deploys", "shop/staging=staging", "--deploys", "shop/staging=dev", "--deploys", "shop/production=prod",
    "--region", "eu-west-1", "--state-bucket", "acme-access-state", "--organization", "o-a1b2c3d4e5",
]  # fmt: skip
"""With these options init writes the example."""


def test_the_example_is_what_init_writes(tmp_path: Path) -> None:
    assert run(["init", str(tmp_path / "access"), *OPTIONS]) == 0
    written, kept = (
        {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}
        for folder in (tmp_path / "access", FOLDER)
    )
    assert {name: text for name, text in kept.items() if not name.startswith("image/")} == written


STEPS = {step["name"]: step for step in steps_in(PIPELINES["pipelines"])}


@pytest.fixture(scope="module")
def plan() -> AccessPlan:
    compiled = compile_plan(load_inventory(FOLDER / "inventory", today=TODAY))
    assert compiled.findings == ()
    assert compiled.plan is not None
    return compiled.plan


def test_the_pipelines_are_valid_by_the_published_schema() -> None:
    jsonschema.Draft7Validator(PIPELINES_SCHEMA).validate(PIPELINES)


def test_every_step_gets_into_the_roles_that_it_names(plan: AccessPlan) -> None:
    inventory = load_inventory(FOLDER / "inventory", today=TODAY).inventory
    read = read_pipelines((FOLDER / "bitbucket-pipelines.yml").read_text())
    checked = check_pipelines(read, "acme/access", plan, inventory, datetime.combine(TODAY, time(), UTC))
    assert (checked.faults, checked.notes, checked.unchecked) == ((), (), 0)
    assert checked.checked >= len(plan.accounts)


def test_the_image_is_named_by_its_digest() -> None:
    assert re.fullmatch(r"[a-z0-9./-]+@sha256:[0-9a-f]{64}", PIPELINES["image"])


def test_every_account_is_in_one_stack_and_every_stack_has_a_step(plan: AccessPlan) -> None:
    stacks = {path.name.split(".")[1]: yaml.safe_load(path.read_text())["config"] for path in FOLDER.glob("Pulumi.*")}
    taken = [key for config in stacks.values() for key in config["bitbucket-aws-oidc:accounts"]]
    assert sorted(taken) == sorted(account.key for account in plan.accounts)
    deploying = steps_in(PIPELINES["pipelines"]["branches"])
    assert {step["script"][0] for step in deploying} == {f"export STACK={stack}" for stack in stacks}
    assert stacks["tools"]["bitbucket-aws-oidc:accounts"] == ["tools"]


def test_the_state_is_where_the_inventory_says_and_reached_by_the_roles_of_the_pipelines(plan: AccessPlan) -> None:
    state = load_inventory(FOLDER / "inventory", today=TODAY).inventory.defaults.state_backend
    assert state is not None
    lines = [line for line in PIPELINES["definitions"]["lines"] if "PULUMI_BACKEND_URL" in line]
    assert [shlex.split(line)[1] for line in lines] == [f"PULUMI_BACKEND_URL={state.url}"]
    deploying = {role_of(step, plan).key for step in steps_in(PIPELINES["pipelines"]["branches"])}
    looking = {role_of(step, plan).key for step in STEPS.values() if step.get("oidc")} - deploying
    assert (set(state.readers), set(state.writers)) == (looking, deploying)


def test_whatever_deploys_names_its_environment_and_all_but_the_first_wait_for_somebody() -> None:
    deploying = list(steps_in(PIPELINES["pipelines"]["branches"]))
    assert all(step["script"][0] == f"export STACK={step['deployment']}" for step in deploying)
    assert [step.get("trigger") for step in deploying] == [None, "manual", "manual", "manual"]
    others = [step for step in STEPS.values() if step not in deploying]
    assert not [step for step in others if "deployment" in step]
    assert not [line for step in others for line in step["script"] if "pulumi up" in line or "PulumiDeploy " in line]


def role_of(step: dict[str, Any], plan: AccessPlan) -> RolePlan:
    """Return the role that a step assumes by its token."""
    (arn,) = set(re.findall(r"arn:aws:iam::\d+:role/bitbucket/[\w$-]+", "\n".join(step["script"])))
    arn = arn.replace("$STACK", step.get("deployment", ""))
    (role,) = [role for account in plan.accounts for role in account.roles if role.arn == arn]
    return role


@pytest.mark.parametrize("name", [name for name, step in STEPS.items() if step.get("oidc")])
def test_the_token_of_a_step_opens_its_role_and_no_role_of_another_kind_of_step(name: str, plan: AccessPlan) -> None:
    inventory = load_inventory(FOLDER / "inventory", today=TODAY).inventory
    repository = inventory.workspaces["acme"].repositories["access"]
    environment = STEPS[name].get("deployment")
    parts = [repository.uuid, repository.environments[environment].uuid if environment else None, STEP_UUID]
    claims = {
        "iss": "https://api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc",
        "aud": f"ari:cloud:bitbucket::workspace/{(inventory.workspaces['acme'].uuid or '').strip('{}')}",
        "sub": ":".join(part for part in parts if part),
    }
    request = WebIdentityRequest(claims, "999999999999", datetime.combine(TODAY, time(), UTC), "aws")
    tools = next(account for account in plan.accounts if account.key == "tools")
    opened = [role.arn for role in tools.roles if decide(role.trust_policy.to_json(), request).allowed]
    assert opened == [role_of(STEPS[name], plan).arn]


def test_the_role_of_pull_requests_reads_the_state_and_goes_on_to_reading_roles_alone(plan: AccessPlan) -> None:
    role = role_of(STEPS["Preview"], plan)
    assert role is role_of(STEPS["Differences from the inventory"], plan) or role == role_of(
        STEPS["Differences from the inventory"], plan
    )
    allowed = [
        (action, resource)
        for document in role.inline_policies.values()
        for statement in document.to_json()["Statement"]
        for action in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
    ]
    assert {action for action, _ in allowed} == {
        "s3:GetBucketLocation",
        "s3:ListBucket",
        "s3:GetObject",
        "sts:AssumeRole",
    }
    assumed = {resource for action, resource in allowed if action == "sts:AssumeRole"}
    assert assumed == {f"arn:aws:iam::{account.id}:role/PulumiDeploy-reading" for account in plan.accounts}
    assert role.managed_policy_arns == ()


def test_each_deploying_role_writes_the_state_of_its_stack_and_enters_its_accounts_alone(plan: AccessPlan) -> None:
    ids = {account.key: account.id for account in plan.accounts}
    for stack in ("dev", "staging", "production", "tools"):
        role = role_of(next(step for step in STEPS.values() if step.get("deployment") == stack), plan)
        config = yaml.safe_load((FOLDER / f"Pulumi.{stack}.yaml").read_text())["config"]
        statements = role.inline_policies[f"deploy-{stack}"].to_json()["Statement"]
        written, assumed = ([*as_list(statement["Resource"])] for statement in statements)
        assert all(re.search(rf"/{stack}(?:\.json\*|/\*)$", resource) for resource in written)
        wanted = {f"arn:aws:iam::{ids[key]}:role/PulumiDeploy" for key in config["bitbucket-aws-oidc:accounts"]}
        assert set(assumed) == wanted


def as_list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


FAKE_PULUMI = """#!{python}
import json, os, sys
from pathlib import Path
with open({calls!r}, "a") as calls:
    calls.write(json.dumps([sys.argv[1:], os.environ.get("PULUMI_BACKEND_URL"), os.environ.get("AWS_PROFILE")]) + "\\n")
config = Path(sys.argv[sys.argv.index("--config-file") + 1])
assert "bitbucket-aws-oidc:accounts" in config.read_text(), config
assert Path(os.environ["PWD"]).parent.joinpath("Pulumi.yaml").is_file()
if "--json" in sys.argv:
    print(json.dumps({{"steps": [], "changeSummary": {{}}}}))
sys.exit(int(os.environ.get("FAKE_PULUMI_CODE", "0")))
"""


@dataclass
class Runner:
    """What runs steps as Pipelines does: line by line in one shell, which ends at the first that fails."""

    clone: Path
    environment: dict[str, str]
    calls_file: Path

    def run(self, name: str, **more: str) -> subprocess.CompletedProcess[str]:
        script = "\n".join(["set -e", *STEPS[name]["script"]])
        environment = self.environment | more
        return subprocess.run(
            ["bash", "-c", script], cwd=self.clone, env=environment, capture_output=True, text=True, check=False
        )

    def calls(self) -> list[tuple[list[str], str, str]]:
        lines = self.calls_file.read_text().splitlines() if self.calls_file.exists() else []
        return [(call[0], call[1], call[2]) for call in map(json.loads, lines)]

    def edit(self, file: str, old: str, new: str) -> None:
        path = self.clone / file
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))


def bitbucket_of(plan_folder: Path) -> EmulatedWorkspace:
    """Return the workspace as Bitbucket has it, with a pull request of the inventory's repository."""
    found = load_inventory(plan_folder, today=TODAY).inventory.workspaces["acme"]
    repositories = tuple(
        EmulatedRepository(
            slug,
            str(repository.uuid),
            tuple(EmulatedEnvironment(name, str(found.uuid)) for name, found in repository.environments.items()),
            pull_requests=(7,),
        )
        for slug, repository in found.repositories.items()
    )
    return EmulatedWorkspace("acme", str(found.uuid), repositories)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bitbucket")


@pytest.fixture
def bitbucket(certificates: Path) -> Iterator[EmulatedBitbucket]:
    with EmulatedBitbucket(certificates, [bitbucket_of(FOLDER / "inventory")]) as bitbucket:
        bitbucket.behaviour.access_tokens[SANDBOX_TOKEN] = frozenset(
            {"account", "pullrequest", "repository", "pipeline"}
        )
        yield bitbucket


@pytest.fixture
def proxy(bitbucket: EmulatedBitbucket) -> Iterator[PipelinesProxy]:
    with bitbucket.pipelines_proxy() as proxy:
        yield proxy


@pytest.fixture
def runner(bitbucket: EmulatedBitbucket, proxy: PipelinesProxy, tmp_path: Path) -> Runner:
    clone, programs = tmp_path / "build", tmp_path / "bin"
    shutil.copytree(FOLDER, clone)
    programs.mkdir()
    calls = tmp_path / "calls"
    (programs / "pulumi").write_text(FAKE_PULUMI.format(python=sys.executable, calls=str(calls)))
    # The proxy of a step is at a fixed address in Pipelines, and at any here.
    command = f'#!/bin/sh\ncase "$2" in insights) set -- "$@" --proxy {proxy.url};; esac\n'
    command += f'exec {shlex.quote(sys.executable)} -m cli "$@"\n'
    (programs / "bitbucket-oidc").write_text(command)
    for program in programs.iterdir():
        program.chmod(0o755)
    git(tmp_path, "init", "-q", "--bare", "-b", "main", "origin")
    git(clone, "init", "-q", "-b", "main")
    git(clone, "remote", "add", "origin", str(tmp_path / "origin"))
    git(clone, "add", ".")
    git(clone, "commit", "-q", "-m", "first")
    git(clone, "push", "-q", "origin", "main")
    git(clone, "update-ref", "-d", "refs/remotes/origin/main")
    uuid = bitbucket.workspaces[0].repositories[0].uuid
    environment = {
        "PATH": f"{programs}:{os.environ['PATH']}", "HOME": str(tmp_path), "PYTHONPATH": str(PROJECT),
        "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "BITBUCKET_CLONE_DIR": str(clone), "BITBUCKET_WORKSPACE": "acme", "BITBUCKET_REPO_SLUG": "access",
        "BITBUCKET_REPO_UUID": uuid, "BITBUCKET_COMMIT": COMMIT, "BITBUCKET_BUILD_NUMBER": "12",
        "BITBUCKET_PR_ID": "7", "BITBUCKET_STEP_OIDC_TOKEN": "header.claims.signature",
        "BITBUCKET_ACCESS_TOKEN": SANDBOX_TOKEN, "BITBUCKET_API_URL": bitbucket.api_url,
        "BITBUCKET_CA_FILE": str(bitbucket.ca_file),
    }  # fmt: skip
    return Runner(clone, environment, calls)


def comment(bitbucket: EmulatedBitbucket) -> str:
    ((found,),) = bitbucket.pull_requests.comments.values()
    return found.raw


def test_a_pull_request_is_checked_annotated_and_commented(runner: Runner, bitbucket: EmulatedBitbucket) -> None:
    runner.edit("inventory/roles.yaml", "accounts: [staging, dev]", "accounts: [dev]")
    done = runner.run("Check")
    assert done.returncode == 0, done.stderr
    assert len(bitbucket.reports.reports) == 1
    assert "role removed" in comment(bitbucket) or "access lost" in comment(bitbucket)


def test_the_stacks_that_it_touches_are_previewed_with_the_reading_role_and_known_keys_alone(
    runner: Runner, bitbucket: EmulatedBitbucket
) -> None:
    runner.edit("inventory/roles.yaml", "accounts: [staging, dev]", "accounts: [dev]")
    (runner.clone / "Pulumi.staging.yaml").write_text(
        "secretsprovider: awskms://theirs\nconfig: {'bitbucket-aws-oidc:accounts': [staging], 'a:b': theirs}\n"
    )
    done = runner.run("Preview")
    assert done.returncode == 0, done.stderr
    assert "theirs" not in (runner.clone / "stacks" / "Pulumi.staging.yaml").read_text()
    ((arguments, backend, profile),) = runner.calls()
    assert (arguments[0], arguments[arguments.index("--stack") + 1]) == ("preview", "staging")
    assert (backend, profile) == ("s3://acme-access-state?region=eu-west-1", "pipeline")
    assert "**staging**: no changes" in comment(bitbucket)
    assert "signature" not in done.stdout + done.stderr


def test_a_pull_request_that_touches_no_stack_previews_none(runner: Runner, bitbucket: EmulatedBitbucket) -> None:
    done = runner.run("Preview")
    assert done.returncode == 0, done.stderr
    assert runner.calls() == []
    assert "no change" in comment(bitbucket)


def test_a_preview_that_fails_is_told_and_fails_the_step(runner: Runner, bitbucket: EmulatedBitbucket) -> None:
    runner.edit("inventory/accounts.yaml", "region: eu-west-1", "region: eu-west-2")
    done = runner.run("Preview", FAKE_PULUMI_CODE="1")
    assert done.returncode != 0
    assert len(runner.calls()) == 4
    assert "**Previews**" in comment(bitbucket)


def test_a_stack_is_looked_at_and_brought_up_unless_the_guard_refuses(runner: Runner) -> None:
    pulumi = Path(runner.environment["PATH"].split(":")[0]) / "pulumi"
    urn = "urn:pulumi:dev::bitbucket-aws-oidc::aws:iam/openIdConnectProvider:OpenIdConnectProvider::dev/acme"
    losing = f"[{{'op': 'delete', 'urn': '{urn}', 'oldState': {{}}}}]"
    text = pulumi.read_text().replace('"steps": []', f'"steps": {losing}').replace("{}}))", '{"delete": 1}}))')
    pulumi.write_text(text)
    assert runner.run("Deploy dev").returncode == 1
    assert [call[0] for call, _, _ in runner.calls()] == ["preview"]
    done = runner.run("Deploy production", ALLOW_OIDC_PROVIDER_LOSS="1")
    assert done.returncode == 0, done.stderr
    assert [(call[0], call[call.index("--stack") + 1]) for call, _, _ in runner.calls()[1:]] == [
        ("preview", "production"),
        ("up", "production"),
    ]


def test_a_preview_that_fails_before_a_deployment_says_why_and_ends_the_step(runner: Runner) -> None:
    pulumi = Path(runner.environment["PATH"].split(":")[0]) / "pulumi"
    failed = "[{'severity': 'error', 'message': 'AWS refused it'}]"
    pulumi.write_text(pulumi.read_text().replace('"steps": []', f'"steps": [], "diagnostics": {failed}'))
    done = runner.run("Deploy dev", FAKE_PULUMI_CODE="1")
    assert done.returncode != 0
    assert "AWS refused it" in done.stderr
    assert [call[0] for call, _, _ in runner.calls()] == ["preview"]


def test_drift_is_looked_for_in_every_stack_and_found_in_one_fails_the_step(runner: Runner) -> None:
    done = runner.run("Differences from the inventory", FAKE_PULUMI_CODE="1")
    assert done.returncode == 123, done.stderr  # of xargs
    assert sorted(call[call.index("--stack") + 1] for call, _, _ in runner.calls()) == [
        "dev",
        "production",
        "staging",
        "tools",
    ]
    assert all("--expect-no-changes" in call for call, _, _ in runner.calls())
