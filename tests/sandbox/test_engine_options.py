"""What the built-in engine refuses, by name: options, values, providers, endpoints that are not loopback."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulumi.runtime import settings
from pulumi.runtime.proto import resource_pb2

from fleet.pulumi_cli.urns import make, name, parts, resource_type
from oidc.errors import BitbucketOidcError, SandboxError
from sandbox.engine import registration
from sandbox.engine.existing import parse_path, with_old_values
from sandbox.engine.loopback import check_endpoints, is_loopback, only_moved
from sandbox.engine.registration import IMPLEMENTED, REFUSED, WITHOUT_EFFECT, seconds
from tests.sandbox.cloud_in_memory import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_every_field_of_a_registration_is_accounted_for() -> None:
    fields = {field.name for field in resource_pb2.RegisterResourceRequest.DESCRIPTOR.fields}
    assert fields == IMPLEMENTED | WITHOUT_EFFECT | REFUSED.keys()
    assert not IMPLEMENTED & WITHOUT_EFFECT
    assert not (IMPLEMENTED | WITHOUT_EFFECT) & REFUSED.keys()


@pytest.mark.parametrize(
    ("option", "named"),
    [
        ("replace_on_changes=['size']", "replaceOnChanges"),
        ("deleted_with=a", "deletedWith"),
        ("replace_with=[a]", "replaceWith"),
        ("replacement_trigger='x'", "replacementTrigger"),
        ("hide_diffs=['size']", "hideDiffs"),
        ("plugin_download_url='https://x'", "pluginDownloadURL"),
        ("additional_secret_outputs=['serial']", "additionalSecretOutputs"),
        ("transforms=[lambda args: None]", "transforms"),
        ("hooks=pulumi.ResourceHookBinding(before_create=[lambda args: None])", "hooks"),
    ],
)
def test_an_option_that_is_not_implemented_is_refused_by_name(bench: Bench, option: str, named: str) -> None:
    with pytest.raises(SandboxError, match=rf"does not implement .*{named}") as caught:
        bench.up(f"a = thing('a')\nthing('b', opts=pulumi.ResourceOptions({option}))")
    assert "take --engine pulumi" in str(caught.value)
    assert "b" not in bench.sky.things


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("thing('a', label=pulumi.Output.secret('x'))", "label is a secret"),
        ("thing('a', label=pulumi.FileAsset('x'))", "label is an asset"),
        ("thing('a', label=pulumi.FileArchive('x'))", "label is an archive"),
        ("pulumi.export('x', {'y': pulumi.Output.secret('z')})", "x.y is a secret"),
        ("Thing('a')", "default provider of cloud"),
        ("pulumi.runtime.invoke('cloud:index:ask', {})", "the provider function cloud:index:ask"),
        ("class Q(pulumi.ProviderResource): pass\nQ('other', 'q')", "no provider for the package other"),
    ],
)
def test_what_is_not_implemented_is_refused(bench: Bench, text: str, named: str) -> None:
    with pytest.raises(SandboxError, match=named) as caught:
        bench.up(text)
    assert "take --engine pulumi" in str(caught.value)


def test_two_resources_of_one_urn_are_refused(bench: Bench) -> None:
    with pytest.raises(SandboxError, match="two resources have the URN"):
        bench.up("thing('a')\nthing('a')")


def refusals_of_this_engine() -> Iterator[tuple[str, ast.Call]]:
    """Yield every error in the engine's source that says of itself what the built-in engine lacks."""
    for file in sorted(Path(registration.__file__).parent.glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "SandboxError":
                text = ast.unparse(node.args[0])
                if "built-in engine" in text:
                    yield f"{file.name}: {text}", node


def test_every_refusal_of_the_engine_names_the_engine_that_can_do_it() -> None:
    found = dict(refusals_of_this_engine())
    assert len(found) >= 10
    assert [
        text for text, call in found.items() if "OTHER_ENGINE" not in "".join(map(ast.unparse, call.keywords))
    ] == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("raise pulumi.RunError('the inventory is wrong')", r"^the inventory is wrong$"),
        ("raise ValueError('broken')", r"^the program failed: ValueError: broken$"),
        ("import sys; sys.exit('enough')", r"^the program ended itself with enough$"),
        ("import sys; sys.exit()", r"called exit before it was done"),
        ("thing('a').serial.apply(lambda _: 1 / 0)", r"ZeroDivisionError"),
        ("pulumi.log.error('that is wrong')", r"^the program logged an error: that is wrong$"),
        ("def f(:", r"SyntaxError"),
        ("import pulumi.runtime\npulumi.require_pulumi_version('>=3')", r"requires the Pulumi CLI"),
    ],
)
def test_a_program_that_fails_is_told_in_its_own_words(bench: Bench, text: str, says: str) -> None:
    with pytest.raises(SandboxError, match=says):
        bench.up(text)


def test_an_error_of_this_project_comes_out_as_it_was_raised(bench: Bench) -> None:
    with pytest.raises(BitbucketOidcError) as caught:
        bench.up("from oidc.errors import InventoryError\nraise InventoryError('two findings')")
    assert type(caught.value).__name__ == "InventoryError"


def test_a_folder_without_a_program_is_refused(bench: Bench) -> None:
    with pytest.raises(SandboxError, match="there is no Pulumi program"):
        bench.engine().up()


def test_the_program_sees_its_names_its_config_and_its_folder(bench: Bench) -> None:
    bench.config = {"proj:size": "3", "proj:list": '["x"]'}
    summary = bench.up("""
import os, sys
config = pulumi.Config()
pulumi.export('names', [pulumi.get_organization(), pulumi.get_project(), pulumi.get_stack()])
pulumi.export('config', [config.require_int('size'), config.require_object('list')])
pulumi.export('cwd', os.getcwd())
pulumi.export('main', __name__)
""")
    assert summary.outputs == {
        "names": ["organization", "proj", "dev"],
        "config": [3, ["x"]],
        "cwd": str(bench.folder),
        "main": "__main__",
    }


