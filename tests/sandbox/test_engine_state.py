"""The engine's state: what is on disk, and what a crash, a full disk or another run leave of it."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import IO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oidc.errors import SandboxError
from sandbox.engine.records import PendingOperation, ResourceState
from sandbox.engine.store import StateStore
from tests.sandbox.cloud_in_memory import Bench, did

URN = "urn:pulumi:dev::proj::cloud:index:Thing::{}"
PROJECT = Path(__file__).parents[2]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_the_state_has_the_form_of_a_pulumi_deployment(bench: Bench) -> None:
    bench.up("a = thing('a', size=1)\nthing('b', label=a.serial, opts=pulumi.ResourceOptions(protect=True))")
    deployment = bench.deployment()
    stack, cloud, first, second = deployment["resources"]
    assert deployment["manifest"].keys() == {"time", "magic", "version"}
    assert (stack["type"], stack["custom"]) == ("pulumi:pulumi:Stack", False)
    assert cloud["type"] == "pulumi:providers:cloud"
    created = first.pop("created")
    assert created.endswith("Z")
    assert first.pop("modified") == created
    assert first == {
        "urn": URN.format("a"),
        "custom": True,
        "id": "a",
        "type": "cloud:index:Thing",
        "inputs": {"name": "a", "size": 1},
        "outputs": {"name": "a", "size": 1, "serial": "s-a"},
        "parent": stack["urn"],
        "provider": f"{cloud['urn']}::{cloud['id']}",
        "propertyDependencies": {"size": []},
    }
    assert second["protect"] is True
    assert second["dependencies"] == [URN.format("a")]
    assert second["propertyDependencies"] == {"label": [URN.format("a")]}


def test_every_resource_stands_after_what_it_needs(bench: Bench) -> None:
    bench.up("a = thing('a')\nthing('b', label=a.serial)")
    bench.up("b = thing('b')\nthing('a', label=b.serial)")
    assert bench.names() == ["proj-dev", "cloud", "b", "a"]


def test_the_backup_forgets_nothing_that_a_finished_run_made(bench: Bench) -> None:
    bench.up("thing('a')")
    bench.up("thing('a'); thing('b')")
    backup = bench.state_file.with_name("state.json.bak")
    assert backup.read_bytes() == bench.state_file.read_bytes()
    bench.state_file.write_bytes(bench.state_file.read_bytes()[:100])
    assert backup.read_bytes() != bench.state_file.read_bytes()
    backup.replace(bench.state_file)
    assert not bench.up("thing('a'); thing('b')").changes


def test_nothing_but_state_backup_and_lock_is_left_after_a_run(bench: Bench) -> None:
    bench.up("thing('a')")
    bench.up("thing('b')")
    names = sorted(path.name for path in bench.state_file.parent.iterdir())
    assert names == ["state.json", "state.json.bak", "state.json.lock"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ('{"version": 3, "deploy', "broken.*mv .*state.json.bak .*state.json"),
        ("[]", "is broken: it is no deployment"),
        ('{"version": 3}', "is broken: it is no deployment"),
        ('{"version": 4, "deployment": {}}', "has the version 4"),
        ('{"version": 3, "deployment": {"resources": {"a": 1}}}', "its resources are no list"),
        ('{"version": 3, "deployment": {"resources": [{"id": "x"}]}}', "an entry that is no resource"),
    ],
)
def test_a_state_that_cannot_be_read_is_refused_and_left_alone(bench: Bench, content: str, says: str) -> None:
    bench.up("thing('a')")
    bench.up("thing('b')")
    bench.state_file.write_text(content)
    with pytest.raises(SandboxError, match=says):
        bench.up("")
    assert bench.state_file.read_text() == content
    assert bench.sky.calls == []


def test_a_state_that_is_gone_while_its_backup_is_there_is_not_taken_for_a_first_run(bench: Bench) -> None:
    bench.up("thing('a')")
    bench.up("thing('b')")
    bench.state_file.unlink()
    with pytest.raises(SandboxError, match=r"is missing; the last good state is .*\.bak"):
        bench.up()


def test_a_state_that_uses_what_the_engine_does_not_implement_is_refused(bench: Bench) -> None:
    bench.up("thing('a')")
    document = json.loads(bench.state_file.read_text())
    document["deployment"]["resources"][-1]["deletedWith"] = URN.format("x")
    bench.state_file.write_text(json.dumps(document))
    with pytest.raises(SandboxError, match="deletedWith"):
        bench.up()


def test_the_state_of_another_stack_is_refused(bench: Bench) -> None:
    bench.up("thing('a')")
    bench.stack = "prod"
    with pytest.raises(SandboxError, match="is the state of proj/dev, not of proj/prod"):
        bench.up()


def test_keys_that_the_engine_does_not_know_survive_a_change_elsewhere(bench: Bench) -> None:
    bench.up("thing('a')")
    document = json.loads(bench.state_file.read_text())
    document["deployment"]["resources"][-1]["sourcePosition"] = "project:///__main__.py#3"
    bench.state_file.write_text(json.dumps(document))
    bench.sky.things["a"]["size"] = 5
    bench.engine().refresh()
    assert bench.deployment()["resources"][-1]["sourcePosition"] == "project:///__main__.py#3"


class FullDisk:
    """Takes a number of writes and then has no room."""

    def __init__(self, room: int) -> None:
        self.room = room

    def __call__(self, file: IO[bytes], content: bytes) -> None:
        if self.room <= 0:
            file.write(content[: len(content) // 2])
            file.flush()
            raise OSError(28, "No space left on device")
        self.room -= 1
        file.write(content)
        file.flush()


@pytest.mark.parametrize("room", range(6))
def test_a_full_disk_loses_nothing(bench: Bench, room: int) -> None:
    bench.up("thing('a')")
    bench.program("thing('a')\nthing('b')\nthing('c')")
    with pytest.raises(SandboxError, match="cannot be written: No space left on device; make room"):
        bench.engine(write=FullDisk(room)).up()
    assert "a" in bench.names()
    bench.up()
    assert set(bench.sky.things) == {"a", "b", "c"}
    assert {"a", "b", "c"} <= set(bench.names())
    assert bench.up().changes is False


def test_a_second_run_at_once_is_refused_and_names_the_first(bench: Bench) -> None:
    refused: list[str] = []

    def run_another(_call: str) -> None:
        with pytest.raises(SandboxError) as caught:
            bench.engine().up()
        refused.append(str(caught.value))

    bench.sky.before = run_another
    bench.up("thing('a')")
    assert f"another run works on this state: process {os.getpid()}, since " in refused[0]


def test_the_lock_of_a_process_that_died_is_taken_over(bench: Bench) -> None:
    bench.state_file.parent.mkdir()
    bench.state_file.with_name("state.json.lock").write_text('{"pid": 1, "started": "2020-01-01T00:00:00+00:00"}')
    assert bench.up("thing('a')").changes


CRASHING = """
import json, os, sys
from pathlib import Path
from tests.sandbox.cloud_in_memory import Bench, Sky

