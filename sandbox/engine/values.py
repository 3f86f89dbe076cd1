"""Property values between the wire (protobuf), the state (JSON) and providers (``PropertyValue``).

Inside the engine a value is plain JSON: ``None``, ``bool``, ``int``, ``float``, ``str``, lists and dictionaries. An
unknown value is the string ``UNKNOWN``, as on Pulumi's own wire; values of a special kind (a secret, a resource
reference) are dictionaries with the key ``SIGNATURE_KEY``, as in Pulumi's state. Source: the constants in
``pulumi/runtime/rpc.py`` and ``sdk/go/common/resource/sig`` of Pulumi.
"""

import json
from collections.abc import Iterator, Mapping, Sequence

from google.protobuf import empty_pb2, struct_pb2  # type: ignore[import-untyped]  # its stubs are not a dependency
from pulumi.provider.experimental.property_value import Computed, PropertyValue
from pulumi.runtime import rpc

Properties = dict[str, object]
"""Properties of a resource by their names on the wire, such as ``{"maxSessionDuration": 3600}``."""

Empty = empty_pb2.Empty
"""A message without content, for the services that the SDK calls."""

UNKNOWN: str = rpc.UNKNOWN
"""Stands for a value that is only known after an update."""

SIGNATURE_KEY = "4dabf18193072939515e22adb298388d"
"""Marks a dictionary as a value of a special kind; the key's value says which."""

_SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - Pulumi's published signature of a secret, not a password
_ASSET = "c44067f5952c0a294b673a41bacd8c17"
_ARCHIVE = "0def7320c3a5731c473e5ecbe6d01bc7"
_REFUSED_KINDS = {_SECRET: "a secret", _ASSET: "an asset", _ARCHIVE: "an archive"}


def from_struct(struct: struct_pb2.Struct) -> Properties:
    """Read the properties out of a message; whole numbers become ``int``, as Pulumi writes them in its state."""
    return {key: _from_value(value) for key, value in struct.fields.items()}


def _from_value(value: struct_pb2.Value) -> object:
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return from_struct(value.struct_value)
    if kind == "list_value":
        return [_from_value(item) for item in value.list_value.values]
    if kind == "number_value":
        return _number(value.number_value)
    if kind == "string_value":
        return value.string_value
    return value.bool_value if kind == "bool_value" else None


def _number(value: float) -> float:
    return int(value) if value.is_integer() else value


def to_struct(properties: Mapping[str, object]) -> struct_pb2.Struct:
    """Write properties as a message.

    Raises:
        TypeError: A value is not plain JSON.
    """
    return struct_pb2.Struct(fields={key: _to_value(value) for key, value in properties.items()})


def _to_value(value: object) -> struct_pb2.Value:
    if value is None:
        return struct_pb2.Value(null_value=struct_pb2.NULL_VALUE)
    if isinstance(value, bool):
        return struct_pb2.Value(bool_value=value)
    if isinstance(value, int | float):
        return struct_pb2.Value(number_value=value)
    if isinstance(value, str):
        return struct_pb2.Value(string_value=value)
    if isinstance(value, Mapping):
        return struct_pb2.Value(struct_value=to_struct(value))
    if isinstance(value, Sequence):
        return struct_pb2.Value(list_value=struct_pb2.ListValue(values=[_to_value(item) for item in value]))
    raise TypeError(f"no property value: {type(value).__name__}")


def to_property_values(properties: Mapping[str, object]) -> dict[str, PropertyValue]:
    """Convert properties for a provider; unknown values stay the string ``UNKNOWN``, as a plugin process sees them."""
    return {key: _to_property_value(value) for key, value in properties.items()}


def _to_property_value(value: object) -> PropertyValue:
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return PropertyValue(value)
    if isinstance(value, int | float):
        return PropertyValue(float(value))
    if isinstance(value, Mapping):
        return PropertyValue(to_property_values(value))
    if isinstance(value, Sequence):
        return PropertyValue([_to_property_value(item) for item in value])
    raise TypeError(f"no property value: {type(value).__name__}")


def from_property_values(values: Mapping[str, PropertyValue]) -> Properties:
    """Read the values of a provider without null properties, as Pulumi's state leaves them out."""
    plain = {key: _from_property_value(value) for key, value in values.items()}
    return {key: value for key, value in plain.items() if value is not None}


def _from_property_value(value: PropertyValue) -> object:
    inner: object = value.value
    if isinstance(inner, Computed):
        inner = UNKNOWN
    elif isinstance(inner, float) and not isinstance(inner, bool):
        inner = _number(inner)
    elif isinstance(inner, Mapping):
        inner = {key: _from_property_value(item) for key, item in inner.items()}
    elif isinstance(inner, Sequence) and not isinstance(inner, str):
        inner = [_from_property_value(item) for item in inner]
    return {SIGNATURE_KEY: _SECRET, "value": inner} if value.is_secret else inner


def refused_values(properties: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Find values that the engine does not keep: secrets (its state is not encrypted), assets and archives.

    Yields:
        The path of the value and its kind, such as ``("accessKey", "a secret")``.
    """
    for key, value in properties.items():
        yield from _refused(value, key)


def _refused(value: object, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        kind = _REFUSED_KINDS.get(str(value.get(SIGNATURE_KEY, "")))
        if kind is not None:
            yield path, kind
            return
        for key, item in value.items():
            yield from _refused(item, f"{path}.{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _refused(item, f"{path}[{index}]")


def contains_unknown(value: object) -> bool:
    """Tell whether a value is unknown, or contains an unknown one."""
    if isinstance(value, Mapping):
        return any(contains_unknown(item) for item in value.values())
    if isinstance(value, list):
        return any(contains_unknown(item) for item in value)
    return bool(value == UNKNOWN)


def folded(value: object) -> str:
    """Return a value as the JSON text that AWS providers keep in their inputs: compact, with sorted keys.

    Source: ``jsonEncodePropertyValue`` in ``pkg/tfbridge/config_encoding.go`` of Pulumi's bridge.
    """
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
