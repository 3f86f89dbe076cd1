"""Look up the UUIDs of an inventory's names in Bitbucket, and report differences."""

import contextlib
import sys
import threading
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TypeAlias

from config.findings import Fault
from config.lock.models import LockedRepository, LockedWorkspace
from config.lock.questions import Name, Questions, WorkspaceQuestion
from facts.bitbucket.answers import WorkspaceAnswer
from facts.bitbucket.client import Bitbucket
from facts.bitbucket.judging import (
    Findings,
    NamedUuid,
    judge,
    judge_missing,
    path_of,
    report_two_names,
)
from facts.bitbucket.repositories import Listed, RepositoryJob, jobs_of
from oidc.bitbucket import issuer_url
from oidc.errors import RequestLimitError
from oidc.identifiers import WorkspaceSlug

_AT_ONCE = 4
"""Parallel requests: enough to hide the network delay, few enough not to load Bitbucket."""


@dataclass(frozen=True, slots=True)
class Unanswered:
    """The names that Bitbucket's limit of requests left unanswered.

    Attributes:
        names: Their number; workspaces and repositories count.
        total: The number of all names.
        error: The refusal.
    """

    names: int
    total: int
    error: RequestLimitError


@dataclass(frozen=True, slots=True)
class Resolved:
    """The answers of Bitbucket.

    Attributes:
        workspaces: The names that Bitbucket has, for the lock.
        discrepancies: Differences from the inventory and the lock.
        uuids: Each of their UUIDs with its name in Bitbucket.
        unanswered: ``None`` if every name is answered.
    """

    workspaces: dict[str, LockedWorkspace]
    discrepancies: tuple[Fault, ...]
    uuids: tuple[NamedUuid, ...]
    unanswered: Unanswered | None


