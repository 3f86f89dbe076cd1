"""What exists already, in the built-in engine: importing it, and only reading it."""

from pathlib import Path

import pytest

from fleet.pulumi_cli.steps import Operation
from oidc.errors import SandboxError
from tests.sandbox.cloud_in_memory import Bench, did

IMPORTED = "a = thing('a', size=1, opts=pulumi.ResourceOptions(import_='old'%s))\npulumi.export('serial', a.serial)"
READ = "a = Thing('a', pulumi.ResourceOptions(id='old', provider=cloud))\npulumi.export('serial', a.serial)"


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    bench = Bench(tmp_path)
    bench.sky.things["old"] = {"name": "old", "size": 1, "serial": "s-old"}
    return bench


def test_an_import_takes_over_what_is_there_and_calls_nothing_else(bench: Bench) -> None:
    program = IMPORTED.replace("size=1", "name='old', size=1") % ""
    bench.program(program)
    assert did(bench.engine().preview())["a"] == "import"
    assert not bench.state_file.exists()
    summary = bench.up()
    assert (did(summary)["a"], bench.sky.calls) == ("import", [])
    assert summary.outputs == {"serial": "s-old"}
    resource = bench.deployment()["resources"][-1]
    assert (resource["id"], resource["importID"]) == ("old", "old")
    assert not bench.up().changes


def test_after_an_import_what_the_program_wants_otherwise_is_changed_in_the_same_run(bench: Bench) -> None:
    summary = bench.up(IMPORTED.replace("size=1", "name='old', size=2") % "")
    assert [str(step.operation) for step in summary.steps if step.name == "a"] == ["import", "update"]
    assert bench.sky.calls == ["update old"]
    assert bench.sky.things["old"]["size"] == 2


def test_what_an_import_ignores_stays_as_it_is(bench: Bench) -> None:
    bench.up(IMPORTED.replace("size=1", "name='old', size=2") % ", ignore_changes=['size']")
    assert bench.sky.calls == []
    bench.up(IMPORTED.replace("size=1", "name='old', size=3") % ", ignore_changes=['size']")
    assert (bench.sky.calls, bench.sky.things["old"]["size"]) == ([], 1)


def test_what_is_not_there_can_be_neither_imported_nor_read(bench: Bench) -> None:
    bench.sky.things.clear()
    for program in (IMPORTED % "", READ):
        with pytest.raises(SandboxError, match=r"::a: resource 'old' does not exist$"):
            bench.up(program)
    assert "a" not in bench.names()


def test_an_import_in_place_of_another_resource_of_the_stack_is_refused(bench: Bench) -> None:
    bench.up("thing('a', size=1)")
    with pytest.raises(SandboxError, match="does not replace the one by the other"):
        bench.up(IMPORTED % "")
    assert set(bench.sky.things) == {"a", "old"}


def test_a_read_gives_the_outputs_and_manages_nothing(bench: Bench) -> None:
    summary = bench.up(READ)
    assert (summary.outputs, bench.sky.calls) == ({"serial": "s-old"}, [])
    assert bench.deployment()["resources"][-1]["external"] is True
    assert not bench.up(READ).changes
    bench.up("pass")
    assert (bench.names(), bench.sky.calls, set(bench.sky.things)) == (["proj-dev", "cloud"], [], {"old"})


def test_what_the_stack_managed_and_now_only_reads_is_let_go_of_even_if_it_was_protected(bench: Bench) -> None:
    bench.up("thing('a', name='old', opts=pulumi.ResourceOptions(protect=True, import_='old'))")
    bench.up(READ)
    assert (bench.sky.calls, bench.engine().destroy().counts) == ([], {"delete": 2})
    assert set(bench.sky.things) == {"old"}


def test_what_was_only_read_can_be_imported(bench: Bench) -> None:
    bench.up(READ)
    assert did(bench.up(IMPORTED.replace("size=1", "name='old', size=1") % "")) == {"a": "import"}
    assert bench.deployment()["resources"][-1].get("external") is None


def test_a_read_resource_that_is_gone_is_forgotten_by_a_refresh(bench: Bench) -> None:
    bench.up(READ)
    bench.sky.things.clear()
    assert bench.engine().refresh().counts[Operation.FORGET] == 1
    assert "a" not in bench.names()


def test_where_something_only_read_was_the_program_can_make_its_own(bench: Bench) -> None:
    bench.up(READ)
    assert did(bench.up("thing('a', size=2)"))["a"] == "create"
    assert set(bench.sky.things) == {"a", "old"}