def test_a_run_leaves_no_trace_in_the_sdk(bench: Bench) -> None:
    bench.up("thing('a')")
    assert settings.SETTINGS.monitor is None
    assert settings.get_root_resource() is None
    assert Path.cwd() != bench.folder


def test_what_the_program_logs_is_handed_on(bench: Bench) -> None:
    bench.up("pulumi.log.warn('look out')\npulumi.log.debug('not this')")
    assert [(one.severity, one.text) for one in bench.logs] == [("warning", "look out")]


def test_an_async_program_runs(bench: Bench) -> None:
    assert bench.up("async def main():\n    return {'x': 1}\npulumi.run(main)").outputs == {"x": 1}


@pytest.mark.parametrize(
    ("endpoints", "says"),
    [
        (None, "no endpoint for iam and sts"),
        ([{"iam": "http://127.0.0.1:1"}], "no endpoint for sts"),
        ([{"iam": "http://127.0.0.1:1", "sts": "https://sts.amazonaws.com"}], "https://sts.amazonaws.com"),
        ('[{"iam": "http://10.0.0.1", "sts": "http://localhost"}]', "http://10.0.0.1"),
        ([{"iam": "http://localhost.evil.example", "sts": "http://[::1]:1"}], "evil"),
        ("no JSON", "neither a list nor JSON"),
        ([{"iam": "http://127.0.0.1:1", "sts": "http://127.0.0.1:1", "s3": "http://8.8.8.8"}], "endpoint of s3"),
    ],
)
def test_an_aws_endpoint_that_is_not_loopback_is_refused(endpoints: object, says: str) -> None:
    with pytest.raises(SandboxError, match=says):
        check_endpoints("urn", {"endpoints": endpoints})


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:4566", "http://localhost:1", "http://[::1]:1", "https://a.localhost"]
)
def test_loopback_is_known(url: str) -> None:
    assert is_loopback(url)
    check_endpoints("urn", {"endpoints": [{"iam": url, "sts": url}]})


@given(st.text())
def test_no_text_is_taken_for_loopback_by_mistake(url: str) -> None:
    assert not is_loopback("http://example.com/" + url.replace("\\", ""))


@given(st.integers(0, 99), st.integers(0, 59), st.integers(0, 59))
def test_durations_are_read(hours: int, minutes: int, rest: int) -> None:
    assert seconds(f"{hours}h{minutes}m{rest}s") == hours * 3600 + minutes * 60 + rest


@pytest.mark.parametrize("text", ["", "5", "m5", "5 m", "5mm", "1h30"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        seconds(text)


def test_custom_timeouts_reach_the_state(bench: Bench) -> None:
    bench.up("thing('a', opts=pulumi.ResourceOptions(custom_timeouts=pulumi.CustomTimeouts(create='1m30s')))")
    assert bench.deployment()["resources"][-1]["customTimeouts"] == {"create": 90.0}


NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)


@given(NAMES)
def test_urns_split_into_what_they_were_made_of(logical: str) -> None:
    parent = make("s", "p", "", "t:m:Group", "g")
    urn = make("s", "p", parent, "t:m:Thing", logical)
    assert parts(urn) == ("s", "p", "t:m:Group$t:m:Thing", logical)
    assert (resource_type(urn), name(urn)) == ("t:m:Thing", logical)


KEYS = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=3)


@given(
    st.dictionaries(KEYS, st.dictionaries(KEYS, st.integers())),
    st.dictionaries(KEYS, st.dictionaries(KEYS, st.integers())),
)
def test_ignored_paths_keep_the_old_value_and_all_others_the_new_one(
    old: dict[str, object], new: dict[str, object]
) -> None:
    keys = sorted({*old, *new})
    result = with_old_values(new, old, keys[:1])
    for key in keys:
        assert result.get(key) == (old if key in keys[:1] else new).get(key)


@pytest.mark.parametrize(
    ("path", "parsed"),
    [("tags", ["tags"]), ("tags.Team", ["tags", "Team"]), ('tags["a.b"]', ["tags", "a.b"]), ("s[0].x", ["s", 0, "x"])],
)
def test_property_paths_are_read(path: str, parsed: list[str | int]) -> None:
    assert parse_path(path) == parsed


@pytest.mark.parametrize("path", ["tags[*]", "*", "tags[", "a..b"])
def test_property_paths_with_wildcards_or_faults_are_refused(path: str) -> None:
    with pytest.raises(SandboxError, match="does not know the property path"):
        parse_path(path)


@pytest.mark.parametrize(
    ("old", "new", "moved"),
    [
        ({"region": "a", "endpoints": '[{"iam": "x"}]'}, {"region": "a", "endpoints": [{"iam": "y"}]}, True),
        ({"region": "a", "endpoints": '[{"iam": "x"}]'}, {"region": "b", "endpoints": '[{"iam": "x"}]'}, False),
        ({"endpoints": [{"iam": "x"}]}, {"endpoints": [{"iam": "x", "sts": "x"}]}, False),
        ({"endpoints": [{"iam": "x"}]}, {}, False),
        ({"assumeRoles": '[{"b": 1, "a": 2}]'}, {"assumeRoles": '[{"a":2,"b":1}]'}, True),
        ({"assumeRoles": '[{"a": 1}]'}, {"assumeRoles": '[{"a":2}]'}, False),
    ],
)
def test_an_emulator_on_another_port_is_no_change(old: dict[str, object], new: dict[str, object], moved: bool) -> None:
    assert only_moved(old, new) is moved
