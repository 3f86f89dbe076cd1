"""What `make build` makes: its contents, and the program installed from it, away from every clone."""

import json
import os
import re
import shlex
import shutil
import subprocess
import tarfile
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path

import yaml

from config.program import installed_program, program_folder
from tests.installed_wheel import PROJECT, Built, Installation
from tests.project.pages import of_docs, steps_in
from tests.sandbox.running_engine import NEEDS_CLI

ROOMS = {"access", "cli", "components", "config", "facts", "fleet", "oidc", "onboarding", "review", "sandbox"}
PROGRAM = {"bitbucket_aws_oidc/Pulumi.yaml", "bitbucket_aws_oidc/__main__.py"}
VERSION = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["version"]

Install = Callable[..., Installation]


IGNORED = {".git", *(line.strip("/") for line in (PROJECT / ".gitignore").read_text().split())}


def committed(*folders: str) -> set[str]:
    """Return the files of a clone below these folders, without those that Git ignores."""
    files: set[str] = set()
    for folder in map(PROJECT.joinpath, folders or (".",)):
        for here, below, names in os.walk(folder):
            below[:] = [name for name in below if name not in IGNORED and not name.endswith(".egg-info")]
            relative = Path(here).relative_to(PROJECT)
            files |= {str(relative / name) for name in names if name != ".git"}
    return files


def test_the_wheel_has_the_rooms_and_the_program_and_nothing_else(built: Built) -> None:
    names = set(zipfile.ZipFile(built.wheel).namelist())
    metadata = {name for name in names if re.match(r"bitbucket_aws_oidc-[\d.]+\.dist-info/", name)}
    assert names - metadata == committed(*ROOMS) | PROGRAM
    assert f"bitbucket_aws_oidc-{VERSION}.dist-info/licenses/LICENSE" in metadata


def test_the_sdist_has_the_files_of_a_commit(built: Built) -> None:
    with tarfile.open(built.sdist) as archive:
        names = {member.name.partition("/")[2] for member in archive.getmembers() if not member.isdir()}
    assert names - {"PKG-INFO"} == committed()


def test_the_program_in_the_wheel_is_the_one_of_the_clone(built: Built) -> None:
    with zipfile.ZipFile(built.wheel) as wheel:
        for name in PROGRAM:
            assert wheel.read(name) == (PROJECT / Path(name).name).read_bytes()
    assert installed_program() is None
    assert program_folder() == PROJECT


def test_the_changelog_has_a_section_for_the_version_below_what_is_unreleased() -> None:
    sections = re.findall(r"^## \[(.+?)\](.*)$", (PROJECT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert sections[0] == ("Unreleased", "")
    assert sections[1][0] == VERSION
    assert re.fullmatch(r" - \d{4}-\d\d-\d\d", sections[1][1])


def test_the_readme_installs_the_wheel_by_its_name(built: Built) -> None:
    assert set(re.findall(r"dist/([^\s\[]+)\[", (PROJECT / "README.md").read_text())) == {built.wheel.name}


def test_make_build_builds_both() -> None:
    command = ["make", "--dry-run", "--directory", str(PROJECT), "build"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "uv build --quiet --no-build-isolation --python .venv/bin/python --out-dir dist ." in shown


def test_the_installed_command_works_outside_of_a_clone(install: Install) -> None:
    there = install()
    shutil.copytree(PROJECT / "examples" / "quickstart", there.folder / "inventory")
    assert there.run("--version").stdout == f"bitbucket-oidc, version {VERSION}\n"
    assert there.run("validate").returncode == 0
    plan = json.loads(there.run("plan", "--format", "json").stdout)
    assert plan["accounts"]


def readme_commands() -> list[list[str]]:
    """Return the words of our commands in the README, in their order; a target of make gives those that it runs."""
    lines: list[str] = []
    for block in of_docs("bash"):
        for line in block.text.splitlines() if block.page == "README.md" else ():
            make = ["make", "--dry-run", "--directory", str(PROJECT), "INVENTORY=inventory", *line.split()[1:]]
            runs = line.startswith("make sandbox")
            lines += subprocess.check_output(make, text=True).splitlines() if runs else [line]
    commands = [shlex.split(line) for line in lines if re.match(r"(\.venv/bin/)?bitbucket-oidc ", line)]
    return [words[1:] for words in commands]


def test_the_readme_runs_from_the_installed_wheel(install: Install) -> None:
    there = install()
    (there.folder / "inventory").mkdir()
    shown = [block for block in of_docs("yaml") if block.page == "README.md"]
    (there.folder / "inventory" / "inventory.yaml").write_text(
        next(block.text for block in shown if block.is_inventory)
    )
    commands = readme_commands()
    assert {" ".join(words[:2]) for words in commands} >= {"--version", "sandbox up", "sandbox prove"}
    for words in [*commands, ["sandbox", "destroy"]]:
        finished = there.run(*words, PATH=os.defpath)  # without the Pulumi CLI, which another test runs
        assert finished.returncode == 0, (words, finished.stderr)
    step = there.run("snippet", "--role", "shop-deploy").stdout
    pipeline = next(yaml.safe_load(block.text) for block in shown if block.is_pipeline)
    (wanted,), (printed,) = steps_in(pipeline), steps_in(yaml.safe_load(step))
    assert (printed["deployment"], printed["oidc"]) == (wanted["deployment"], wanted["oidc"])
    assert {path.name for path in there.folder.iterdir()} == {"inventory", ".sandbox"}


ABSENT = ("boto3", "botocore", "filelock", "hypercorn", "ministack", "pyjwt", "trustme")

EXTRA_COMMANDS = {
    ("sandbox", "up"): "sandbox",
    ("sandbox", "prove"): "sandbox",
    ("sandbox", "token", "--repository", "acme/shop"): "sandbox",
    ("lock", "--aws"): "aws",
    ("adopt", "--aws"): "aws",
}


def test_a_missing_extra_is_one_line(install: Install) -> None:
    there = install(without=ABSENT)
    shutil.copytree(PROJECT / "examples" / "quickstart", there.folder / "inventory")
    for command, extra in EXTRA_COMMANDS.items():
        finished = there.run(*command)
        assert finished.returncode == 2, finished
        (line,) = finished.stderr.splitlines()
        wanted_by = " ".join(command[:1] if extra == "sandbox" else command)
        names = [name for name in ABSENT if (name == "botocore") is (extra == "aws")]
        assert line.startswith(f"error: {wanted_by} needs the Python package")
        assert all(re.search(rf"\b{name}\b", line) for name in names)
        assert line.endswith(f"; install this project with its extra `{extra}`: bitbucket-aws-oidc[{extra}]")


def test_other_commands_need_no_extra(install: Install) -> None:
    there = install(without=ABSENT)
    shutil.copytree(PROJECT / "examples" / "quickstart", there.folder / "inventory")
    assert [there.run(command).returncode for command in ("validate", "plan", "schema")] == [0, 0, 0]


@NEEDS_CLI
def test_the_installed_program_runs_in_the_pulumi_cli(install: Install) -> None:
    there = install()
    shutil.copytree(PROJECT / "examples" / "quickstart", there.folder / "inventory")
    brought_up = there.run("sandbox", "up", "--engine", "pulumi")
    assert brought_up.returncode == 0, brought_up.stderr
    (project,) = there.folder.glob(".sandbox/*/pulumi/project/Pulumi.yaml")
    assert f"main: {there.environment}" in project.read_text()
