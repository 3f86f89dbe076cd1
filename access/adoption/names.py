"""Names for the UUIDs in IAM: from the inventory, else made-up names such as ``repository-9a6d6bde``."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from operator import itemgetter

from config.models.workspace import Workspace
from oidc.bitbucket import default_audience
from oidc.identifiers import BitbucketUuid, is_uuid

_OWN_AUDIENCE = default_audience(BitbucketUuid("{}"))


@dataclass
class WorkspaceNames:
    """The names of a workspace's repositories and deployment environments.

    Attributes:
        uuid: Empty if unknown.
        is_declared: Whether the inventory has the UUID.
        audiences: Further audiences that a role accepts.
        declared_audiences: Further audiences in the inventory.
        repositories: Names by UUID.
        environments: Names by UUIDs of repository and environment.
        made_up: UUIDs of repositories with made-up names.
        known_environments: UUIDs of repository and environment of those in the inventory.
        taken: Names of repositories that are in use.
        previous_slugs: Former slugs to declare, each with its last day.
    """

    slug: str
    uuid: str = ""
    is_declared: bool = False
    audiences: set[str] = field(default_factory=set)
    declared_audiences: set[str] = field(default_factory=set)
    repositories: dict[str, str] = field(default_factory=dict)
    environments: dict[tuple[str, str], str] = field(default_factory=dict)
    made_up: set[str] = field(default_factory=set)
    known_environments: set[tuple[str, str]] = field(default_factory=set)
    taken: set[str] = field(default_factory=set)
    previous_slugs: dict[str, date] = field(default_factory=dict)

    @classmethod
    def of(cls, slug: str, known: Workspace | None, seen_audiences: Iterable[str]) -> "WorkspaceNames":
        """Take names from an inventory, and the workspace's UUID from the audiences that were read."""
        names = cls(slug)
        if known is not None:
            names.taken = set(known.repositories)
            names.uuid, names.is_declared = known.uuid or "", known.uuid is not None
            names.declared_audiences = set(known.audiences)
            for repository_slug, repository in known.repositories.items():
                if repository.uuid is not None:
                    names.repositories[repository.uuid] = repository_slug
                    for name, environment in repository.environments.items():
                        if environment.uuid is not None:
                            names.environments[repository.uuid, environment.uuid] = name
                            names.known_environments.add((repository.uuid, environment.uuid))
        if not names.uuid:
            own = [each.removeprefix(_OWN_AUDIENCE) for each in seen_audiences if each.startswith(_OWN_AUDIENCE)]
            uuids = {uuid for uuid in (f"{{{bare}}}" for bare in own) if is_uuid(uuid)}
            names.uuid = uuids.pop() if len(uuids) == 1 else ""
        return names

    @property
    def own_audience(self) -> str:
        """The audience of every token of the workspace; empty if its UUID is unknown."""
        return default_audience(BitbucketUuid(self.uuid)) if self.uuid else ""

    @property
    def new_audiences(self) -> list[str]:
        """Audiences that a role accepts and the inventory does not declare."""
        return sorted(self.audiences - self.declared_audiences)

    def repository(self, uuid: str) -> str:
        """Return the name of a repository: ``shop``, or ``repository-9a6d6bde`` if it is unknown."""
        if uuid not in self.repositories:
            self.repositories[uuid] = self._new(f"repository-{uuid[1:9]}", uuid)
            self.made_up.add(uuid)
        return self.repositories[uuid]

    def environment(self, repository: str, uuid: str) -> str:
        """Return the name of a deployment environment: ``staging``, or ``environment-c2b1a5de`` if it is unknown."""
        name = self.environments.get((repository, uuid))
        if name is None:
            others = {other for (owner, _), other in self.environments.items() if owner == repository}
            short = f"environment-{uuid[1:9]}"
            name = short if short not in others else f"environment-{uuid[1:-1]}"
            self.environments[repository, uuid] = name
        return name

    def _new(self, short: str, uuid: str) -> str:
        name = short if short not in self.taken else f"repository-{uuid[1:-1]}"
        self.taken.add(name)
        return name

    def entry(self) -> Mapping[str, object]:
        """Return the parts that the inventory lacks; empty if it is complete."""
        entry: dict[str, object] = {}
        if self.uuid and not self.is_declared:
            entry["uuid"] = self.uuid
        if self.new_audiences and not self.declared_audiences:
            entry["audiences"] = self.new_audiences
        if self.previous_slugs:
            entry["previous_slugs"] = {slug: {"expires": day} for slug, day in sorted(self.previous_slugs.items())}
        repositories: dict[str, object] = {}
        for uuid, name in sorted(self.repositories.items(), key=itemgetter(1)):
            environments = {
                environment_name: environment
                for (repository, environment), environment_name in sorted(self.environments.items(), key=itemgetter(1))
                if repository == uuid and (repository, environment) not in self.known_environments
            }
            if uuid in self.made_up:
                repositories[name] = {"uuid": uuid} | ({"environments": environments} if environments else {})
            elif environments:
                repositories[name] = {"environments": environments}
        return entry | ({"repositories": repositories} if repositories else {})
