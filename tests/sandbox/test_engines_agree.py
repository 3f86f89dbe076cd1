"""The built-in engine and the Pulumi CLI, side by side: the same program leaves the same things behind."""

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from fleet.pulumi_cli.installed_cli import find_cli
from sandbox.engine_choice import EngineName
from sandbox.pulumi_cli.engine import PulumiCliEngine
from sandbox.run import Action
from tests.sandbox.inventory_sequences import sequence
from tests.sandbox.running_engine import NEEDS_CLI, RunningEngine, ignore, running_engines

pytestmark = NEEDS_CLI

FIXTURES = Path(__file__).parent.parent / "fixtures" / "inventories"
STEPS = 5
VOLATILE = {"created", "modified", "id", "sourcePosition", "stackTrace"}
"""Times, ids that are drawn, and where in the program a resource was registered, which only the CLI keeps."""

VOLATILE_OUTPUTS = {"createDate", "uniqueId"}

Resource = dict[str, Any]


def test_both_leave_the_same_after_each_of_a_sequence_of_inventories(tmp_path: Path) -> None:
    first = next(sequence(1, tmp_path))
    with running_engines(first, tmp_path, EngineName.BUILTIN, EngineName.PULUMI) as (builtin, cli):
        for inventory in itertools.islice(sequence(1, tmp_path), STEPS):
            one, other = builtin.act(Action.UP, inventory), cli.act(Action.UP, inventory)
            context = inventory.read_text()
            assert one.outputs == other.outputs, context
            assert one.counts == other.counts, context
            assert steps(one) == steps(other), context
            assert left_by(builtin, inventory) == left_by(cli, inventory), context
        one, other = builtin.act(Action.DESTROY, inventory), cli.act(Action.DESTROY, inventory)
        assert one.counts == other.counts
        assert left_by(cli, inventory) == left_by(builtin, inventory) == {}


def steps(summary: Any) -> set[tuple[str, str, tuple[str, ...]]]:
    """Return what was done to which resource, and which properties of it that changed."""
    return {(step.urn, step.operation, tuple(sorted(step.changes))) for step in summary.steps}


@pytest.mark.parametrize("inventory", [Path("examples/quickstart"), FIXTURES / "wide"], ids=["quickstart", "wide"])
def test_the_cli_takes_over_the_state_of_the_built_in_engine_and_sees_no_change(
    inventory: Path, project_folder: Path, tmp_path: Path
) -> None:
    inventory = project_folder / inventory
    with running_engines(inventory, tmp_path, EngineName.BUILTIN) as (builtin,):
        builtin.act(Action.UP, inventory)
        with builtin.session(inventory) as session:
            endpoints = {"iam": session.endpoint, "sts": session.endpoint}
            cli = PulumiCliEngine(
                find_cli(), session.program, tmp_path / "cli", endpoints=endpoints, on_step=ignore, on_log=ignore
            )
            cli.stack.prepare(endpoints)
            cli.stack.replace_state(json.loads(session.state_file.read_text()))
            previewed = cli.preview()
    assert not previewed.changes, previewed.counts
    assert len(previewed.steps) > 10


def left_by(engine: RunningEngine, inventory: Path) -> dict[str, Resource]:
    """Return the resources in an engine's state by URN, without what differs from run to run."""
    with engine.session(inventory) as session:
        if engine.engine is EngineName.BUILTIN:
            state = json.loads(session.state_file.read_text())
        else:
            state = cli_of(engine, session.program).stack.exported()
    resources = state["deployment"].get("resources") or []
    assert len({one["urn"] for one in resources}) == len(resources)
    return {one["urn"]: comparable(one, engine.aws.endpoint) for one in resources}


def cli_of(engine: RunningEngine, program: Any) -> PulumiCliEngine:
    return PulumiCliEngine(
        find_cli(), program, engine.folder / "pulumi", endpoints={}, on_step=ignore, on_log=ignore
    )  # fmt: skip


def comparable(resource: Resource, endpoint: str) -> Resource:
    text = json.dumps(resource).replace(endpoint, "ENDPOINT")
    kept = {key: value for key, value in json.loads(text).items() if key not in VOLATILE}
    kept["outputs"] = {k: v for k, v in kept.get("outputs", {}).items() if k not in VOLATILE_OUTPUTS}
    kept["provider"] = kept.get("provider", "").rpartition("::")[0]
    kept["dependencies"] = sorted(kept.get("dependencies", []))
    kept["propertyDependencies"] = {k: sorted(v or []) for k, v in kept.get("propertyDependencies", {}).items()}
    if not resource["type"].startswith("pulumi:"):
        kept["id"] = resource.get("id")
    return kept
