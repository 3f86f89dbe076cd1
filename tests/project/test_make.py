"""The targets that people and CI call are there."""

import os
import re
from pathlib import Path

import yaml

PROJECT = Path(__file__).resolve().parent.parent.parent


def test_every_target_is_there_and_listed() -> None:
    makefile = (PROJECT / "Makefile").read_text()
    targets = dict(re.findall(r"^([a-z]+):.*?## (.+)$", makefile, re.MULTILINE))
    assert {"setup", "sandbox", "test", "lint", "bench", "docs", "clean"} <= targets.keys()


def test_ci_lints_and_tests() -> None:
    script = PROJECT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert re.findall(r"^make (\w+)$", script.read_text(), re.MULTILINE) == ["lint", "test"]


def test_no_file_of_ours_is_called_utils_or_the_like() -> None:
    rooms = ("access", "cli", "components", "config", "facts", "oidc", "sandbox")
    names = {path.stem for room in rooms for path in (PROJECT / room).rglob("*.py")}
    assert not names & {"utils", "helpers", "common", "manager"}


def test_pre_commit_runs_what_ci_runs() -> None:
    hooks = yaml.safe_load((PROJECT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    assert [hook["entry"] for hook in hooks] == ["make lint", "make test"]
