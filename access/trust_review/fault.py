"""Faults of trust policies. The ids of their rules are public, as those of inventories are."""

from dataclasses import dataclass

from config.findings import Fault


@dataclass(frozen=True, slots=True)
class TrustFault(Fault):
    """What is wrong with a trust policy; ``path`` is inside the document: ``("Statement", 0, "Condition")``.

    Attributes:
        matches_nothing: Whether it says that the value or key at ``path`` matches nothing.
        suggested: What may be written in place of the value, each without a finding of its own: subjects under
            StringLike, audiences under StringEquals, ARNs of OIDC providers. More than one where only the author knows
            what was meant.
    """

    matches_nothing: bool = False
    suggested: tuple[str, ...] = ()
