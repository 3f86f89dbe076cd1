"""URNs: the names that Pulumi gives resources, and the names a resource may have had before.

A URN is ``urn:pulumi:{stack}::{project}::{parent type$type}::{name}``.
Source: https://www.pulumi.com/docs/iac/concepts/resources/names/#urns and ``.../options/aliases/``.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from oidc.errors import SandboxError

STACK_TYPE = "pulumi:pulumi:Stack"
PROVIDER_TYPE_PREFIX = "pulumi:providers:"
_PARTS = 4


def parts(urn: str) -> tuple[str, str, str, str]:
    """Split a URN into stack, project, qualified type (``parent$child``) and name; a name may hold ``::`` itself.

    Raises:
        SandboxError: the text is no URN.
    """
    split = urn.removeprefix("urn:pulumi:").split("::", _PARTS - 1)
    if not urn.startswith("urn:pulumi:") or len(split) != _PARTS:
        raise SandboxError(f"{urn!r} is not a URN; expected urn:pulumi:STACK::PROJECT::TYPE::NAME")
    return split[0], split[1], split[2], split[3]


def resource_type(urn: str) -> str:
    """Return the resource's own type token, such as ``aws:iam/role:Role``."""
    return parts(urn)[2].rsplit("$", 1)[-1]


def name(urn: str) -> str:
    """Return the resource's logical name."""
    return parts(urn)[3]


def is_provider(type_token: str) -> bool:
    """Tell whether a type is that of a provider resource, such as ``pulumi:providers:aws``."""
    return type_token.startswith(PROVIDER_TYPE_PREFIX)


def make(stack: str, project: str, parent: str, type_token: str, logical_name: str) -> str:
    """Build a URN; it leaves out the stack resource as a parent."""
    parent_type = parts(parent)[2] if parent else STACK_TYPE
    qualified = type_token if parent_type == STACK_TYPE else f"{parent_type}${type_token}"
    return f"urn:pulumi:{stack}::{project}::{qualified}::{logical_name}"


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
