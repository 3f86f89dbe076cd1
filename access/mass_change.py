"""The guard against accidents: how much of the access may be deleted or replaced at once, unless told.

A file left out, a wrong path or an account that a stack no longer takes looks like the deletion of everything in it;
what a replacement makes anew has, for whoever uses it, been away. One source of the numbers, for ``diff``, ``ci guard``
and ``sandbox up``.
"""

from dataclasses import dataclass

SPARED_ROLES = 2
"""So many roles may always go: of a small inventory they are a large part, and still no accident of a whole file."""

MAX_LOSS_PERCENT = 30.0
"""How much of all roles may go at once, unless asked otherwise."""


@dataclass(frozen=True, slots=True)
class Loss:
    """What an update deletes or replaces.

    Attributes:
        roles_before: Roles that there are, in all accounts.
        roles: Those that are deleted or replaced: ARNs, or URNs of an engine, sorted.
        oidc_providers: Likewise.
    """

    roles_before: int
    roles: tuple[str, ...]
    oidc_providers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LossLimits:
    """What is accepted.

    Attributes:
        max_percent: How many of all roles may go, from 0 to 100; two always may.
        oidc_providers: Whether OIDC providers may.
    """

    max_percent: float = MAX_LOSS_PERCENT
    oidc_providers: bool = False


def is_mass_loss(lost: int, before: int, max_percent: float = MAX_LOSS_PERCENT) -> bool:
    """Tell whether more roles are deleted or replaced than ``max_percent`` of those before, and more than two."""
    return lost > SPARED_ROLES and lost * 100 > max_percent * before


def refusals(loss: Loss, limits: LossLimits) -> tuple[str, ...]:
    """Return a sentence for each reason not to go on, with the option that allows it; none where all is accepted."""
    found = []
    if is_mass_loss(len(loss.roles), loss.roles_before, limits.max_percent):
        found.append(too_many_roles(len(loss.roles), loss.roles_before, limits.max_percent))
    if loss.oidc_providers and not limits.oidc_providers:
        names = ", ".join(loss.oidc_providers[:_NAMED])
        more = f" and {len(loss.oidc_providers) - _NAMED} more" if len(loss.oidc_providers) > _NAMED else ""
        found.append(
            f"the OIDC provider {names}{more} is deleted or replaced, and every role that trusts it stops working; "
            "where that is meant, say so: --allow-oidc-provider-loss"
        )
    return tuple(found)


_NAMED = 3


def too_many_roles(lost: int, before: int, max_percent: float) -> str:
    """Say what is too much, and which ``--max-loss`` would let it pass."""
    return (
        f"{lost} of {before} roles ({lost * 100 / before:.0f} %) are deleted or replaced, and more than "
        f"{SPARED_ROLES} may be at most {max_percent:g} %; where that is meant, say so: "
        f"--max-loss {-(-lost * 100 // before)}"
    )
