"""Pulumi's settings files: which of them it reads, how it reads the keys of a config, and the project file.

The grammar of ``Pulumi.yaml``: https://www.pulumi.com/docs/iac/concepts/projects/project-file/. Which file Pulumi
reads and what a key means, in Pulumi's ``sdk/go/common``: ``ProjectStackPath`` in ``workspace/paths.go``, ``Exts`` in
``encoding/marshal.go``, ``stackConfigNamespacedWithProject`` in ``workspace/loaders.go``, ``ParseKey`` in
``resource/config/key.go``.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from config.findings import one_line
from config.yaml.document import read_document
from oidc.errors import UsageError

PROJECT = "bitbucket-aws-oidc"
"""The prefix of this project's keys in the stack config: ``bitbucket-aws-oidc:inventory``."""

PROJECT_FILE_NAME = "Pulumi.yaml"

SETTINGS_FILE = re.compile(r"Pulumi(\.[^/]+)?\.(json|ya?ml)")
"""The file of a project or of a stack, with any of the endings that Pulumi knows."""

MAX_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class ProjectFile:
    """The settings of a project file for the stacks beside it.

    Attributes:
        name: Of the project, or the empty string.
        defaults: Values of this project's keys for stacks that leave them out:
            ``{"bitbucket-aws-oidc:inventory": "inventory"}``.
        parts: Everything in the file, as ``settings_parts`` has it.
    """

    name: str = ""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    parts: Mapping[str, str] = field(default_factory=dict)


def refuse_other_endings(names: Iterable[str], folder: str) -> None:
    """Refuse a project or stack file that does not end in ``.yaml``: Pulumi may read it instead of the compared ones.

    Args:
        names: The names of the files in a folder.
        folder: Goes before a name in messages: ``origin/main:``, or ``project/``.

    Raises:
        UsageError: There is a ``Pulumi.json``, ``Pulumi.yml``, ``Pulumi.STACK.json`` or ``Pulumi.STACK.yml``.
    """
    for name in sorted(names):
        if SETTINGS_FILE.fullmatch(name) and not name.endswith(".yaml"):
            what = (
                f"{one_line(folder + name)[:300]}: Pulumi takes Pulumi.json, else Pulumi.yaml, else Pulumi.yml, and "
                "stack files with the same ending; this program reads only .yaml"
            )
            raise UsageError(what, do="write it as YAML with the ending .yaml, and remove this file")


def full_key(key: str) -> str:
    """Return a key of a config in its full form: ``x`` and ``bitbucket-aws-oidc:config:x`` are one key."""
    parts = key.split(":")
    if len(parts) == 1:
        return f"{PROJECT}:{key}"
    return f"{parts[0]}:{parts[2]}" if parts[1:-1] == ["config"] else key


def full_keys(config: Mapping[str, Any], shown: str) -> dict[str, Any]:
    """Return a config with the full form of each key.

    Args:
        config: As written.
        shown: The name of its file in messages.

    Raises:
        UsageError: Two keys have the same full form. Pulumi takes either of the two values, at random.
    """
    key_of: dict[str, str] = {}
    for key in config:
        if (other := key_of.setdefault(full_key(key), key)) != key:
            what = f"{shown}: {one_line(other)[:100]} and {one_line(key)[:100]} are the same key"
            raise UsageError(what, do=f"keep one of them, as {one_line(full_key(key))[:100]}")
    return {full: config[key] for full, key in key_of.items()}


def parse_project_file(text: bytes, shown: str) -> ProjectFile:
    """Read a project file. For another project than this one, only name and parts are read.

    Args:
        text: Its content.
        shown: Its name in messages: ``origin/main:Pulumi.yaml``.

    Raises:
        UsageError: It is not a project file, or its stack files are elsewhere (``stackConfigDir``).
    """
    shown = one_line(shown)[:300]
    data = settings_data(text, shown)
    name = data.get("name") if isinstance(data.get("name"), str) else ""
    project = ProjectFile(name or "", {}, settings_parts(text, shown))
    if project.name not in ("", PROJECT):
        return project
    config = data.get("config")
    moved = "stackConfigDir" if data.get("stackConfigDir") else "config" if isinstance(config, str) else None
    if moved is not None:
        what = f"{shown}: with `{moved}` Pulumi reads stack files in another folder, which nothing here compares"
        raise UsageError(what, do=f"remove it, and keep the files Pulumi.STACK.yaml beside {PROJECT_FILE_NAME}")
    if not isinstance(config, dict | None) or not all(isinstance(key, str) for key in config or {}):
        raise UsageError(f"{shown}: `config` is not a mapping", do="write `KEY: {default: …}` for each key")
    return ProjectFile(project.name, _defaults(config or {}, shown), project.parts)


