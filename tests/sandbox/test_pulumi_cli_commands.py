"""How the Pulumi CLI is called, told by a stand-in that writes down what it is given."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml

from fleet.pulumi_cli.installed_cli import InstalledCli
from fleet.pulumi_cli.steps import Operation, Step
from oidc.errors import EngineError, SandboxError
from sandbox.engine.program import Program
from sandbox.engine.values import folded
from sandbox.pulumi_cli.engine import AwsPlugin, PulumiCliEngine
from sandbox.pulumi_cli.environment import ambient_folders, program_python
from tests.sandbox.running_engine import ignore

STAND_IN = """#!{python}
import json, os, sys, time
from importlib.metadata import version
from pathlib import Path
answers = Path({answers!r})
arguments = sys.argv[1:]
with (answers / "calls").open("a") as calls:
    calls.write(json.dumps([arguments, os.getcwd(), dict(os.environ)]) + "\\n")
if arguments[:2] == ["stack", "export"]:
    state = answers / "state"
    if not state.exists():
        sys.exit("error: no stack named 'sandbox' found")
    Path(arguments[arguments.index("--file") + 1]).write_text(state.read_text())
elif arguments[:2] == ["stack", "init"]:
    Path("Pulumi.sandbox.yaml").write_text("encryptionsalt: salt\\n")
    (answers / "state").write_text("{{}}")
elif arguments[:2] == ["stack", "import"]:
    (answers / "state").write_text(Path(arguments[arguments.index("--file") + 1]).read_text())
elif "--json" in arguments:
    print("for people", flush=True)
    print((answers / "events").read_text(), flush=True)
    time.sleep(float((answers / "seconds").read_text()))
    sys.stderr.write((answers / "said").read_text())
    sys.exit(int((answers / "code").read_text()))
