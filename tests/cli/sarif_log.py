"""SARIF 2.1.0: models of the parts that we write, with the section numbers of the standard; other keys are errors."""
# ruff: noqa: N815 - the names of the standard

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from access.compile import Compiled
from review.sarif import sarif


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


def run_of(compiled: Compiled) -> Run:
    """Return the SARIF log of a compilation, parsed by these models."""
    return Log.model_validate_json(sarif(compiled.findings, compiled.silenced)).runs[0]
