"""What is asked of a run of one stack, and its result: values, without the engine."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from access.plan import AccessPlan


class Operation(StrEnum):
    """What to do with a stack."""

    PREVIEW = "preview"
    UP = "up"
    DESTROY = "destroy"


@dataclass(frozen=True, slots=True)
class StackJob:
    """One stack to run.

    Attributes:
        key: The key of the account, which is the stack's name: ``prod-eu``.
        plan: The plan of this account alone.
        secrets_provider_of_state: ``deployment.secrets_providers`` of the state, such as ``{"type": "passphrase",
            "state": {"salt": "v1:…"}}``; ``None`` if the state has none.
        is_new: Whether the backend has no such stack.
        rename_from: The former name of the stack, if the account's key changed.
        take_up: ARNs of roles and OIDC providers that AWS has and the state lacks, to be imported.
        clear_pending: Whether the state has pending operations that nobody finishes any more.
        unprotect: Whether ``destroy`` also deletes resources that the engine refuses to delete.
    """

    key: str
    plan: AccessPlan
    secrets_provider_of_state: Mapping[str, Any] | None = None
    is_new: bool = False
    rename_from: str | None = None
    take_up: tuple[str, ...] = ()
    clear_pending: bool = False
    unprotect: bool = False


@dataclass(frozen=True, slots=True)
class StackResult:
    """The end of one run.

    Attributes:
        key: The key of the account.
        ok: Whether everything asked for was done.
        reason: Why not, or the empty string.
        do: What to do about it, or the empty string.
        counts: How many resources were worked on, by ``create``, ``update``, ``delete``, ``replace``, ``same``,
            ``import``; what did not occur is absent. In a preview: what would be.
        retries: How many times the run was started again, after throttling for example.
        is_interrupted: Whether the run was ended by a signal.
    """

    key: str
    ok: bool
    reason: str = ""
    do: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    retries: int = 0
    is_interrupted: bool = False
