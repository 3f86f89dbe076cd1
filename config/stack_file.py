"""The stack file, ``Pulumi.STACK.yaml``: the inventory and the accounts of a stack.

Pulumi reads the file itself. This program reads it to tell stacks apart, and to pass on only known keys of a file
that a branch changes. Its grammar:
https://www.pulumi.com/docs/iac/concepts/projects/stack-settings-file/.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import yaml

from config.findings import one_line
from config.project_file import PROJECT, PROJECT_FILE_NAME, ProjectFile, full_keys, settings_data, settings_parts
from oidc.errors import UsageError

FILE_NAME = re.compile(r"Pulumi\.([^/]+)\.yaml")
"""The name of a stack file. The project file is ``Pulumi.yaml``; Pulumi then reads no other ending."""

_KEYS = (
    "inventory", "guardrails", "accounts", "protectOidcProviders", "issuerTimeoutSeconds", "reviewedPlan", "takeUp",
)  # fmt: skip
_AWS_ENDPOINT = f"{PROJECT}:awsEndpoint"
_NUMBER_TO_PULUMI = re.compile(r"[-+]?(0[oO][0-7_]+|[0-9_.]+[eE][-+]?[0-9_]+)", re.ASCII)
"""Text to PyYAML, but to Pulumi a number if it has no quotes: it passes on ``12`` for ``0o14`` (section 10.3.2 of
https://yaml.org/spec/1.2.2/)."""

STACK_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}", re.ASCII)
"""What Pulumi accepts (``tokens.ParseStackName`` in ``sdk/go/common/tokens/names.go``), except names like options."""


@dataclass(frozen=True, slots=True)
class StackFile:
    """The settings of a stack.

    Attributes:
        stack: The stack's name.
        file: Its file's name in messages.
        settings: The stack config of this project, without its prefix: ``{"accounts": ["prod"]}``.
        others: All other keys of stack config, with their prefix.
        outside_config: The keys beside ``config``, for example how secrets are encrypted.
        is_sandbox: Whether its accounts are emulated.
        parts: Everything in the file and in the project file, as ``settings_parts`` has it.
        is_removed: Whether the file was removed; ``up`` then uses the defaults.
        is_of_fleet: Whether no file is written: ``rollout`` of the inventory makes the stack.
    """

    stack: str
    file: str
    settings: Mapping[str, Any]
    others: tuple[str, ...]
    outside_config: Mapping[str, Any]
    is_sandbox: bool = False
    parts: Mapping[str, str] = field(default_factory=dict)
    is_removed: bool = False
    is_of_fleet: bool = False

    @property
    def inventory(self) -> str:
        """The path of the inventory, relative to the project."""
        return self._text("inventory", "inventory")

    @property
    def guardrails(self) -> str | None:
        """The path of the guardrails, or ``None`` for those in the inventory."""
        return self._text("guardrails", "") or None

    @property
    def accounts(self) -> tuple[str, ...]:
        """Keys or globs of the stack's accounts."""
        value = self._json("accounts", default=["*"])
        if not isinstance(value, list) or not value or not all(isinstance(item, str) for item in value):
            raise self._wrong("accounts", 'write keys or globs, or ["*"] for all')
        return tuple(value)

    @property
    def protect_oidc_providers(self) -> bool:
        """Whether the engine refuses to delete OIDC providers."""
        value = self._json("protectOidcProviders", default=False)
        if not isinstance(value, bool):
            raise self._wrong("protectOidcProviders", "write true or false")
        return value

    @property
    def issuer_timeout(self) -> int:
        """Seconds for reaching the issuer."""
        value = self._json("issuerTimeoutSeconds", default=10)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self._wrong("issuerTimeoutSeconds", "write a whole number")
        return value

    def _json(self, key: str, *, default: object) -> object:
        """Return a value that is not text; `pulumi config set` writes all of them as text."""
        value = self.settings.get(key, default)
        return _json(value) if isinstance(value, str) else value

    def _text(self, key: str, default: str) -> str:
        value = self.settings.get(key, default)
        if not isinstance(value, str):
            raise self._wrong(key, "write a path")
        return value

    def _wrong(self, key: str, do: str) -> UsageError:
        return UsageError(f"{self.file}: {PROJECT}:{key} has an unexpected value", do=do)


