"""Permission policies that stand in JSON files of their own."""

import json
from pathlib import Path as FilePath
from typing import Any

from pydantic_core import PydanticCustomError

from config.findings import Finding, Place
from config.models.inventory import Inventory
from config.models.permission_policy import PermissionPolicy, checked_policy_document
from config.sources import Source, Sources
from config.text_file import Unreadable, read_text
from config.yaml_document import read_document, show_path


def with_policy_files(inventory: Inventory, sources: Sources) -> tuple[Inventory, frozenset[str]]:
    """Return the inventory with every policy's document in place, and the names of the policies that have none.

    What is wrong is reported to ``sources``: at the YAML that names the file, or inside the file.
    """
    policies: dict[str, PermissionPolicy] = {}
    broken: set[str] = set()
    for name, policy in inventory.permission_policies.items():
        if policy.file is None:
            policies[name] = policy
            continue
        document = _read(name, policy.file, sources)
        if document is None:
            broken.add(name)
        else:
            policies[name] = policy.model_copy(update={"document": document})
    return inventory.model_copy(update={"permission_policies": policies}), frozenset(broken)


def _read(name: str, file: str, sources: Sources) -> dict[str, Any] | None:
    at = ("permission_policies", name, "file")
    path = sources.source_of(at).path.parent / file
    text = read_text(path, sources.folder)
    if isinstance(text, Unreadable):
        sources.report(text.rule, at, f"{file}: {text.message}", text.hint)
        return None
    return _document(path, text, sources)


def _document(path: FilePath, text: str, sources: Sources) -> dict[str, Any] | None:
    order = len(sources.files)
    # JSON is YAML to the composer, which knows the places of everything in it, of a key that stands twice as well.
    source = Source(order, path, read_document(text))
    twice = next((problem for problem in source.document.problems if problem.rule == "duplicate"), None)
    place = Place(order, 1, 1, str(path))
    try:
        data = json.loads(text)
        if twice is None:
            return checked_policy_document(data)
        place = Place(order, twice.line, twice.column, str(path))
        finding = Finding(place, "duplicate", show_path(twice.path), twice.message, twice.hint)
    except json.JSONDecodeError as error:
        place = Place(order, error.lineno, error.colno, str(path))
        finding = Finding(place, "json-syntax", "", f"this is not JSON: {error.msg}", "correct it here")
    except PydanticCustomError as error:
        context = error.context or {}
        at = context["at"]
        finding = Finding(source.place(at)[0], error.type, show_path(at), context["message"], context["hint"])
    except (RecursionError, ValueError):  # behind its own subclasses
        message = "nesting or a number beyond what a policy has"
        finding = Finding(place, "json-syntax", "", message, "write a permission policy")
    sources.findings.append(finding)
    return None
