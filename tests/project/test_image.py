"""The image: what it is built from, and those of its steps that run in a bare directory, without Docker."""

import hashlib
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.installed_wheel import PROJECT, Built

DOCKERFILE = PROJECT / "image" / "Dockerfile"
INSTALLATION, COPIED = "/opt/bitbucket-aws-oidc", "/tmp/install"


def instructions(name: str) -> Iterator[str]:
    """Yield the arguments of each instruction of one name, on one line."""
    text = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", DOCKERFILE.read_text(), flags=re.MULTILINE))
    for line in text.splitlines():
        if line.startswith(f"{name} "):
            yield line.removeprefix(f"{name} ")


def test_the_linter_has_no_objection() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, "--no-color", DOCKERFILE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_it_is_built_on_what_the_builder_names_by_digest_and_checksum_alone() -> None:
    assert list(instructions("FROM")) == ["${BASE}"]
    assert list(instructions("ARG")) == ["BASE", "BASE", "AWS_PLUGIN_SHA256", "VERSION"]
    installed = [line for line in instructions("RUN") if "plugin install" in line]
    assert installed == [
        f'pulumi plugin install resource aws {version("pulumi-aws")} --exact --checksum "$AWS_PLUGIN_SHA256"'
    ]
    pip = [part for line in instructions("RUN") for part in line.split("&&") if "pip install" in part]
    assert [re.findall(r"--(?:require-hashes|no-index)", part) for part in pip] == [
        ["--require-hashes"],
        ["--no-index"],
    ]


def test_it_says_its_version_and_runs_as_a_user_without_rights() -> None:
    (label,) = instructions("LABEL")
    assert 'org.opencontainers.image.version="$VERSION"' in label
    *_, user = instructions("USER")
    assert user == "10001"
    assert list(instructions("ENTRYPOINT")) == ['["bitbucket-oidc", "pipe"]']
    after = DOCKERFILE.read_text().partition("\nUSER ")[2]
    assert [line for line in after.splitlines() if line.startswith("RUN")] == [
        line for line in after.splitlines() if "plugin install" in line
    ]


@pytest.mark.parametrize(
    ("name", "value", "accepted"),
    [
        ("BASE", f"pulumi/pulumi-python-3.12:3.0.0@sha256:{'0a' * 32}", True),
        ("BASE", "pulumi/pulumi-python-3.12:3.0.0", False),
        ("BASE", f"x@sha256:{'0a' * 31}", False),
        ("AWS_PLUGIN_SHA256", "0a" * 32, True),
        ("AWS_PLUGIN_SHA256", "", False),
        ("AWS_PLUGIN_SHA256", f"sha256:{'0a' * 32}", False),
        ("VERSION", "0.1.0", True),
        ("VERSION", "", False),
        ("VERSION", "*", False),
    ],
)
def test_the_build_ends_if_an_argument_is_missing(name: str, value: str, accepted: bool) -> None:
    (check,) = [line for line in instructions("RUN") if line.startswith(f'echo "${name}"')]
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", check],
        env={"PATH": os.environ["PATH"], name: value},
        capture_output=True,
        check=False,
    )
    assert (done.returncode == 0) == accepted
    assert (name.encode() in done.stderr) != accepted


def test_only_the_wheel_and_the_lock_get_into_the_build() -> None:
    lines = [line for line in (PROJECT / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    assert lines == ["*", "!requirements.txt", "!dist/*.whl"]
    (copied,) = instructions("COPY")
    assert copied == f"requirements.txt dist/bitbucket_aws_oidc-${{VERSION}}-py3-none-any.whl {COPIED}/"


class Build:
    """The steps of Python, in a bare directory: their absolute paths are below it."""

    def __init__(self, folder: Path, wheel: Path, lock: str) -> None:
        self.folder, self.wheel = folder, wheel
        self.installation, copied = folder / "installation", folder / "copied"
        copied.mkdir()
        (copied / "requirements.txt").write_text(lock)
        (copied / wheel.name).symlink_to(wheel)

    def run(self, **variables: str) -> subprocess.CompletedProcess[str]:
        (step,) = [line for line in instructions("RUN") if "pip install" in line]
        step = step.replace(INSTALLATION, str(self.installation)).replace(COPIED, str(self.folder / "copied"))
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
        environment = kept | {"VERSION": self.wheel.name.split("-")[1], "HOME": str(self.folder), **variables}
        command = ["bash", "-o", "pipefail", "-c", step]
        return subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def small_package(tmp_path: Path) -> Path:
    """A package without dependencies, in a folder that pip takes for its index."""
    folder = tmp_path / "index"
    folder.mkdir()
    wheel = folder / "small-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("small.py", "")
        archive.writestr("small-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: small\nVersion: 1.0\n")
        archive.writestr("small-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("small-1.0.dist-info/RECORD", "")
    return wheel


@pytest.fixture
def build(tmp_path: Path, built: Built, small_package: Path) -> Callable[[str], tuple[Build, dict[str, str]]]:
    """Return what makes a build with the wheel, and a lock of one package with this hash."""

    def make(digest: str) -> tuple[Build, dict[str, str]]:
        offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(small_package.parent)}
        return Build(tmp_path, built.wheel, f"small==1.0 --hash=sha256:{digest}\n"), offline

    return make


def test_its_python_steps_install_the_lock_and_the_wheel_into_an_empty_environment(
    build: Callable[[str], tuple[Build, dict[str, str]]], small_package: Path
) -> None:
    steps, offline = build(hashlib.sha256(small_package.read_bytes()).hexdigest())
    done = steps.run(**offline)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (steps.installation / "bin" / "bitbucket-oidc").is_file()
    (packages,) = steps.installation.glob("lib/python3.*/site-packages")
    assert {"small.py", "cli", "bitbucket_aws_oidc"} <= {path.name for path in packages.iterdir()}
    assert not (steps.folder / "copied").exists()


def test_a_package_with_another_hash_ends_the_build(build: Callable[[str], tuple[Build, dict[str, str]]]) -> None:
    steps, offline = build("0a" * 32)
    done = steps.run(**offline)
    assert done.returncode != 0
    assert "DO NOT MATCH THE HASHES" in done.stdout + done.stderr
    assert not (steps.installation / "bin" / "bitbucket-oidc").exists()


@pytest.mark.online
def test_with_the_lock_of_the_project_the_command_runs(built: Built, tmp_path: Path) -> None:
    steps = Build(tmp_path, built.wheel, (PROJECT / "requirements.txt").read_text())
    done = steps.run()
    assert done.returncode == 0, done.stdout + done.stderr
    command = [str(steps.installation / "bin" / "bitbucket-oidc"), "pipe"]
    environment = {"PATH": os.environ["PATH"], "COMMAND": "plan --format json", "INVENTORY": "inventory.yaml"}
    folder = PROJECT / "examples" / "quickstart"
    assert subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=False).returncode == 0
