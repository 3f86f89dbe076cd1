"""schema prints the JSON Schema of the repository on standard output."""

import json
from pathlib import Path

import pytest

from cli.main import run

COMMITTED = Path(__file__).resolve().parent.parent.parent / "config" / "inventory.schema.json"


def test_it_prints_the_committed_schema_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["schema"]) == 0
    printed = capsys.readouterr()
    assert printed.out == COMMITTED.read_text()
    assert printed.err == ""


def test_it_prints_ascii_alone(capsys: pytest.CaptureFixture[str]) -> None:
    run(["schema"])
    printed = capsys.readouterr().out
    assert printed.isascii()
    assert json.loads(printed)["$id"] == "urn:bitbucket-aws-oidc:inventory:1"


def test_it_needs_no_inventory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["schema"]) == 0


def test_a_further_argument_is_wrong_usage() -> None:
    assert run(["schema", "inventory", "more"]) == 2