def parse_stack_file(name: str, text: bytes, shown: str, project: ProjectFile | None = None) -> StackFile:
    """Read a stack file.

    Args:
        name: Of the file: ``Pulumi.prod.yaml``.
        text: Its content.
        shown: Its name in messages: ``origin/main:Pulumi.prod.yaml``.
        project: The project file beside it, with defaults for the keys that the stack leaves out.

    Raises:
        UsageError: No stack can have that name, or the file is not a stack file.
    """
    match = FILE_NAME.fullmatch(name)
    stack = match[1] if match else ""
    shown = one_line(shown)[:300]
    if STACK_NAME.fullmatch(stack) is None:
        raise UsageError(f"{shown} names no stack: the name of a stack has only letters, digits, `_`, `.` and `-`")
    data = settings_data(text, shown)
    config = {} if data.get("config") is None else data["config"]
    if not isinstance(config, dict) or not all(isinstance(key, str) for key in config):
        raise UsageError(f"{shown} is not a stack file", do="compare it with what `pulumi config` writes")
    outside_config = {key: value for key, value in data.items() if key != "config"}
    file = stack_of_config(stack, shown, config, outside_config, project)
    return replace(file, parts=settings_parts(text, shown) | _project_parts(project))


def removed_stack(stack: str, shown: str, project: ProjectFile | None) -> StackFile:
    """Return the stack of a removed file, with Pulumi's defaults; raises UsageError as for any stack."""
    file = stack_of_config(stack, one_line(shown)[:300], {}, None, project)
    return replace(file, parts=_project_parts(project), is_removed=True)


def fleet_stack(stack: str, inventory: str, secrets_provider: str | None, project: ProjectFile | None) -> StackFile:
    """Return the stack of an account of a fleet, for which no file is written.

    Args:
        stack: The key of the account.
        inventory: Its path, relative to the project.
        secrets_provider: Of ``rollout``.
        project: The project file, with defaults.

    Raises:
        UsageError: As for any stack.
    """
    outside_config = {} if secrets_provider is None else {"secretsprovider": secrets_provider}
    file = stack_of_config(
        stack, f"rollout of {one_line(inventory)[:200]}", {"inventory": inventory}, outside_config, project
    )
    return replace(file, parts=_project_parts(project), is_of_fleet=True)


def _project_parts(project: ProjectFile | None) -> dict[str, str]:
    return {f"{PROJECT_FILE_NAME}: {key}": part for key, part in project.parts.items()} if project else {}


def stack_of_config(
    stack: str,
    shown: str,
    config: Mapping[str, Any],
    outside_config: Mapping[str, Any] | None = None,
    project: ProjectFile | None = None,
) -> StackFile:
    """Return the stack with this stack config, whose keys may have their short form.

    Args:
        stack: Its name.
        shown: The name of the config in messages: ``Pulumi.prod.yaml``.
        config: ``{"bitbucket-aws-oidc:accounts": ["prod"]}``.
        outside_config: The keys of its file beside ``config``.
        project: The project file, with defaults for keys that are left out.

    Raises:
        UsageError: A value is neither text, a number nor a list of texts, or two keys are the same key.
    """
    given = full_keys(config, shown)
    whole = {**(project.defaults if project else {}), **given}
    own = {f"{PROJECT}:{key}": key for key in _KEYS}
    for key in own.keys() & whole.keys():
        if not _is_simple(whole[key]):
            raise UsageError(f"{shown}: {key} has an unexpected value", do="write text, a number or a list")
        texts = whole[key] if isinstance(whole[key], list) else [whole[key]]
        if odd := [text for text in texts if isinstance(text, str) and _NUMBER_TO_PULUMI.fullmatch(text)]:
            what = f"{shown}: {key} has {odd[0][:100]}, which is text here, and to Pulumi a number if it has no quotes"
            raise UsageError(what, do="choose another name")
    settings = {own[key]: value for key, value in whole.items() if key in own}
    others = tuple(sorted(set(given) - set(own)))
    return StackFile(stack, shown, settings, others, outside_config or {}, bool(whole.get(_AWS_ENDPOINT)))


def render_stack_file(settings: Mapping[str, Any], outside_config: Mapping[str, Any]) -> str:
    """Return the text of a stack file with these settings, and with the keys of another file beside its config."""
    config = {f"{PROJECT}:{key}": value for key, value in settings.items()}
    return yaml.safe_dump({**outside_config, "config": config})


def _is_simple(value: object) -> bool:
    """Tell whether a value is text, a number or a list of texts: not an encrypted or nested value."""
    if isinstance(value, list):
        return all(isinstance(item, str) for item in value)
    return isinstance(value, (str, bool, int))


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
