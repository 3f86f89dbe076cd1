"""Texts as scalars of YAML: whatever a deployment environment is called, it stays one value."""

import re

_PLAIN = re.compile(r"[A-Za-z(][^\n]*[^\s:]")
_NOT_PLAIN = re.compile(r": | #|:$")
_OTHER_TYPES = re.compile(r"(?i)y|n|yes|no|on|off|true|false|null")


def scalar(text: str) -> str:
    """Return a line of text as a YAML scalar: plain where that is read back as the same text, else in single quotes.

    Source: YAML 1.1, 9.1.2 and 9.1.3 (https://yaml.org/spec/1.1/): a quote in single quotes is doubled, and nothing
    else is special in them. The whole of ASCII may be plain here but for what would end the scalar or give it a type.
    """
    is_plain = _PLAIN.fullmatch(text) and text.isascii() and not _NOT_PLAIN.search(text)
    if is_plain and not _OTHER_TYPES.fullmatch(text):
        return text
    return "'" + text.replace("'", "''") + "'"
