"""Values that are never shown: external ids, and whatever else lets somebody in."""

import json
from collections.abc import Mapping

HIDDEN = "(hidden)"

_SECRET_NAMES = frozenset({"externalid", "accesskey", "secretkey", "token", "password"})


def is_secret(name: str) -> bool:
    """Tell whether a property, or a condition on a key such as ``StringEquals sts:ExternalId``, holds a secret."""
    return name.rpartition(" ")[2].rpartition(":")[2].lower().replace("_", "") in _SECRET_NAMES


def without_secrets(value: object) -> object:
    """Return a value with its secrets hidden, at any depth, also inside of a JSON text."""
    if isinstance(value, Mapping):
        return {key: HIDDEN if is_secret(str(key)) else without_secrets(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [without_secrets(inner) for inner in value]
    structured = opened(value)
    if structured is value:
        return value
    return json.dumps(without_secrets(structured), ensure_ascii=False)


def opened(value: object) -> object:
    """Return what a JSON text of a list or an object holds; any other value as it is."""
    if not isinstance(value, str) or not value.lstrip().startswith(("{", "[")):
        return value
    try:
        found: object = json.loads(value)
    except (ValueError, RecursionError):
        return value
    return found if isinstance(found, (dict, list)) else value
