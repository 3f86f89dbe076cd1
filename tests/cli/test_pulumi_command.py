"""`bitbucket-oidc pulumi` runs the Pulumi CLI on this program, and nothing of the folder where it is called."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from config.program import FOLDER_VARIABLE, program_folder
from config.project_file import PROJECT

COMMAND = Path(sys.executable).with_name("bitbucket-oidc")
CLI = """#!{python}
import json, os, sys
projects = []
folder = os.environ["PWD"]  # as Go's os.Getwd
assert os.path.samefile(folder, ".")
while folder != "/":
    projects += [file for file in [os.path.join(folder, "Pulumi.yaml")] if os.path.exists(file)]
    folder = os.path.dirname(folder)
print(json.dumps([sys.argv[1:], os.getcwd(), projects[:1], os.environ.get("{variable}")]))
sys.exit(7)
"""


class Caller:
    """Somebody who calls the command in a repository, with a `pulumi` on `PATH` that says how it was called."""

    def __init__(self, folder: Path) -> None:
        self.repository, self.bin, self.cache = folder / "access", folder / "bin", folder / "cache"
        self.repository.mkdir()
        self.bin.mkdir()
        cli = self.bin / "pulumi"
        cli.write_text(CLI.format(python=sys.executable, variable=FOLDER_VARIABLE))
        cli.chmod(0o755)

    def call(self, *arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PATH": f"{self.bin}:{os.environ['PATH']}", "XDG_CACHE_HOME": str(self.cache)}
        command = [str(COMMAND), "pulumi", *arguments]
        cwd = folder or self.repository
        return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)

    def projects(self) -> list[Path]:
        return sorted(self.cache.glob("bitbucket-aws-oidc/projects/*"))


@pytest.fixture
def caller(tmp_path: Path) -> Caller:
    return Caller(tmp_path)


def test_arguments_and_exit_code_are_those_of_pulumi(caller: Caller) -> None:
    arguments = ["--non-interactive", "config", "set", "--path", "accounts[0]", "--", "-a b", "", "--help"]
    finished = caller.call(*arguments)
    assert finished.returncode == 7, finished.stderr
    assert json.loads(finished.stdout)[0] == arguments


def test_the_help_of_a_command_of_pulumi_is_that_of_pulumi(caller: Caller) -> None:
    assert json.loads(caller.call("up", "--help").stdout)[0] == ["up", "--help"]
    assert "Run the Pulumi CLI on this program" in caller.call("--help").stdout


def test_pulumi_works_in_the_repository_and_finds_the_project_of_this_program(caller: Caller) -> None:
    _, folder, (project,), paths = json.loads(caller.call("preview").stdout)
    assert folder == paths == str(caller.repository)
    settings = yaml.safe_load(Path(project).read_text())
    declared: dict[str, Any] = yaml.safe_load((program_folder() / "Pulumi.yaml").read_text())
    assert {**declared, **settings} == settings | {"runtime": settings["runtime"]}
    assert settings["name"] == PROJECT
    assert settings["main"] == str(program_folder())
    assert settings["runtime"]["options"] == {"toolchain": "pip", "virtualenv": sys.prefix}
    assert (Path(project).parent / settings["stackConfigDir"]).resolve() == caller.repository
    assert list(caller.repository.iterdir()) == []


def test_a_repository_keeps_its_project_and_another_has_another(caller: Caller, tmp_path: Path) -> None:
    caller.call("preview")
    before = caller.projects()
    caller.call("up")
    assert caller.projects() == before
    other = tmp_path / "other"
    other.mkdir()
    caller.call("preview", folder=other)
    assert len(caller.projects()) == 2


def test_in_a_clone_pulumi_runs_as_without_the_command(caller: Caller) -> None:
    _, folder, (project,), paths = json.loads(caller.call("preview", folder=program_folder()).stdout)
    assert (folder, project, paths) == (str(program_folder()), str(program_folder() / "Pulumi.yaml"), None)
    assert caller.projects() == []


@pytest.mark.parametrize("name", ["Pulumi.yaml", "Pulumi.yml", "Pulumi.json"])
def test_a_project_in_the_repository_is_refused(caller: Caller, name: str) -> None:
    (caller.repository / name).symlink_to("nowhere")
    finished = caller.call("preview")
    assert (finished.returncode, finished.stdout) == (2, "")
    assert finished.stderr.startswith(f"error: {name} in this folder is another project")


@pytest.mark.parametrize("option", [["-C", "x"], ["-Cx"], ["--cwd", "x"], ["--cwd=x"], ["-yC", "x"]])
def test_another_folder_is_refused(caller: Caller, option: list[str]) -> None:
    for arguments in ([*option, "preview"], ["preview", *option]):
        finished = caller.call(*arguments)
        assert (finished.returncode, finished.stdout) == (2, "")
        assert "Pulumi would look for another project there" in finished.stderr


def test_without_the_cli_the_error_is_one_line(caller: Caller) -> None:
    (caller.bin / "pulumi").unlink()
    environment = {"PATH": str(caller.bin)}
    command = [str(COMMAND), "pulumi", "up"]
    finished = subprocess.run(
        command, cwd=caller.repository, env=environment, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 3
    assert finished.stderr.startswith("error: the Pulumi CLI is not on PATH; install it")


def test_a_cache_that_cannot_be_written_is_one_line(caller: Caller) -> None:
    caller.cache.write_text("a file")
    finished = caller.call("up")
    assert finished.returncode == 3
    (line,) = finished.stderr.splitlines()
    assert "set XDG_CACHE_HOME" in line


def test_a_link_to_another_folder_is_refused(caller: Caller, tmp_path: Path) -> None:
    caller.call("preview")
    (project,) = caller.projects()
    (project / "repository").unlink()
    (project / "repository").symlink_to(tmp_path)
    finished = caller.call("preview")
    assert (finished.returncode, finished.stdout) == (3, "")
    assert f"remove {project}" in finished.stderr
