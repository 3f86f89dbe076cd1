"""SARIF 2.1.0: what the standard asks of a log, checked on logs of every fault and of what is accepted.

The shapes below are the parts of the standard that we write (section numbers are its own), closed to anything else.
"""
# ruff: noqa: N815 - the names of the standard

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import unquote, urlsplit

import pytest
from pydantic import BaseModel, ConfigDict, Field

from access.compile import compile_plan
from cli.main import run
from config.catalogue import RULES
from config.load import load_inventory
from review.sarif import sarif

FAULTY = sorted((Path(__file__).parent.parent / "fixtures" / "faulty").iterdir())
TODAY = date(2026, 11, 23)


class Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Text(Shape):  # 3.11, 3.12
    text: Annotated[str, Field(min_length=1)]


class Region(Shape):  # 3.30
    startLine: Annotated[int, Field(ge=1)]
    startColumn: Annotated[int, Field(ge=1)]
    endColumn: Annotated[int, Field(ge=2)] | None = None


class ArtifactLocation(Shape):  # 3.4
    uri: str
    uriBaseId: Literal["%SRCROOT%"] | None = None


class PhysicalLocation(Shape):  # 3.29
    artifactLocation: ArtifactLocation
    region: Region


class LogicalLocation(Shape):  # 3.33
    fullyQualifiedName: Annotated[str, Field(min_length=1)]


class Location(Shape):  # 3.28
    physicalLocation: PhysicalLocation
    logicalLocations: Annotated[list[LogicalLocation], Field(min_length=1)] | None = None


class Suppression(Shape):  # 3.35
    kind: Literal["inSource", "external"]
    status: Literal["accepted", "underReview", "rejected"]
    justification: Annotated[str, Field(min_length=1)]


class Result(Shape):  # 3.27
    ruleId: str
    ruleIndex: Annotated[int, Field(ge=0)]
    level: Literal["error", "warning"]
    message: Text
    locations: Annotated[list[Location], Field(min_length=1)]
    suppressions: list[Suppression]


class Configuration(Shape):  # 3.50
    level: Literal["error", "warning"]


class ReportingDescriptor(Shape):  # 3.49
    id: str
    shortDescription: Text
    help: Text
    defaultConfiguration: Configuration


class Driver(Shape):  # 3.19
    name: Literal["bitbucket-oidc"]
    semanticVersion: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+")]
    rules: list[ReportingDescriptor]


class Tool(Shape):  # 3.18
    driver: Driver


class Base(Shape):
    description: Text


class Run(Shape):  # 3.14
    tool: Tool
    columnKind: Literal["unicodeCodePoints"]
    originalUriBaseIds: dict[Literal["%SRCROOT%"], Base]
    results: list[Result]


class Log(Shape):  # 3.13
    schema_: Annotated[str, Field(alias="$schema")]
    version: Literal["2.1.0"]
    runs: Annotated[list[Run], Field(min_length=1, max_length=1)]


def log_of(inventory: Path) -> Run:
    compiled = compile_plan(load_inventory(inventory, today=TODAY))
    return Log.model_validate_json(sarif(compiled.findings, compiled.silenced)).runs[0]


@pytest.mark.parametrize("fixture", FAULTY, ids=lambda fixture: fixture.name)
def test_every_fault_is_a_result_with_its_rule_and_place(fixture: Path) -> None:
    found = log_of(fixture)
    # Some accept what they are not about.
    (result,) = (result for result in found.results if result.suppressions == [])
    rules = found.tool.driver.rules
    assert rules[result.ruleIndex].id == result.ruleId == fixture.name.partition("--")[0]
    region = result.locations[0].physicalLocation.region
    assert region.endColumn is None or region.endColumn > region.startColumn


def test_every_rule_is_described_once_and_its_page_has_it(project_folder: Path) -> None:
    rules = log_of(FAULTY[0]).tool.driver.rules
    assert {rule.id: rule.defaultConfiguration.level for rule in rules} == {
        rule_id: rule.level for rule_id, rule in RULES.items()
    }
    assert len(rules) == len(RULES)
    for rule in rules:
        assert (project_folder / rule.help.text).read_text().startswith(f"# {rule.id}\n")


def test_what_is_accepted_is_suppressed_with_the_reason(
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
    assert [(found.kind, found.justification) for found in result.suppressions] == [
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


def test_a_name_that_is_no_text_has_a_uri_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