"""
ENDPOINTS = {"iam": "http://127.0.0.1:7", "sts": "http://127.0.0.1:7"}
CREATE = {
    "op": "create", "urn": "urn:pulumi:sandbox::p::aws:iam/role:Role::r", "type": "aws:iam/role:Role",
    "new": {"custom": True},
}  # fmt: skip


class Bench:
    """A project, a folder of the sandbox, and a stand-in for the CLI."""

    def __init__(self, folder: Path) -> None:
        self.answers, self.project, self.folder = folder / "answers", folder / "project", folder / "sandbox"
        self.answers.mkdir()
        self.project.mkdir()
        (self.project / "Pulumi.yaml").write_text("name: p\nruntime: python\n")
        self.answer()
        executable = folder / "pulumi"
        executable.write_text(STAND_IN.format(python=sys.executable, answers=str(self.answers)))
        executable.chmod(0o755)
        self.cli = InstalledCli(executable, has_language_host=True)
        self.steps: list[Step] = []

    def answer(self, *events: Any, code: int = 0, said: str = "", seconds: float = 0) -> None:
        (self.answers / "events").write_text("\n".join(json.dumps(event) for event in events))
        for name, value in {"code": code, "said": said, "seconds": seconds}.items():
            (self.answers / name).write_text(str(value))

    def engine(self, aws_plugin: AwsPlugin = AwsPlugin.OURS) -> PulumiCliEngine:
        config = {"p:inventory": "/somewhere", "p:accounts": '["dev"]', "p:issuerConnect": '{"address": "a"}'}
        return PulumiCliEngine(
            self.cli,
            Program(self.project, "p", "sandbox", config=config),
            self.folder,
            endpoints=ENDPOINTS,
            aws_plugin=aws_plugin,
            on_step=self.steps.append,
            on_log=ignore,
        )

    def calls(self) -> list[tuple[list[str], str, dict[str, str]]]:
        lines = (self.answers / "calls").read_text().splitlines()
        return [(call[0], call[1], call[2]) for call in map(json.loads, lines)]

    def verbs(self) -> list[str]:
        return [
            " ".join(arguments[:2]) if arguments[0] == "stack" else arguments[0] for arguments, _, _ in self.calls()
        ]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_the_first_run_makes_a_stack_and_later_ones_find_it(bench: Bench) -> None:
    bench.engine().up()
    bench.engine().refresh()
    assert bench.verbs() == ["stack export", "stack init", "up", "stack export", "refresh"]


def test_the_program_runs_in_its_own_folder_with_a_stack_file_elsewhere(bench: Bench) -> None:
    bench.engine().up()
    arguments, folder, _ = bench.calls()[-1]
    stack_file = Path(arguments[arguments.index("--config-file") + 1])
    assert folder == str(bench.project)
    assert stack_file.is_relative_to(bench.folder)
    assert yaml.safe_load(stack_file.read_text()) == {
        "encryptionsalt": "salt",
        "config": {"p:inventory": "/somewhere", "p:accounts": ["dev"], "p:issuerConnect": {"address": "a"}},
    }
    assert [path.name for path in bench.project.iterdir()] == ["Pulumi.yaml"]
    assert {"--yes", "--skip-preview", "--non-interactive"} < set(arguments)


def test_nobodys_settings_of_pulumi_reach_the_cli_and_nothing_is_downloaded(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULUMI_ACCESS_TOKEN", "somebodys")
    monkeypatch.setenv("PULUMI_HOME", "/somebodys")
    bench.engine().preview()
    for _, _, environment in bench.calls():
        assert {name: value for name, value in environment.items() if name.startswith("PULUMI_")} == {
            "PULUMI_BACKEND_URL": f"file://{bench.folder}",
            "PULUMI_HOME": str(bench.folder / "home"),
            "PULUMI_CONFIG_PASSPHRASE": "sandbox",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_ENABLE_STREAMING_JSON_PREVIEW": "true",
        }
        assert environment["PATH"].startswith(f"{bench.folder / 'ambient-plugin'}:")


def test_a_language_host_is_written_only_for_a_cli_without_one_and_only_its_runs_see_it(bench: Bench) -> None:
    path = os.environ["PATH"]
    written = bench.folder / "language-host" / "pulumi-language-python"
    bench.engine().preview()
    assert bench.calls()[-1][2]["PATH"] == f"{bench.folder / 'ambient-plugin'}:{path}"
    assert not written.exists()
    bench.cli = InstalledCli(bench.cli.path, has_language_host=False)
    bench.engine().preview()
    assert bench.calls()[-1][2]["PATH"] == f"{bench.folder / 'ambient-plugin'}:{written.parent}:{path}"
    assert os.access(written, os.X_OK)
    assert os.environ["PATH"] == path
    assert str(written.parent) not in path


def test_the_language_host_runs_in_the_virtual_environment_that_pulumi_yaml_names(bench: Bench) -> None:
    (bench.project / "Pulumi.yaml").write_text("name: p\nruntime: {name: python, options: {virtualenv: env}}\n")
    python = bench.project / "env" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho "$0" "$@"\n')
    python.chmod(0o755)
    _, folder = ambient_folders(InstalledCli(bench.cli.path, has_language_host=False), bench.folder, bench.project)
    said = subprocess.check_output([folder / "pulumi-language-python", "127.0.0.1:1"], text=True).split()
    assert (said[0], said[-1]) == (str(python), "127.0.0.1:1")


def test_steps_are_told_and_summed_up(bench: Bench) -> None:
    bench.answer({"resourcePreEvent": {"metadata": CREATE}}, {"resOutputsEvent": {"metadata": CREATE}})
    assert bench.engine().up().counts == {Operation.CREATE: 1}
    assert [step.name for step in bench.steps] == ["r", "r"]


def test_a_failure_is_told_in_the_words_of_whoever_failed(bench: Bench) -> None:
    bench.answer({"diagnosticEvent": {"severity": "error", "message": "AWS refused it"}}, code=255, said="error: x")
    with pytest.raises(EngineError, match=r"^AWS refused it$"):
        bench.engine().up()


def test_the_state_is_pointed_to_where_the_emulated_aws_stands_now(bench: Bench) -> None:
    former = json.dumps([{"iam": "http://127.0.0.1:6", "sts": "http://127.0.0.1:6"}])
    here = folded([ENDPOINTS])
    one = {
        "type": "pulumi:providers:aws",
        "inputs": {"endpoints": former, "region": "x"},
        "outputs": {"endpoints": former},
    }
    role = {"type": "aws:iam/role:Role", "inputs": {"endpoints": former}}
    (bench.answers / "state").write_text(json.dumps({"version": 3, "deployment": {"resources": [one, role]}}))
    bench.engine().destroy()
    bench.engine().destroy()
    assert bench.verbs() == ["stack export", "stack import", "destroy", "stack export", "destroy"]
    resources = json.loads((bench.answers / "state").read_text())["deployment"]["resources"]
    assert resources == [
        {"type": "pulumi:providers:aws", "inputs": {"endpoints": here, "region": "x"}, "outputs": {"endpoints": here}},
        role,
    ]


def lock(bench: Bench, process: int) -> Path:
    file = bench.folder / ".pulumi" / "locks" / "organization" / "p" / "sandbox" / "1.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"pid": process, "username": "somebody"}))
    return file


def test_the_lock_of_a_cli_that_died_is_taken_away(bench: Bench) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        pass
    lock(bench, gone.pid)
    bench.engine().up()
    assert bench.verbs()[0] == "cancel"


def test_a_cli_of_an_earlier_run_that_still_works_is_waited_for(bench: Bench) -> None:
    file = lock(bench, os.getpid())
    with pytest.raises(SandboxError, match=f"process {os.getpid()}; wait for it to end.*{file}"):
        bench.engine().up()


def test_an_interrupt_reaches_the_cli_which_ends_before_anything_else_is_stopped(bench: Bench) -> None:
    bench.answer({"resourcePreEvent": {"metadata": CREATE}}, seconds=60)

    def interrupt() -> None:
        deadline = time.monotonic() + 10
        while not bench.steps and time.monotonic() < deadline:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    begun = time.monotonic()
    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        bench.engine().up()
    thread.join()
    assert time.monotonic() - begun < 30
    assert "KeyboardInterrupt" in (bench.folder / "pulumi.log").read_text()


def test_the_official_plugin_is_taken_where_it_is_installed_and_named_where_not(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "home"))
    with pytest.raises(SandboxError, match=r"the official AWS plugin [\d.]+ is not installed.*pulumi plugin install"):
        bench.engine(AwsPlugin.OFFICIAL)
    name = "resource-aws-v" + version("pulumi-aws")
    installed = tmp_path / "home" / "plugins" / name / "pulumi-resource-aws"
    installed.parent.mkdir(parents=True)
    installed.write_text("#!/bin/sh\n")
    installed.chmod(0o755)
    for _ in range(2):
        bench.engine(AwsPlugin.OFFICIAL).preview()
    known = bench.folder / "home" / "plugins" / installed.parent.name / "pulumi-resource-aws"
    assert known.resolve() == installed
    assert known.parent.is_dir()
    assert not known.parent.is_symlink()
    assert "ambient-plugin" not in bench.calls()[-1][2]["PATH"]


def test_a_clone_without_its_virtual_environment_says_what_to_run(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: p\nruntime: {name: python, options: {virtualenv: .venv}}\n")
    with pytest.raises(SandboxError, match=r"\.venv, which does not exist; run make setup"):
        program_python(tmp_path)
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    assert program_python(tmp_path) == python


@pytest.mark.parametrize("name", ["pulumi-resource-aws", "pulumi-language-python"])
def test_each_plugin_serves_from_anywhere_and_is_gone_with_whoever_started_it(
    name: str, tmp_path: Path, project_folder: Path
) -> None:
    cli = InstalledCli(tmp_path / "pulumi", has_language_host=False)
    folders = ambient_folders(cli, tmp_path / "it's here", project_folder)
    plugin = shutil.which(name, path=os.pathsep.join(map(str, folders)))
    starter = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.argv[1], '127.0.0.1:1'], stdout=subprocess.PIPE, text=True)\n"
        "print(child.pid, int(child.stdout.readline()), flush=True)\n"
    )
    command = [sys.executable, "-c", starter, str(plugin)]
    answer = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=30)
    process = int(answer.stdout.split()[0])
    deadline = time.monotonic() + 20
    while Path(f"/proc/{process}").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
