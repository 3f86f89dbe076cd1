"""Read the lock from its file, and report its faults."""

from dataclasses import dataclass, replace
from pathlib import Path as FilePath

from pydantic import ValidationError

from config.findings import Fault
from config.lock.models import Lock
from config.sources import Source
from config.validation import fault_of
from config.yaml.document import read_document
from config.yaml.text import exists, read_text


@dataclass(frozen=True, slots=True)
class ReadLock:
    """The lock as read. It is empty without a lock file, and if the file has faults."""

    lock: Lock
    source: Source | None
    faults: tuple[Fault, ...]

    @property
    def is_broken(self) -> bool:
        """Tell whether its answers are unknown."""
        return bool(self.faults)


def read_lock(path: FilePath, order: int) -> ReadLock:
    """Read the lock; never raise, whatever its content.

    Args:
        path: ``inventory/inventory.lock.yaml``.
        order: Its position in the order of findings: after the files of the inventory.
    """
    if not exists(path):
        return ReadLock(Lock(), None, ())
    text = read_text(path, path.parent)
    if isinstance(text, Fault):
        return ReadLock(Lock(), None, (text.in_file(order, path),))
    document = read_document(text)
    source = Source(order, path, document)
    faults = [fault.in_file(order, path) for fault in document.problems]
    data = document.data if document.data is not None else {}
    try:
        return ReadLock(Lock.model_validate(data), source, tuple(faults))
    except ValidationError as error:
        invalid = [fault_of(detail, data, Lock) for detail in error.errors(include_url=False)]
    faults += [replace(fault, place=source.place(fault.path, of_key=fault.of_key)[0]) for fault in invalid]
    return ReadLock(Lock(), source, tuple(faults))
