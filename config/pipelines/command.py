"""A simple command of a shell script: its words, and the variables that it sets."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)(\+?)=", re.ASCII)


@dataclass(frozen=True, slots=True)
class Variable:
    """An expansion in a word: ``$NAME`` or ``${NAME}``; ``name`` is ``None`` for any other."""

    name: str | None


@dataclass(frozen=True, slots=True)
class Word:
    """A word: its parts without quotes, where it begins in the text, and the text."""

    parts: tuple[str | Variable, ...]
    start: int
    written: str

    def value(self, variables: Mapping[str, str | None]) -> str | None:
        """Return the word with these variables, or ``None`` if one is unknown."""
        texts = [part if isinstance(part, str) else variables.get(part.name or "") for part in self.parts]
        return None if None in texts else "".join(text or "" for text in texts)

    def after(self, length: int) -> "Word":
        """Return the word without its first characters, which are plain: the value of ``NAME=value``."""
        first, *others = self.parts
        kept = first[length:] if isinstance(first, str) else ""
        return Word((kept, *others), self.start + length, self.written[length:])


@dataclass(frozen=True, slots=True)
class Command:
    """A simple command.

    Attributes:
        assignments: Names with their values, before the command or as its arguments: of ``export`` and ``env`` too.
        words: The command and its arguments, without the assignments before it.
        is_certain: Whether it runs whenever the script does: it is in no condition, loop or function.
        is_here: Whether its assignments hold for the rest of the script.
    """

    assignments: tuple[tuple[str, Word], ...]
    words: tuple[Word, ...]
    is_certain: bool
    is_here: bool

    @property
    def name(self) -> str:
        """The command without its folder; empty if it is unknown or there is none."""
        value = self.words[0].value({}) if self.words else ""
        return (value or "").rpartition("/")[2]


_DECLARING = frozenset({"export", "declare", "typeset", "readonly", "local"})
_WRAPPING = frozenset({"command", "exec", "nohup", "sudo", "env", "builtin"})


def command_of(words: list[Word], *, is_certain: bool, is_here: bool) -> Command:
    """Return a command: behind ``env`` and the like, with the assignments before it and those that it makes."""
    assignments: list[tuple[str, Word]] = []
    is_for_the_rest = False
    while words:
        if assigned := _assigned(words[0]):
            assignments.append(assigned)
        elif words[0].written not in _WRAPPING and not (words[0].written.startswith("-") and assignments == []):
            break
        words.pop(0)
    is_for_the_rest = not words
    if words and words[0].written in _DECLARING:
        is_for_the_rest = True
        assignments += [assigned for word in words[1:] if (assigned := _assigned(word))]
    return Command(tuple(assignments), tuple(words), is_certain, is_here and is_for_the_rest)


def _assigned(word: Word) -> tuple[str, Word] | None:
    match = _ASSIGNMENT.match(word.written)
    if match is None:
        return None
    value = word.after(match.end())
    return match[1], replace(value, parts=(Variable(None),)) if match[2] else value
