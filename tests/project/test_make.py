"""The targets that people and CI call are there."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

PROJECT = Path(__file__).resolve().parent.parent.parent
MODULE = PROJECT / "tools" / "pulumi"
CLI = "github.com/pulumi/pulumi/pkg/v3"
GO = """#!/bin/bash
if [ "$1" = list ]; then {listed}; exit; fi
echo "$@" >> "$GO_CALLS"
while [ "$1" != -o ]; do shift; done
echo "a CLI" > "$2"; chmod +x "$2"
sleep 0.2
{built}
"""
BIN = Path(sys.executable).parent


def test_every_target_is_there_and_listed() -> None:
    makefile = (PROJECT / "Makefile").read_text()
    targets = dict(re.findall(r"^([a-z]+):.*?## (.+)$", makefile, re.MULTILINE))
    assert {"setup", "pulumi", "build", "sandbox", "test", "lint", "bench", "docs", "clean"} <= targets.keys()


def test_ci_lints_and_tests() -> None:
    script = PROJECT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert re.findall(r"^make (\w+)", script.read_text(), re.MULTILINE) == ["pulumi", "lint", "test"]


def test_no_file_of_ours_is_called_utils_or_the_like() -> None:
    rooms = ("access", "cli", "components", "config", "facts", "oidc", "sandbox")
    names = {path.stem for room in rooms for path in (PROJECT / room).rglob("*.py")}
    assert not names & {"utils", "helpers", "common", "manager"}


def test_no_test_imports_from_a_module_of_tests() -> None:
    importing = re.compile(r"^\s*(?:from|import) tests\.(?:\w+\.)*test_\w+", re.MULTILINE)
    assert importing.search("from tests.config.test_schema import SCHEMA")
    modules = (PROJECT / "tests").rglob("*.py")
    assert [str(path) for path in modules if importing.search(path.read_text())] == []


def test_pre_commit_runs_what_ci_runs() -> None:
    hooks = yaml.safe_load((PROJECT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    assert [hook["entry"] for hook in hooks] == ["make lint", "make test"]


class Machine:
    """What a machine has on ``PATH`` beside the shell and its like: Go or not, a CLI or not."""

    def __init__(self, folder: Path) -> None:
        self.tools, self.cache, self.go_calls = folder / "bin", folder / "cache", folder / "calls"
        self.tools.mkdir()
        for tool in ("make", "bash", "awk", "mkdir", "mktemp", "mv", "rm", "sleep", "chmod"):
            (self.tools / tool).symlink_to(str(shutil.which(tool)))
        self.built = self.cache / "bitbucket-aws-oidc" / "pulumi" / cli_version() / "pulumi"

    def has(self, name: str, script: str) -> None:
        (self.tools / name).write_text(script)
        (self.tools / name).chmod(0o755)

    def start(self) -> subprocess.Popen[str]:
        environment = {"PATH": str(self.tools), "XDG_CACHE_HOME": str(self.cache), "GO_CALLS": str(self.go_calls)}
        command = [str(self.tools / "make"), "--silent", "--directory", str(PROJECT), "pulumi"]
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    def make_pulumi(self) -> tuple[int, str]:
        child = self.start()
        said, _ = child.communicate(timeout=30)
        return child.returncode, said


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def cli_version() -> str:
    found = re.search(rf"^\t{re.escape(CLI)} (v[\d.]+)", (MODULE / "go.mod").read_text(), re.MULTILINE)
    assert found is not None
    return found[1]


SKIPPED = "no Pulumi CLI is built, so the tests that need it are skipped: "


def test_without_go_the_cli_is_not_built_and_one_line_says_what_is_skipped_and_why(machine: Machine) -> None:
    assert machine.make_pulumi() == (0, f"{SKIPPED}go is not on PATH\n")
    assert not machine.cache.exists()


def test_an_older_go_is_named_and_nothing_is_built(machine: Machine) -> None:
    machine.has("go", GO.format(listed="echo 'go.mod requires go >= 2 (running go 1.20)' >&2; false", built=""))
    assert machine.make_pulumi() == (0, f"{SKIPPED}go.mod requires go >= 2 (running go 1.20)\n")
    assert not machine.cache.exists()


def test_a_cli_on_path_is_taken_and_none_is_built(machine: Machine) -> None:
    machine.has("pulumi", "#!/bin/sh\n")
    machine.has("go", GO.format(listed="true", built=""))
    assert machine.make_pulumi() == (0, f"the tests use the Pulumi CLI on PATH: {machine.tools / 'pulumi'}\n")
    assert not machine.go_calls.exists()


def test_the_cli_is_built_once_for_each_version_and_knows_it(machine: Machine) -> None:
    machine.has("go", GO.format(listed="true", built=""))
    assert machine.make_pulumi()[0] == 0
    assert machine.make_pulumi() == (0, f"the tests use the Pulumi CLI that was built before: {machine.built}\n")
    (call,) = machine.go_calls.read_text().splitlines()
    assert f"version.Version={cli_version().removeprefix('v')} {CLI}/cmd/pulumi" in call
    assert os.access(machine.built, os.X_OK)


def test_a_build_that_fails_leaves_no_cli_and_is_a_failure(machine: Machine) -> None:
    machine.has("go", GO.format(listed="true", built="exit 1"))
    assert machine.make_pulumi()[0] != 0
    assert list(machine.built.parent.iterdir()) == []


def test_two_builds_at_once_both_end_well(machine: Machine) -> None:
    machine.has("go", GO.format(listed="true", built=""))
    children = [machine.start(), machine.start()]
    for child in children:
        child.communicate(timeout=30)
        assert child.returncode == 0
    assert list(machine.built.parent.iterdir()) == [machine.built]


def test_tests_take_the_users_cli_before_the_one_that_was_built() -> None:
    command = ["make", "--dry-run", "--directory", str(PROJECT), "test"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert f'PATH="$PATH:${{XDG_CACHE_HOME:-$HOME/.cache}}/bitbucket-aws-oidc/pulumi/{cli_version()}" ' in shown


def test_the_version_of_the_cli_is_stated_once() -> None:
    files = (path for folder in ("", ".ci", "tools/docs", "tools/pulumi") for path in (PROJECT / folder).iterdir())
    stated = [path for path in files if path.is_file() and cli_version().removeprefix("v") in path.read_text()]
    assert sorted(path.name for path in stated) == ["go.mod", "go.sum"]


def test_the_module_of_the_cli_is_locked_by_hashes_and_names_no_toolchain() -> None:
    lines = (MODULE / "go.mod").read_text().splitlines()
    assert not [line for line in lines if line.startswith("toolchain")]
    required = {tuple(line.split()[:2]) for line in lines if line.startswith("\t")}
    assert len(required) > 100
    sums = [line.split() for line in (MODULE / "go.sum").read_text().splitlines()]
    assert all(len(one) == 3 and one[2].startswith("h1:") for one in sums)
    assert required <= {(module, version.removesuffix("/go.mod")) for module, version, _ in sums}
    assert [CLI, cli_version()] in [one[:2] for one in sums]


def test_no_command_but_the_sandbox_may_import_the_sandbox_or_what_shows_it(tmp_path: Path) -> None:
    rooms = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["importlinter"]["root_packages"]
    for room in rooms:
        shutil.copytree(PROJECT / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(PROJECT / "pyproject.toml", tmp_path)
    command = [str(BIN / "lint-imports"), "--no-logo", "--no-cache", "--contract", "sandbox"]

    def checked() -> str:
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == ("BROKEN" in done.stdout), done.stderr
        return done.stdout

    assert "KEPT" in checked()
    (tmp_path / "cli" / "planted.py").write_text("def run() -> None:\n    from cli.sandbox.display import progress\n")
    (tmp_path / "cli" / "ci" / "planted.py").write_text("def run() -> None:\n    from sandbox.run import act\n")
    found = checked()
    assert "BROKEN" in found
    assert "cli.planted" in found
    assert "cli.ci.planted" in found


PYTHON_THAT_MAKES_A_VENV = """#!/bin/bash
echo "$@" >> "$CALLS"
[ "$1 $2" = "-m venv" ] || exit 0
[ "$3" != --clear ] || rm -rf .venv
mkdir -p .venv/bin .venv/lib/python3.11/site-packages
echo "home = /usr" > .venv/pyvenv.cfg
echo /src > .venv/lib/python3.11/site-packages/_editable.pth
for program in python uv; do echo "#!/bin/sh" > .venv/bin/$program; chmod +x .venv/bin/$program; done
"""


@dataclass
class Clone:
    """A clone in which `make setup` runs, with a Python that makes a `.venv` and reaches no package index."""

    folder: Path
    python: Path

    def set_up(self) -> bool:
        """Run it, and tell whether it built a `.venv`."""
        calls = self.folder / "calls"
        calls.unlink(missing_ok=True)
        command = ["make", "--silent", "--directory", str(self.folder), "setup", f"PYTHON={self.python}"]
        subprocess.run(command, env={"PATH": os.environ["PATH"], "CALLS": str(calls)}, check=True, timeout=30)
        return calls.exists() and "-m venv" in calls.read_text()

    def plant(self, name: str) -> Path:
        planted = self.folder / ".venv" / "lib" / "python3.11" / "site-packages" / name
        planted.parent.mkdir(parents=True, exist_ok=True)
        planted.write_text("import os")
        return planted


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    folder, python = tmp_path / "clone", tmp_path / "python"
    folder.mkdir()
    for name in ("Makefile", "pyproject.toml", "requirements-dev.txt"):
        shutil.copy(PROJECT / name, folder)
    python.write_text(PYTHON_THAT_MAKES_A_VENV)
    python.chmod(0o755)
    return Clone(folder, python)


def test_setup_builds_once_and_again_when_the_requirements_changed(clone: Clone) -> None:
    assert [clone.set_up(), clone.set_up()] == [True, False]
    later = (clone.folder / ".venv" / ".ready").stat().st_mtime + 10
    os.utime(clone.folder / "requirements-dev.txt", (later, later))
    assert clone.set_up()


@pytest.mark.parametrize("name", ["planted.pth", "sitecustomize.py", "usercustomize.py", "_editable.pth"])
def test_what_would_run_at_every_start_does_not_survive_setup(clone: Clone, name: str) -> None:
    clone.set_up()
    planted = clone.plant(name)
    assert clone.set_up()
    assert not planted.exists() or planted.read_text() != "import os"
    assert not clone.set_up()


def test_a_venv_that_setup_did_not_make_is_built_anew(clone: Clone, tmp_path: Path) -> None:
    planted = clone.plant("planted.pth")
    (clone.folder / ".venv" / "bin").mkdir()
    (clone.folder / ".venv" / "bin" / "python").symlink_to(sys.executable)
    (clone.folder / ".venv" / ".ready").touch()
    assert clone.set_up()
    assert not planted.exists()
    shutil.copytree(clone.folder, tmp_path / "copy", symlinks=True)
    assert Clone(tmp_path / "copy", clone.python).set_up()
