"""Stacks of a fleet, run by the real Pulumi CLI on emulated accounts."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fleet.stack_job import Operation, StackResult
from fleet.stack_run import StackRunner
from tests.fleet.running_stacks import Fleet, running_fleet
from tests.sandbox.running_engine import NEEDS_CLI

pytestmark = NEEDS_CLI


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    with running_fleet(tmp_path) as fleet:
        yield fleet


@pytest.fixture
def runner(fleet: Fleet) -> Iterator[StackRunner]:
    with fleet.runner() as runner:
        yield runner


def test_a_stack_is_made_left_alone_changed_and_deleted_with_one_salt(fleet: Fleet, runner: StackRunner) -> None:
    made = fleet.run(runner, "one")
    assert made == StackResult("one", ok=True, counts={"create": 9})
    secrets = fleet.checkpoint("one")["secrets_providers"]
    first = fleet.state("one").plan_digest
    assert fleet.run(runner, "one").counts == {"same": 9}
    fleet.inventory["roles"]["shop-deploy"]["max_session_duration"] = "2h"
    changed = fleet.run(runner, "one")
    assert (changed.ok, changed.counts) == (True, {"same": 8, "update": 1})
    assert fleet.state("one").plan_digest not in {first, None}
    assert fleet.run(runner, "one", Operation.DESTROY).counts == {"delete": 9}
    assert fleet.roles("one") == {}
    assert fleet.run(runner, "one").counts == {"create": 9}
    assert fleet.checkpoint("one")["secrets_providers"] == secrets
