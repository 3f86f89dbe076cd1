"""Faults of trust policies, and the rules that they break. The ids are public, as those of inventories are."""

from dataclasses import dataclass
from typing import Literal

from config.catalogue import rule_of
from config.findings import one_line
from config.yaml.document import Path, show_path


@dataclass(frozen=True, slots=True)
class TrustFault:
    """What is wrong with a trust policy.

    Attributes:
        rule: One of ``config.catalogue.TRUST_RULES``.
        at: Where in the document: ``("Statement", 0, "Condition", "StringLike")``.
        message: What is wrong.
        hint: What to write instead.
        of_key: Whether the last key of ``at`` is at fault, not its value.
        matches_nothing: Whether it says that the value or key at ``at`` matches nothing.
        suggested: What may be written in place of the value, each without a finding of its own: subjects under
            StringLike, audiences under StringEquals, ARNs of OIDC providers. More than one where only the author knows
            what was meant.
    """

    rule: str
    at: Path
    message: str
    hint: str
    of_key: bool = False
    matches_nothing: bool = False
    suggested: tuple[str, ...] = ()

    @property
    def level(self) -> Literal["error", "warning"]:
        """The level of the rule."""
        return rule_of(self.rule).level

    @property
    def path(self) -> str:
        """Keys from the top of the policy: ``Statement[0].Condition.StringLike``."""
        return one_line(show_path(self.at))

    def line(self, place: str) -> str:
        """Return ``place: level[rule] path: what is wrong; what to do``."""
        where = f"{self.path}: " if self.at else ""
        return f"{one_line(place)}: {self.level}[{self.rule}] {where}{one_line(self.message)}; {one_line(self.hint)}"
