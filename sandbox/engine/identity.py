"""The URNs that a resource has and may have had before.

Source: https://www.pulumi.com/docs/iac/concepts/options/aliases/.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from fleet.pulumi_cli.urns import make, name, resource_type


@dataclass(frozen=True)
class Alias:
    """One earlier identity of a resource: a whole URN, or the parts in which it differed; empty means unchanged."""

    urn: str = ""
    name: str = ""
    type: str = ""
    stack: str = ""
    project: str = ""
    parent: str = ""
    no_parent: bool = False


@dataclass(frozen=True)
class Identity:
    """The present identity of a resource."""

    stack: str
    project: str
    parent: str
    type: str
    name: str

    @property
    def urn(self) -> str:
        """The present URN."""
        return make(self.stack, self.project, self.parent, self.type, self.name)

    def earlier_urns(self, aliases: Iterable[Alias], moved: dict[str, str]) -> list[str]:
        """List the URNs that the resource may have had, the declared ones first, then those its parent implies.

        Args:
            aliases: The aliases that the program declares.
            moved: The earlier URN of each renamed parent, by its URN of this run.
        """
        declared = [self._earlier(alias, moved) for alias in aliases]
        earlier = list(declared)
        earlier_parent = moved.get(self.parent)
        if earlier_parent is not None:
            earlier.append(self._below(earlier_parent, self.type, self.name))
            earlier.extend(self._below(earlier_parent, resource_type(urn), name(urn)) for urn in declared)
        return list(dict.fromkeys(earlier))

    def _earlier(self, alias: Alias, moved: dict[str, str]) -> str:
        if alias.urn:
            return alias.urn
        parent = moved.get(alias.parent, alias.parent) if alias.parent else self.parent
        return make(
            alias.stack or self.stack,
            alias.project or self.project,
            "" if alias.no_parent else parent,
            alias.type or self.type,
            alias.name or self.name,
        )

    def _below(self, earlier_parent: str, type_token: str, logical_name: str) -> str:
        # A child called "{parent}-details" followed its parent's name, so it did so under the earlier name too.
        parent_name = name(self.parent)
        if logical_name.startswith(parent_name):
            logical_name = name(earlier_parent) + logical_name[len(parent_name) :]
        return make(self.stack, self.project, earlier_parent, type_token, logical_name)
