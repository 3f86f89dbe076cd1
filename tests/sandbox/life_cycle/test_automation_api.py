"""The Automation API on this program, as its users' own scripts would drive it, and a stack that changes engines."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from pulumi import automation as auto

from fleet.pulumi_cli.installed_cli import find_cli
from sandbox.engine_choice import EngineName
from sandbox.pulumi_cli.environment import ambient_folders
from sandbox.session import PROJECT_FOLDER
from tests.sandbox.life_cycle.one_stack import OneStack
from tests.sandbox.running_engine import NEEDS_CLI

pytestmark = [
    NEEDS_CLI,
    pytest.mark.parametrize("engine", [EngineName.BUILTIN], indirect=True),
]


@pytest.fixture
def taken_over(stack: OneStack, project: Path, tmp_path: Path) -> Iterator[auto.Stack]:
    """The stack of the built-in engine, imported into one of the Automation API."""
    stack.up()
    with stack.running.session(stack.write()) as session:
        deployment = json.loads(session.state_file.read_text())
        backend, home = tmp_path / "backend", tmp_path / "home"
        backend.mkdir()
        plugins = ambient_folders(find_cli(), tmp_path, PROJECT_FOLDER)
        options = auto.LocalWorkspaceOptions(
            work_dir=str(project),
            pulumi_home=str(home),
            env_vars={
                "PATH": os.pathsep.join([*map(str, plugins), os.environ["PATH"]]),
                "PULUMI_BACKEND_URL": f"file://{backend}",
                "PULUMI_CONFIG_PASSPHRASE": "",
                "PULUMI_SKIP_UPDATE_CHECK": "true",
                "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            },
        )
        config = {key: structured(value) for key, value in session.program.config.items()}
        (project / f"Pulumi.{session.program.stack}.yaml").write_text(yaml.safe_dump({"config": config}))
        found = auto.create_or_select_stack(session.program.stack, work_dir=str(project), opts=options)
        found.import_stack(auto.Deployment(version=3, deployment=deployment["deployment"]))
        yield found


def structured(text: str) -> object:
    return json.loads(text) if text.startswith(("[", "{")) else text


def test_a_stack_of_the_built_in_engine_goes_on_in_the_automation_api(stack: OneStack, taken_over: auto.Stack) -> None:
    assert set(taken_over.preview(expect_no_changes=True).change_summary) == {auto.OpType.SAME}
    stack.role["max_session_duration"] = "2h"
    stack.write()
    changes = taken_over.up().summary.resource_changes
    assert changes is not None
    assert changes[auto.OpType.UPDATE] == 1
    assert taken_over.outputs()["roleArns"].value == {
        "prod": {"shop-deploy": f"arn:aws:iam::{stack.account_id}:role/bitbucket/shop-deploy"}
    }
    taken_over.refresh(expect_no_changes=True)
    taken_over.destroy()
    assert (stack.roles(), stack.oidc_provider()) == (set(), None)


def test_what_pulumi_state_lets_go_of_stays_in_aws_and_is_taken_up_again(
    stack: OneStack, taken_over: auto.Stack
) -> None:
    """`pulumi state delete` forgets a resource, as after a repair by hand; the next `up` finds it as it should be."""
    before = stack.oidc_provider()
    resources = taken_over.export_stack().deployment["resources"]  # type: ignore[index]  # the SDK says Any or None
    (attachments,) = [one["urn"] for one in resources if one["type"].endswith(":RolePolicyAttachmentsExclusive")]
    state(taken_over, "delete", attachments, "--yes")
    assert taken_over.preview().change_summary[auto.OpType.CREATE] == 1
    changes = taken_over.up().summary.resource_changes
    assert changes is not None
    assert changes[auto.OpType.CREATE] == 1
    assert set(taken_over.preview(expect_no_changes=True).change_summary) == {auto.OpType.SAME}
    assert stack.oidc_provider() == before
    taken_over.destroy()


def state(stack: auto.Stack, *arguments: str) -> None:
    workspace = stack.workspace
    command = [workspace.pulumi_command.command, "state", *arguments, "--stack", stack.name]
    environment = {**os.environ, **workspace.env_vars, "PULUMI_HOME": str(workspace.pulumi_home)}
    subprocess.run(command, cwd=workspace.work_dir, env=environment, check=True, capture_output=True)
