"""Read the documents of permission policies, in the inventory or in JSON files, and check IAM's grammar."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path as FilePath
from typing import Any

from config.findings import Fault, Place
from config.hidden_characters import hidden_character
from config.models.inventory import Inventory
from config.models.permission_policy import PermissionPolicy
from config.models.scalars import describe
from config.policy.grammar import grammar_faults
from config.root_causes import OF_DOCUMENT
from config.sources import Source, Sources
from config.yaml.document import Path, json_fault, read_json_document
from config.yaml.text import read_text


@dataclass(frozen=True, slots=True)
class PolicyDocuments:
    """Permission policies with their documents.

    Attributes:
        inventory: With every valid document in place, and without the other permission policies.
        files: The JSON files, by the names of the permission policies.
        faults: In the inventory, at the YAML that names a file, or inside the file.
    """

    inventory: Inventory
    files: Mapping[str, Source]
    faults: tuple[Fault, ...]


def with_policy_documents(inventory: Inventory, sources: Sources) -> PolicyDocuments:
    """Read the files of permission policies, and check all documents against IAM's grammar."""
    policies: dict[str, PermissionPolicy] = {}
    faults = list(_faults_in_inventory(sources.data))
    faulty = {fault.path[1] for fault in faults}
    files = _PolicyFiles(sources)
    for name, policy in inventory.permission_policies.items():
        document = policy.document if policy.file is None else files.document(name, policy.file)
        if document is None or name in faulty:
            continue
        if policy.file is not None and (own := _document_faults(name, document)):
            files.faults += own
            continue
        # YAML reads an unquoted version as a date; here it becomes text again.
        whole = {**document, "Version": str(document["Version"])}
        policies[name] = policy.model_copy(update={"document": whole})
    inventory = inventory.model_copy(update={"permission_policies": policies})
    return PolicyDocuments(inventory, files.by_name, (*faults, *files.faults))


def _faults_in_inventory(data: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield the faults of documents as written, also in entries that another fault leaves out."""
    policies = data.get("permission_policies")
    for name, entry in policies.items() if isinstance(policies, Mapping) else ():
        document = entry.get("document") if isinstance(entry, Mapping) else None
        if isinstance(entry, Mapping) and entry.keys() & OF_DOCUMENT:
            continue  # a part is outside `document` and reported there, so the document is incomplete
        if isinstance(document, Mapping):
            yield from _document_faults(name, document)


def _document_faults(name: str, document: Mapping[str, Any]) -> list[Fault]:
    """Return the breaches of IAM's grammar."""
    at: Path = ("permission_policies", name, "document")
    return [replace(fault, path=(*at, *fault.path)) for fault in grammar_faults(document)]


class _PolicyFiles:
    """Reads JSON files, each once for any number of permission policies; keeps their faults."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._read: dict[FilePath, tuple[Source | None, dict[str, Any] | None]] = {}
        self.by_name: dict[str, Source] = {}
        self.faults: list[Fault] = []

    def document(self, name: str, file: str) -> dict[str, Any] | None:
        """Return the content of a file, or ``None`` if it has a fault."""
        at = ("permission_policies", name, "file")
        path = self._sources.source_of(at).path.parent / file
        if path not in self._read:
            text = read_text(path, self._sources.folder)
            if isinstance(text, Fault):
                self.faults.append(Fault(text.rule, at, f"{file}: {text.message}", text.hint))
                return None
            # Policy files come after the inventory's files, in the order in which these name them.
            place = Place(len(self._sources.files) + len(self._read), 1, 1, str(path))
            self._read[path] = self._parsed(place, path, text)
        source, document = self._read[path]
        if source is not None:
            self.by_name[name] = source
        return document

    def _parsed(self, top: Place, path: FilePath, text: str) -> tuple[Source | None, dict[str, Any] | None]:
        if (hidden := hidden_character(text)) is not None:
            self.faults.append(hidden.in_file(top.order, path))
            return None, None
        try:
            data = json.loads(text, parse_constant=_no_number)
        except json.JSONDecodeError as error:
            place = replace(top, line=error.lineno, column=error.colno)
            self._refuse(place, "json-syntax", *json_fault(error))
            return None, None
        except (RecursionError, ValueError):  # after its subclass
            message = "nesting too deep, or a number too large, for a policy"
            self._refuse(top, "json-syntax", message, "write a permission policy")
            return None, None
        if not isinstance(data, dict):
            message, hint = f"expected a policy document, found {describe(data)}", "write {Version: …, Statement: […]}"
            self._refuse(top, "bad-policy-document", message, hint)
            return None, None
        # The composer comes second: nesting that json refuses would overflow its stack.
        source = Source(top.order, path, read_json_document(text))
        # If the composer refuses the text, a document that IAM accepts might hide a duplicate key.
        broken = source.document.data is None and not any(grammar_faults(data))
        problems = [problem for problem in source.document.problems if broken or problem.rule in _OF_JSON]
        self.faults += [problem.in_file(top.order, path) for problem in problems]
        return source, None if problems else data

    def _refuse(self, place: Place, rule: str, message: str, hint: str) -> None:
        self.faults.append(Fault(rule, (), message, hint, place=place))


_OF_JSON = frozenset({"duplicate", "hidden-characters"})
"""Rules for the text of a document that JSON itself does not have."""


def _no_number(constant: str) -> None:
    """Refuse NaN and Infinity, which Python accepts and JSON does not (RFC 8259, section 6)."""
    raise ValueError(constant)
