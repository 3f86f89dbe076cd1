"""Comparing property values by what they mean to AWS rather than by how they are written."""

import json
from collections.abc import Mapping


def same_document(old: object, new: object) -> bool:
    """Say whether two policy documents grant the same.

    One string is the same as a list with that string alone, and the order within such a list means nothing; the order
    of statements means nothing either. Source: "IAM JSON policy elements reference" of the IAM user guide.

    Args:
        old: A JSON text; what is no JSON is compared as it is written.
        new: Another.
    """
    if not isinstance(old, str) or not isinstance(new, str):
        return old == new
    try:
        return _canonical(json.loads(old), "") == _canonical(json.loads(new), "")
    except ValueError:
        return old == new


_LISTS = {"Action", "NotAction", "Resource", "NotResource", "AWS", "Federated", "Service", "CanonicalUser", "values"}


def _canonical(value: object, key: str) -> object:
    if key == "Statement":
        statements = value if isinstance(value, list) else [value]
        return sorted((_canonical(one, "") for one in statements), key=lambda one: json.dumps(one, sort_keys=True))
    if isinstance(value, Mapping):
        inner = "values" if key == "operator" else "operator" if key == "Condition" else ""
        return {name: _canonical(item, inner or name) for name, item in value.items()}
    if key in _LISTS:
        values = value if isinstance(value, list) else [value]
        # A condition value may be written as a boolean or a number; IAM reads each as its text.
        return sorted({one if isinstance(one, str) else json.dumps(one) for one in values})
    return value


def same_set(old: object, new: object) -> bool:
    """Say whether two lists hold the same texts, in whatever order."""
    return isinstance(old, list) and isinstance(new, list) and set(map(str, old)) == set(map(str, new))


def same_thumbprints(old: object, new: object) -> bool:
    """Compare lists of thumbprints as sets, hexadecimal digits in either case."""
    return (
        isinstance(old, list)
        and isinstance(new, list)
        and {str(one).lower() for one in old} == {str(one).lower() for one in new}
    )


def same_url(old: object, new: object) -> bool:
    """Compare issuer URLs: AWS answers them without ``https://``."""
    return str(old).removeprefix("https://") == str(new).removeprefix("https://")
