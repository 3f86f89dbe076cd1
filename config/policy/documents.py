"""The documents of permission policies, in the inventory or in JSON files: read, and held to IAM's grammar."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path as FilePath
from typing import Any

from config.findings import Finding, Place
from config.hidden_characters import hidden_character
from config.models.inventory import Inventory
from config.models.permission_policy import PermissionPolicy
from config.models.scalars import describe
from config.policy.grammar import grammar_faults
from config.slips import OF_DOCUMENT
from config.sources import Source, Sources
from config.yaml.document import Problem, read_json_document, show_path
from config.yaml.text import Unreadable, read_text


def with_policy_documents(inventory: Inventory, sources: Sources) -> Inventory:
    """Return the inventory with every sound document in place, and without the permission policies that have none.

    What is wrong is reported to ``sources``: in the inventory, at the YAML that names the file, or inside the file.
    """
    policies: dict[str, PermissionPolicy] = {}
    faulty = _faulty_in_inventory(sources)
    files = _PolicyFiles(sources)
    for name, policy in inventory.permission_policies.items():
        document = policy.document if policy.file is None else files.document(name, policy.file)
        if document is None or name in faulty or (policy.file is not None and _report_faults(name, document, sources)):
            continue
        # An unquoted version is a date to YAML, and has been taken for the text that it looks like.
        whole = {**document, "Version": str(document["Version"])}
        policies[name] = policy.model_copy(update={"document": whole})
    return inventory.model_copy(update={"permission_policies": policies})


def _faulty_in_inventory(sources: Sources) -> frozenset[str]:
    """Report the faults of documents as written, also where the entry around has a fault that leaves it out."""
    written = sources.data.get("permission_policies")
    faulty: set[str] = set()
    for name, entry in written.items() if isinstance(written, Mapping) else ():
        document = entry.get("document") if isinstance(entry, Mapping) else None
        if isinstance(entry, Mapping) and entry.keys() & OF_DOCUMENT:
            continue  # a part of it stands outside, and is reported there: the rest is no whole document
        if isinstance(document, Mapping) and _report_faults(name, document, sources):
            faulty.add(name)
    return frozenset(faulty)


def _report_faults(name: str, document: Mapping[str, Any], sources: Sources) -> bool:
    """Report the breaches of IAM's grammar, and tell whether there are any."""
    faults = list(grammar_faults(document))
    for fault in faults:
        at = ("permission_policies", name, "document", *fault.at)
        sources.report(fault.rule, at, fault.message, fault.hint, of_key=fault.of_key)
    return bool(faults)


class _PolicyFiles:
    """Reads JSON files, each once however many permission policies name it."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._read: dict[FilePath, tuple[Source | None, dict[str, Any] | None]] = {}

    def document(self, name: str, file: str) -> dict[str, Any] | None:
        """Return what a file holds, or ``None`` where that is reported already."""
        at = ("permission_policies", name, "file")
        path = self._sources.source_of(at).path.parent / file
        if path not in self._read:
            text = read_text(path, self._sources.folder)
            if isinstance(text, Unreadable):
                self._sources.report(text.rule, at, f"{file}: {text.message}", text.hint)
                return None
            # Files of policies come after those of the inventory, in the order in which these name them.
            place = Place(len(self._sources.files) + len(self._read), 1, 1, str(path))
            self._read[path] = self._parsed(place, path, text)
        source, document = self._read[path]
        if source is not None:
            self._sources.policy_files[name] = source
        return document

    def _parsed(self, top: Place, path: FilePath, text: str) -> tuple[Source | None, dict[str, Any] | None]:
        if (hidden := hidden_character(text)) is not None:
            self._refuse_problem(top, hidden)
            return None, None
        try:
            data = json.loads(text, parse_constant=_no_number)
        except json.JSONDecodeError as error:
            place = replace(top, line=error.lineno, column=error.colno)
            self._refuse(Finding(place, "json-syntax", "", f"this is not JSON: {error.msg}", "correct it here"))
            return None, None
        except (RecursionError, ValueError):  # behind its own subclasses
            message = "nesting or a number beyond what a policy has"
            self._refuse(Finding(top, "json-syntax", "", message, "write a permission policy"))
            return None, None
        if not isinstance(data, dict):
            message, hint = f"expected a policy document, found {describe(data)}", "write {Version: …, Statement: […]}"
            self._refuse(Finding(top, "bad-policy-document", "", message, hint))
            return None, None
        # The composer comes second: nesting that json refuses would overflow its stack.
        source = Source(top.order, path, read_json_document(text))
        # Where it does not take the text, a key twice may hide behind what IAM takes; the rest is IAM's to refuse.
        broken = source.document.data is None and not any(grammar_faults(data))
        problems = [problem for problem in source.document.problems if broken or problem.rule in _OF_JSON]
        for problem in problems:
            self._refuse_problem(top, problem)
        return source, None if problems else data

    def _refuse_problem(self, top: Place, problem: Problem) -> None:
        place = replace(top, line=problem.line, column=problem.column)
        self._refuse(Finding(place, problem.rule, show_path(problem.path), problem.message, problem.hint))

    def _refuse(self, finding: Finding) -> None:
        self._sources.findings.append(finding)


_OF_JSON = frozenset({"duplicate", "hidden-characters"})
"""Rules for the text of a document that JSON itself does not have."""


def _no_number(constant: str) -> None:
    """Refuse NaN and Infinity, which Python reads, and JSON has not (RFC 8259, section 6)."""
    raise ValueError(constant)
