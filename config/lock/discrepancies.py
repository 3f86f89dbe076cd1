"""What the world outside says otherwise than the inventory and its lock, and the rules that this breaks.

The ids are public, as those of inventories are. They have no place in ``config.catalogue``: a file alone cannot
break them.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from config.findings import FindingJson, Place, one_line, shown
from config.yaml.document import Path, show_path

DiscrepancyLevel: TypeAlias = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class DiscrepancyRule:
    """A rule about inventory and world: its level, and what it asks for in one sentence."""

    level: DiscrepancyLevel
    asks: str


DISCREPANCY_RULES: dict[str, DiscrepancyRule] = {
    "not-in-bitbucket": DiscrepancyRule("error", "What the inventory names is in Bitbucket."),
    "wrong-uuid": DiscrepancyRule("error", "A UUID of the inventory is that of the name beside it."),
    "made-anew": DiscrepancyRule("error", "A name is still the one that was locked."),
    "two-names": DiscrepancyRule("error", "Two names of the inventory are two things in Bitbucket."),
    "moved": DiscrepancyRule("error", "A repository is in the workspace that the inventory says."),
    "workspace-renamed": DiscrepancyRule("error", "A workspace still has the slug that its issuer is named by."),
    "renamed": DiscrepancyRule("warning", "Repositories and deployment environments are still called so."),
    "pinned-thumbprint": DiscrepancyRule(
        "warning", "A pinned thumbprint is in the chain that the issuer presents, for more than 60 days yet."
    ),
    "auto-changed": DiscrepancyRule("error", "`oidc_provider: auto` comes to what it came to before."),
    "issuer-unreachable": DiscrepancyRule("warning", "The issuer of a workspace can be reached."),
}


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """One thing that is otherwise.

    Attributes:
        rule: One of ``DISCREPANCY_RULES``.
        path: Of the inventory: ``("workspaces", "acme", "repositories", "shop")``.
        message: What is otherwise.
        hint: What to do.
    """

    rule: str
    path: Path
    message: str
    hint: str

    @property
    def level(self) -> DiscrepancyLevel:
        """The level of the rule."""
        return DISCREPANCY_RULES[self.rule].level

    def line(self, place: Place) -> str:
        """Return it as findings are shown: ``file:line:column: level[rule-id] path: what; what to do``."""
        where = f"{shown(show_path(self.path))}: "
        return f"{one_line(str(place))}: {self.level}[{self.rule}] {where}{shown(self.message)}; {shown(self.hint)}"

    def to_json(self, place: Place) -> FindingJson:
        """Return it as ``--format json`` shows findings."""
        return {
            "rule": self.rule,
            "level": self.level,
            "file": one_line(place.file),
            "line": place.line,
            "column": place.column,
            "path": shown(show_path(self.path)),
            "message": shown(self.message),
            "hint": shown(self.hint),
        }
