"""Compose YAML text into nodes, which know their positions."""

from functools import lru_cache
from typing import Any

import yaml

from config.yaml_syntax import YAML_ERRORS

_MOST = 100_000
"""Texts whose tags are remembered; keys and words stand everywhere, what stands once is soon forgotten."""

_PLAIN: dict[str, str] = {}
"""The tag of a scalar without quotes, by its text: it follows from that alone."""

_SCALAR, _TEXT = yaml.ScalarNode, yaml.resolver.BaseResolver.DEFAULT_SCALAR_TAG
_OTHERS: dict[type[yaml.Node], str] = {
    yaml.SequenceNode: yaml.resolver.BaseResolver.DEFAULT_SEQUENCE_TAG,
    yaml.MappingNode: yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG,
}


class _Loader(yaml.CSafeLoader):
    """PyYAML's own, which asks what a plain scalar is once for each text: most are keys that stand everywhere."""

    def resolve(self, kind: type[yaml.Node], value: Any, implicit: Any) -> str:  # noqa: ANN401 - as PyYAML's
        """Return the tag of a node."""
        if kind is not _SCALAR:
            return _OTHERS[kind]
        if not implicit[0]:
            return _TEXT
        tag = _PLAIN.get(value)
        if tag is None:
            if len(_PLAIN) >= _MOST:
                _PLAIN.clear()
            tag = _PLAIN[value] = str(super().resolve(kind, value, implicit))  # type: ignore[no-untyped-call] # so are PyYAML's stubs
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
