"""Faults of an inventory's data, and findings: faults with a file, line and column."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from enum import StrEnum
from pathlib import Path as FilePath
from typing import Any, TypeAlias, TypeVar

from pydantic_core import PydanticCustomError

from config.catalogue import rule_of

Path: TypeAlias = tuple[str | int, ...]
"""Keys and indexes from the top of a document: ``("roles", "deploy", "trust", 0)``."""


def show_path(path: Sequence[str | int]) -> str:
    """Return ``roles.payments-deploy.trust[0].repository`` for its parts."""
    shown = ""
    for part in path:
        shown += f"[{part}]" if isinstance(part, int) else f".{part}" if shown else part
    return shown


class Level(StrEnum):
    """The severity of a finding.

    ``error``: the grammar is broken, AWS would refuse it, access would differ from what is written, or a guardrail is
    broken. ``warning``: it works, but is wide, unused or about to end.
    """

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A place in a file.

    Attributes:
        order: The file's place in the order of reading, from 0; findings are reported in this order.
        line: From 1.
        column: From 1.
        file: As the user would open it: ``inventory/roles/payments.yaml``.
    """

    order: int
    line: int
    column: int
    file: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of the data.

    Attributes:
        rule: An id of ``config.catalogue``.
        path: Keys and indexes: ``("roles", "deploy", "trust", 0)``; from a validator, those inside its value.
        message: The problem; with ``related``, up to the place that it ends with.
        hint: The correction.
        related: Paths of other places, of their keys; the finding's message ends with the ``file:line`` of each.
        of_key: Whether the last key of ``path`` is at fault, not its value.
        hides: Whether the content at ``path`` belongs elsewhere, and is missing there.
        meant: The key that is missing or misspelt: ``for_each``. Other faults may follow from it.
        file: The file with the fault, if it is the lock or if several files have something at ``path``.
        place: The place, if the reader knows it already; ``path`` is then not looked up. ``file`` of the place is empty
            for a text that is not in a file yet.
    """

    rule: str
    path: Path
    message: str
    hint: str
    of_key: bool = False
    related: tuple[Path, ...] = ()
    hides: bool = False
    meant: str | None = None
    file: FilePath | None = None
    place: Place | None = None

    @property
    def level(self) -> Level:
        """The level of the rule."""
        return Level(rule_of(self.rule).level)

    def at(self, place: Place, related: Iterable[Place] = ()) -> "Finding":
        """Return the finding at a place; ``related`` are the places of ``related``."""
        message = " ".join([self.message, *(f"{other.file}:{other.line}" for other in related)])
        return Finding(place, self.rule, show_path(self.path), message, self.hint)

    def in_file(self, order: int, file: FilePath | str) -> "Fault":
        """Return the fault of a text at its place in a file."""
        line, column = (self.place.line, self.place.column) if self.place is not None else (1, 1)
        return replace(self, place=Place(order, line, column, str(file)))


T = TypeVar("T", bound=Hashable)


def fault(rule: str, message: str, hint: str, at: tuple[str | int, ...] = ()) -> PydanticCustomError:
    """Return the error for a validator to raise; ``config.validation`` turns it into a finding at the value's place.

    Args:
        rule: One of ``config.catalogue.RULES``.
        message: The problem, for example ``not a UUID: acme``.
        hint: The correction, for example ``write it as {8-4-4-4-12}, quoted``.
        at: The path inside the value: ``("Statement", 0, "Action")`` of a policy document.
    """
    return error_of(Fault(rule, at, message, hint))


def in_text(rule: str, at: tuple[int, int], message: str, hint: str, path: Path = ()) -> Fault:
    """Return the fault of a text at a line and column, both from 1; ``Fault.in_file`` says which file it is in."""
    return Fault(rule, path, message, hint, place=Place(0, *at, ""))


def error_of(raised: Fault) -> PydanticCustomError:
    """Return the error that carries a fault through pydantic."""
    # pydantic's types ask for LiteralString, but it takes any text.
    return PydanticCustomError(raised.rule, "{message}", {"message": raised.message, "fault": raised})


def fault_in(context: Mapping[str, Any] | None) -> Fault | None:
    """Return the fault that an error of pydantic carries in its context; ``None`` for an error of pydantic itself."""
    carried = (context or {}).get("fault")
    return carried if isinstance(carried, Fault) else None


def each_once(values: tuple[T, ...]) -> tuple[T, ...]:
    """Return a list without duplicates; a duplicate is a fault."""
    seen: set[T] = set()
    for index, value in enumerate(values):
        if value in seen:
            raise fault("duplicate", f"{value} is in this list twice", "keep one of the two", (index,))
        seen.add(value)
    return values


def parse_each(values: Sequence[object], parse: Callable[[object], T]) -> tuple[T, ...]:
    """Parse every value of a list; a fault names the index of its value."""
    parsed: list[T] = []
    for index, value in enumerate(values):
        try:
            parsed.append(parse(value))
        except PydanticCustomError as error:
            carried = fault_in(error.context)
            if carried is None:
                raise
            raise error_of(replace(carried, path=(index, *carried.path))) from None
    return tuple(parsed)


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One fault.

    Attributes:
        place: File, line and column.
        rule: Public id, for example ``unknown-repository``; one of ``config.catalogue.RULES``.
        path: Keys from the top of the inventory: ``roles.payments-deploy.trust[0].repository``.
        message: The problem: the expected value and the value found.
        hint: The correction.
        keys: ``path`` in parts; in a JSON file of a policy, those of the policy. Empty for a fault of a file.
    """

    place: Place
    rule: str
    path: str
    message: str
    hint: str
    keys: Path = field(default=(), compare=False)

    @property
    def level(self) -> Level:
        """The level of the rule."""
        return Level(rule_of(self.rule).level)

    def __str__(self) -> str:
        return self.line(self.level.value, shown(self.hint))

    def line(self, word: str, ending: str) -> str:
        """Return ``file:line:column: word[rule-id] path: what is wrong; ending``."""
        where = f"{shown(self.path)}: " if self.path else ""
        return f"{one_line(str(self.place))}: {word}[{self.rule}] {where}{shown(self.message)}; {ending}"

    def to_json(self) -> dict[str, str | int]:
        """Return the finding as ``--format json`` shows it."""
        return {
            "rule": self.rule,
            "level": self.level.value,
            "file": one_line(self.place.file),
            "line": self.place.line,
            "column": self.place.column,
            "path": shown(self.path),
            "message": shown(self.message),
            "hint": shown(self.hint),
        }


