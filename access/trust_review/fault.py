"""Faults of trust policies. The ids of their rules are public, like those of inventories."""

from dataclasses import dataclass

from config.findings import Fault


@dataclass(frozen=True, slots=True)
class TrustFault(Fault):
    """A fault of a trust policy; ``path`` is inside the document: ``("Statement", 0, "Condition")``.

    Attributes:
        matches_nothing: Whether the value or key at ``path`` matches nothing.
        suggested: Replacements for the value, each without a finding: subjects under StringLike, audiences under
            StringEquals, ARNs of OIDC providers. More than one if only the author knows which is right.
    """

    matches_nothing: bool = False
    suggested: tuple[str, ...] = ()
