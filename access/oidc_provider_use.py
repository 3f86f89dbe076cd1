"""What ``oidc_provider: auto`` comes to in an account, and whether that is still what it came to before."""

from access.owners import Owner
from access.plan import Mode
from config.lock.accounts import LockedOidcProvider
from config.models.account import OidcProviderMode

_OF_OTHERS: frozenset[Owner] = frozenset({"cloudformation", "terraform"})


def resolved_use(mode: OidcProviderMode, owner: Owner | None, before: LockedOidcProvider | None) -> Mode | None:
    """Return what the lock is to say under ``use``, or ``None`` for nothing.

    What ``auto`` came to stays as long as it fits what is there. One that others manage by a tool is left to them;
    one that somebody made by hand is adopted. So is one of this program's that no lock knows of: a stack that made it
    has it already, and another stack must not make it again.

    Args:
        mode: What the inventory says; what `create` made is remembered, so that `auto` keeps it so.
        owner: Of what is there, or ``None`` where nothing is.
        before: What the lock said.
    """
    former = former_use(before)
    match mode:
        case OidcProviderMode.ADOPT:
            return "adopt" if owner is not None else None
        case OidcProviderMode.AUTO:
            return former if former is not None and _fits(former, owner) else _afresh(owner)
        case OidcProviderMode.CREATE if owner == "this_program":
            return "create"
        case OidcProviderMode.CREATE if owner is not None and before is not None:
            return before.use  # what was adopted may go over to be managed
        case _:
            return None


def former_use(before: LockedOidcProvider | None) -> Mode | None:
    """Return what ``auto`` came to by a lock; where people wrote it and said no more, by whether it is there."""
    if before is None or before.use is not None:
        return before.use if before is not None else None
    if before.owner is not None:
        return None
    return "adopt" if before.state == "present" else "create"


def _fits(use: Mode, owner: Owner | None) -> bool:
    """Tell whether a use is one that would have been chosen, or has become ours by it."""
    if use == "create":
        return owner in (None, "this_program")
    return use == _afresh(owner)


def _afresh(owner: Owner | None) -> Mode:
    if owner is None:
        return "create"
    return "reference" if owner in _OF_OTHERS else "adopt"


def why(owner: Owner | None) -> str:
    """Say what was found, for a message about a use that changes."""
    return {
        None: "there is none",
        "this_program": "this program made it",
        "cloudformation": "CloudFormation manages it",
        "terraform": "Terraform manages it",
        "unknown": "it is there, and its tags name no tool that manages it",
    }[owner]