def shown(text: str) -> str:
    """Return a value of the inventory as a finding shows it: one line, printable, of limited length."""
    return one_line(text if len(text) <= _LONG else f"{text[: _LONG // 2]}…{text[-_LONG // 2 :]}")


_LONG = 1_000


def has_errors(findings: Iterable[Finding | Fault]) -> bool:
    """Tell whether any finding or fault is of level error."""
    return any(finding.level is Level.ERROR for finding in findings)


def one_line(text: str) -> str:
    """Keep a message on one line and printable: control characters of the inventory are escaped."""
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)


def did_you_mean(word: str, known: Iterable[str], otherwise: str, *, parts: bool = False) -> str:
    """Return ``did you mean `production`?`` if one of ``known`` is similar to ``word``, else ``otherwise``."""
    near = nearest(word, known, parts=parts)
    return otherwise if near is None else f"did you mean `{near}`?"


def nearest(word: str, known: Iterable[str], *, parts: bool = False) -> str | None:
    """Return the entry of ``known`` that is most similar to ``word``; ``None`` if no entry is similar enough.

    With ``parts``, a part of a name counts too: ``polices`` is similar to ``permission_policies``.
    """
    candidates = list(known)
    if (same := ignoring_case(word, candidates)) is not None:
        return same
    if len(candidates) > _MANY:  # comparing everything with everything would take minutes
        near = [name for name in candidates if name[:2] == word[:2] and abs(len(name) - len(word)) <= _CLOSE_LENGTH]
        candidates = near[:_MANY]
    scored = [
        (max(_likeness(word, name), *(_PART * _likeness(word, part) for part in name.split("_") if parts), 0.0), name)
        for name in candidates
    ]
    score, name = min(scored, key=lambda each: (-each[0], each[1]), default=(0.0, ""))
    return name if score >= _NEAR else None


def ignoring_case(word: str, known: Iterable[str]) -> str | None:
    """Return the entry of ``known`` that differs from ``word`` in capitals alone, ``production`` for ``Production``."""
    return next((name for name in known if name != word and name.casefold() == word.casefold()), None)


_NEAR, _PART, _MANY, _CLOSE_LENGTH = 0.65, 0.95, 50, 2


def _likeness(word: str, name: str) -> float:
    return SequenceMatcher(None, word.lower(), name.lower()).ratio()
