"""Each operation of the built-in engine on its own, on a cloud in memory."""

from pathlib import Path

import pytest

from oidc.errors import SandboxError
from sandbox.engine.values import UNKNOWN
from tests.sandbox.cloud_in_memory import Bench, did

ONE = "pulumi.export('serial', thing('a', size=1).serial)"


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_a_program_is_brought_to_the_cloud(bench: Bench) -> None:
    summary = bench.up(ONE)
    assert bench.sky.things == {"a": {"name": "a", "size": 1, "serial": "s-a"}}
    assert summary.outputs == {"serial": "s-a"}


def test_create_makes_resources_in_the_order_of_their_dependencies(bench: Bench) -> None:
    summary = bench.up("a = thing('a')\nthing('b', label=a.serial)\n")
    assert bench.sky.calls == ["create a", "create b"]
    assert bench.sky.things["b"]["label"] == "s-a"
    assert summary.counts == {"create": 4}
    assert summary.changes


def test_the_same_program_again_changes_nothing(bench: Bench) -> None:
    bench.up(ONE)
    before = bench.state_file.read_bytes()
    summary = bench.up(ONE)
    assert bench.sky.calls == []
    assert not summary.changes
    assert summary.counts == {"same": 3}
    assert bench.state_file.read_bytes() == before


def test_a_changed_property_is_updated_in_place_and_told(bench: Bench) -> None:
    bench.up(ONE)
    summary = bench.up(ONE.replace("size=1", "size=2"))
    assert bench.sky.calls == ["update a"]
    assert did(summary) == {"a": "update"}
    change = next(step for step in summary.steps if step.name == "a").changes["size"]
    assert (change.old, change.new) == (1, 2)


def test_a_new_physical_name_is_created_before_the_old_one_is_deleted(bench: Bench) -> None:
    bench.up("thing('a', name='one')")
    summary = bench.up("thing('a', name='two')")
    assert bench.sky.calls == ["create two", "delete one"]
    made, deleted = (step for step in summary.steps if step.name == "a")
    assert (made.operation, deleted.operation) == ("replace", "delete-replaced")
    assert (made.changes["name"].old, made.changes["name"].new) == ("one", "two")


def test_a_kept_physical_name_is_deleted_before_it_is_created(bench: Bench) -> None:
    bench.up("thing('a', kind='x')")
    bench.up("thing('a', kind='y')")
    assert bench.sky.calls == ["delete a", "create a"]


def test_the_program_decides_the_order_of_a_replacement_over_the_provider(bench: Bench) -> None:
    bench.up("thing('a', name='one')")
    bench.up("thing('a', name='two', opts=pulumi.ResourceOptions(delete_before_replace=True))")
    assert bench.sky.calls == ["delete one", "create two"]


def test_dependents_that_a_replacement_replaces_go_before_it(bench: Bench) -> None:
    program = "a = thing('a', kind={0!r})\nb = thing('b', kind=a.serial)\nthing('c', size=1, label=a.serial)\n"
    bench.up(program.format("x"))
    bench.up(program.format("y"))
    # b's kind comes from a, and a new kind replaces it; c's label is changed in place.
    assert bench.sky.calls == ["delete b", "delete a", "create a", "create b"]


def test_what_the_program_no_longer_has_is_deleted_dependents_first(bench: Bench) -> None:
    bench.up("a = thing('a')\nb = thing('b', label=a.serial)\nthing('c', opts=pulumi.ResourceOptions(depends_on=[b]))")
    bench.up("thing('other')")
    assert bench.sky.calls == ["create other", "delete c", "delete b", "delete a"]


def test_destroy_deletes_everything_and_leaves_an_empty_state(bench: Bench) -> None:
    bench.up("a = thing('a')\nthing('b', label=a.serial)")
    bench.sky.calls.clear()
    summary = bench.engine().destroy()
    assert bench.sky.calls == ["delete b", "delete a"]
    assert summary.counts == {"delete": 4}
    assert bench.deployment()["resources"] == []


def test_preview_tells_what_up_would_do_and_writes_nothing(bench: Bench) -> None:
    bench.up(ONE)
    before = {path: path.read_bytes() for path in bench.state_file.parent.iterdir()}
    bench.sky.calls.clear()
    bench.program("thing('b')\nthing('a', size=2)")
    summary = bench.engine().preview()
    assert did(summary) == {"a": "update", "b": "create"}
    assert bench.sky.calls == []
    assert {path: path.read_bytes() for path in bench.state_file.parent.iterdir()} == before


def test_preview_of_a_first_run_leaves_no_file_behind(bench: Bench) -> None:
    bench.program(ONE)
    assert bench.engine().preview().changes
    assert not bench.state_file.parent.exists()


