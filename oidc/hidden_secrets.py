"""Hide secrets in texts from outside, plain or encoded, and tell whether a text has a token.

A server that repeats a request may show a secret percent-encoded in a URL, escaped in JSON or HTML, or in base64, as
the header ``Authorization`` has it. So a text is decoded by each of these, up to three times, and each decoded form is
searched too.
"""

import base64
import html
import math
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

HIDDEN = "[hidden]"

_RUN = 8
"""So many successive characters of a secret are never shown."""

_DEPTH = 3
"""How often a text is decoded: for base64 whose ``+`` is percent-encoded twice."""

LONGEST = 20_000
"""The most characters of a text that are searched; the others are dropped, since no message shows so many."""

_TOKEN = re.compile(r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}")
"""How a JWT begins: the base64url of ``{"`` (https://www.rfc-editor.org/rfc/rfc7519#section-3)."""


@dataclass(frozen=True, slots=True)
class _View:
    """A text as decoded so far, and where each of its characters begins and ends in the original text."""

    text: str
    starts: Sequence[int]
    ends: Sequence[int]


def without_secrets(text: str, secrets: Iterable[str]) -> str:
    """Return a text with ``[hidden]`` in place of each secret, and of each part of it of 8 characters or more.

    Args:
        text: A message of a server: ``bad header: Bearer ATCTT3x…``; at most ``LONGEST`` characters of it are returned.
        secrets: Printable ASCII, such as tokens. A secret of less than 8 characters is hidden as a whole.
    """
    text = text[:LONGEST]
    runs: dict[int, set[str]] = {}
    for secret in filter(None, secrets):
        length = min(_RUN, len(secret))
        runs.setdefault(length, set()).update(secret[at : at + length] for at in range(len(secret) - length + 1))
    spans = [
        (view.starts[at], view.ends[at + length - 1])
        for view in (_views(text) if runs else ())
        for length, known in runs.items()
        for at in range(len(view.text) - length + 1)
        if view.text[at : at + length] in known
    ]
    shown, after = list[str](), 0
    for start, end in sorted(spans):
        if start > after or not shown:
            shown += [text[after:start], HIDDEN]
        after = max(after, end)
    return "".join([*shown, text[after:]])


def has_token(text: str) -> bool:
    """Tell whether a text has a JWT, plain or encoded: ``eyJhbGciOi…``, or ``ZXlKaGJHY2lPaQ…`` in base64."""
    return any(_TOKEN.search(view.text) for view in _views(text))


def is_token(text: str) -> bool:
    """Tell whether a text begins as a JWT does: ``eyJhbGciOi…``."""
    return _TOKEN.match(text) is not None


def _views(text: str) -> Iterator[_View]:
    """Yield the text and its decoded forms, each once."""
    current, known = [_View(text, range(len(text)), range(1, len(text) + 1))], {text}
    yield from current
    for _ in range(_DEPTH):
        decoded = []
        for view in (form for before in current for decode in _DECODERS for form in decode(before)):
            if view.text not in known:
                known.add(view.text)
                decoded.append(view)
                yield view
        current = decoded


def _unescaped(escape: re.Pattern[str], meaning: Callable[[str], str]) -> Callable[[_View], Iterator[_View]]:
    """Return the decoder that replaces each escape by its meaning."""

    def decode(view: _View) -> Iterator[_View]:
        text, starts, ends, after = "", [*view.starts[:0]], [*view.ends[:0]], 0
        for match in escape.finditer(view.text):
            plain = meaning(match[0])
            text += view.text[after : match.start()] + plain
            starts += [*view.starts[after : match.start()], *[view.starts[match.start()]] * len(plain)]
            ends += [*view.ends[after : match.start()], *[view.ends[match.end() - 1]] * len(plain)]
            after = match.end()
        if after:
            yield _View(text + view.text[after:], [*starts, *view.starts[after:]], [*ends, *view.ends[after:]])

    return decode


_OCTAL = 4
_SHORT = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}


def _of_backslash(escape: str) -> str:
    if len(escape) == _OCTAL and escape[1:].isdecimal():
        return _character(escape[1:], 8)
    digits = escape[2:].strip("{}")
    return _character(digits, 16) if digits else _SHORT.get(escape[1], escape[1])


def _character(digits: str, base: int) -> str:
    number = int(digits, base)
    return chr(number) if number <= sys.maxunicode else ""


_PRINTABLE = re.compile(rb"[!-~]{%d,}" % _RUN)
_APART = "\0"


def _from_digits(
    digits: re.Pattern[str], separators: str, bits: int, decode: Callable[[str], bytes]
) -> Callable[[_View], Iterator[_View]]:
    """Return the decoder of digits that have 4 or 6 bits each; the encoded text may begin anywhere among them."""
    ignored, group = str.maketrans("", "", separators), math.lcm(bits, 8) // bits

    def decoder(view: _View) -> Iterator[_View]:
        found = [(match.start(), match[0], match[0].translate(ignored)) for match in digits.finditer(view.text)]
        for offset in range(group):
            text, starts, ends = "", list[int](), list[int]()
            for begin, written, plain in found:
                runs = list(_PRINTABLE.finditer(decode(plain[offset:])))
                places = [begin + at for at, digit in enumerate(written) if digit not in separators] if runs else []
                for run in runs:
                    text += f"{run[0].decode()}{_APART}"
                    starts += [view.starts[places[offset + at * 8 // bits]] for at in range(*run.span())]
                    ends += [view.ends[places[offset + (at * 8 + 7) // bits]] for at in range(*run.span())]
                    starts, ends = [*starts, starts[-1]], [*ends, ends[-1]]
            if text:
                yield _View(text, starts, ends)

    return decoder


def _of_base64(digits: str) -> bytes:
    whole = digits[:-1] if len(digits) % 4 == 1 else digits
    return base64.urlsafe_b64decode(whole + "=" * (-len(whole) % 4))  # it reads both alphabets


def _of_hex(digits: str) -> bytes:
    return bytes.fromhex(digits[: len(digits) // 2 * 2])


_SPACE = " \t\r\n"
_BACKSLASHED = re.compile(
    r"\\(?:u[0-9A-Fa-f]{4}|u\{[0-9A-Fa-f]{1,6}\}|U[0-9A-Fa-f]{8}|x[0-9A-Fa-f]{2}|[0-3][0-7]{2}|.)", re.DOTALL
)
"""Escapes of JSON, JavaScript (``\\u{41}``), Python (``\\U00000041``) and C (``\\101``)."""

_DECODERS = (
    _unescaped(re.compile(r"%(?:u[0-9A-Fa-f]{4}|[0-9A-Fa-f]{2})"), lambda escape: chr(int(escape.lstrip("%u"), 16))),
    _unescaped(_BACKSLASHED, _of_backslash),
    _unescaped(
        re.compile(r"&(?:#0{0,20}[0-9]{1,7}|#[xX]0{0,20}[0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});?"), html.unescape
    ),
    _from_digits(re.compile(r"[A-Za-z0-9+/_-]+(?:[ \t\r\n]+[A-Za-z0-9+/_-]+)*"), _SPACE, 6, _of_base64),
    _from_digits(re.compile(r"[0-9A-Fa-f]{2}(?:[ \t\r\n:-]?[0-9A-Fa-f])+"), f"{_SPACE}:-", 4, _of_hex),
)
