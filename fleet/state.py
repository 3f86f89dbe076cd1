"""What a stack's state says, from the file of a self-managed backend or from ``pulumi stack export``.

Sources, in https://github.com/pulumi/pulumi: ``sdk/go/common/apitype/core.go`` (``VersionedCheckpoint``,
``UntypedDeployment``, ``DeploymentV3``, ``ResourceV3``) and ``pkg/backend/diy/state.go``. Version 4 is version 3 with a
list of features.
"""

import gzip
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Final, TypeVar

from fleet.pulumi_cli.urns import STACK_TYPE
from oidc.errors import StateError

_T = TypeVar("_T")
_VERSIONS = (3, 4)
_GZIP = b"\x1f\x8b"
_ZSTANDARD = b"\x28\xb5\x2f\xfd"
_PLAN_DIGEST = "planDigest"


class Unknown(Enum):
    """A value that a state does not tell."""

    UNKNOWN = "unknown"


UNKNOWN: Final = Unknown.UNKNOWN
"""Replaces secrets, which are encrypted in the state, and assets. Nothing can be compared with it."""

SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
"""The key of a mapping that is a secret, an asset or a reference, and no plain mapping (``sdk/go/common/resource/sig``
of Pulumi)."""


@dataclass(frozen=True, slots=True)
class StateResource:
    """A resource in a state.

    Attributes:
        urn: ``urn:pulumi:prod::bitbucket-aws-oidc::…$aws:iam/role:Role::prod/shop-deploy``.
        type: ``aws:iam/role:Role``.
        id: The name of a role, the ARN of an OIDC provider, or empty for components.
        inputs: What the program asked for; ``UNKNOWN`` in place of secrets.
        outputs: What AWS answered; ``UNKNOWN`` in place of secrets.
        is_external: Whether it is only read, as a referenced OIDC provider is.
        is_protected: Whether the engine refuses to delete it.
        is_deleting: Whether it is the old resource of a replacement and still has to be deleted; the new one has the
            same URN.
        retains_on_delete: Whether the engine drops it without deleting it in AWS.
        created: When the engine first saved it, or ``None``.
    """

    urn: str
    type: str
    id: str
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]
    is_external: bool = False
    is_protected: bool = False
    is_deleting: bool = False
    retains_on_delete: bool = False
    created: datetime | None = None

    @property
    def name(self) -> str:
        """Return the logical name: ``prod/shop-deploy``."""
        return name_of(self.urn)


@dataclass(frozen=True, slots=True)
class PendingOperation:
    """An operation that had begun when the state was saved, and whose result is not known.

    Attributes:
        urn: Of the resource.
        type: Of the resource: ``aws:iam/role:Role``.
        kind: ``creating``, ``updating``, ``deleting``, ``reading`` or ``importing``.
    """

    urn: str
    type: str
    kind: str


@dataclass(frozen=True, slots=True)
class StackState:
    """The state of a stack.

    Attributes:
        stack: ``prod``.
        saved: When the engine last began to write it, or ``None``.
        resources: In the state's order: parents and AWS providers before what depends on them.
        pending: Operations that a killed run left behind.
        secrets_provider: How its secrets are encrypted: ``{"type": "passphrase", "state": {"salt": "v1:…"}}``.
        plan_digest: Of the plan that was last applied completely, or ``None``.
    """

    stack: str
    saved: datetime | None
    resources: tuple[StateResource, ...]
    pending: tuple[PendingOperation, ...]
    secrets_provider: Mapping[str, Any] | None
    plan_digest: str | None

    @property
    def is_protected(self) -> bool:
        """Tell whether the engine refuses to delete one of its resources."""
        return any(resource.is_protected for resource in self.resources)


def name_of(urn: str) -> str:
    """Return the logical name in a URN; it may contain ``::``."""
    return urn.split("::", 3)[-1]


def read_state(stack: str, text: bytes) -> StackState:
    """Read a state.

    Args:
        stack: The name of the stack.
        text: A checkpoint as the self-managed backend stores it, compressed with gzip or not, or the output of
            ``pulumi stack export``.

    Raises:
        StateError: The text is not such a state.
    """
    latest = deployment_of(text)
    try:
        resources = tuple(map(_resource, latest.get("resources") or ()))
        return StackState(
            stack,
            _time((latest.get("manifest") or {}).get("time")),
            resources,
            tuple(map(_pending, latest.get("pending_operations") or ())),
            _expected(latest.get("secrets_providers") or {}, dict) or None,
            _plan_digest(resources),
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise StateError(f"the state is not of the form that Pulumi writes: {error!r}") from error


def deployment_of(text: bytes) -> Mapping[str, Any]:
    """Return the deployment of a state, without secrets: manifest, resources, pending operations.

    Raises:
        StateError: The text is not a state of a version that is known here.
    """
    document = _document(text)
    version = document.get("version")
    if version not in _VERSIONS:
        raise StateError(
            f"the state has version {version!r}; this program reads versions 3 and 4",
            do="run pulumi up with a current Pulumi CLI once",
        )
    checkpoint = document.get("checkpoint")
    latest = checkpoint.get("latest") if isinstance(checkpoint, dict) else document.get("deployment")
    # A stack without any update may have no deployment at all.
    return latest if isinstance(latest, dict) else {}


def _document(text: bytes) -> dict[str, Any]:
    if text.startswith(_ZSTANDARD):
        raise StateError(
            "the state is compressed with Zstandard, which this program does not read",
            do="take PULUMI_DIY_BACKEND_GZIP instead of PULUMI_DIY_BACKEND_ZSTD, and run pulumi up once",
        )
    try:
        plain = gzip.decompress(text) if text.startswith(_GZIP) else text
        document = json.loads(plain, object_hook=_without_secrets if SIGNATURE.encode() in plain else None)
    except (OSError, EOFError, zlib.error) as error:
        raise StateError(f"the state is not complete gzip: {error}") from error
    except (ValueError, RecursionError) as error:
        raise StateError(f"the state is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise StateError("the state is not a JSON object")
    return document


def _without_secrets(value: dict[str, Any]) -> dict[str, Any] | Unknown:
    return UNKNOWN if SIGNATURE in value else value


def _resource(entry: Mapping[str, Any]) -> StateResource:
    return StateResource(
        _expected(entry["urn"], str),
        _expected(entry["type"], str),
        _expected(entry.get("id") or "", str),
        _expected(entry.get("inputs") or {}, dict),
        _expected(entry.get("outputs") or {}, dict),
        is_external=bool(entry.get("external")),
        is_protected=bool(entry.get("protect")),
        is_deleting=bool(entry.get("delete")),
        retains_on_delete=bool(entry.get("retainOnDelete")),
        created=_time(entry.get("created")),
    )


def _pending(entry: Mapping[str, Any]) -> PendingOperation:
    resource = entry["resource"]
    return PendingOperation(
        _expected(resource["urn"], str), _expected(resource["type"], str), _expected(entry["type"], str)
    )


def _expected(value: object, kind: type[_T]) -> _T:
    if not isinstance(value, kind):
        raise TypeError(value)
    return value


def _time(text: str | None) -> datetime | None:
    """Read a time of Go; the year 1 is its zero value."""
    moment = datetime.fromisoformat(text) if text else None
    return moment if moment is not None and moment.year > 1 else None


def _plan_digest(resources: tuple[StateResource, ...]) -> str | None:
    digests = (
        resource.outputs.get(_PLAN_DIGEST)
        for resource in resources
        if resource.type == STACK_TYPE and not resource.is_deleting
    )
    digest = next(digests, None)
    return digest if isinstance(digest, str) else None