@pytest.mark.parametrize("previews", [True, False])
def test_in_a_preview_outputs_of_what_is_to_be_created_are_unknown_to_the_program(bench: Bench, previews: bool) -> None:
    bench.previews = previews
    bench.program("""
a = thing('a', size=1)
a.serial.apply(lambda serial: (_ for _ in ()).throw(RuntimeError('apply ran on ' + str(serial))))
a.id.apply(lambda i: (_ for _ in ()).throw(RuntimeError('apply ran on ' + str(i))))
thing('b', label=a.serial)
pulumi.export('serial', a.serial)
""")
    summary = bench.engine().preview()
    assert summary.outputs == {"serial": UNKNOWN}
    assert did(summary)["b"] == "create"


def test_up_mends_what_was_changed_behind_the_states_back(bench: Bench) -> None:
    bench.up(ONE)
    bench.sky.things["a"]["size"] = 9
    bench.up(ONE, refresh=False)
    assert bench.sky.calls == []
    bench.up(ONE)
    assert bench.sky.calls == ["update a"]
    assert bench.sky.things["a"]["size"] == 1


def test_up_makes_again_what_was_deleted_behind_the_states_back(bench: Bench) -> None:
    bench.up(ONE)
    bench.sky.things.clear()
    assert did(bench.up(ONE)) == {"a": "create"}
    assert set(bench.sky.things) == {"a"}


def test_refresh_brings_the_state_in_line_and_changes_nothing_in_the_cloud(bench: Bench) -> None:
    bench.up("thing('a', size=1)\nthing('b')")
    bench.sky.things["a"]["size"] = 9
    del bench.sky.things["b"]
    bench.sky.calls.clear()
    summary = bench.engine().refresh()
    assert did(summary) == {"a": "refresh", "b": "forget"}
    assert bench.sky.calls == []
    assert "b" not in bench.names()
    found = next(one for one in bench.deployment()["resources"] if one["urn"].endswith("::a"))
    assert found["outputs"]["size"] == 9


def test_protected_resources_are_not_deleted_and_nothing_else_is(bench: Bench) -> None:
    bench.up("thing('a', opts=pulumi.ResourceOptions(protect=True))\nthing('b')")
    with pytest.raises(SandboxError, match=r"::a.*keep_oidc_providers.*protectOidcProviders"):
        bench.up("")
    with pytest.raises(SandboxError, match="protected resources would be deleted"):
        bench.engine().destroy()
    assert set(bench.sky.things) == {"a", "b"}


def test_protected_resources_are_not_replaced(bench: Bench) -> None:
    program = "thing('a', kind={!r}, opts=pulumi.ResourceOptions(protect=True))"
    bench.up(program.format("x"))
    with pytest.raises(SandboxError, match="protected resources would be replaced"):
        bench.up(program.format("y"))
    assert bench.sky.calls == []


def test_a_protection_that_was_taken_away_lets_the_resource_go(bench: Bench) -> None:
    bench.up("thing('a', opts=pulumi.ResourceOptions(protect=True))")
    bench.up("thing('a')")
    bench.up("")
    assert bench.sky.things == {}


def test_children_of_a_protected_component_are_protected(bench: Bench) -> None:
    bench.up("g = Group('g', pulumi.ResourceOptions(protect=True))\nthing('a', opts=pulumi.ResourceOptions(parent=g))")
    with pytest.raises(SandboxError, match="protected"):
        bench.engine().destroy()


def test_retained_resources_leave_the_state_and_stay_in_the_cloud(bench: Bench) -> None:
    bench.up("thing('a', opts=pulumi.ResourceOptions(retain_on_delete=True))")
    assert did(bench.up(""))["a"] == "discard"
    assert set(bench.sky.things) == {"a"}
    assert "a" not in bench.names()


def test_ignored_changes_keep_the_old_value(bench: Bench) -> None:
    bench.up("thing('a', size=1, label='x')")
    bench.up("thing('a', size=2, label='y', opts=pulumi.ResourceOptions(ignore_changes=['size']))")
    assert bench.sky.things["a"] == {"name": "a", "size": 1, "label": "y", "serial": "s-a"}


@pytest.mark.parametrize(
    "alias",
    [
        "pulumi.Alias(name='old')",
        "'urn:pulumi:dev::proj::cloud:index:Thing::old'",
    ],
)
def test_an_alias_finds_the_resource_under_its_old_name(bench: Bench, alias: str) -> None:
    bench.up("o = thing('old', name='x')\nthing('user', label=o.serial)")
    bench.up(
        f"o = thing('new', name='x', opts=pulumi.ResourceOptions(aliases=[{alias}]))\nthing('user', label=o.serial)"
    )
    assert bench.sky.calls == []
    assert "old" not in bench.names()


