"""Permission policies that stand in JSON files of their own."""

import json
from pathlib import Path as FilePath
from typing import Any

from pydantic_core import PydanticCustomError

from config.findings import Finding, Place
from config.models.inventory import Inventory
from config.models.permission_policy import PermissionPolicy, checked_policy_document
from config.sources import Source, Sources
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
    try:
        if not path.resolve().is_relative_to(sources.folder.resolve()):
            sources.report("outside-inventory", at, f"{file} is outside of the inventory folder", "move it inside")
            return None
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        sources.report("unreadable-file", at, f"{path} cannot be read: {error.strerror}", "check the path and the file")
        return None
    except (UnicodeDecodeError, ValueError):
        sources.report("unreadable-file", at, f"{path} is not a text file in UTF-8", "check the path and the file")
        return None
    return _document(path, text, sources)


def _document(path: FilePath, text: str, sources: Sources) -> dict[str, Any] | None:
    order = len(sources.files)
    try:
        data = json.loads(text, object_pairs_hook=_without_duplicates)
        return checked_policy_document(data)
    except json.JSONDecodeError as error:
        place = Place(order, error.lineno, error.colno, str(path))
        sources.findings.append(Finding(place, "json-syntax", "", f"this is not JSON: {error.msg}", "correct it here"))
    except RecursionError:
        place = Place(order, 1, 1, str(path))
        sources.findings.append(Finding(place, "json-syntax", "", "nested too deeply for a policy", "write a policy"))
    except PydanticCustomError as error:
        context = error.context or {}
        # JSON is YAML to the composer, which knows the places.
        place = Source(order, path, read_document(text)).place(context["at"])[0]
        inside = show_path(context["at"])
        sources.findings.append(Finding(place, error.type, inside, context["message"], context["hint"]))
    return None


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise PydanticCustomError(
            "duplicate", "{message}", {"message": f"`{twice}` stands twice", "hint": "keep one of the two", "at": ()}
        )
    return data
