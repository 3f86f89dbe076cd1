"""SARIF 2.1.0: accepted findings, and files of any name; the faulty inventories test the log of each rule."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from access.compile import compile_plan
from cli.main import run
from config.catalogue import PIPELINE_RULES, RULES
from config.load import load_inventory
from tests.cli.sarif_log import Log, Run, run_of
from tests.config.faulty_inventories import FIXTURES

TODAY = date(2026, 11, 23)


def log_of(inventory: Path) -> Run:
    return run_of(compile_plan(load_inventory(inventory, today=TODAY)))


def test_every_rule_is_described_once_and_has_a_page(project_folder: Path) -> None:
    rules = log_of(FIXTURES[0]).tool.driver.rules
    assert {rule.id: rule.defaultConfiguration.level for rule in rules} == {
        rule_id: rule.level for rule_id, rule in {**RULES, **PIPELINE_RULES}.items()
    }
    assert len(rules) == len(RULES) + len(PIPELINE_RULES)
    for rule in rules:
        assert (project_folder / rule.help.text).read_text().startswith(f"# {rule.id}\n")


def test_an_accepted_finding_is_suppressed_with_its_reason(
    write_inventory: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_inventory(
        "roles: {r: {accounts: [dev], trust: [{repository: acme/shop, environments: [production]}],"
        " expires: 2020-01-01, allow: {expired: kept for the auditors}}}\n"
    )
    assert run(["validate", str(folder), "--format", "sarif", "--strict"]) == 0
    captured = capsys.readouterr()
    (result,) = Log.model_validate_json(captured.out).runs[0].results
    assert (result.ruleId, result.level) == ("expired", "warning")
    assert [(suppression.kind, suppression.justification) for suppression in result.suppressions] == [
        ("inSource", "kept for the auditors")
    ]
    assert captured.err == ""


def test_a_sound_inventory_is_a_run_without_results(write_inventory: Callable[..., Path]) -> None:
    assert log_of(write_inventory()).results == []


@pytest.mark.parametrize("name", ["a b.yaml", "é.yaml", "a:b.yaml", "line\nend.yaml", "50%.yaml", "q?#.yaml"])
def test_a_file_of_any_name_has_a_uri_relative_to_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / "inventory").mkdir()
    (tmp_path / "inventory" / name).write_text("nonsense: 1\n")
    monkeypatch.chdir(tmp_path)
    for inventory in (Path("inventory"), tmp_path / "inventory"):
        location = log_of(inventory).results[0].locations[0].physicalLocation.artifactLocation
        assert (unquote(location.uri), location.uriBaseId) == (f"inventory/{name}", "%SRCROOT%")
        assert urlsplit(location.uri).path == location.uri


def test_a_file_name_that_is_not_utf_8_has_a_uri(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "inventory"
    path.mkdir()
    (path / "\udcff.yaml").write_text("nonsense: 1\n")
    assert (
        log_of(Path("inventory")).results[0].locations[0].physicalLocation.artifactLocation.uri == "inventory/%FF.yaml"
    )


def test_a_file_elsewhere_has_an_absolute_uri(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "x.yaml").write_text("nonsense: 1\n")
    monkeypatch.chdir(tmp_path / "here")
    location = log_of(Path("../x.yaml")).results[0].locations[0].physicalLocation.artifactLocation
    assert (location.uri, location.uriBaseId) == ((tmp_path / "x.yaml").as_uri(), None)


def test_hostile_text_stays_on_one_line(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text('roles: {"a\\nb\\e[31m": {}}\n')
    text = json.dumps([result.model_dump() for result in log_of(tmp_path).results])
    assert "\\n" not in text.replace("\\\\n", "")
    assert "\\u001b" not in text
