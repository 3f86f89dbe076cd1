"""Read the commands of a shell script, as far as their words are certain.

A command is found in pipelines, compounds and substitutions. What only a run can tell, such as the value of a
variable, has no value here. Source: https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from config.pipelines.command import Command, Variable, Word, command_of

_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_OPENING = {"if": "fi", "for": "done", "while": "done", "until": "done", "select": "done", "case": "esac", "{": "}"}
_BETWEEN = frozenset({"then", "elif", "else", "do", "in", "!", "time", "function"})
_TESTS = frozenset({"[", "[[", "test", "grep"})
"""Commands whose failure is an answer: what follows behind `&&` may not run."""
_SPECIAL = " \t\n;&|()<>"
_OTHER_EXPANSIONS = "@*#?-$!0123456789('"
"""What follows the dollar sign of other expansions: parameters, a text with escapes, or too deep a substitution."""
_MAX_DEPTH = 50
"""Of substitutions inside each other; deeper ones are not read."""


@dataclass(frozen=True, slots=True)
class Commands:
    """The commands of a script, in its order; the text, with spaces for comments; whether a compound is left open."""

    commands: tuple[Command, ...]
    text: str
    is_open: bool


def commands_of(text: str) -> Commands:
    """Return the commands of a script; never raise for any ``text``."""
    reader = _Reader(text)
    reader.read_until(None)
    return Commands(tuple(reader.commands), reader.without_comments(), reader.is_open)


@dataclass(slots=True)
class _Reader:
    text: str
    at: int = 0
    commands: list[Command] = field(default_factory=list)
    comments: list[tuple[int, int]] = field(default_factory=list)
    substitutions: int = 0
    is_open: bool = False

    def without_comments(self) -> str:
        kept, last = [], 0
        for start, end in self.comments:
            kept += [self.text[last:start], " " * (end - start)]
            last = end
        return "".join([*kept, self.text[last:]])

    def read_until(self, closing: str | None) -> None:
        """Read commands up to the closing bracket of a substitution, or to the end."""
        words: list[Word] = []
        opened: list[str] = []
        documents: list[str] = []
        is_optional = False
        while self.at < len(self.text):
            character = self.text[self.at]
            if character == closing and not {"(", "esac"} & {*opened} and "case" not in [w.written for w in words[:1]]:
                break
            if character in " \t" or self.text.startswith("\\\n", self.at):
                self.at += 1 if character != "\\" else len("\\\n")
            elif character == "#":
                self._skip_comment()
            elif character in "<>":
                self._skip_redirection(documents)
            elif character in _SPECIAL:
                operator = self._operator()
                last = self._end(words, opened, is_optional=is_optional)
                if operator != "|":
                    is_optional = operator == "||" or (operator == "&&" and (is_optional or last in _TESTS))
                _bracket(operator, opened)
                if operator == "\n":
                    self._skip_documents(documents)
            else:
                words.append(self._word())
        self._end(words, opened, is_optional=is_optional)
        self.is_open = bool(opened)
        self.at += 1

    def _end(self, words: list[Word], opened: list[str], *, is_optional: bool) -> str:
        """Add the command that the words are, and return its name; the words are then empty."""
        found, name = list(words), ""
        words.clear()
        while found and (keyword := found[0].written) in {*_OPENING, *_OPENING.values(), *_BETWEEN}:
            found.pop(0)
            if keyword in _OPENING:
                opened.append(_OPENING[keyword])
            elif opened and keyword == opened[-1]:
                opened.pop()
            if keyword in ("for", "select", "case"):
                # The variable of a loop has any value from here on.
                unknown = [(word.written, Word((Variable(None),), word.start, "")) for word in found[:1]]
                self.commands.append(Command(tuple(unknown), (), is_certain=False, is_here=True))
                return ""
        if found:
            is_certain = not opened and not is_optional
            command = command_of(found, is_certain=is_certain, is_here=not self.substitutions)
            self.commands.append(command)
            name = command.name
        return name

    def _operator(self) -> str:
        for operator in ("&&", "||", ";;"):
            if self.text.startswith(operator, self.at):
                self.at += len(operator)
                return operator
        self.at += 1
        return self.text[self.at - 1]

    def _skip_comment(self) -> None:
        end = self.text.find("\n", self.at)
        end = len(self.text) if end < 0 else end
        self.comments.append((self.at, end))
        self.at = end

    def _skip_redirection(self, documents: list[str]) -> None:
        match = re.compile(r"<<<|<<-?|[<>]+[&|]?").match(self.text, self.at)
        operator = match[0] if match else self.text[self.at]
        self.at += len(operator)
        while self.text[self.at : self.at + 1] in (" ", "\t"):
            self.at += 1
        if self.at < len(self.text) and self.text[self.at] not in _SPECIAL:
            target = self._word()
            if operator in ("<<", "<<-"):
                documents.append(target.value({}) or "")

    def _skip_documents(self, documents: list[str]) -> None:
        """Go behind the here-documents whose operators are on the line above."""
        for delimiter in documents:
            while self.at < len(self.text):
                end = self.text.find("\n", self.at)
                line = self.text[self.at : len(self.text) if end < 0 else end]
                self.at += len(line) + 1
                if line.strip("\t") == delimiter:
                    break
        documents.clear()

    def _word(self) -> Word:
        start, parts = self.at, list[str | Variable]()
        while self.at < len(self.text) and self.text[self.at] not in _SPECIAL:
            character = self.text[self.at]
            if character == "'":
                end = self._find("'", self.at + 1)
                parts.append(self.text[self.at + 1 : end])
                self.at = end + 1
            elif character == '"':
                self.at += 1
                parts += self._quoted()
            else:
                parts.append(self._part())
        return Word(_joined(parts), start, self.text[start : self.at])

    def _quoted(self) -> Iterator[str | Variable]:
        while self.at < len(self.text) and self.text[self.at] != '"':
            if self.text[self.at] == "\\" and self.text[self.at + 1 : self.at + 2] not in ("$", "`", '"', "\\", "\n"):
                self.at += 1
                yield "\\"
            else:
                yield self._part()
        self.at += 1
        yield ""

    def _part(self) -> str | Variable:
        """Return the next character, or expansion."""
        character, following = self.text[self.at], self.text[self.at + 1 : self.at + 2]
        self.at += 1
        if character == "\\":
            self.at += 1
            return "" if following == "\n" else following
        if character == "`":
            end = self._find("`", self.at)
            inner = _Reader(self.text[self.at : end], substitutions=self.substitutions + 1)
            inner.read_until(None)
            self.commands += inner.commands
            self.at = end + 1
            return Variable(None)
        if character != "$":
            return character
        return self._expansion(following)

    def _expansion(self, following: str) -> str | Variable:
        if self.text.startswith("((", self.at):
            self.at = self._find("))", self.at) + len("))")
            return Variable(None)
        if following == "(" and self.substitutions < _MAX_DEPTH:
            self.at += 1
            self.substitutions += 1
            self.read_until(")")
            self.substitutions -= 1
            return Variable(None)
        if following == "{":
            end = self._find("}", self.at)
            name, self.at = self.text[self.at + 1 : end], end + 1
            return Variable(name if _NAME.fullmatch(name) else None)
        match = _NAME.match(self.text, self.at)
        if match:
            self.at = match.end()
            return Variable(match[0])
        if not following or following not in _OTHER_EXPANSIONS:
            return "$"
        self.at += following not in "('"
        return Variable(None)

    def _find(self, end: str, start: int) -> int:
        found = self.text.find(end, start)
        return len(self.text) if found < 0 else found


def _joined(parts: list[str | Variable]) -> tuple[str | Variable, ...]:
    joined: list[str | Variable] = []
    for part in parts:
        if isinstance(part, str) and joined and isinstance(joined[-1], str):
            joined[-1] += part
        else:
            joined.append(part)
    return tuple(joined)


def _bracket(operator: str, opened: list[str]) -> None:
    if operator == "(":
        opened.append("(")
    elif operator == ")" and opened and opened[-1] == "(":
        opened.pop()
