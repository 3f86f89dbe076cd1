"""Faults to findings: where each stands, which are accepted there, and which say nothing new."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from config.allow import Silenced, accepted, unused_allows
from config.catalogue import RULES
from config.findings import Fault, Finding, Level, Place, has_errors
from config.sources import Source, Sources
from config.yaml.document import Path


@dataclass(frozen=True, slots=True)
class Placed:
    """What faults come to: findings, and those that an ``allow`` silences, both in file order."""

    findings: tuple[Finding, ...]
    silenced: tuple[Silenced, ...]


def findings_of(faults: Iterable[Fault], sources: Sources, *, is_all: bool = False) -> Placed:
    """Look up where each fault stands, and return what is to be told of them.

    One rule is broken once at one place: what an anchor holds stands in many entries and in one place; what is too long
    for one account is so for others. A warning that an ``allow`` around it accepts is kept apart, with the reason.
    What is missing is not told while a part of the inventory cannot be read: it may stand there.

    Args:
        faults: Those of reading the files first, then in the order of the checks; of two alike the first is told.
        sources: The files.
        is_all: Whether nothing more is checked: what an ``allow`` is still for is known then.
    """
    placing = _Placing(sources)
    for fault in faults:
        placing.add(fault)
    if is_all and not has_errors(placing.findings) and any("allow" in one.document.text for one in sources.files):
        for fault in list(unused_allows(sources.data, placing.used)):
            placing.add(fault)
    findings = _without_empty_parents(placing.findings, sources.files)
    return Placed(_in_file_order(findings), tuple(sorted(placing.silenced)))


@dataclass(slots=True)
class _Placing:
    """What was told so far; ``used`` are the paths of allowances that silence something."""

    sources: Sources
    findings: list[Finding] = field(default_factory=list)
    silenced: list[Silenced] = field(default_factory=list)
    used: set[Path] = field(default_factory=set)
    told: set[tuple[str, Place, bool]] = field(default_factory=set)
    is_incomplete: bool = False

    def add(self, fault: Fault) -> None:
        """Look up the place of a fault, and keep what is new in it."""
        if self.is_incomplete and RULES[fault.rule].of_absence:
            return
        self.is_incomplete = self.is_incomplete or fault.hides
        if fault.place is not None:
            self.findings.append(fault.at(fault.place))
            return
        path = self.sources.written(fault.path)
        place = self._place(fault, path)
        reason = accepted(self.sources.data, fault.rule, path)
        if reason is not None:
            self.used.add(reason.path)
        # What one entry accepts of an anchor that they share, another has not accepted.
        told = (fault.rule, place, reason is None)
        if told in self.told:
            return
        self.told.add(told)
        _, shown = self.sources.in_policy_file(path) or (None, path)
        finding = replace(fault, path=shown).at(place)
        if reason is None:
            self.findings.append(finding)
        else:
            self.silenced.append(Silenced(finding, reason.reason))

    def _place(self, fault: Fault, path: Path) -> Place:
        if fault.file is None:
            return self.sources.place(path, of_key=fault.of_key)
        return self.sources.file(fault.file).place(path, of_key=fault.of_key)[0]


def _without_empty_parents(findings: Sequence[Finding], files: Sequence[Source]) -> list[Finding]:
    """Return the findings without keys that are empty only because what belongs below them is indented as they are."""
    kept = list(findings)
    for empty in (finding for finding in findings if finding.rule in _OF_KEYS):
        lines = files[empty.place.order].document.text.split("\n") if empty.place.order < len(files) else [""]
        if not _ENDS_IN_A_COLON.search(lines[min(empty.place.line, len(lines)) - 1]):
            continue
        for index, other in enumerate(kept):
            if other.rule == "unknown-key" and _is_next(lines, empty, other):
                key = empty.path.rpartition(".")[2]
                kept[index] = replace(other, hint=f"indent it under `{key}`, which has nothing below it")
                kept.remove(empty)
                break
    return kept


_OF_KEYS = frozenset({"empty-value", "unknown-key", "duplicate", "guardrails-elsewhere"})
"""Rules about keys that may have nothing below them."""

_ENDS_IN_A_COLON = re.compile(r":\s*(#.*)?$")


def _is_next(lines: Sequence[str], empty: Finding, other: Finding) -> bool:
    """Tell whether the line of the one finding is the next one below that of the other, and as far indented."""
    one, two = empty.place, other.place
    if (one.order, one.column) != (two.order, two.column) or one.line >= two.line:
        return False
    between = lines[one.line : two.line - 1]
    return all(not line.strip() or line.lstrip().startswith("#") for line in between)


def _in_file_order(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return the findings in file order, each once.

    Where an error stands, a warning about the same value would tell of the same fault again; it comes back if it is
    still true when the error is corrected.
    """
    at_fault = {finding.place for finding in findings if finding.level is Level.ERROR}
    return tuple(sorted(f for f in set(findings) if f.level is Level.ERROR or f.place not in at_fault))
