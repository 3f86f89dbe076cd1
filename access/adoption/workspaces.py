"""The workspaces that accounts trust: their names and UUIDs, and the former slugs among them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from access.adoption.found import FoundAccount
from access.adoption.names import WorkspaceNames
from access.adoption.statement_reading import ReadLine, workspace_of
from access.adoption.trust_reading import read_statements
from access.explanation.names import Names
from config.models.inventory import Inventory
from oidc.audience import workspace_of_audience


@dataclass(frozen=True, slots=True)
class Workspaces:
    """The workspaces of an inventory and of accounts.

    Attributes:
        by_slug: The names in each workspace, by its present slug.
        present: The present slug of each former slug: a slug with the UUID of a workspace of the inventory.
        unclear: Slugs with the UUID of another slug that the inventory does not declare either, by slug.
        names: Names of the inventory, with the UUIDs of all these workspaces.
    """

    by_slug: Mapping[str, WorkspaceNames]
    present: Mapping[str, str]
    unclear: Mapping[str, str]
    names: Names

    @classmethod
    def of(cls, accounts: Iterable[FoundAccount], known: Inventory) -> "Workspaces":
        """Take workspaces from an inventory, from OIDC providers and from trust policies."""
        names, audiences = Names.of(known), _audiences(accounts, Names.of(known))
        read = {slug: WorkspaceNames.of(slug, known.workspaces.get(slug), seen) for slug, seen in audiences.items()}
        declared = {slug: WorkspaceNames.of(slug, workspace, ()) for slug, workspace in known.workspaces.items()}
        owners = {each.uuid: slug for slug, each in {**declared, **read}.items() if each.uuid and slug in declared}
        present = {old: slug for slug, each in known.workspaces.items() for old in each.previous_slugs}
        unclear: dict[str, str] = {}
        for slug, each in read.items():
            if slug in declared or slug in present or not each.uuid:
                continue
            if each.uuid in owners:
                present[slug] = owners[each.uuid]
            elif others := [other for other in read if read[other].uuid == each.uuid and other != slug]:
                unclear[slug] = min(others)
        slugs = {*read, *(present[slug] for slug in read if slug in present)} - {*present, *unclear}
        by_slug = {slug: read.get(slug) or declared[slug] for slug in slugs}
        uuids = {each.uuid: slug for slug, each in by_slug.items() if each.uuid}
        return cls(by_slug, present, unclear, replace(names, workspaces={**uuids, **names.workspaces}))

    def why_nobody(self, line: ReadLine) -> str:
        """Return why no step of the workspace is in a line, by the UUIDs of the inventory; else an empty text."""
        names, repository, environment = self.names, line.repository, line.environment
        if line.workspace in self.unclear:
            other = self.unclear[line.workspace]
            return f"{line.workspace} has the UUID of {other}: declare the present slug with its UUID, and adopt again"
        owner = names.repositories.get(repository, f"{line.workspace}/")
        home = names.environments.get(environment, ("", repository))[1]
        reasons = {
            f"{repository} is the UUID of a workspace, not of a repository": repository in names.workspaces,
            f"{repository} is the UUID of a deployment environment, not of a repository": repository
            in names.environments,
            f"{repository} is the UUID of {owner}, a repository of another workspace": not owner.startswith(
                f"{line.workspace}/"
            ),
            f"{environment} is the UUID of a workspace, not of a deployment environment": environment
            in names.workspaces,
            f"{environment} is the UUID of a repository, not of a deployment environment": environment
            in names.repositories,
            f"{environment} is the UUID of a deployment environment of another repository": home != repository,
        }
        return next((reason for reason, applies in reasons.items() if applies), "")

    def foreign_audiences(self, line: ReadLine) -> list[str]:
        """Return the audiences of a line that belong to another workspace."""
        uuid = self.by_slug[line.workspace].uuid
        owners = [(audience, workspace_of_audience(audience)) for audience in line.audiences]
        return [audience for audience, owner in owners if uuid and owner is not None and owner != uuid]


def _audiences(accounts: Iterable[FoundAccount], names: Names) -> dict[str, set[str]]:
    """Return the audiences of each workspace, as OIDC providers and trust policies have them."""
    audiences: defaultdict[str, set[str]] = defaultdict(set)
    for account in accounts:
        for oidc_provider in account.oidc_providers:
            slug = workspace_of(oidc_provider.arn, account.id)
            if slug is not None:
                audiences[slug].update(oidc_provider.audiences)
        for role in account.roles:
            for statement in read_statements(role.trust_policy, account.id, names):
                for line in statement.lines:
                    audiences[line.workspace].update(line.audiences)
    return dict(audiences)
