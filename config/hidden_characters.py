r"""Find text that a reviewer cannot see: invisible characters, lone carriage returns, escapes of plain letters.

With them a diff shows other text than the program reads: a comment that hides an entry, a name that is another one
("Trojan Source", CVE-2021-42574, https://trojansource.codes/).
"""

import re
from itertools import islice

import yaml

from config.findings import Fault, in_text
from config.yaml.characters import name_of

RULE = "hidden-characters"

_CONTROL = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029"
"""Control characters but tab, LF and CR, and the line ends that editors do not show as such."""

_NO_CHARACTER = "\ud800-\udfff\ufdd0-\ufdef" + "".join(
    f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(0, 0x110000, 0x10000)
)
"""Surrogates and noncharacters (https://www.unicode.org/versions/Unicode16.0.0/core-spec/chapter-23/#G12612)."""

_FORMAT = (
    "\u00ad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff"
    "\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
)
"""Category Cf of Unicode 16: zero-width characters, bidirectional controls and others that format text
(https://www.unicode.org/reports/tr44/#General_Category_Values). Listed, since Pythons differ in their Unicode."""

_IGNORABLE = (
    "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8\U000e0000-\U000e0fff"
    "\u2800\U00016fe4\U0001d159"
)
"""Default_Ignorable_Code_Point of Unicode 16 beyond these: variation selectors, fillers, tags
(https://www.unicode.org/reports/tr44/#Default_Ignorable_Code_Point); and three that are drawn as nothing: the blank of
Braille, the filler of Khitan, the null notehead."""

_SEEN_BY_NOBODY = re.compile(f"[{_CONTROL}{_NO_CHARACTER}{_FORMAT}{_IGNORABLE}]")
_NOT_PLAIN = re.compile(r"[^\t\n\r -~][^\t\n\r -~]*")
_NOT_PLAIN_ASCII = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
"""Finds the characters for a closer check: few, so that a large file needs only one search."""
_LONE_RETURN = re.compile(r"\r(?!\n)")
_KEPT_FROM_TEXT = re.compile(f"[{_CONTROL}{_NO_CHARACTER}]")


def hidden_character(text: str) -> Fault | None:
    """Return the fault of the first invisible character, or ``None``.

    A byte order mark at the beginning of a file is not part of its text. Tab, LF and CRLF are fine.
    """
    not_plain = _NOT_PLAIN_ASCII if text.isascii() else _NOT_PLAIN
    unseen = (
        run.start() + match.start() for run in not_plain.finditer(text) for match in _SEEN_BY_NOBODY.finditer(run[0])
    )
    returns = (match.start() for match in (_LONE_RETURN.finditer(text) if "\r" in text else ()))
    first = [at for at in (next(unseen, None), next(returns, None)) if at is not None]
    if not first:
        return None
    more = len(first) - 1 + sum(1 for others in (unseen, returns) for _ in others)
    message, hint = _problem_and_hint(text[min(first)])
    line, column = _position(text, min(first))
    return in_text(RULE, (line, column), f"{message} ({more} more in this file)" if more else message, hint)


def with_escapes(text: str) -> str:
    r"""Return a double-quoted scalar of YAML with an escape for each invisible character, such as ``\u200b``.

    Source: https://yaml.org/spec/1.2.2/#57-escaped-characters
    """
    return _SEEN_BY_NOBODY.sub(lambda match: _escape(ord(match[0])), text)


def _escape(code: int) -> str:
    return f"\\u{code:04x}" if code <= _LAST_OF_FOUR_DIGITS else f"\\U{code:08x}"


_LAST_OF_FOUR_DIGITS = 0xFFFF


def _problem_and_hint(character: str) -> tuple[str, str]:
    """Return the problem of a character, and the correction."""
    if character == "\r":
        message = "a carriage return without a line feed, which most editors do not show as the end of a line"
        return message, "end each line with LF or CRLF, or remove it"
    if _KEPT_FROM_TEXT.match(character):
        return f"the character {name_of(character)}, which is not valid in text", "remove it"
    escape = f"\\u{ord(character):04x}" if ord(character) < 0x10000 else f"\\U{ord(character):08x}"  # noqa: PLR2004 - beyond four hex digits
    return f"the invisible character {name_of(character)}", f"remove it, or write {escape} in double quotes"


def _position(text: str, at: int) -> tuple[int, int]:
    """Return line and column, from 1. Only LF and CRLF end a line before the position."""
    return text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)


_PLAIN = r"(?:x|u00|U000000)(?:[2-6][0-9A-Fa-f]|7[0-9A-Ea-e])"
_MAY_SPELL = re.compile(rf"\\(?:{_PLAIN}|/)")
_ESCAPE = re.compile(rf"\\({_PLAIN}|/)|\\.", re.DOTALL)
"""An escape with the character after its backslash; the group matches only escapes that spell printable ASCII
(https://yaml.org/spec/1.1/#id872840, and section 7 of RFC 8259)."""


def escaped_plain(text: str, *, is_json: bool = False) -> list[Fault]:
    r"""Return a fault for each text in double quotes with an escape that spells a plain character, as ``\x65`` does.

    Args:
        text: A YAML or JSON document that PyYAML could compose.
        is_json: Whether ``\/`` passes: some programs write every slash of JSON that way.
    """
    if _MAY_SPELL.search(text) is None:
        return []
    quoted = (
        (event.start_mark.index, event.end_mark.index)
        for event in yaml.parse(text, Loader=yaml.CSafeLoader)
        if isinstance(event, yaml.ScalarEvent) and event.style == '"' and event.start_mark and event.end_mark
    )
    return list(islice((problem for span in quoted for problem in _in_quotes(text, *span, is_json=is_json)), _MOST))


_MOST = 1_000
"""The most faults of one document; nobody corrects more at once."""


def _in_quotes(text: str, start: int, end: int, *, is_json: bool) -> list[Fault]:
    escapes = [match for match in _ESCAPE.finditer(text, start, end) if match[1] and (match[1] != "/" or not is_json)]
    if not escapes:
        return []
    first = escapes[0]
    plain = "/" if first[1] == "/" else chr(int(first[1][1:], 16))
    line, column = _position(text, first.start())
    more = f" ({len(escapes) - 1} more like it in this text)" if len(escapes) > 1 else ""
    message = f"the escape {first[0]} spells {_NAMED.get(plain, plain)}{more}"
    return [in_text(RULE, (line, column), message, f"write {_WRITTEN.get(plain, plain)}")]


_NAMED, _WRITTEN = {" ": "a space"}, {" ": "a plain space", '"': '\\"', "\\": "\\\\"}
