"""Read a program's request for one resource, and refuse the resource options that the engine does not implement.

Every field of ``RegisterResourceRequest`` (``proto/pulumi/resource.proto`` of Pulumi) is in one of the tables below. A
field of a newer SDK, which no table has, is refused like the refused fields in the tables.
"""

import re
from dataclasses import dataclass

from pulumi.runtime.proto import alias_pb2, resource_pb2

from fleet.pulumi_cli.urns import is_provider
from oidc.errors import SandboxError
from sandbox.engine.identity import Alias
from sandbox.engine.values import Properties, from_struct, refused_values

IMPLEMENTED = frozenset(
    {
        "type", "name", "parent", "custom", "object", "protect", "dependencies", "provider", "propertyDependencies",
        "deleteBeforeReplace", "deleteBeforeReplaceDefined", "version", "ignoreChanges", "additionalSecretOutputs",
        "aliasURNs", "aliases", "customTimeouts", "retainOnDelete", "importId",
    }
)  # fmt: skip
"""Fields that the engine acts on."""

WITHOUT_EFFECT = frozenset(
    {
        "acceptSecrets", "acceptResources", "supportsPartialValues", "supportsResultReporting", "aliasSpecs",
        "accepts_byte_string", "sourcePosition", "stackTrace", "parentStackTraceHandle",
        # The SDK sends every child its own provider already; this map is for components of another process.
        "providers",
    }
)  # fmt: skip
"""Fields for the features of the SDK, or for the resource's position in the program."""

REFUSED = {
    "remote": "remote components",
    "replaceOnChanges": "replaceOnChanges",
    "pluginDownloadURL": "pluginDownloadURL",
    "pluginChecksums": "pluginChecksums",
    "deletedWith": "deletedWith",
    "replace_with": "replaceWith",
    "replacement_trigger": "replacementTrigger",
    "transforms": "transforms",
    "packageRef": "parameterized packages",
    "hooks": "hooks",
    "hideDiffs": "hideDiffs",
    "envVarMappings": "envVarMappings",
    "snippetId": "snippets",
    "state_migrations": "stateMigrations",
}
"""Fields of options that the engine does not implement, with the names users know them by."""

_REFUSED_IN_READS = {
    "additionalSecretOutputs": "additionalSecretOutputs",
    "pluginDownloadURL": "pluginDownloadURL",
    "pluginChecksums": "pluginChecksums",
    "packageRef": "parameterized packages",
}
"""Of ``ReadResourceRequest``; its other fields are acted on, or without effect."""

OTHER_ENGINE = "take --engine pulumi"
"""The advice of errors about features that this engine does not implement."""

_DURATION_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True)
class Registration:
    """One resource as the program wants it; the fields are those of Pulumi's resource options.

    Attributes:
        protect: ``None`` when the program says nothing; the parent decides then.
        delete_before_replace: ``None`` when the program leaves it to the provider.
        custom_timeouts: Seconds for ``create``, ``update``, ``delete``.
        import_id: Of an existing resource to import into the stack; empty if nothing is imported.
        version: The version of the SDK package, such as ``7.51.1``.
    """

    type: str
    name: str
    parent: str
    custom: bool
    inputs: Properties
    protect: bool | None
    dependencies: tuple[str, ...]
    provider: str
    property_dependencies: dict[str, tuple[str, ...]]
    delete_before_replace: bool | None
    version: str
    ignore_changes: tuple[str, ...]
    additional_secret_outputs: tuple[str, ...]
    aliases: tuple[Alias, ...]
    custom_timeouts: dict[str, float]
    retain_on_delete: bool
    import_id: str


@dataclass(frozen=True)
class ReadRequest:
    """One existing resource that the program reads and does not manage, as by ``Resource.get``.

    Attributes:
        id: The provider finds it by this id.
        inputs: Further inputs from the program.
    """

    type: str
    name: str
    parent: str
    id: str
    inputs: Properties
    dependencies: tuple[str, ...]
    provider: str


