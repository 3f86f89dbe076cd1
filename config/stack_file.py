"""A stack file, ``Pulumi.STACK.yaml``, as data: which inventory and which accounts a stack takes.

Pulumi itself reads the file when it runs; here it is read to tell stacks apart, and to hand on of a file that a branch
brings nothing but the keys known here. Its grammar:
https://www.pulumi.com/docs/iac/concepts/projects/stack-settings-file/.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import yaml

from config.findings import one_line
from config.yaml.document import read_document
from oidc.errors import UsageError

PROJECT = "bitbucket-aws-oidc"
"""In front of each key of the stack config that is this project's: ``bitbucket-aws-oidc:inventory``."""

FILE_NAME = re.compile(r"Pulumi\.([^/]+)\.ya?ml")
"""Of a stack file; the project's own is ``Pulumi.yaml``."""

_KEYS = ("inventory", "guardrails", "accounts", "protectOidcProviders", "issuerTimeoutSeconds", "reviewedPlan")
_AWS_ENDPOINT = f"{PROJECT}:awsEndpoint"
_MAX_BYTES = 1_000_000
_STACK_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}", re.ASCII)
"""What Pulumi takes (``tokens.ParseStackName`` in ``sdk/go/common/tokens/names.go``), and no option of any program."""


@dataclass(frozen=True, slots=True)
class StackFile:
    """What a stack file says.

    Attributes:
        stack: The stack's name.
        file: What to call the file.
        settings: The stack config of this project, without its prefix: ``{"accounts": ["prod"]}``.
        others: Keys of stack config that belong to nothing here, with their prefix.
        surroundings: All else in the file: how secrets are encrypted, for example.
        is_sandbox: Whether it leads to emulated accounts.
        parts: Everything in the file, as ``stack_file_parts`` has it.
    """

    stack: str
    file: str
    settings: Mapping[str, Any]
    others: tuple[str, ...]
    surroundings: Mapping[str, Any]
    is_sandbox: bool = False
    parts: Mapping[str, str] = field(default_factory=dict)

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
        """Keys or globs of the accounts that the stack takes."""
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
        return UsageError(f"{self.file}: {PROJECT}:{key} is something else than expected", do=do)


def parse_stack_file(name: str, text: bytes, shown: str) -> StackFile:
    """Read a stack file.

    Args:
        name: Of the file: ``Pulumi.prod.yaml``.
        text: What it holds.
        shown: What to call it: ``origin/main:Pulumi.prod.yaml``.

    Raises:
        UsageError: No stack can have that name, or the file is no stack file.
    """
    if len(text) > _MAX_BYTES:
        raise UsageError(f"{one_line(shown)[:300]} is larger than a stack file, 1 MB")
    found = FILE_NAME.fullmatch(name)
    stack = found[1] if found else ""
    shown = one_line(shown)[:300]
    if _STACK_NAME.fullmatch(stack) is None:
        raise UsageError(f"{shown} is the file of no stack: a name has letters, digits, `_`, `.` and `-` alone")
    try:
        document = read_document(text.decode("utf-8-sig"))
    except ValueError as error:
        raise UsageError(f"{shown} is not UTF-8", do="compare it with what `pulumi config` writes") from error
    for problem in document.problems:
        where = f"{shown}:{problem.line}:{problem.column}"
        raise UsageError(f"{where}: {one_line(problem.message)[:300]}", do=one_line(problem.hint)[:300])
    data: Any = document.data
    data = {} if data is None else data
    config = data.get("config") if isinstance(data, dict) else data
    config = {} if config is None else config
    if not isinstance(config, dict) or not all(isinstance(key, str) for key in (*data, *config)):
        raise UsageError(f"{shown} is no stack file", do="compare it with what `pulumi config` writes")
    surroundings = {key: value for key, value in data.items() if key != "config"}
    return replace(stack_of_config(stack, shown, config, surroundings), parts=stack_file_parts(text))


def stack_of_config(
    stack: str, shown: str, config: Mapping[str, Any], surroundings: Mapping[str, Any] | None = None
) -> StackFile:
    """Return the stack with this stack config, whose keys have their prefix.

    Args:
        stack: Its name.
        shown: What to call the place of the config: ``Pulumi.prod.yaml``.
        config: ``{"bitbucket-aws-oidc:accounts": ["prod"]}``.
        surroundings: All else in its file.

    Raises:
        UsageError: A value is neither text, a number nor a list of texts.
    """
    own = {f"{PROJECT}:{key}": key for key in _KEYS}
    for key in own.keys() & config.keys():
        if not _is_simple(config[key]):
            raise UsageError(f"{shown}: {key} is something else than expected", do="write text, a number or a list")
    settings = {own[key]: value for key, value in config.items() if key in own}
    others = tuple(sorted(set(config) - set(own)))
    return StackFile(stack, shown, settings, others, surroundings or {}, bool(config.get(_AWS_ENDPOINT)))


def stack_file_parts(text: bytes) -> dict[str, str]:
    """Return everything in a stack file or a project file, by its key: a digest of each value, to compare, not to show.

    Keys are ``secretsprovider``, and for those of the config ``config aws:region``. Never raises: a file that cannot be
    read is one part, ``the whole file``.
    """
    whole = {"the whole file": hashlib.sha256(text).hexdigest()}
    try:
        document = read_document(text.decode("utf-8-sig") if len(text) <= _MAX_BYTES else "[")
        data = {} if document.data is None else document.data
        if document.problems or not isinstance(data, dict):
            return whole
        config = data.get("config")
        inner = config if isinstance(config, dict) else {}
        parts = {key: value for key, value in data.items() if value is not None and (key != "config" or not inner)}
        parts = {key: value for key, value in parts.items() if key != "config" or value != {}}
        named = [*parts.items(), *((f"config {key}", value) for key, value in inner.items())]
        return {str(key): _digest(value) for key, value in named}
    except (ValueError, TypeError):
        return whole


def _digest(value: object) -> str:
    # `pulumi config set` writes as text what others write as a number or a list, and Pulumi hands all of it on as text.
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def render_stack_file(settings: Mapping[str, Any], surroundings: Mapping[str, Any]) -> str:
    """Return the text of a stack file with these settings, and of another file all but its config."""
    config = {f"{PROJECT}:{key}": value for key, value in settings.items()}
    return yaml.safe_dump({**surroundings, "config": config})


def _is_simple(value: object) -> bool:
    """Tell whether a value is text, a number or a list of texts: an encrypted one, and what grows when read, is not."""
    if isinstance(value, list):
        return all(isinstance(item, str) for item in value)
    return isinstance(value, (str, bool, int))


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