def _defaults(config: Mapping[str, Any], shown: str) -> dict[str, Any]:
    defaults: dict[str, Any] = {}
    for key, declared in full_keys(config, shown).items():
        if key.startswith(f"{PROJECT}:"):
            given = declared if isinstance(declared, dict) else {"default": declared}
            values = [given[name] for name in ("value", "default") if given.get(name) is not None]
            if len(values) > 1:
                raise UsageError(f"{shown}: {key} has both `value` and `default`", do="keep `default` alone")
            if values:
                defaults[key] = values[0]
    return defaults


def refuse_other_project(project: ProjectFile, shown: str) -> None:
    """Refuse the file of another project beside stack files: Pulumi would not read this project's keys in them.

    Raises:
        UsageError: It has another name.
    """
    if project.name not in ("", PROJECT):
        what = f"{one_line(shown)[:300]}: the project is called {one_line(project.name)[:100]}"
        do = f"call it {PROJECT}; with --project, name the folder of its stack files"
        raise UsageError(f"{what}, so Pulumi does not read the keys {PROJECT}:… of its stack files", do=do)


def settings_data(text: bytes, shown: str) -> dict[str, Any]:
    """Return the content of a project or stack file.

    Raises:
        UsageError: It is too large, not YAML, or not a mapping.
    """
    if len(text) > MAX_BYTES:
        raise UsageError(f"{shown} is larger than 1 MB, the limit for this file")
    try:
        document = read_document(text.decode("utf-8-sig"))
    except ValueError as error:
        raise UsageError(f"{shown} is not UTF-8", do="compare it with what `pulumi config` writes") from error
    for problem in document.problems:
        where = problem.in_file(0, shown).place
        raise UsageError(f"{where}: {one_line(problem.message)[:300]}", do=one_line(problem.hint)[:300])
    data: Any = {} if document.data is None else document.data
    if not isinstance(data, dict) or not all(isinstance(key, str) for key in data):
        what = "project file" if shown.endswith(PROJECT_FILE_NAME) else "stack file"
        raise UsageError(f"{shown} is not a {what}", do="compare it with what `pulumi config` writes")
    return data


def settings_parts(text: bytes, shown: str = "") -> dict[str, str]:
    """Return a digest of each value in a stack or project file, by key, for comparing files.

    Keys are ``secretsprovider``, and for those of the config ``config aws:region``, in their full form. A file that
    cannot be read is one part, ``the whole file``.

    Raises:
        UsageError: Two keys of its config are the same key.
    """
    whole = {"the whole file": hashlib.sha256(text).hexdigest()}
    try:
        document = read_document(text.decode("utf-8-sig") if len(text) <= MAX_BYTES else "[")
        data = {} if document.data is None else document.data
        if document.problems or not isinstance(data, dict):
            return whole
        config = data.get("config")
        inner = full_keys(config, shown) if isinstance(config, dict) and all(map(_is_text, config)) else {}
        parts = {key: value for key, value in data.items() if value is not None and (key != "config" or not inner)}
        parts = {key: value for key, value in parts.items() if key != "config" or value != {}}
        named = [*parts.items(), *((f"config {key}", value) for key, value in inner.items())]
        return {str(key): _digest(value) for key, value in named}
    except (ValueError, TypeError):
        return whole


def _is_text(key: object) -> bool:
    return isinstance(key, str)


def _digest(value: object) -> str:
    # `pulumi config set` writes numbers and lists as text, and Pulumi passes every value on as text.
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


ALL_ACCOUNTS = _digest(["*"])
"""The part of the key ``accounts`` in a file with its default."""