folder, call, when = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
sky = Sky(things=json.loads((folder / "sky.json").read_text()))

def die(done):
    if done == call:
        (folder / "sky.json").write_text(json.dumps(sky.things))
        os._exit(7)

setattr(sky, when, die)
Bench(folder, sky=sky).engine().up()
"""


def crash(bench: Bench, call: str, when: str) -> None:
    """Run the program in a process that dies just before or just after a call to the cloud."""
    (bench.folder / "sky.json").write_text(json.dumps(bench.sky.things))
    script = bench.folder / "crashing.py"
    script.write_text(textwrap.dedent(CRASHING))
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    command = [sys.executable, str(script), str(bench.folder), call, when]
    assert subprocess.run(command, env=environment, check=False).returncode == 7
    bench.sky.things = json.loads((bench.folder / "sky.json").read_text())


@pytest.mark.parametrize("when", ["before", "after"])
def test_after_a_crash_while_creating_nothing_is_lost_and_nothing_is_made_twice(bench: Bench, when: str) -> None:
    bench.program("a = thing('a', size=1)\nb = thing('b', label=a.serial)")
    crash(bench, "create b", when)
    summary = bench.up(refresh=False)
    assert did(summary) == ({"b": "create"} if when == "before" else {})
    assert set(bench.sky.things) == {"a", "b"}
    assert bench.up().changes is False


@pytest.mark.parametrize("when", ["before", "after"])
def test_after_a_crash_while_updating_the_resource_is_read_again(bench: Bench, when: str) -> None:
    bench.up("thing('a', size=1)")
    bench.program("thing('a', size=2)")
    crash(bench, "update a", when)
    bench.up(refresh=False)
    assert bench.sky.things["a"]["size"] == 2
    assert bench.sky.calls == (["update a"] if when == "before" else [])


@pytest.mark.parametrize("when", ["before", "after"])
def test_after_a_crash_while_deleting_the_deletion_is_completed(bench: Bench, when: str) -> None:
    bench.up("thing('a')\nthing('b')")
    bench.program("thing('b')")
    crash(bench, "delete a", when)
    bench.up(refresh=False)
    assert set(bench.sky.things) == {"b"}
    assert "a" not in bench.names()


@pytest.mark.parametrize("call", ["delete a", "create a"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_after_a_crash_in_a_replacement_it_is_completed(bench: Bench, call: str, when: str) -> None:
    bench.up("a = thing('a', kind='x')\nthing('b', kind=a.serial)")
    bench.program("a = thing('a', kind='y')\nthing('b', kind=a.serial)")
    crash(bench, call, when)
    bench.up()
    assert bench.sky.things["a"]["kind"] == "y"
    assert set(bench.sky.things) == {"a", "b"}
    assert bench.up().changes is False


def test_what_a_crashed_run_made_is_deleted_by_destroy(bench: Bench) -> None:
    bench.program("thing('a')")
    crash(bench, "create a", "after")
    bench.engine().destroy()
    assert bench.sky.things == {}


def test_a_preview_after_a_crash_sees_what_was_made_and_leaves_the_journal(bench: Bench) -> None:
    bench.program("a = thing('a')\nthing('b', label=a.serial)")
    crash(bench, "create b", "after")
    journal = bench.state_file.with_name("state.json.journal")
    before = journal.read_bytes()
    assert did(bench.engine().preview()) == {}
    assert journal.read_bytes() == before


def test_a_journal_of_another_state_is_kept_and_not_applied(bench: Bench) -> None:
    bench.up("thing('a')")
    bench.state_file.with_name("state.json.journal").write_text('{"continues": "another"}\n{"drop": [1, 2, 3]}\n')
    assert bench.up().changes is False
    assert bench.state_file.with_name("state.json.journal.old").exists()


def test_a_journal_broken_in_the_middle_is_refused(bench: Bench) -> None:
    bench.up("thing('a')")
    bench.state_file.with_name("state.json.journal").write_text('{"continues": \n{}\n')
    with pytest.raises(SandboxError, match=r"the journal .* is broken"):
        bench.up()


NAMES = st.sampled_from("abcdefgh")


@given(st.dictionaries(NAMES, st.sets(NAMES)))
def test_the_order_of_the_state_has_every_entry_once_and_needs_first(needs: dict[str, set[str]]) -> None:
    acyclic = {name: {other for other in others if other < name} for name, others in needs.items()}
    store = StateStore()
    store.load(
        [
            ResourceState(URN.format(name), "cloud:index:Thing", True, dependencies=[URN.format(o) for o in others])
            for name, others in acyclic.items()
        ],
        [],
    )
    order = [store.entries[number].urn[-1] for number in store.ordered()]
    assert sorted(order) == sorted(acyclic)
    for name, others in acyclic.items():
        assert all(order.index(other) < order.index(name) for other in others if other in acyclic)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**50), 2**50) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.text(min_size=1, max_size=4), JSON, max_size=4), st.booleans(), st.booleans())
def test_a_resource_reads_back_as_it_was_written(properties: dict[str, object], protect: bool, delete: bool) -> None:
    one = ResourceState("urn:pulumi:s::p::t:m:T::n", "t:m:T", True, "i", properties, protect=protect, delete=delete)
    pending = PendingOperation("creating", one)
    assert PendingOperation.from_json(json.loads(json.dumps(pending.to_json()))) == pending
