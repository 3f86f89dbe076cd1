"""The resource option ``ignoreChanges``: some inputs keep the value that they had.

Source: https://www.pulumi.com/docs/iac/concepts/resources/options/ignorechanges/
"""

import copy
import re
from collections.abc import Sequence

from oidc.errors import SandboxError
from sandbox.engine.values import Properties

_PART = re.compile(r"""\.?([^.\[\]"]+)|\[(\d+)\]|\["((?:[^"\\]|\\.)*)"\]""")


def with_old_values(new: Properties, old: Properties | None, paths: Sequence[str]) -> Properties:
    """Put the old value of each ignored path into new inputs; what had no value keeps none.

    Args:
        new: The inputs as the program gave them; left as they are.
        old: Those of the last run, ``None`` for a resource that is to be created.
        paths: Property paths, such as ``tags``, ``tags.Team``, ``tags["a.b"]`` or ``statements[0].effect``.

    Raises:
        SandboxError: a path is none, or has a wildcard.
    """
    if old is None or not paths:
        return new
    result = copy.deepcopy(new)
    for path in paths:
        _copy(old, result, parse_path(path))
    return result


def parse_path(path: str) -> list[str | int]:
    """Split a property path into keys and indices.

    Raises:
        SandboxError: the path is none, or has a wildcard.
    """
    parts: list[str | int] = []
    at = 0
    while at < len(path):
        match = _PART.match(path, at)
        if match is None or "*" in match[0]:
            raise SandboxError(f"ignoreChanges: {path!r} is no property path that the built-in engine knows")
        key, index, quoted = match.groups()
        parts.append(int(index) if index is not None else key if key is not None else re.sub(r"\\(.)", r"\1", quoted))
        at = match.end()
    return parts


def _copy(old: object, new: object, parts: list[str | int]) -> None:
    head, rest = parts[0], parts[1:]
    if isinstance(head, str) and isinstance(new, dict):
        present = isinstance(old, dict) and head in old
        if rest and head in new:
            _copy(old[head] if isinstance(old, dict) and present else {}, new[head], rest)
        elif isinstance(old, dict) and present and not rest:
            new[head] = copy.deepcopy(old[head])
        elif not rest:
            new.pop(head, None)
    elif isinstance(head, int) and isinstance(new, list) and isinstance(old, list) and head < min(len(old), len(new)):
        if rest:
            _copy(old[head], new[head], rest)
        else:
            new[head] = copy.deepcopy(old[head])
