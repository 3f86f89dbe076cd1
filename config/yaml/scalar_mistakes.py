"""Find the mistakes that people make in a scalar of YAML: quotes, escapes, aliases and colons in a value."""

import re

from config.yaml.mistakes import KEY, Mistake, TextPlace


def unquoted_alias(place: TextPlace) -> Mistake | None:
    """Find a value that begins with a star, which YAML reads as an alias."""
    if "alias" not in place.what:
        return None
    start = place.text.rfind("*", 0, place.column + 1)
    alias = re.match(r"\*[^\s,\]}]*", place.text[start:]) if start >= 0 else None
    name = alias[0] if alias else "*"
    if start < 0:
        start = place.column
    hint = f'quote it: "{name}"'
    if len(name) > 1:
        hint += f"; or define the anchor &{name[1:]} before it, in this file, if you mean one"
    return place.line, start, f"YAML reads `{name}` without quotes as an alias", hint


_BEGINS = re.compile(r"(?:^|[:\-,\[{])\s+([@`%|>?!&].*?)\s*$")


def reserved_character(place: TextPlace) -> Mistake | None:
    """Find a value that begins with a character that YAML reserves."""
    if "directive" in place.what:
        return place.line, 0, "YAML reads a line that begins with % as a directive", "quote it, or indent it"
    value = place.text[place.column :]
    is_reserved = value[:1] in set("@`%")
    if not is_reserved and not any(words in place.what for words in ("block scalar", "mapping keys", "tag")):
        return None
    begins = _BEGINS.search(place.text)
    if not is_reserved and begins is not None:
        value = begins[1]
    value = value.strip().rstrip(",]}")
    if not value:
        return None
    column = max(place.text.find(value), 0)
    return place.line, column, f"a value without quotes cannot begin with {value[0]}", f"quote it: {_quoted(value)}"


def _quoted(value: str) -> str:
    return f'"{value}"' if '"' not in value and "\\" not in value else f"'{value.replace(chr(39), chr(39) * 2)}'"


def unknown_escape(place: TextPlace) -> Mistake | None:
    """Find a backslash in double quotes that begins no escape of YAML."""
    if "escape" not in place.what and "hexdecimal" not in place.what:
        return None
    hint = "use single quotes, where a backslash is only a backslash"
    return (
        place.line,
        place.column,
        "a backslash in double quotes begins an escape, and YAML does not know this one",
        hint,
    )


def unclosed_quote(place: TextPlace) -> Mistake | None:
    """Find a quote that is not closed, or not on its line."""
    if "quoted scalar" in place.what:
        quote = place.lines[place.opened[0]][place.opened[1] : place.opened[1] + 1]
        return *place.opened, "a quote opens here and is not closed", f"close it with {quote} on the same line"
    # An unclosed quote ends where the next one opens, lines below.
    if "expected key" not in place.what:
        return None
    above = "\n".join([*place.lines[place.opened[0] : place.line], place.text[: place.column]])
    spans = [span for span in re.finditer(r"\"(?:[^\"\\]|\\.)*\"", above, re.DOTALL) if "\n" in span[0]]
    if not spans:
        return None
    before = above[: spans[0].start()].split("\n")
    line = place.opened[0] + len(before) - 1
    return line, len(before[-1]), "a quote opens here and is not closed on its line", 'close it with "'


def colon_in_value(place: TextPlace) -> Mistake | None:
    """Find a colon and a space inside a value without quotes."""
    if place.text[place.column : place.column + 1] != ":" or "block mapping" in place.what:
        return None
    text, start = place.text, 0
    if "flow" in place.what:
        start = max(text.rfind(mark, 0, place.column) for mark in ",{[") + 1
        end = re.compile(r"[,\]}]|$").search(text, place.column)
        text = text[: end.start()] if end else text
    key = KEY.match(text, start)
    if key is None or key.end() > place.column:
        return None
    hint = f"quote the value: {_quoted(text[key.end() :].strip())}"
    return place.line, place.column, "a colon and a space inside a value without quotes", hint


def text_after_value(place: TextPlace) -> Mistake | None:
    """Find text after a closing quote or bracket."""
    indentation = len(place.text) - len(place.text.lstrip())
    if "expected key" not in place.what or place.column <= indentation:
        return None
    surplus = place.text[place.column :].strip()
    key = KEY.match(place.text)
    value = place.text[key.end() :].strip() if key else place.text.strip()
    if surplus in (",", ";"):
        return place.line, place.column, f"`{surplus}` follows the value", "remove it: a line needs no end mark"
    if value.startswith("{{"):
        return (
            place.line,
            place.column,
            "YAML reads a value that begins with a brace as a mapping",
            f"quote it: {_quoted(value)}",
        )
    message = f"`{surplus}` follows a value that has ended"
    if value[:1] in "\"'" and len(value) > 1:
        other, escaped = ("'", '\\"') if value[0] == '"' else ('"', "''")
        hint = f"put {other} around the whole value, or write {escaped} for each {value[0]} inside"
        return place.line, place.column, message, hint
    return place.line, place.column, message, "remove it, or quote the whole value"


def repeated_anchor(place: TextPlace) -> Mistake | None:
    """Find an anchor whose name another one has."""
    if "duplicate anchor" not in place.what:
        return None
    return place.line, place.column, "another anchor above has this name", "give it another name"
