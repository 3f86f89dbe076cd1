"""Placeholders: texts of an example or a template that somebody has to replace by a value, such as ``<account-id>``."""

import re

_MARKED = r"<[^<>]*[A-Za-z][^<>]*>|\$\{(?![*?$]\})[^{}]*\}|\$[A-Z][A-Z0-9_]*|%[A-Z][A-Z0-9_]*%|#\{[^{}]*\}"
_IN_CAPITALS = (
    r"(?<![A-Za-z0-9])(?:YOUR(?:[-_ ][A-Z0-9]+)*|(?:[A-Z0-9]+[-_])*(?:UUID|ID|SLUG|NAME|HERE)"
    r"|ACCOUNT|REGION|REPO|REPOSITORY|WORKSPACE|X{4,}(?:-X+)*|x{4,}(?:-x+)*)(?![A-Za-z0-9])"
)
_PLACEHOLDER = re.compile(rf"\{{?(?:{_MARKED}|{_IN_CAPITALS})\}}?", re.ASCII)


def placeholder_in(text: str) -> str | None:
    """Return the first placeholder of a name, or ``None``: ``<WORKSPACE_UUID>``, ``YOUR-UUID``, ``{REPO_UUID}``.

    Only for texts that never hold words in capitals, such as account ids, regions, issuers, UUIDs and audiences.
    """
    match = _PLACEHOLDER.search(text)
    return match[0] if match else None
