"""One resource in the state, and one operation that was under way, in the form of Pulumi's deployment version 3.

Source of the keys: ``ResourceV3`` and ``OperationV2`` in ``sdk/go/common/apitype/deployments.go`` of Pulumi.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import cast

from oidc.errors import SandboxError
from sandbox.engine.registration import OTHER_ENGINE
from sandbox.engine.values import Properties

_NOT_IMPLEMENTED = ("taint", "deletedWith", "replaceWith", "viewOf", "replacementTrigger", "resourceHooks")
_PLAIN_KEYS = {
    "id": "id",
    "inputs": "inputs",
    "outputs": "outputs",
    "parent": "parent",
    "protect": "protect",
    "dependencies": "dependencies",
    "provider": "provider",
    "propertyDependencies": "property_dependencies",
    "delete": "delete",
    "pendingReplacement": "pending_replacement",
    "additionalSecretOutputs": "additional_secret_outputs",
    "aliases": "aliases",
    "customTimeouts": "custom_timeouts",
    "retainOnDelete": "retain_on_delete",
    "external": "external",
    "importID": "import_id",
    "created": "created",
    "modified": "modified",
    "ignoreChanges": "ignore_changes",
    "initErrors": "init_errors",
}


@dataclass(frozen=True)
class ResourceState:
    """One resource as the state holds it; empty values stand for keys that are absent.

    Attributes:
        provider: The reference of the AWS provider that manages it, ``URN::ID``.
        delete: It was replaced by another of the same URN and still has to be deleted.
        pending_replacement: It was deleted and its replacement is still to be created.
        custom_timeouts: Seconds for ``create``, ``update``, ``delete``.
        external: The stack only reads it and does not manage it.
        import_id: The id in the program's last import; empty without an import.
        created, modified: RFC 3339 times, UTC.
        init_errors: Why a created resource could not be read; empty once it has been read.
        extra: Keys that this engine does not interpret, kept as they were.
    """

    urn: str
    type: str
    custom: bool
    id: str = ""
    inputs: Properties = field(default_factory=dict)
    outputs: Properties = field(default_factory=dict)
    parent: str = ""
    protect: bool = False
    dependencies: list[str] = field(default_factory=list)
    provider: str = ""
    property_dependencies: dict[str, list[str]] = field(default_factory=dict)
    delete: bool = False
    pending_replacement: bool = False
    additional_secret_outputs: list[str] = field(default_factory=list)
    aliases: list[str] = field(default_factory=list)
    custom_timeouts: dict[str, float] = field(default_factory=dict)
    retain_on_delete: bool = False
    external: bool = False
    import_id: str = ""
    created: str = ""
    modified: str = ""
    ignore_changes: list[str] = field(default_factory=list)
    init_errors: list[str] = field(default_factory=list)
    extra: dict[str, object] = field(default_factory=dict)

    @property
    def provider_urn(self) -> str:
        """The URN of the AWS provider resource, or the empty string."""
        return self.provider.rpartition("::")[0]

    def needs(self) -> set[str]:
        """Return the URNs of all resources that must precede this one in the state."""
        needed = {self.parent, self.provider_urn, *self.dependencies}
        for urns in self.property_dependencies.values():
            needed.update(urns)
        return needed - {"", self.urn}

    def following(self, moved: Mapping[str, str]) -> "ResourceState":
        """Replace moved URNs in its references by the present ones."""
        provider_urn, _, identity = self.provider.rpartition("::")
        return replace(
            self,
            parent=moved.get(self.parent, self.parent),
            provider=f"{moved[provider_urn]}::{identity}" if provider_urn in moved else self.provider,
            dependencies=[moved.get(urn, urn) for urn in self.dependencies],
            property_dependencies={
                key: [moved.get(urn, urn) for urn in urns] for key, urns in self.property_dependencies.items()
            },
        )

    def to_json(self) -> dict[str, object]:
        """Return the resource in Pulumi's form, without empty values."""
        result: dict[str, object] = {"urn": self.urn, "custom": self.custom}
        for key, attribute in _PLAIN_KEYS.items():
            value = getattr(self, attribute)
            if value:
                result[key] = value
        result["type"] = self.type
        return {**self.extra, **result}

    @staticmethod
    def from_json(document: object) -> "ResourceState":
        """Read a resource.

        Raises:
            SandboxError: It does not have the form of a resource, or uses a feature that this engine lacks.
        """
        if not isinstance(document, Mapping) or not all(isinstance(document.get(key), str) for key in ("urn", "type")):
            raise SandboxError("the state holds an entry that is no resource: no urn or no type")
        used = [key for key in _NOT_IMPLEMENTED if document.get(key)]
        if used:
            raise SandboxError(
                f"the state of {document['urn']} uses {', '.join(used)}, which the built-in engine does not implement",
                do=OTHER_ENGINE,
            )
        known = {attribute: document[key] for key, attribute in _PLAIN_KEYS.items() if document.get(key)}
        extra = {key: value for key, value in document.items() if key not in {"urn", "type", "custom", *_PLAIN_KEYS}}
        # NOTE: intentional: no further check; the file is one that Pulumi or this engine wrote.
        arguments = cast("dict[str, object]", {**known, "extra": extra})
        return ResourceState(
            urn=document["urn"],
            type=document["type"],
            custom=bool(document.get("custom")),
            **arguments,  # type: ignore[arg-type]  # keys come from the table of this class's own attributes
        )


@dataclass(frozen=True)
class PendingOperation:
    """An operation that had begun; it is in the state only while it runs, or after a crash.

    Attributes:
        type: ``creating``, ``updating`` or ``deleting``.
        resource: What the operation was to work on; for ``creating``, its inputs without an id.
    """

    type: str
    resource: ResourceState

    def to_json(self) -> dict[str, object]:
        """Return the operation in Pulumi's form."""
        return {"resource": self.resource.to_json(), "type": self.type}

    @staticmethod
    def from_json(document: object) -> "PendingOperation":
        """Read an operation.

        Raises:
            SandboxError: It does not have the form of an operation.
        """
        if not isinstance(document, Mapping) or not isinstance(document.get("type"), str):
            raise SandboxError("the state holds a pending operation without a type")
        return PendingOperation(document["type"], ResourceState.from_json(document.get("resource")))
