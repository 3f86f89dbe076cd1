"""Findings as a report of Bitbucket's Code Insights, with annotations on the lines of the inventory.

Source: ``createOrUpdateReport`` and ``bulkCreateOrUpdateAnnotations`` in
https://developer.atlassian.com/cloud/bitbucket/rest/api-group-reports/: the fields, their values, at most 1,000
annotations in a report and 10 data fields. The length of texts is not documented. Bitbucket was seen to accept 450
characters of a summary (https://github.com/reviewdog/reviewdog/pull/1344), and its Data Center edition documents 2,000
characters of details.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from config.allow import Silenced
from config.findings import Finding, Level, shown
from config.pipeline_run import PipelineRun
from review.findings import summary

MAX_ANNOTATIONS = 1_000
_SUMMARY_CHARS, _DETAILS_CHARS, _PATH_CHARS = 450, 2_000, 2_000
_OF_LEVEL = {
    Level.ERROR: {"annotation_type": "BUG", "severity": "HIGH", "result": "FAILED"},
    Level.WARNING: {"annotation_type": "CODE_SMELL", "severity": "MEDIUM"},
}


def report_of(findings: Sequence[Finding], accepted: Sequence[Silenced], run: PipelineRun) -> dict[str, Any]:
    """Return the report itself; it fails if a finding is an error, like ``validate`` with exit code 1."""
    errors = sum(finding.level is Level.ERROR for finding in findings)
    details = summary(findings, accepted)
    if (more := len(findings) - MAX_ANNOTATIONS) > 0:
        details += (
            f". {MAX_ANNOTATIONS:,} of them are shown, errors first; run bitbucket-oidc validate for {more:,} more"
        )
    counts = {"Errors": errors, "Warnings": len(findings) - errors, "Accepted": len(accepted)}
    return {
        "title": "Inventory of AWS access",
        "details": details,
        "report_type": "SECURITY",
        "reporter": "bitbucket-oidc",
        "result": "FAILED" if errors else "PASSED",
        "data": [{"title": title, "type": "NUMBER", "value": number} for title, number in counts.items()],
        **({"link": run.url} if run.url else {}),
    }


def annotations_of(findings: Sequence[Finding], top: Path, report_id: str) -> list[dict[str, Any]]:
    """Return an annotation for each finding, errors first, up to the limit of a report.

    Args:
        findings: In any order.
        top: The folder of the git repository. Paths are relative to it; a finding outside of it has no line and shows
            in the report's overview.
        report_id: Prefix of the annotations' ids, so that they differ from those of other reports.
    """
    ordered = sorted(findings, key=lambda finding: (finding.level is not Level.ERROR, finding))
    seen: Counter[str] = Counter()
    return [_annotation(finding, top, report_id, seen) for finding in ordered[:MAX_ANNOTATIONS]]


def _annotation(finding: Finding, top: Path, report_id: str, seen: Counter[str]) -> dict[str, Any]:
    file = _path_in_repository(finding.place.file, top)
    identity = "\0".join((finding.rule, file or finding.place.file, finding.path, finding.message))
    seen[identity] += 1
    digest = hashlib.sha256(f"{identity}\0{seen[identity]}".encode("utf-8", "surrogatepass")).hexdigest()[:32]
    message, hint = shown(finding.message), shown(finding.hint)
    path = f"{shown(finding.path)}: " if finding.path else ""
    where = {} if file is None else {"path": file, "line": finding.place.line}
    return {
        "external_id": f"{report_id}-{digest}",
        "title": f"{finding.level.value} {finding.rule}",
        "summary": _cut(f"[{finding.rule}] {message}; {hint}", _SUMMARY_CHARS),
        "details": _cut(f"{path}{message}; {hint}. See docs/reference/rules/{finding.rule}.md", _DETAILS_CHARS),
        **_OF_LEVEL[finding.level],
        **where,
    }


def _path_in_repository(file: str, top: Path) -> str | None:
    """Return a file's path in the repository, ``inventory/roles/shop.yaml``, or ``None`` without one."""
    path = Path(file).absolute()
    resolved = path.parent.resolve() / path.name
    if not resolved.is_relative_to(top):
        return None
    name = resolved.relative_to(top).as_posix()
    return name if name.isprintable() and len(name) <= _PATH_CHARS else None


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