def parse(request: resource_pb2.RegisterResourceRequest) -> Registration:
    """Read a request of the SDK.

    Raises:
        SandboxError: it uses an option, or a kind of value, that the engine does not implement.
    """
    who = f"{request.type} {request.name!r}"
    _refuse_options(request, who)
    inputs = from_struct(request.object)
    refuse_values(inputs, who)
    if request.additionalSecretOutputs and not is_provider(request.type):
        raise _refused("additionalSecretOutputs", who)
    return Registration(
        type=request.type,
        name=request.name,
        parent=request.parent,
        custom=request.custom,
        inputs=inputs,
        protect=request.protect if request.HasField("protect") else None,
        dependencies=tuple(sorted(request.dependencies)),
        provider=request.provider,
        property_dependencies={
            key: tuple(sorted(value.urns)) for key, value in sorted(request.propertyDependencies.items())
        },
        delete_before_replace=request.deleteBeforeReplace if request.deleteBeforeReplaceDefined else None,
        version=request.version,
        ignore_changes=tuple(request.ignoreChanges),
        additional_secret_outputs=tuple(sorted(request.additionalSecretOutputs)),
        aliases=(*(Alias(urn=urn) for urn in request.aliasURNs), *(_alias(alias) for alias in request.aliases)),
        custom_timeouts=_timeouts(request, who),
        retain_on_delete=request.retainOnDelete,
        import_id=request.importId,
    )


def parse_read(request: resource_pb2.ReadResourceRequest) -> ReadRequest:
    """Read a request of the SDK for an existing resource.

    Raises:
        SandboxError: it uses an option, or a kind of value, that the engine does not implement.
    """
    who = f"{request.type} {request.name!r}"
    for field, named in _REFUSED_IN_READS.items():
        if getattr(request, field):
            raise _refused(named, who)
    inputs = from_struct(request.properties)
    refuse_values(inputs, who)
    return ReadRequest(
        type=request.type,
        name=request.name,
        parent=request.parent,
        id=request.id,
        inputs=inputs,
        dependencies=tuple(sorted(request.dependencies)),
        provider=request.provider,
    )


def refuse_values(properties: Properties, who: str) -> None:
    """Refuse values that the engine cannot keep.

    Raises:
        SandboxError: there is a secret, an asset or an archive.
    """
    for path, kind in refused_values(properties):
        raise SandboxError(
            f"{who}: {path} is {kind}, which the built-in engine does not implement (its state is not encrypted)",
            do=OTHER_ENGINE,
        )


def seconds(duration: str) -> float:
    """Read a duration of Go's grammar, such as ``1h30m`` or ``2.5s`` (https://pkg.go.dev/time#ParseDuration).

    Raises:
        ValueError: The text is not a duration.
    """
    parts = _DURATION_PART.findall(duration)
    if not parts or "".join(number + unit for number, unit in parts) != duration:
        raise ValueError(f"{duration!r} is not a duration such as 5m or 1h30m")
    return float(sum(float(number) * _SECONDS[unit] for number, unit in parts))


def _refuse_options(request: resource_pb2.RegisterResourceRequest, who: str) -> None:
    for descriptor, value in request.ListFields():
        field = descriptor.name
        if field in IMPLEMENTED or field in WITHOUT_EFFECT:
            continue
        if hasattr(value, "ByteSize") and value.ByteSize() == 0:
            # The SDK always sends the message of the hooks; if it is empty, there are no hooks.
            continue
        raise _refused(REFUSED.get(field, field), who)


def _refused(option: str, who: str) -> SandboxError:
    return SandboxError(
        f"{who}: the built-in engine does not implement the resource option {option}",
        do=f"leave it out, or {OTHER_ENGINE}",
    )


def _alias(alias: alias_pb2.Alias) -> Alias:
    if alias.urn:
        return Alias(urn=alias.urn)
    spec = alias.spec
    return Alias(
        name=spec.name,
        type=spec.type,
        stack=spec.stack,
        project=spec.project,
        parent=spec.parentUrn,
        no_parent=spec.noParent,
    )


def _timeouts(request: resource_pb2.RegisterResourceRequest, who: str) -> dict[str, float]:
    given = {name: getattr(request.customTimeouts, name) for name in ("create", "update", "delete", "read")}
    try:
        return {name: seconds(duration) for name, duration in given.items() if duration}
    except ValueError as error:
        raise SandboxError(f"{who}: customTimeouts: {error}") from error
