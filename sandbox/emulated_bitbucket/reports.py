"""Reports of Code Insights on commits of the emulated Bitbucket.

Source: https://developer.atlassian.com/cloud/bitbucket/rest/api-group-reports/: forms, values, at most 1,000
annotations in a report, 100 in a request and 10 data fields. Clients document the limit of 450
characters for a summary, and the answer to a request with too many annotations (https://github.com/reviewdog/reviewdog/pull/1344,
https://github.com/mc1arke/sonarqube-community-branch-plugin/issues/209).
"""

import json
import threading
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from sandbox.emulated_bitbucket.exchange import HttpAnswer, Paged, RestCall, error_answer, no_repository

MAX_ANNOTATIONS, MAX_BULK, MAX_DATA, MAX_SUMMARY = 1_000, 100, 10, 450
_REPORT_TYPES = {"SECURITY", "COVERAGE", "TEST", "BUG"}
_REPORT_RESULTS = {"PASSED", "FAILED", "PENDING"}
_ANNOTATION_TYPES = {"VULNERABILITY", "CODE_SMELL", "BUG"}
_ANNOTATION_RESULTS = {"PASSED", "FAILED", "SKIPPED", "IGNORED"}
_SEVERITIES = {"CRITICAL", "HIGH", "MEDIUM", "LOW"}
_DATA_TYPES = {"BOOLEAN", "DATE", "DURATION", "LINK", "NUMBER", "PERCENTAGE", "TEXT"}


@dataclass
class EmulatedReport:
    """A report, with its annotations by their external ids."""

    document: dict[str, Any]
    annotations: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass
class Reports:
    """All reports, by UUID of the repository, commit and id."""

    paged: Paged
    reports: dict[tuple[str, str, str], EmulatedReport] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, call: RestCall) -> HttpAnswer:
        """Answer a call about a report, or about its annotations."""
        repository = call.repository()
        if repository is None:
            return no_repository(call)
        commit, report_id, annotations = call.names[2], call.names[3], call.names[4:]
        with self._lock:
            key = (repository.uuid, commit, report_id)
            return self._annotations(call, key) if annotations else self._report(call, key)

    def _report(self, call: RestCall, key: tuple[str, str, str]) -> HttpAnswer:
        report = self.reports.get(key)
        if call.request.method == "PUT":
            document = _parsed(call.request.body)
            if (fault := _fault_of_report(document)) is not None:
                return error_answer(HTTPStatus.BAD_REQUEST, fault)
            kept = report.annotations if report else {}
            self.reports[key] = EmulatedReport({**document, "external_id": key[2]}, kept)
            return HttpAnswer(HTTPStatus.OK, self.reports[key].document)
        if call.request.method == "DELETE":
            self.reports.pop(key, None)
            return HttpAnswer(HTTPStatus.NO_CONTENT, "")
        return HttpAnswer(HTTPStatus.OK, report.document) if report else _no_report(key)

    def _annotations(self, call: RestCall, key: tuple[str, str, str]) -> HttpAnswer:
        report = self.reports.get(key)
        if report is None:
            return _no_report(key)
        if call.request.method == "GET":
            return self.paged(call.request, [*report.annotations.values()])
        document = _parsed(call.request.body)
        if (fault := _fault_of_bulk(document)) is not None:
            return error_answer(HTTPStatus.BAD_REQUEST, fault)
        changed = {**report.annotations, **{annotation["external_id"]: annotation for annotation in document}}
        if len(changed) > MAX_ANNOTATIONS:
            return error_answer(HTTPStatus.BAD_REQUEST, "A report can contain up to 1000 annotations.")
        report.annotations = changed
        return HttpAnswer(HTTPStatus.OK, {"values": document})


def _no_report(key: tuple[str, str, str]) -> HttpAnswer:
    return error_answer(HTTPStatus.NOT_FOUND, f"The report {key[2]} was not found.")


def _parsed(body: bytes) -> Any:  # noqa: ANN401 - any JSON value
    try:
        return json.loads(body)
    except ValueError:
        return None


def _fault_of_report(document: Any) -> str | None:  # noqa: ANN401 - any JSON value
    if not isinstance(document, dict) or not document.get("title") or not document.get("details"):
        return "title and details are required"
    data = document.get("data", [])
    if document.get("report_type") not in _REPORT_TYPES or document.get("result") not in _REPORT_RESULTS:
        return "report_type or result is none of the possible values"
    if len(data) > MAX_DATA or any(entry.get("type") not in _DATA_TYPES for entry in data):
        return "data has more than 10 fields, or one of another type"
    return None


def _fault_of_bulk(document: Any) -> str | None:  # noqa: ANN401 - any JSON value
    if not isinstance(document, list):
        return "A list of annotations is expected."
    if len(document) > MAX_BULK:
        return "Bulk upload supports a maximum of /100 annotations."
    return next((fault for annotation in document if (fault := _fault_of_annotation(annotation)) is not None), None)


def _fault_of_annotation(document: Any) -> str | None:  # noqa: ANN401 - any JSON value
    if not isinstance(document, dict) or not document.get("external_id") or not document.get("summary"):
        return "external_id and summary are required"
    if len(document["summary"]) > MAX_SUMMARY:
        return "summary is too long"
    if document.get("annotation_type") not in _ANNOTATION_TYPES:
        return "annotation_type is none of the possible values"
    if (
        document.get("severity", "LOW") not in _SEVERITIES
        or document.get("result", "PASSED") not in _ANNOTATION_RESULTS
    ):
        return "severity or result is none of the possible values"
    return None if document.get("line", 1) >= 1 else "line begins with 1"
