"""Look up repositories: in the list of their workspace, else each by itself."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from config.lock.models import LockedRepository
from config.lock.questions import Name, RepositoryQuestion, WorkspaceQuestion
from facts.bitbucket.answers import RepositoryAnswer, WorkspaceAnswer
from facts.bitbucket.client import Bitbucket, RepositoryList
from facts.bitbucket.judging import (
    Findings,
    environments_of,
    judge,
    judge_missing,
    path_of,
    report_renamed,
    words_of,
)
from oidc.identifiers import SLUG_PATTERN

_MISSING_ASKED = 100
"""How many names that a whole list lacks are looked up by themselves, to learn of redirects and moves."""


@dataclass(frozen=True, slots=True)
class Listed:
    """The listed repositories of a workspace.

    Attributes:
        workspace: The workspace.
        by_slug: The repositories that the list is clear about, by slug.
        by_uuid: The same, by UUID.
        slugs: All slugs of the list, in lower case.
        is_whole: Whether a repository that the credentials can see is certainly in the list.
    """

    workspace: WorkspaceAnswer
    by_slug: Mapping[str, RepositoryAnswer] = field(default_factory=dict)
    by_uuid: Mapping[str, RepositoryAnswer] = field(default_factory=dict)
    slugs: frozenset[str] = frozenset()
    is_whole: bool = False

    @classmethod
    def of(cls, workspace: WorkspaceAnswer, listed: RepositoryList | None) -> "Listed":
        """Take what the list is clear about.

        A slug that several repositories have, ignoring case, is not clear, and neither is a repository that says
        another workspace than that of the list: Bitbucket is asked for each of them by itself.
        """
        if listed is None:
            return cls(workspace)
        counts = Counter(answer.slug.lower() for answer in listed.answers)
        clear = [
            answer
            for answer in listed.answers
            if counts[answer.slug.lower()] == 1
            and answer.full_name == f"{workspace.slug}/{answer.slug}"
            and (answer.workspace is None or answer.workspace.uuid == workspace.uuid)
        ]
        by_slug, by_uuid = ({answer.slug: answer for answer in clear}, {answer.uuid: answer for answer in clear})
        return cls(workspace, by_slug, by_uuid, frozenset(counts), listed.is_whole)

    def undeclared(self, question: WorkspaceQuestion) -> dict[str, str]:
        """Return the UUIDs of all repositories that the question does not name, for trust of the whole workspace."""
        return {
            slug: answer.uuid
            for slug, answer in self.by_slug.items()
            if slug not in question.repositories and SLUG_PATTERN.fullmatch(slug)
        }


@dataclass(frozen=True, slots=True)
class RepositoryJob:
    """One repository to look up.

    Attributes:
        name: Its name in the inventory.
        called: The slug or UUID by which Bitbucket has its workspace.
        question: What is known of it.
        listed: The list of its workspace.
        is_asked: Whether Bitbucket is asked for it if the list lacks it.
    """

    name: Name
    called: str
    question: RepositoryQuestion
    listed: Listed
    is_asked: bool

    @property
    def urgency(self) -> int:
        """Its place in the order of requests: without request, then without a UUID in the lock, then the others.

        So a run that Bitbucket's limit stops has learnt the most, and the next run begins with what is missing.
        """
        if self.name[1] in self.listed.by_slug and not self.question.environments:
            return 0
        known = [self.question.known, *self.question.environments.values()]
        return 2 if all(of.locked for of in known) else 1

    def look_up(self, bitbucket: Bitbucket, findings: Findings) -> LockedRepository | None:
        """Return the repository for the lock, or ``None``; report differences from the inventory and the lock."""
        slug = self.name[1]

        def called_today(uuid: str) -> str | None:
            current = self._answer(uuid, bitbucket)
            return current.full_name if current is not None and current.uuid == uuid else None

        answer = self.listed.by_slug.get(slug) or self._answer(slug, bitbucket)
        if answer is None:
            uuid = judge_missing(self.name, self.question.known, findings, called_today)
            answer = self._answer(uuid, bitbucket) if uuid else None
            if answer is None or self._is_elsewhere(answer, findings):
                return None
        elif self._is_elsewhere(answer, findings):
            return None
        else:
            if answer.slug.lower() != slug.lower():
                report_renamed(self.name, answer.full_name, findings)
            judge(self.name, answer.uuid, self.question.known, findings, called_today)
        environments = environments_of(
            self.name,
            self.question.environments,
            lambda: bitbucket.environments(self.called, answer.uuid),
            findings,
        )
        return LockedRepository(uuid=answer.uuid, environments=environments)

    def _answer(self, name: str, bitbucket: Bitbucket) -> RepositoryAnswer | None:
        """Return the repository of a slug or UUID."""
        return self.listed.by_uuid.get(name) or (bitbucket.repository(self.called, name) if self.is_asked else None)

    def _is_elsewhere(self, answer: RepositoryAnswer, findings: Findings) -> bool:
        """Report a repository that is in another workspace; without ``workspace`` in the answer, by its full name."""
        owner, here = answer.workspace, self.listed.workspace
        slug = answer.full_name.partition("/")[0] if owner is None else owner.slug
        if (owner is None and slug == here.slug) or (owner is not None and owner.uuid == here.uuid):
            return False
        message = (
            f"repository {words_of(self.name)} is {answer.full_name} in Bitbucket today, in another workspace: its "
            f"tokens come from the issuer of {slug}"
        )
        hint = f"declare it under workspace {slug}, and trust it there"
        findings.report("moved", path_of(self.name), message, hint)
        return True


def jobs_of(slug: str, called: str, question: WorkspaceQuestion, listed: Listed) -> Iterator[RepositoryJob]:
    """Yield the repositories of a workspace to look up.

    Of the names that a whole list lacks, the first 100 are asked for. The others would mostly have the same reason,
    and cost up to three requests each.
    """
    missing = 0
    for name, asked in question.repositories.items():
        is_missing = listed.is_whole and name.lower() not in listed.slugs
        missing += is_missing
        yield RepositoryJob((slug, name), called, asked, listed, not is_missing or missing <= _MISSING_ASKED)
