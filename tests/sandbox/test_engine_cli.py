"""The real Pulumi CLI: what it makes of the built-in engine's state, and of a program that fails."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from fleet.pulumi_cli.installed_cli import find_cli
from oidc.errors import EngineError
from sandbox.engine.program import Program
from sandbox.pulumi_cli.engine import PulumiCliEngine
from tests.sandbox.cloud_in_memory import Bench
from tests.sandbox.running_engine import NEEDS_CLI, ignore

pytestmark = NEEDS_CLI


def test_the_cli_imports_the_state_and_gives_it_back_unchanged(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.up("g = Group('g')\na = thing('a', size=1, opts=pulumi.ResourceOptions(parent=g, protect=True))\n"
             "thing('b', label=a.serial)\npulumi.export('serial', a.serial)")  # fmt: skip
    (tmp_path / "Pulumi.yaml").write_text("name: proj\nruntime: python\n")
    backend = tmp_path / "backend"
    backend.mkdir()
    environment = {
        **os.environ,
        "PULUMI_BACKEND_URL": f"file://{backend}",
        "PULUMI_CONFIG_PASSPHRASE": "",
        "PULUMI_HOME": str(tmp_path / "home"),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }

    def pulumi(*arguments: str) -> str:
        command = ["pulumi", *arguments, "--non-interactive"]
        return subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True, text=True).stdout

    pulumi("stack", "init", "dev")
    pulumi("stack", "import", "--file", str(bench.state_file))
    exported = json.loads(pulumi("stack", "export"))["deployment"]
    by_urn = {one["urn"]: one for one in exported["resources"]}
    for one in bench.deployment()["resources"]:
        found = by_urn[one["urn"]]
        assert {key: found[key] for key in ("type", "custom")} == {key: one[key] for key in ("type", "custom")}
        assert found.get("outputs") == one.get("outputs")
        assert found.get("protect") == one.get("protect")
    assert json.loads(pulumi("stack", "output", "--json")) == {"serial": "s-a"}


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("raise pulumi.RunError('the inventory has no roles')", "the inventory has no roles"),
        ("import absent_module", "the program failed: ModuleNotFoundError: No module named 'absent_module'"),
    ],
)
def test_an_error_of_the_program_is_told_once_in_its_own_words(tmp_path: Path, program: str, said: str) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "Pulumi.yaml").write_text("name: p\nruntime: python\n")
    (project / "__main__.py").write_text(f"import pulumi\n{program}\n")
    engine = PulumiCliEngine(
        find_cli(), Program(project, "p", "dev"), tmp_path / "cli", endpoints={}, on_step=ignore, on_log=ignore
    )
    with pytest.raises(EngineError) as raised:
        engine.up()
    assert str(raised.value) == said
