"""Read the lock from its file, with findings for what is wrong in it."""

from dataclasses import dataclass
from pathlib import Path as FilePath

from pydantic import ValidationError

from config.findings import Finding, Place
from config.lock.models import Lock
from config.sources import Source
from config.validation import fault_of
from config.yaml.document import read_document, show_path
from config.yaml.text import Unreadable, is_there, read_text


@dataclass(frozen=True, slots=True)
class ReadLock:
    """A lock as read: empty where there is none, and where it is broken, which its findings then say."""

    lock: Lock
    source: Source | None
    findings: tuple[Finding, ...]

    @property
    def is_broken(self) -> bool:
        """Tell whether what it would have answered is unknown."""
        return bool(self.findings)


def read_lock(path: FilePath, order: int) -> ReadLock:
    """Read the lock; never raises for what it holds.

    Args:
        path: ``inventory/inventory.lock.yaml``.
        order: Its place among the files that findings are reported for: behind those of the inventory.
    """
    if not is_there(path):
        return ReadLock(Lock(), None, ())
    text = read_text(path, path.parent)
    if isinstance(text, Unreadable):
        place = Place(order, text.line, text.column, str(path))
        return ReadLock(Lock(), None, (Finding(place, text.rule, "", text.message, text.hint),))
    document = read_document(text)
    source = Source(order, path, document)
    findings = [
        Finding(
            Place(order, found.line, found.column, str(path)),
            found.rule,
            show_path(found.path),
            found.message,
            found.hint,
        )
        for found in document.problems
    ]
    data = document.data if document.data is not None else {}
    try:
        return ReadLock(Lock.model_validate(data), source, tuple(findings))
    except ValidationError as error:
        faults = [fault_of(detail, data, Lock) for detail in error.errors(include_url=False)]
    for fault in faults:
        place = source.place(fault.path, of_key=fault.of_key)[0]
        findings.append(Finding(place, fault.rule, show_path(fault.path), fault.message, fault.hint))
    return ReadLock(Lock(), source, tuple(findings))