def test_children_follow_a_parent_that_was_renamed(bench: Bench) -> None:
    program = """
g = Group({name!r}, pulumi.ResourceOptions(aliases={aliases}))
thing({name!r} + '-part', name='x', opts=pulumi.ResourceOptions(parent=g))
"""
    bench.up(program.format(name="old", aliases=[]))
    bench.up(program.format(name="new", aliases="[pulumi.Alias(name='old')]"))
    assert bench.sky.calls == []
    assert sorted(bench.names()) == ["cloud", "new", "new-part", "proj-dev"]


def test_components_keep_their_outputs_and_stand_before_their_children(bench: Bench) -> None:
    bench.up("g = Group('g')\nthing('a', opts=pulumi.ResourceOptions(parent=g))\ng.register_outputs({'x': 1})")
    resources = bench.deployment()["resources"]
    group = next(one for one in resources if one["urn"].endswith("::g"))
    assert group["outputs"] == {"x": 1}
    assert bench.names().index("g") < bench.names().index("a")
    assert resources[-1]["urn"] == "urn:pulumi:dev::proj::test:index:Group$cloud:index:Thing::a"


def test_a_failed_creation_stops_the_run_and_what_was_done_before_is_in_the_state(bench: Bench) -> None:
    bench.sky.fail_on = "create b"
    with pytest.raises(SandboxError, match=r"::b: the provider failed: RuntimeError: the cloud refuses create b"):
        bench.up("a = thing('a')\nb = thing('b', label=a.serial)\nthing('c', label=b.serial)\n")
    assert bench.sky.calls == ["create a", "create b"]
    assert "a" in bench.names()
    assert "b" not in bench.names()
    assert "pending_operations" not in bench.deployment()
    bench.sky.fail_on = ""
    assert did(bench.up()) == {"b": "create", "c": "create"}


def test_a_failed_run_deletes_nothing(bench: Bench) -> None:
    bench.up("thing('a')")
    with pytest.raises(SandboxError):
        bench.up("raise ValueError('broken')")
    assert set(bench.sky.things) == {"a"}


def test_a_failed_step_is_told_as_failed(bench: Bench) -> None:
    bench.sky.fail_on = "create a"
    with pytest.raises(SandboxError):
        bench.up(ONE)
    assert [str(step.phase) for step in bench.steps if step.name == "a"] == ["begun", "failed"]


def test_inputs_that_the_provider_refuses_are_named(bench: Bench) -> None:
    with pytest.raises(SandboxError, match="::a: size: must not be negative"):
        bench.up("thing('a', size=-1)")


def test_an_endpoint_given_to_the_engine_counts_before_that_of_the_state(bench: Bench) -> None:
    bench.up("thing('a')")
    bench.engine(endpoints={"iam": "http://127.0.0.1:9"}).refresh()
    assert bench.sky.configured[-1]["endpoints"] == [{"iam": "http://127.0.0.1:9"}]


@pytest.mark.parametrize("refresh", [True, False])
def test_a_created_resource_that_could_not_be_read_stays_in_the_state_and_is_completed(
    bench: Bench, *, refresh: bool
) -> None:
    bench.sky.unreadable = {"a"}
    program = "a = thing('a', size=1)\nthing('b', label=a.serial)"
    with pytest.raises(SandboxError, match="does not show a yet; AWS has created it and the state keeps it; run the"):
        bench.up(program)
    [kept] = [each for each in bench.deployment()["resources"] if each["type"].endswith("Thing")]
    assert (kept["id"], kept["outputs"]) == ("a", {"name": "a", "size": 1})
    assert kept["initErrors"] == ["the cloud does not show a yet; AWS has created it and the state keeps it"]
    assert not bench.deployment().get("pending_operations")
    bench.sky.unreadable = set()
    completed = bench.up(refresh=refresh)
    assert bench.sky.calls == ["create b"] if refresh else ["update a", "create b"]
    assert all(not step.outside for step in completed.steps)
    [first, second] = [each for each in bench.deployment()["resources"] if each["type"].endswith("Thing")]
    assert "initErrors" not in first
    assert second["inputs"]["label"] == "s-a"
    assert not bench.up(refresh=refresh).changes


def test_a_replacement_that_could_not_be_read_keeps_the_old_one_to_delete(bench: Bench) -> None:
    bench.up("thing('a', name='old')")
    bench.sky.unreadable = {"new"}
    with pytest.raises(SandboxError, match="does not show new yet"):
        bench.up("thing('a', name='new')")
    assert set(bench.sky.things) == {"old", "new"}
    bench.sky.unreadable = set()
    bench.up()
    assert set(bench.sky.things) == {"new"}
    assert not bench.up().changes
