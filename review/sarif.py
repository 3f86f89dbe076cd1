"""Findings as SARIF 2.1.0, which editors, code hosts and dashboards read; decision 12 says why this format.

Source: https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/sarif-v2.1.0-errata01-os-complete.html
"""

import json
import os
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import quote

from config.allow import Silenced
from config.catalogue import PIPELINE_RULES, RULES, rule_of
from config.findings import Finding, Place, shown
from review.findings import marked_line

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_ROOT = "%SRCROOT%"
_ORDER = {rule_id: index for index, rule_id in enumerate(sorted({*RULES, *PIPELINE_RULES}))}


def sarif(findings: Sequence[Finding], accepted: Sequence[Silenced]) -> str:
    """Return one run with a result for each finding; accepted findings are suppressed, with the inventory's reason.

    URIs are relative to the current folder, which should be the root of the repository. The reader of the log knows
    the path of that folder on its machine.
    """
    results = [(finding, None) for finding in findings] + [(silenced.finding, silenced.reason) for silenced in accepted]
    run = {
        "tool": {"driver": _driver()},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {_ROOT: {"description": {"text": "The folder in which the command ran."}}},
        "results": [_result(finding, reason) for finding, reason in sorted(results, key=lambda pair: pair[0])],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def _driver() -> dict[str, Any]:
    return {
        "name": "bitbucket-oidc",
        "semanticVersion": version("bitbucket-aws-oidc"),
        "rules": [_rule(rule_id) for rule_id in _ORDER],
    }


def _rule(rule_id: str) -> dict[str, Any]:
    rule = rule_of(rule_id)
    # No helpUri: it would have to be absolute, and this project does not know where its docs are published.
    return {
        "id": rule_id,
        "shortDescription": {"text": rule.asks},
        "help": {"text": f"docs/reference/rules/{rule_id}.md"},
        "defaultConfiguration": {"level": rule.level},
    }


def _result(finding: Finding, reason: str | None) -> dict[str, Any]:
    location: dict[str, Any] = {"physicalLocation": _place(finding.place)}
    if finding.path:
        location["logicalLocations"] = [{"fullyQualifiedName": shown(finding.path)}]
    # NOTE: intentional: an empty list says that a result is not suppressed, in a run with suppressed results.
    accepted = [{"kind": "inSource", "status": "accepted", "justification": shown(reason)}] if reason else []
    return {
        "ruleId": finding.rule,
        "ruleIndex": _ORDER[finding.rule],
        "level": finding.level.value,
        "message": {"text": f"{shown(finding.message)}; {shown(finding.hint)}"},
        "locations": [location],
        "suppressions": accepted,
    }


def _place(place: Place) -> dict[str, Any]:
    region = {"startLine": place.line, "startColumn": place.column}
    marked = marked_line(place)
    if marked is not None and marked.start == place.column - 1:
        region["endColumn"] = marked.end + 1
    return {"artifactLocation": _location(place.file), "region": region}


def _location(file: str) -> dict[str, str]:
    relative = Path(os.path.relpath(Path(file).absolute()))
    if relative.parts[0] == os.pardir:
        return {"uri": Path(os.path.normpath(Path(file).absolute())).as_uri()}
    return {"uri": quote(os.fsencode(relative.as_posix())), "uriBaseId": _ROOT}
