"""Load an inventory: files to frozen values, with everything that is wrong about them."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path as FilePath

from config.catalogue import RULES
from config.families import Origins, with_families, with_plan_roles
from config.findings import Fault, Finding, Level, has_errors
from config.inventory_files import LOCK_NAME
from config.lock import Lock, ReadLock, read_lock, with_locked_quotas, with_locked_uuids
from config.models.inventory import Inventory
from config.policy.documents import with_policy_documents
from config.reading import read_sources
from config.rules import check
from config.rules.context import Context
from config.selectors import AccountSelector, check_selection_is_answered, with_selected_accounts
from config.slips import without_empty_parents
from config.sources import Sources
from config.validation import validate
from config.yaml.document import hint_for_empty


@dataclass(frozen=True, slots=True)
class Loaded:
    """An inventory as read.

    Attributes:
        inventory: The sound part of it, with UUIDs from the lock and documents from policy files. Where no finding
            is an error, all of it.
        written: The same, without UUIDs from the lock.
        validated: As it comes out of the models: without pairs, without anything from the lock. The proof begins here.
        lock: As read.
        sources: The files, for the places of further findings.
        findings: In file order.
    """

    inventory: Inventory
    written: Inventory
    validated: Inventory
    lock: ReadLock
    sources: Sources
    findings: tuple[Finding, ...]

    @property
    def has_errors(self) -> bool:
        """Tell whether a finding of level error is among the findings."""
        return has_errors(self.findings)


def load_inventory(
    path: FilePath, *, guardrails: FilePath | None = None, today: date | None = None, lock: Lock | None = None
) -> Loaded:
    """Load an inventory, a folder or one file; what is wrong with it is in the findings, never raised.

    Args:
        path: ``inventory`` or ``inventory.yaml``; findings name files the way this does.
        guardrails: The file of the guardrails; where left out, `guardrails.yaml` in the inventory's folder, if it is
            there.
        today: In UTC; the day of the call where left out.
        lock: In place of the one beside the inventory.
    """
    sources = read_sources(path, guardrails)
    told = {finding.place for finding in sources.findings}
    origins = Origins()
    sources.written = origins.written
    read = read_lock(sources.folder / LOCK_NAME, len(sources.files)) if lock is None else ReadLock(lock, None, ())
    with_selected_accounts(sources, origins, read)
    validated = validate(with_families(sources, origins))
    for fault in validated.faults:
        # A value whose text was at fault already is no value to judge again.
        if not told or not told & {sources.place(fault.path), sources.place(fault.path, of_key=True)}:
            hint = _hint_for_empty(sources, fault) if fault.rule == "empty-value" else None
            sources.report(fault.rule, fault.path, fault.message, hint or fault.hint, of_key=fault.of_key)
            sources.lost.update(sources.findings[-1:] if fault.hides else ())
    if sources.lost:
        # What families miss was reported before it was known that something is lost.
        sources.findings = [found for found in sources.findings if not RULES[found.rule].of_absence]
    sources.findings = without_empty_parents(sources.findings, sources.files)
    check_selection_is_answered(sources, read, sound=validated.inventory.accounts_from is not None)
    sources.findings += read.findings
    every_role = with_plan_roles(validated.inventory, sources, origins)
    written = with_policy_documents(every_role, sources)
    inventory = with_locked_quotas(with_locked_uuids(written, read.lock), read.lock)
    today = today or datetime.now(UTC).date()
    if sources.data:
        selector = AccountSelector(inventory.accounts)
        check(Context(written, inventory, read, sources, selector, today))
    return Loaded(inventory, written, validated.inventory, read, sources, in_file_order(sources.findings))


def _hint_for_empty(sources: Sources, fault: Fault) -> str | None:
    place = sources.place(fault.path, of_key=True)
    return hint_for_empty(sources.files[place.order].document.text, place.line)


def in_file_order(findings: list[Finding]) -> tuple[Finding, ...]:
    """Return the findings in file order, each once.

    Where an error stands, a warning about the same value would tell of the same fault again; it comes back if it is
    still true when the error is corrected.
    """
    at_fault = {finding.place for finding in findings if finding.level is Level.ERROR}
    return tuple(sorted(f for f in set(findings) if f.level is Level.ERROR or f.place not in at_fault))
