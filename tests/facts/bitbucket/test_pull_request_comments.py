"""Comments and reports through the real client, by several runs at the same time."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from config.pipeline_run import PipelineRun
from facts.bitbucket.api import BitbucketApi, BitbucketSettings
from facts.bitbucket.code_insights import CodeInsights
from facts.bitbucket.comments import Marker, Outcome, PullRequestComments, keep_one_comment
from facts.bitbucket.credentials import find_credentials
from facts.web_address import WebAddress
from oidc.errors import BitbucketError
from sandbox.emulated_bitbucket import EmulatedBitbucket
from sandbox.emulated_bitbucket.behaviour import SANDBOX_TOKEN
from sandbox.emulated_bitbucket.workspaces import EmulatedRepository, EmulatedWorkspace
from tests.facts.bitbucket.in_memory import uuid
from tests.facts.conftest import StoppedClock

RUN = PipelineRun("acme", "access", uuid(9), "0123456789abcdef", 12, 7)
REPORT = {"title": "t", "details": "d", "report_type": "SECURITY", "result": "PASSED"}


@pytest.fixture
def api(bitbucket: EmulatedBitbucket, stopped: StoppedClock) -> BitbucketApi:
    repository = EmulatedRepository("access", uuid(9), pull_requests=(7,))
    bitbucket.workspaces = (EmulatedWorkspace("acme", uuid(1), (repository,)),)
    bitbucket.behaviour.access_tokens[SANDBOX_TOKEN] = frozenset({"pullrequest", "repository"})
    address = WebAddress.parse(bitbucket.api_url, named="the URL")
    credentials = find_credentials({"BITBUCKET_ACCESS_TOKEN": SANDBOX_TOKEN}, "")
    return BitbucketApi(credentials, BitbucketSettings(address, bitbucket.ca_file, clock=stopped.clock()))


def test_runs_at_the_same_time_end_with_one_comment_of_the_latest(
    api: BitbucketApi, bitbucket: EmulatedBitbucket
) -> None:
    def run(build: int) -> Outcome:
        return keep_one_comment(PullRequestComments(api, RUN, 7), Marker("access", build), f"text of {build}")

    with ThreadPoolExecutor(6) as pool:
        outcomes = list(pool.map(run, range(1, 7)))
    run(6)
    (comment,) = [kept for kept in bitbucket.pull_requests.comments[uuid(9), 7] if not kept.is_deleted]
    assert "text of 6" in comment.raw
    assert set(outcomes) <= set(Outcome)


def test_runs_at_the_same_time_end_with_one_whole_report(api: BitbucketApi, bitbucket: EmulatedBitbucket) -> None:
    annotations = [
        {"external_id": f"a{number}", "summary": "s", "annotation_type": "BUG", "severity": "HIGH"}
        for number in range(250)
    ]

    def run(_number: int) -> None:
        CodeInsights(api, RUN.path, RUN.commit, "id").publish(REPORT, annotations)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(run, range(4)))
    (report,) = bitbucket.reports.reports.values()
    assert len(report.annotations) == 250


def test_a_missing_scope_is_named(api: BitbucketApi, bitbucket: EmulatedBitbucket) -> None:
    bitbucket.behaviour.access_tokens[SANDBOX_TOKEN] = frozenset({"repository"})
    with pytest.raises(BitbucketError, match="this token lacks pullrequest: "):
        PullRequestComments(api, RUN, 7).all()


def test_what_is_too_long_is_refused_in_one_printable_line(api: BitbucketApi) -> None:
    with pytest.raises(BitbucketError) as raised:
        PullRequestComments(api, RUN, 7).create("x" * 40_000)
    assert "status 400" in str(raised.value)
    assert str(raised.value).isprintable()