def resolve(
    questions: Questions,
    bitbucket: Bitbucket,
    *,
    accepted: Collection[Name] = (),
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Resolved:
    """Look up all names; the result does not depend on the order of the answers.

    Bitbucket's limit of requests ends it early, with what was answered, once all workspaces are.

    Args:
        questions: By workspace.
        bitbucket: The client; several threads use it.
        accepted: Names whose new UUIDs are trusted.
        on_progress: Called with the number of finished workspaces and repositories and of all of them.

    Raises:
        BitbucketError: Bitbucket cannot be reached, refuses, or gives an invalid answer.
    """
    findings = Findings(accepted)
    workspaces: dict[str, LockedWorkspace] = {}
    jobs: list[RepositoryJob] = []
    total = len(questions) + sum(len(question.repositories) for question in questions.values())
    done = 0
    on_progress(done, total)
    for slug, question in questions.items():
        answer = _workspace(slug, question, bitbucket, findings)
        done += 1 if answer else 1 + len(question.repositories)
        on_progress(done, total)
        if answer is not None:
            called = slug if answer.slug == slug else answer.uuid
            wanted = sys.maxsize if question.is_adopted_as_is else len(question.repositories)
            listed = Listed.of(answer, bitbucket.repositories(called, wanted))
            undeclared = listed.undeclared(question) if question.is_adopted_as_is else {}
            workspaces[slug] = LockedWorkspace(uuid=answer.uuid, undeclared_repositories=undeclared)
            jobs += jobs_of(slug, called, question, listed)
    repositories, error = _repositories(jobs, bitbucket, findings, lambda count: on_progress(done + count, total))
    workspaces = {
        slug: workspace.model_copy(
            update={
                "repositories": {name[1]: locked for name, locked in repositories.items() if name[0] == slug and locked}
            }
        )
        for slug, workspace in workspaces.items()
    }
    report_two_names(_names(workspaces), findings)
    unanswered = None if error is None else Unanswered(len(jobs) - len(repositories), total, error)
    return Resolved(workspaces, tuple(findings.discrepancies), tuple(findings.uuids), unanswered)


def _repositories(
    jobs: Sequence[RepositoryJob], bitbucket: Bitbucket, findings: Findings, on_progress: Callable[[int], None]
) -> tuple[dict[Name, LockedRepository | None], RequestLimitError | None]:
    """Do the jobs, the most urgent first; return the answers in the order of the jobs, and the limit that ended it."""
    results: dict[Name, tuple[LockedRepository | None, Findings]] = {}
    limit = None
    try:
        for job, locked, partial in _in_turn(sorted(jobs, key=lambda job: job.urgency), bitbucket, findings):
            results[job.name] = locked, partial
            on_progress(len(results))
    except RequestLimitError as error:
        limit = error
    names = [job.name for job in jobs if job.name in results]
    for name in names:
        findings.discrepancies += results[name][1].discrepancies
        findings.uuids += results[name][1].uuids
    return {name: results[name][0] for name in names}, limit


def _names(workspaces: Mapping[str, LockedWorkspace]) -> Iterator[tuple[Name, str]]:
    for slug, workspace in workspaces.items():
        yield (slug,), workspace.uuid
        for name, repository in workspace.repositories.items():
            yield (slug, name), repository.uuid
            for environment, locked in repository.environments.items():
                yield (slug, name, environment), locked.uuid


def _in_turn(
    jobs: Sequence[RepositoryJob], bitbucket: Bitbucket, of_workspaces: Findings
) -> Iterator[tuple[RepositoryJob, LockedRepository | None, Findings]]:
    """Do the jobs, some in parallel; yield the results in the order of the jobs.

    After a refusal by Bitbucket's limit no further job begins, and those that are answered are yielded.
    If the caller stops, for an error or Ctrl-C, the remaining jobs are not done. Unlike the threads of an executor,
    these threads do not delay the end of the process.
    """
    results: list[_Result] = [Future() for _ in jobs]
    waiting = deque(zip(jobs, results, strict=True))
    limit = None
    for number in range(min(_AT_ONCE, len(jobs))):
        arguments = (waiting, bitbucket, of_workspaces)
        threading.Thread(target=_work, args=arguments, name=f"bitbucket-{number}", daemon=True).start()
    try:
        for job, result in zip(jobs, results, strict=True):
            try:
                locked, findings = result.result()
            except RequestLimitError as error:
                limit = error
            else:
                yield job, locked, findings
    finally:
        waiting.clear()
    if limit is not None:
        raise limit


_Result: TypeAlias = Future[tuple[LockedRepository | None, Findings]]


def _work(waiting: deque[tuple[RepositoryJob, _Result]], bitbucket: Bitbucket, of_workspaces: Findings) -> None:
    """Do jobs until none is waiting; after a refusal by Bitbucket's limit none is."""
    while True:
        try:
            job, result = waiting.popleft()
        except IndexError:
            return
        findings = Findings(of_workspaces.accepted, set(of_workspaces.trusted_anew))
        try:
            result.set_result((job.look_up(bitbucket, findings), findings))
        except RequestLimitError as error:
            result.set_exception(error)
            with contextlib.suppress(IndexError):
                while True:
                    waiting.popleft()[1].set_exception(error)
        except BaseException as error:  # noqa: BLE001 - raised again in the caller
            result.set_exception(error)


def _workspace(
    slug: str, question: WorkspaceQuestion, bitbucket: Bitbucket, findings: Findings
) -> WorkspaceAnswer | None:
    name: Name = (slug,)
    # In a rename, the inventory changes first; until Bitbucket changes too, the workspace has a previous slug.
    slugs = (slug, *question.previous_slugs)
    answer = next((match for match in map(bitbucket.workspace, slugs) if match is not None), None)

    def called_today(uuid: str) -> str | None:
        current = bitbucket.workspace(uuid)
        return current.slug if current is not None and current.uuid == uuid else None

    if answer is None:
        known = question.known.locked or question.known.declared
        renamed = bitbucket.workspace(known) if known else None
        if renamed is None or renamed.uuid != known:
            judge_missing(name, question.known, findings, lambda _: None)
            return None
        answer = renamed
    if answer.slug not in slugs:
        _report_renamed_workspace(slug, answer, findings)
    judge(name, answer.uuid, question.known, findings, called_today)
    return answer


def _report_renamed_workspace(slug: str, answer: WorkspaceAnswer, findings: Findings) -> None:
    new = issuer_url(WorkspaceSlug(answer.slug))
    message = (
        f"workspace {slug} is called {answer.slug} in Bitbucket today: its tokens come from another issuer, {new}, so "
        f"no role that trusts {slug} lets its pipelines in"
    )
    key = f"make {answer.slug} its key in the inventory, and {slug} one of its `previous_slugs`"
    hint = f"{key}: see docs/guides/rename-a-workspace.md"
    findings.report("workspace-renamed", path_of((slug,)), message, hint)
