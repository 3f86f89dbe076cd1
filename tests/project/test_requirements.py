"""pyproject.toml, requirements.txt and requirements-dev.txt say the same; hashes everywhere, addresses nowhere."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = Path(__file__).resolve().parent.parent.parent
METADATA = tomllib.loads((PROJECT / "pyproject.toml").read_text())


def locked(name: str) -> dict[str, str]:
    lines = re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", (PROJECT / name).read_text(), re.MULTILINE)
    return {canonicalize_name(package): version for package, version in lines}


RUNTIME, DEV = locked("requirements.txt"), locked("requirements-dev.txt")
RUNTIME_NEEDS = METADATA["project"]["dependencies"]
DEV_NEEDS = [
    *RUNTIME_NEEDS,
    *METADATA["project"]["optional-dependencies"]["sandbox"],
    *METADATA["dependency-groups"]["dev"],
]


@pytest.mark.parametrize(("needs", "lock"), [(RUNTIME_NEEDS, RUNTIME), (DEV_NEEDS, DEV)], ids=["runtime", "dev"])
def test_every_dependency_is_locked_at_a_version_that_it_allows(needs: list[str], lock: dict[str, str]) -> None:
    for need in map(Requirement, needs):
        version = lock.get(canonicalize_name(need.name))
        assert version is not None, f"{need.name} is not locked: run make lock"
        assert need.specifier.contains(version), f"{need} does not allow {version}: run make lock"


def test_the_sandbox_runs_on_the_runtime_as_locked() -> None:
    assert {package: DEV.get(package) for package in RUNTIME} == RUNTIME


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_locks_have_hashes_and_no_addresses(name: str) -> None:
    text = (PROJECT / name).read_text()
    for entry in re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)[1:]:
        assert "--hash=sha256:" in entry, entry.partition(" ")[0]
    assert "://" not in text


def test_pulumi_is_pinned_exactly() -> None:
    exact = {need.name for need in map(Requirement, RUNTIME_NEEDS) if str(need.specifier).startswith("==")}
    assert exact == {"pulumi", "pulumi-aws"}
