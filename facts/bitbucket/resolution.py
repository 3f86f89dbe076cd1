"""Names to UUIDs: asks Bitbucket for every name that an inventory uses, and says what is otherwise than it was."""

from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from config.findings import did_you_mean
from config.lock.discrepancies import Discrepancy
from config.lock.models import LockedEnvironment, LockedRepository, LockedRestrictions, LockedWorkspace
from config.lock.questions import Known, Name, Questions, RepositoryQuestion, WorkspaceQuestion
from facts.bitbucket.answers import EnvironmentAnswer, RepositoryAnswer, WorkspaceAnswer
from facts.bitbucket.client import Bitbucket
from facts.bitbucket.judging import Findings, NamedUuid, judge, judge_missing, path_of, report_renamed, words_of
from oidc.errors import BitbucketError
from oidc.identifiers import WorkspaceSlug
from oidc.issuer import issuer_url

_AT_ONCE = 4
"""Requests on their way: enough to hide the way, and few enough to be no burden."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """What Bitbucket answered.

    Attributes:
        workspaces: For the lock: all that was asked and found.
        discrepancies: What is otherwise than inventory and lock say.
        uuids: What each of their UUIDs is in Bitbucket.
    """

    workspaces: dict[str, LockedWorkspace]
    discrepancies: tuple[Discrepancy, ...]
    uuids: tuple[NamedUuid, ...]


@dataclass(frozen=True, slots=True)
class _Job:
    """One repository to ask for."""

    workspace: WorkspaceAnswer
    called: str
    name: Name
    question: RepositoryQuestion


def resolve(
    questions: Questions,
    bitbucket: Bitbucket,
    *,
    accepted: Collection[Name] = (),
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Resolved:
    """Ask for everything; the result is the same in whatever order the answers come.

    Args:
        questions: By workspace.
        bitbucket: Is asked; from several threads.
        accepted: Names whose new UUIDs are trusted.
        on_progress: Is told how many of how many workspaces and repositories are done.

    Raises:
        BitbucketError: It cannot be asked, refuses, or answers nonsense.
    """
    findings = Findings(accepted)
    found: dict[str, LockedWorkspace] = {}
    jobs: list[_Job] = []
    total = len(questions) + sum(len(question.repositories) for question in questions.values())
    done = 0
    on_progress(done, total)
    for slug, question in questions.items():
        answer = _workspace(slug, question, bitbucket, findings)
        done += 1 if answer else 1 + len(question.repositories)
        on_progress(done, total)
        if answer is not None:
            found[slug] = LockedWorkspace(uuid=answer.uuid)
            called = slug if answer.slug == slug else answer.uuid
            jobs += [_Job(answer, called, (slug, name), asked) for name, asked in question.repositories.items()]
    repositories: dict[str, dict[str, LockedRepository]] = {slug: {} for slug in found}
    for job, locked, its in _in_turn(jobs, bitbucket, accepted):
        done += 1
        on_progress(done, total)
        findings.discrepancies += its.discrepancies
        findings.uuids += its.uuids
        if locked is not None:
            repositories[job.name[0]][job.name[1]] = locked
    workspaces = {slug: one.model_copy(update={"repositories": repositories[slug]}) for slug, one in found.items()}
    return Resolved(workspaces, tuple(findings.discrepancies), tuple(findings.uuids))


def _in_turn(
    jobs: list[_Job], bitbucket: Bitbucket, accepted: Collection[Name]
) -> Iterator[tuple[_Job, LockedRepository | None, Findings]]:
    """Do the jobs, some at once; yield them in their order, and give up those that wait when one fails."""

    def work(job: _Job) -> tuple[LockedRepository | None, Findings]:
        findings = Findings(accepted)
        return _repository(job, bitbucket, findings), findings

    pool = ThreadPoolExecutor(_AT_ONCE, "bitbucket")
    try:
        for job, (locked, findings) in zip(jobs, pool.map(work, jobs), strict=True):
            yield job, locked, findings
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _workspace(
    slug: str, question: WorkspaceQuestion, bitbucket: Bitbucket, findings: Findings
) -> WorkspaceAnswer | None:
    name: Name = (slug,)
    answer = bitbucket.workspace(slug)

    def called_today(uuid: str) -> str | None:
        found = bitbucket.workspace(uuid)
        return found.slug if found is not None and found.uuid == uuid else None

    if answer is None:
        known = question.known.locked or question.known.written
        renamed = bitbucket.workspace(known) if known else None
        if renamed is None or renamed.uuid != known:
            judge_missing(name, question.known, findings, lambda _: None)
            return None
        answer = renamed
    if answer.slug != slug:
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
    hint = f"{key}: see docs/rename-a-workspace.md"
    findings.report("workspace-renamed", path_of((slug,)), message, hint)


def _repository(job: _Job, bitbucket: Bitbucket, findings: Findings) -> LockedRepository | None:
    slug, called = job.name[1], job.called

    def called_today(uuid: str) -> str | None:
        found = bitbucket.repository(called, uuid)
        return found.full_name if found is not None and found.uuid == uuid else None

    answer = bitbucket.repository(called, slug)
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
    environments = _environments(job, answer, bitbucket, findings) if job.question.environments else {}
    return LockedRepository(uuid=answer.uuid, environments=environments)


def _is_elsewhere(job: _Job, answer: RepositoryAnswer, findings: Findings) -> bool:
    owner = answer.workspace
    if owner is None or owner.uuid == job.workspace.uuid:
        return False
    message = (
        f"repository {words_of(job.name)} is {answer.full_name} in Bitbucket today, in another workspace: its tokens "
        f"come from the issuer of {owner.slug}"
    )
    hint = f"declare it under workspace {owner.slug}, and trust it there"
    findings.report("moved", path_of(job.name), message, hint)
    return True


def _environments(
    job: _Job, repository: RepositoryAnswer, bitbucket: Bitbucket, findings: Findings
) -> dict[str, LockedEnvironment]:
    answers = bitbucket.environments(job.called, repository.uuid)
    by_uuid = {answer.uuid: answer for answer in answers}
    found: dict[str, LockedEnvironment] = {}
    for environment, known in job.question.environments.items():
        answer = _environment((*job.name, environment), known, answers, by_uuid, findings)
        if answer is not None:
            found[environment] = _locked(answer)
    return found


def _environment(
    name: Name,
    known: Known,
    answers: Collection[EnvironmentAnswer],
    by_uuid: dict[str, EnvironmentAnswer],
    findings: Findings,
) -> EnvironmentAnswer | None:
    def called_today(uuid: str) -> str | None:
        return words_of((*name[:2], by_uuid[uuid].name)) if uuid in by_uuid else None

    matches = [answer for answer in answers if answer.name == name[2]]
    if len(matches) > 1:
        raise BitbucketError(
            f"Bitbucket has {len(matches)} deployment environments of the name {words_of(name)}",
            do="rename all but one of them there",
        )
    if matches:
        judge(name, matches[0].uuid, known, findings, called_today)
        return matches[0]
    similar = did_you_mean(name[2], [answer.name for answer in answers], "")
    uuid = judge_missing(name, known, findings, called_today, similar)
    return by_uuid[uuid] if uuid else None


def _locked(answer: EnvironmentAnswer) -> LockedEnvironment:
    if answer.restrictions is None:
        return LockedEnvironment(uuid=answer.uuid)
    restrictions = LockedRestrictions(admin_only=answer.restrictions.admin_only)
    return LockedEnvironment(uuid=answer.uuid, restrictions=restrictions)
