"""A report of Code Insights on a commit, with its annotations, through Bitbucket's REST API.

Source: https://developer.atlassian.com/cloud/bitbucket/rest/api-group-reports/. In a step of Pipelines, a proxy takes
these calls over plain http and authenticates them, so no credentials are needed: at localhost:29418, and in a
container that the step starts at host.docker.internal:29418
(https://bitbucket.org/blog/provide-full-context-to-reviewers-by-including-pipeline-artifacts-within-the-pull-request).
The proxy is only for reports and for pushing (https://jira.atlassian.com/browse/BCLOUD-21842).
"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from pydantic import StrictStr

from facts.bitbucket.answers import BitbucketAnswer
from facts.bitbucket.api import BitbucketApi
from oidc.errors import BitbucketError

PIPELINES_PROXY = "http://localhost:29418"
PROXIED_API = "http://api.bitbucket.org/2.0"
"""The address for requests to the proxy; the proxy forwards them by https."""

_BATCH = 100
_TRIES = 2
_NOT_LISTED = frozenset({403, 405})
"""The proxy is documented only for writing; if it does not list annotations, none counts as stale."""


class _Annotation(BitbucketAnswer):
    external_id: StrictStr = ""


class CodeInsights:
    """One report.

    Args:
        api: Asks Bitbucket.
        repository: Its path in the API: ``repositories/acme/inventory``.
        commit: The commit of the report.
        report_id: Unique among the reports of the commit.
    """

    def __init__(self, api: BitbucketApi, repository: str, commit: str, report_id: str) -> None:
        self._api = api
        self._commit = commit
        self._path = f"/{repository}/commit/{commit}/reports/{quote(report_id, safe='')}"

    def publish(self, report: Mapping[str, Any], annotations: Sequence[Mapping[str, Any]]) -> None:
        """Update the report and its annotations; a second run changes nothing.

        Stale annotations of an earlier run are removed by creating the report again, since annotations can only be
        deleted one by one. Another run may do the same meanwhile, so a vanished report is created again.

        Raises:
            BitbucketError: Bitbucket refused, or could not be reached.
        """
        wanted = {str(annotation["external_id"]) for annotation in annotations}
        for _ in range(_TRIES):
            self._put(report)
            if self._annotated() - wanted:
                self._api.send("DELETE", self._path)
                self._put(report)
            if self._annotate(annotations):
                return
        raise BitbucketError(f"the report of {self._commit} vanished while it was created", do="run it again")

    def _put(self, report: Mapping[str, Any]) -> None:
        if self._api.send("PUT", self._path, report) is None:
            raise BitbucketError(
                f"there is no commit {self._commit}, or these credentials cannot see it",
                do="check BITBUCKET_COMMIT and the repository",
            )

    def _annotated(self) -> set[str]:
        listed = self._api.listed(f"{self._path}/annotations", _Annotation, otherwise=_NOT_LISTED)
        return {annotation.external_id for annotation in listed}

    def _annotate(self, annotations: Sequence[Mapping[str, Any]]) -> bool:
        for start in range(0, len(annotations), _BATCH):
            batch = list(annotations[start : start + _BATCH])
            if self._api.send("POST", f"{self._path}/annotations", batch) is None:
                return False
        return True
