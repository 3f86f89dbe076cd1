"""Characters that look like YAML's own and are different: spaces, quotes, dashes, brackets."""

# ruff: noqa: RUF001 - these characters are what this module is about

import re
import unicodedata

_LOOKS_LIKE = {
    **dict.fromkeys("“”„‟«»＂", '"'),
    **dict.fromkeys("‘’‚‛＇", "'"),
    **dict.fromkeys("‐‑‒–—−－", "-"),
    **dict.fromkeys(
        "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000", " "
    ),
    # Invisible.
    **dict.fromkeys("\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff", ""),
    # The full-width forms of ASCII (https://www.unicode.org/charts/PDF/UFF00.pdf).
    **{chr(0xFEE0 + code): chr(code) for code in range(0x21, 0x7F) if chr(code) not in "\"'-"},
}
_TABLE = str.maketrans(_LOOKS_LIKE)
_ANY = f"[{re.escape(''.join(_LOOKS_LIKE))}]"
_UNSEEN = re.compile(f"[{''.join(character for character, plain in _LOOKS_LIKE.items() if plain in ('', ' '))}]")
_OUT_OF_PLACE = re.compile(rf" *-? *(?:[\w.-]+ *: *)?({_ANY})|[\w. -]+(：|{_UNSEEN.pattern})")
"""The positions on a line where YAML expects its own characters: indentation, after a dash, a key or its colon."""


def as_it_looks(text: str) -> str:
    """Return the text with plain ASCII where it only looks like it: ``"{…}"`` for one in typographic quotes."""
    return text if text.isascii() else text.translate(_TABLE)


_CYRILLIC, _AS_LATIN = (
    "асԁеһіјорԛѕԝхуАВСЕНІЈКМОРЅТХУ",
    "acdehijopqswxyABCEHIJKMOPSTXY",
)
_GREEK, _AS_LATIN_TOO = "ιορυναΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "iopuvaABEZHIKMNOPTYX"
_CONFUSABLE = str.maketrans(_CYRILLIC + _GREEK, _AS_LATIN + _AS_LATIN_TOO)
"""Letters of Cyrillic and Greek that look like Latin ones."""


def looks_alike(text: str) -> str:
    """Return a text that is the same for names that nobody can tell apart: ``prod`` with a Cyrillic o, and without.

    Composed and decomposed letters are the same, and so are letters that are drawn as Latin ones; case is not
    (https://www.unicode.org/reports/tr39/#Confusable_Detection, of which these are the letters that keyboards have).
    """
    return text if text.isascii() else unicodedata.normalize("NFKC", text).translate(_CONFUSABLE)


def unusual_letters(text: str) -> str:
    """Return `` (with CYRILLIC SMALL LETTER O)`` for a text with letters outside ASCII, else the empty string."""
    names = sorted({unicodedata.name(character, repr(character)) for character in text if not character.isascii()})
    return f" (with {', '.join(names)})" if names else ""


def unseen(text: str) -> re.Match[str] | None:
    """Find the first character that is invisible, or that looks like a space but is another character."""
    return None if text.isascii() else _UNSEEN.search(text)


def out_of_place(line: str) -> int | None:
    """Return the position on a line of a character that only looks like one that YAML expects there, or ``None``."""
    match = None if line.isascii() else _OUT_OF_PLACE.match(line)
    return match.start(match.lastindex or 0) if match else None


def name_of(character: str) -> str:
    """Return ``U+00A0 (no-break space)``."""
    nameless = "control character" if unicodedata.category(character) == "Cc" else "no assigned character"
    name = unicodedata.name(character, nameless).lower()
    return f"U+{ord(character):04X} ({name})"


def instead_of(character: str) -> str:
    """Return the replacement for a character that only looks like another one."""
    plain = _LOOKS_LIKE[character]
    return {"": "remove it", " ": "write a plain space"}.get(plain, f"write {plain}")
