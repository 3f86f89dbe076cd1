"""Turn faults into findings: find the place of each, apply ``allow``, and drop duplicates."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from config.allow import Silenced, accepted, unused_allows
from config.catalogue import RULES
from config.findings import Fault, Finding, Level, Place, has_errors
from config.sources import Source, Sources
from config.yaml.document import Path


@dataclass(frozen=True, slots=True)
class Placed:
    """The findings, and the findings that an ``allow`` silences, both in file order."""

    findings: tuple[Finding, ...]
    silenced: tuple[Silenced, ...]


def findings_of(faults: Iterable[Fault], sources: Sources, *, is_all: bool = False) -> Placed:
    """Look up the place of each fault, and return the findings to report.

    A rule is reported once for one place: an anchor's value is in many entries but in one place, and a name that is too
    long for one account is too long for others. A warning that an ``allow`` around it accepts is returned separately,
    with the reason. If a part of the inventory cannot be read, missing things are not reported: they may be in it.

    Args:
        faults: First the faults of reading the files, then the others in the order of the checks. Of two equal faults,
            the first is reported.
        sources: The files.
        is_all: Whether all checks are done; only then are unused ``allow`` entries known.
    """
    placing = _Placing(sources)
    for fault in faults:
        placing.add(fault)
    if is_all and not has_errors(placing.findings) and any("allow" in source.document.text for source in sources.files):
        for fault in list(unused_allows(sources.data, placing.used)):
            placing.add(fault)
    findings = _without_empty_parents(placing.findings, sources.files)
    return Placed(_in_file_order(findings), tuple(sorted(placing.silenced)))


@dataclass(slots=True)
class _Placing:
    """The findings so far; ``used`` are the paths of the ``allow`` entries that silence something."""

    sources: Sources
    findings: list[Finding] = field(default_factory=list)
    silenced: list[Silenced] = field(default_factory=list)
    used: set[Path] = field(default_factory=set)
    told: set[tuple[str, Place, bool]] = field(default_factory=set)
    is_incomplete: bool = False

    def add(self, fault: Fault) -> None:
        """Look up the place of a fault, and keep the fault if it is new."""
        if self.is_incomplete and RULES[fault.rule].of_absence:
            return
        self.is_incomplete = self.is_incomplete or fault.hides
        if fault.place is not None:
            self.findings.append(fault.at(fault.place))
            return
        path = self.sources.source_path(fault.path)
        place = self._place(fault, path)
        reason = accepted(self.sources.data, fault.rule, path)
        if reason is not None:
            self.used.add(reason.path)
        # Entries may share an anchor: an `allow` of one entry does not count for another.
        told = (fault.rule, place, reason is None)
        if told in self.told:
            return
        self.told.add(told)
        _, shown = self.sources.in_policy_file(path) or (None, path)
        related = [self.sources.place(other, of_key=True) for other in fault.related]
        finding = replace(replace(fault, path=shown).at(place, related), keys=path)
        if reason is None:
            self.findings.append(finding)
        else:
            self.silenced.append(Silenced(finding, reason.reason))

    def _place(self, fault: Fault, path: Path) -> Place:
        if fault.file is None:
            return self.sources.place(path, of_key=fault.of_key)
        return self.sources.file(fault.file).place(path, of_key=fault.of_key)[0]


def _without_empty_parents(findings: Sequence[Finding], files: Sequence[Source]) -> list[Finding]:
    """Drop findings of keys that are empty only because the lines below are not indented deeper."""
    unknown: dict[tuple[int, int, int], Finding] = {}
    for finding in findings:
        if finding.rule == "unknown-key":
            unknown.setdefault((finding.place.order, finding.place.line, finding.place.column), finding)
    texts: dict[int, list[str]] = {}
    removed: set[Finding] = set()
    replaced: dict[Finding, Finding] = {}
    for empty in (finding for finding in findings if unknown and finding.rule in _OF_KEYS):
        order, column = empty.place.order, empty.place.column
        if order not in texts:
            texts[order] = files[order].document.text.split("\n") if order < len(files) else [""]
        below = unknown.get((order, _line_below(texts[order], empty.place.line), column))
        # A key that itself belongs below another one is told already.
        if below is not None and empty not in replaced:
            key = empty.path.rpartition(".")[2]
            replaced[below] = replace(below, hint=f"indent it under `{key}`, which has nothing below it")
            removed.add(empty)
    return [replaced.get(finding, finding) for finding in findings if finding not in removed]


_OF_KEYS = frozenset({"empty-value", "unknown-key", "duplicate", "guardrails-elsewhere"})
"""Rules about keys that may have nothing below them."""

_ENDS_IN_A_COLON = re.compile(r":\s*(#.*)?$")


def _line_below(lines: Sequence[str], line: int) -> int:
    """Return the number of the next line with content below a key that has nothing beside it, or 0."""
    if not _ENDS_IN_A_COLON.search(lines[min(line, len(lines)) - 1]):
        return 0
    for number, text in enumerate(islice(lines, line, None), line + 1):
        content = text.lstrip()
        if content and not content.startswith("#"):
            return number
    return 0


def _in_file_order(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return the findings in file order, each once.

    A warning about a value with an error is dropped, as it would report the same fault again. It is reported once the
    error is corrected, if it is still true.
    """
    at_fault = {finding.place for finding in findings if finding.level is Level.ERROR}
    return tuple(sorted(f for f in set(findings) if f.level is Level.ERROR or f.place not in at_fault))
