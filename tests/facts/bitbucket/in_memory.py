"""A Bitbucket of a few dictionaries, for tests of what is done with its answers."""

from collections.abc import Mapping

from facts.bitbucket.answers import EnvironmentAnswer, RepositoryAnswer, WorkspaceAnswer
from facts.bitbucket.client import RepositoryList


def uuid(number: int) -> str:
    """Return a UUID that is easy to tell from others: ``{00000007-0000-4000-8000-000000000000}``."""
    return f"{{{number:08x}-0000-4000-8000-000000000000}}"


class InMemory:
    """Names to numbers of UUIDs: ``{"acme": 1}``, ``{"acme/shop": 2}``, ``{"acme/shop": {"production": 3}}``.

    Old names of repositories lead to the current ones, as Bitbucket's redirects do.
    """

    def __init__(
        self,
        workspaces: Mapping[str, int],
        repositories: Mapping[str, int],
        environments: Mapping[str, Mapping[str, int]],
        former: Mapping[str, str],
    ) -> None:
        self._workspaces, self._repositories, self._environments = workspaces, repositories, environments
        self._former = former
        self.asked: list[str] = []

    def workspace(self, name: str) -> WorkspaceAnswer | None:
        self.asked.append(name)
        for slug, number in self._workspaces.items():
            if name in (slug, uuid(number)):
                return WorkspaceAnswer(uuid=uuid(number), slug=slug)
        return None

    def repository(self, workspace: str, name: str) -> RepositoryAnswer | None:
        self.asked.append(f"{workspace}/{name}")
        slugs = {uuid(number): slug for slug, number in self._workspaces.items()}
        wanted = f"{slugs.get(workspace, workspace)}/{name}"
        wanted = self._former.get(wanted, wanted)
        for full_name, number in self._repositories.items():
            if wanted == full_name or name == uuid(number):
                return self._answer(full_name)
        return None

    def _answer(self, full_name: str) -> RepositoryAnswer:
        slug = full_name.partition("/")[0]
        where = {"uuid": uuid(self._workspaces[slug]), "slug": slug}
        answer = {"uuid": uuid(self._repositories[full_name]), "full_name": full_name, "workspace": where}
        return RepositoryAnswer.model_validate(answer)

    def repositories(self, workspace: str, wanted: int) -> RepositoryList | None:
        self.asked.append(f"{workspace}: all")
        slugs = {uuid(number): slug for slug, number in self._workspaces.items()}
        slug = slugs.get(workspace, workspace)
        answers = [self._answer(name) for name in self._repositories if name.startswith(f"{slug}/")]
        return RepositoryList(tuple(answers), is_whole=True) if wanted >= 10 else None

    def environments(self, workspace: str, repository: str) -> tuple[EnvironmentAnswer, ...]:
        answer = self.repository(workspace, repository)
        known = self._environments.get(answer.full_name, {}) if answer else {}
        return tuple(EnvironmentAnswer(uuid=uuid(number), name=name) for name, number in known.items())
