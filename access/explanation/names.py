"""Names in the inventory for the UUIDs in tokens."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from config.findings import one_line
from config.models.inventory import Inventory
from oidc.bitbucket import default_audience
from oidc.identifiers import BitbucketUuid


@dataclass(frozen=True, slots=True)
class Names:
    """Names by UUID; an unknown name is shown as its UUID.

    Attributes:
        workspaces: ``{0b3ff4a1-…}`` to ``acme``.
        repositories: ``{9a6d6bde-…}`` to ``acme/payments``.
        environments: ``{c2b1a5de-…}`` to ``production``, with the UUID of its repository.
    """

    workspaces: Mapping[str, str] = field(default_factory=dict)
    repositories: Mapping[str, str] = field(default_factory=dict)
    environments: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, inventory: Inventory) -> "Names":
        """Return the names of an inventory, with the UUIDs from its lock."""
        workspaces: dict[str, str] = {}
        repositories: dict[str, str] = {}
        environments: dict[str, tuple[str, str]] = {}
        for slug, workspace in inventory.workspaces.items():
            if workspace.uuid is not None:
                workspaces[workspace.uuid] = slug
            for name, repository in workspace.repositories.items():
                if repository.uuid is None:
                    continue
                repositories[repository.uuid] = f"{slug}/{name}"
                for environment_name, environment in repository.environments.items():
                    if environment.uuid is not None:
                        environments[environment.uuid] = (environment_name, repository.uuid)
        return cls(workspaces, repositories, environments)

    def repository(self, uuid: str) -> str:
        """Return ``acme/payments``, or the UUID."""
        return self.repositories.get(uuid) or one_line(uuid)

    def environment(self, uuid: str) -> str:
        """Return ``production``, or the UUID."""
        return one_line(self.environments[uuid][0] if uuid in self.environments else uuid)

    def audience(self, text: str) -> str:
        """Return an audience, with its workspace if known: ``ari:…/0b3ff4a1-… (workspace acme)``."""
        slugs = {default_audience(BitbucketUuid(uuid)): slug for uuid, slug in self.workspaces.items()}
        return f"{one_line(text)} (workspace {slugs[text]})" if text in slugs else one_line(text)
