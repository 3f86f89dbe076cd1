"""The lock as the text of its file: one line for each fact, sorted, so that a review sees what changed and no more."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import date
from ipaddress import IPv4Network

from config.lock.models import Lock
from config.lock.tree import Line, Scalar, Tree, tree_of

HEADER = "# Written by `bitbucket-oidc lock`; review it and commit it with the inventory."

_PLAIN = re.compile(r"(?![0-9a-f]{40}$)[A-Za-z_][A-Za-z0-9_.-]*", re.ASCII)
"""A thumbprint may be of digits alone, so it is quoted; and then all of them are."""
_OTHER_TYPES = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
"""Words that some reader of YAML takes for something else than text (https://yaml.org/type/bool.html)."""


def lock_text(lock: Lock) -> str:
    """Return the text of inventory.lock.yaml; the same lock gives the same text, in whatever order it was made."""
    return "\n".join((HEADER, *_block(tree_of(lock), ""))) + "\n"


def _block(values: Mapping[str, Tree], indent: str) -> Iterator[str]:
    for key, value in values.items():
        name = f"{indent}{_text(key)}:"
        if isinstance(value, dict):
            yield name
            yield from _block(value, f"{indent}  ")
        elif isinstance(value, list):
            yield name
            yield from (f"{indent}  - {_inline(item)}" for item in value)
        else:
            yield f"{name} {_inline(value)}"


def _inline(value: Tree) -> str:
    if isinstance(value, Line):
        return "{" + ", ".join(f"{_text(key)}: {_inline(item)}" for key, item in value.values.items()) + "}"
    if isinstance(value, dict | list):
        raise TypeError(f"{value} does not fit on a line")
    return _scalar(value)


def _scalar(value: Scalar) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | date | IPv4Network):
        return str(value)
    return _text(str(value))


def _text(text: str) -> str:
    """Return a line of text as a YAML scalar: plain where every reader takes it for text, else as JSON writes it.

    JSON's strings are scalars of YAML (https://yaml.org/spec/1.2.2/#12-relation-to-yaml-1-2-and-json), printable
    characters as themselves.
    """
    if _PLAIN.fullmatch(text) and text.lower() not in _OTHER_TYPES:
        return text
    return json.dumps(text, ensure_ascii=False)
