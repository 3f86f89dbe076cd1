"""Load an inventory: read its files into frozen values, and collect their faults."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path as FilePath

from config.declared import names
from config.families import Origins, with_families
from config.findings import Fault, Finding, Level
from config.inventory_files import LOCK_NAME, Locate
from config.lock import Lock, ReadLock, read_lock, with_locked_quotas, with_locked_uuids
from config.models.inventory import Inventory
from config.placing import findings_of
from config.plan_roles import own_settings, taken_faults, with_plan_roles
from config.policy.documents import with_policy_documents
from config.reading import read_sources
from config.required_version import check_version
from config.rules import check
from config.rules.context import Context
from config.selectors import AccountSelector, hides_accounts, selection_faults, with_selected_accounts
from config.sources import Sources
from config.validation import validate
from config.yaml.document import Path, hint_for_empty


@dataclass(frozen=True, slots=True)
class Loaded:
    """An inventory as read.

    Attributes:
        inventory: Its valid part, with UUIDs from the lock and documents from policy files. If no finding is an error,
            the whole inventory.
        without_lock: The same, without UUIDs from the lock.
        validated: The models' result: without pairs, without anything from the lock. The proof begins here.
        lock: As read.
        sources: The files, for the places of further faults.
        faults: Those of the files, then of the values, then in the order of the rules.
    """

    inventory: Inventory
    without_lock: Inventory
    validated: Inventory
    lock: ReadLock
    sources: Sources
    faults: tuple[Fault, ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings so far, in file order."""
        return findings_of(self.faults, self.sources).findings

    def is_at_fault(self, entry: Path) -> bool:
        """Tell whether an entry or a section has an error; its missing parts are then reported already."""
        return any(fault.path[: len(entry)] == entry for fault in self.faults if fault.level is Level.ERROR)

    @property
    def is_incomplete(self) -> bool:
        """Tell whether a part of the inventory cannot be read: missing entries may be in it."""
        return any(fault.hides for fault in self.faults)


def load_inventory(
    path: FilePath,
    *,
    guardrails: FilePath | None = None,
    today: date | None = None,
    lock: Lock | None = None,
    any_version: bool = False,
    locate: Locate | None = None,
) -> Loaded:
    """Load an inventory, a folder or one file; collect its faults, never raise them.

    Args:
        path: ``inventory`` or ``inventory.yaml``; findings name files in the same form.
        guardrails: The guardrails file. Default: the one that `rollout` names, else `guardrails.yaml` in the
            inventory's folder, if it exists.
        today: In UTC. Default: the day of the call.
        lock: Replaces the lock beside the inventory.
        any_version: Whether ``requires`` does not count: for the older side of a comparison.
        locate: Where the guardrails file is that `rollout` names, and may raise; by default from the inventory's
            folder.
    """
    sources, of_text = read_sources(path, guardrails, locate)
    if not any_version and (other := check_version(sources.data)) is not None:
        # Its grammar may be another one, so nothing else is judged.
        return Loaded(Inventory(), Inventory(), Inventory(), ReadLock(Lock(), None, ()), sources, (other,))
    read = read_lock(sources.folder / LOCK_NAME, len(sources.files)) if lock is None else ReadLock(lock, None, ())
    data, selected = with_selected_accounts(sources.data, read)
    families = with_families(data)
    validated = validate(families.data)
    taken = names(data, "roles")
    every_role = with_plan_roles(validated.inventory, taken)
    origins = Origins(families.keys, own_settings(validated.inventory, taken), selected)
    sources = replace(sources, data=data, lock=read.source, source_path=origins.source_path)
    faults = [*of_text, *_not_told(validated.faults, of_text, sources), *families.faults]
    if validated.inventory.accounts_from is None:
        faults = [replace(fault, hides=fault.hides or hides_accounts(data, read, fault)) for fault in faults]
    else:
        faults += selection_faults(data, read)
    documents = with_policy_documents(every_role, sources)
    without_lock = documents.inventory
    sources = replace(sources, policy_files=documents.files)
    faults += [*read.faults, *taken_faults(validated.inventory, taken), *documents.faults]
    inventory = with_locked_quotas(with_locked_uuids(without_lock, read.lock), read.lock)
    if data:
        today = today or datetime.now(UTC).date()
        is_incomplete = any(fault.hides for fault in faults)
        selector = AccountSelector(inventory.accounts)
        faults += check(Context(without_lock, inventory, read, sources, selector, today, is_incomplete))
    return Loaded(inventory, without_lock, validated.inventory, read, sources, tuple(faults))


def _not_told(faults: Iterable[Fault], of_text: Iterable[Fault], sources: Sources) -> Iterator[Fault]:
    """Yield the faults of values, except values whose text has a fault already."""
    told = {fault.place for fault in of_text}
    for fault in faults:
        if not told or not told & {sources.place(fault.path), sources.place(fault.path, of_key=True)}:
            hint = _hint_for_empty(sources, fault) if fault.rule == "empty-value" else None
            yield replace(fault, hint=hint or fault.hint)


def _hint_for_empty(sources: Sources, fault: Fault) -> str | None:
    place = sources.place(fault.path, of_key=True)
    return hint_for_empty(sources.files[place.order].document.text, place.line)
