"""Compose YAML text into nodes, which know their positions."""

from functools import lru_cache
from typing import Any

import yaml

from config.yaml_syntax import YAML_ERRORS


class _Loader(yaml.CSafeLoader):
    """PyYAML's own, which asks what a plain scalar is once for each text: most are keys that stand everywhere."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._tags: dict[tuple[Any, ...], str] = {}

    def resolve(self, kind: type[yaml.Node], value: Any, implicit: Any) -> str:  # noqa: ANN401 - as PyYAML's
        """Return the tag of a node."""
        asked = (kind, value, implicit) if kind is yaml.ScalarNode else (kind, None, implicit)
        tag = self._tags.get(asked)
        if tag is None:
            tag = self._tags[asked] = str(super().resolve(kind, value, implicit))  # type: ignore[no-untyped-call] # so are PyYAML's stubs
        return tag


def compose(text: str) -> yaml.Node | None:
    """Return the root of the one document in ``text``; raises one of ``YAML_ERRORS``."""
    loader = _Loader(text)
    try:
        return loader.get_single_node()
    finally:
        loader.dispose()


@lru_cache(maxsize=512)
def composed(text: str) -> yaml.Node | None:
    """Return the root, kept for whoever asks again; ``None`` where the text is no YAML."""
    try:
        return compose(text)
    except YAML_ERRORS:
        return None
