"""The program that runs in a sandbox gets the guardrails that the command was given."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from sandbox import session

TWO = Path(__file__).parent.parent / "fixtures" / "inventories" / "two-accounts"
BITBUCKET: Any = SimpleNamespace(address="127.0.0.1:1", ca_file=Path("ca.pem"))


def config_of(guardrails: Path | None) -> dict[str, str]:
    subject = session.read_subject(TWO, guardrails)
    return cast("dict[str, str]", session._program(subject, "http://127.0.0.1:1", BITBUCKET).config)


def test_a_named_file_is_passed_on_wherever_the_command_was_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "rules.yaml").write_text("guardrails: {rules: {everywhere: {max_session_duration: 12h}}}\n")
    monkeypatch.chdir(tmp_path)
    assert config_of(Path("rules.yaml"))["bitbucket-aws-oidc:guardrails"] == str(tmp_path / "rules.yaml")


def test_without_a_name_the_program_looks_where_the_command_did() -> None:
    assert config_of(None)["bitbucket-aws-oidc:guardrails"] == ""
