"""Look up the UUIDs of an inventory's names in Bitbucket, and report differences."""

import sys
import threading
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from config.findings import Fault
from config.lock.models import LockedRepository, LockedWorkspace
from config.lock.questions import Name, Questions, RepositoryQuestion, WorkspaceQuestion
from facts.bitbucket.answers import RepositoryAnswer, WorkspaceAnswer
from facts.bitbucket.client import Bitbucket
from facts.bitbucket.judging import (
    Findings,
    NamedUuid,
    environments_of,
    judge,
    judge_missing,
    path_of,
    report_renamed,
    report_two_names,
    words_of,
)
from oidc.bitbucket import issuer_url
from oidc.identifiers import SLUG_PATTERN, WorkspaceSlug, is_uuid

_AT_ONCE = 4
"""Parallel requests: enough to hide the network delay, few enough not to load Bitbucket."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """The answers of Bitbucket.

    Attributes:
        workspaces: The names that Bitbucket has, for the lock.
        discrepancies: Differences from the inventory and the lock.
        uuids: Each of their UUIDs with its name in Bitbucket.
    """

    workspaces: dict[str, LockedWorkspace]
    discrepancies: tuple[Fault, ...]
    uuids: tuple[NamedUuid, ...]


@dataclass(frozen=True, slots=True)
class _Job:
    """One repository to look up."""

    workspace: WorkspaceAnswer
    called: str
    name: Name
    question: RepositoryQuestion
    listed: RepositoryAnswer | None


def resolve(
    questions: Questions,
    bitbucket: Bitbucket,
    *,
    accepted: Collection[Name] = (),
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Resolved:
    """Look up all names; the result does not depend on the order of the answers.

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
    jobs: list[_Job] = []
    total = len(questions) + sum(len(question.repositories) for question in questions.values())
    done = 0
    on_progress(done, total)
    for slug, question in questions.items():
        answer = _workspace(slug, question, bitbucket, findings)
        done += 1 if answer else 1 + len(question.repositories)
        on_progress(done, total)
        if answer is not None:
            workspaces[slug] = LockedWorkspace(
                uuid=answer.uuid, undeclared_repositories=_undeclared(slug, answer, question, bitbucket)
            )
            jobs += _jobs(slug, answer, question, bitbucket)
    repositories: dict[str, dict[str, LockedRepository]] = {slug: {} for slug in workspaces}
    for job, locked, partial in _in_turn(jobs, bitbucket, findings):
        done += 1
        on_progress(done, total)
        findings.discrepancies += partial.discrepancies
        findings.uuids += partial.uuids
        if locked is not None:
            repositories[job.name[0]][job.name[1]] = locked
    workspaces = {
        slug: workspace.model_copy(update={"repositories": repositories[slug]})
        for slug, workspace in workspaces.items()
    }
    report_two_names(_names(workspaces), findings)
    return Resolved(workspaces, tuple(findings.discrepancies), tuple(findings.uuids))


def _jobs(slug: str, workspace: WorkspaceAnswer, question: WorkspaceQuestion, bitbucket: Bitbucket) -> Iterator[_Job]:
    called = slug if workspace.slug == slug else workspace.uuid
    listed = {answer.slug: answer for answer in bitbucket.repositories(called, len(question.repositories))}
    for name, asked in question.repositories.items():
        yield _Job(workspace, called, (slug, name), asked, listed.get(name))


def _undeclared(
    slug: str, workspace: WorkspaceAnswer, question: WorkspaceQuestion, bitbucket: Bitbucket
) -> dict[str, str]:
    """Return the UUIDs of all other repositories that the credentials can see, for trust of the whole workspace."""
    if not question.is_adopted_as_is:
        return {}
    listed = bitbucket.repositories(slug if workspace.slug == slug else workspace.uuid, sys.maxsize)
    sound = [answer for answer in listed if SLUG_PATTERN.fullmatch(answer.slug) and is_uuid(answer.uuid)]
    return {answer.slug: answer.uuid for answer in sound if answer.slug not in question.repositories}


def _names(workspaces: Mapping[str, LockedWorkspace]) -> Iterator[tuple[Name, str]]:
    for slug, workspace in workspaces.items():
        yield (slug,), workspace.uuid
        for name, repository in workspace.repositories.items():
            yield (slug, name), repository.uuid
            for environment, locked in repository.environments.items():
                yield (slug, name, environment), locked.uuid


def _in_turn(
    jobs: Sequence[_Job], bitbucket: Bitbucket, of_workspaces: Findings
) -> Iterator[tuple[_Job, LockedRepository | None, Findings]]:
    """Do the jobs, some in parallel; yield the results in the order of the jobs.

    If the caller stops, for an error or Ctrl-C, the remaining jobs are not done. Unlike the threads of an executor,
    these threads do not delay the end of the process.
    """
    results: list[Future[tuple[LockedRepository | None, Findings]]] = [Future() for _ in jobs]
    waiting = deque(zip(jobs, results, strict=True))

    def work() -> None:
        while True:
            try:
                job, result = waiting.popleft()
            except IndexError:
                return
            findings = Findings(of_workspaces.accepted, set(of_workspaces.trusted_anew))
            try:
                result.set_result((_repository(job, bitbucket, findings), findings))
            except BaseException as error:  # noqa: BLE001 - raised again in the caller
                result.set_exception(error)

    for number in range(min(_AT_ONCE, len(jobs))):
        threading.Thread(target=work, name=f"bitbucket-{number}", daemon=True).start()
    try:
        for job, result in zip(jobs, results, strict=True):
            locked, findings = result.result()
            yield job, locked, findings
    finally:
        waiting.clear()


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


def _repository(job: _Job, bitbucket: Bitbucket, findings: Findings) -> LockedRepository | None:
    slug, called = job.name[1], job.called

    def called_today(uuid: str) -> str | None:
        current = bitbucket.repository(called, uuid)
        return current.full_name if current is not None and current.uuid == uuid else None

    answer = job.listed or bitbucket.repository(called, slug)
    if answer is None:
        uuid = judge_missing(job.name, job.question.known, findings, called_today)
        answer = bitbucket.repository(called, uuid) if uuid else None
        if answer is None or _is_elsewhere(job, answer, findings):
            return None
    elif _is_elsewhere(job, answer, findings):
        return None
    else:
        if answer.slug.lower() != slug.lower():
            report_renamed(job.name, answer.full_name, findings)
        judge(job.name, answer.uuid, job.question.known, findings, called_today)
    environments = environments_of(
        job.name, job.question.environments, lambda: bitbucket.environments(job.called, answer.uuid), findings
    )
    return LockedRepository(uuid=answer.uuid, environments=environments)


def _is_elsewhere(job: _Job, answer: RepositoryAnswer, findings: Findings) -> bool:
    """Report a repository that is in another workspace; without ``workspace`` in the answer, by its full name."""
    owner = answer.workspace
    slug = answer.full_name.partition("/")[0] if owner is None else owner.slug
    if (owner is None and slug == job.workspace.slug) or (owner is not None and owner.uuid == job.workspace.uuid):
        return False
    message = (
        f"repository {words_of(job.name)} is {answer.full_name} in Bitbucket today, in another workspace: its tokens "
        f"come from the issuer of {slug}"
    )
    hint = f"declare it under workspace {slug}, and trust it there"
    findings.report("moved", path_of(job.name), message, hint)
    return True
