"""Values of guardrails: globs of policies, actions, keys and repositories, and paths of files."""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator

from config.findings import fault
from config.json_schema_hints import NO_VARIABLES, Looks, looks_of, with_variables
from config.models.base import a_list
from config.models.bitbucket_values import NO_URL, url_in_place_of
from config.models.scalars import matching, parse_text
from config.policy.reference import ManagedPolicy, PolicyReference, parse_policy_reference
from config.variables import variables_in
from oidc.identifiers import slugs_in_url

WHOLE_FOLDER = "."
"""The path of the inventory folder itself; it covers everything that no other path covers."""


def one_or_more(value: Any) -> Any:  # noqa: ANN401 - what YAML holds
    """Return a list; a single value becomes a list with one element."""
    return value if isinstance(value, list | tuple) else [value]


_OF_ACCOUNTS = frozenset({"account", "account_id", "partition", "region"})


def _boundary(value: object) -> PolicyReference:
    reference = parse_policy_reference(value)
    for name in sorted(variables_in(reference.name) - _OF_ACCOUNTS):
        # A team chooses the keys of its roles and the items of its families, and so would choose the boundary.
        message = f"{{{{{name}}}}} is chosen by whoever declares the role"
        raise fault("bad-variable", message, "write the name of the boundary without it")
    return reference


_POLICY_GLOB = re.compile(r"(?:aws|account):[A-Za-z0-9_+=,.@/*?-]+", re.ASCII)
_ACTION_GLOB = re.compile(r"\*|[A-Za-z0-9*?-]+:[A-Za-z0-9*?_-]+", re.ASCII)
_KEY_GLOB = re.compile(r"[A-Za-z0-9_.*?-]+", re.ASCII)
_REPOSITORY_GLOB = re.compile(r"[a-z0-9_.-]+/[A-Za-z0-9_.*?-]+", re.ASCII)


def _repository_glob(value: object) -> str:
    text = parse_text(value)
    if (slugs := slugs_in_url(text)) is not None:
        meant = f"{slugs[0]}/{slugs[1] or '*'}" if slugs[0] else ""
        raise url_in_place_of("WORKSPACE/REPOSITORY", meant, f"write {_REPOSITORIES}")
    if _REPOSITORY_GLOB.fullmatch(text) is None:
        raise fault("bad-name", f"not repositories: {text!r}", f"write {_REPOSITORIES}, as in acme/payments-*")
    return text


_POLICIES = "aws:NAME or account:NAME with its path"
_ACTIONS = 'SERVICE:ACTION, such as "iam:*", or "*"'
_KEYS = "letters, digits, `_`, `.`, `-`, `*` and `?`"
_REPOSITORIES = "WORKSPACE/REPOSITORY; only the repository may contain `*` and `?`"


def _inventory_path(value: object) -> str:
    text = parse_text(value)
    if text == WHOLE_FOLDER:
        return text
    parts = text.split("/")
    if any(not part or part.startswith(".") for part in parts) or "\\" in text or not text.isprintable():
        hint = "write it relative to the inventory folder, such as teams/payments, without `.`, `..` and outer slashes"
        raise fault("bad-name", f"not a path inside the inventory: {text!r}", f"{hint}; hidden files are never read")
    if any(character in text for character in "*?["):
        raise fault(
            "bad-name", f"{text} is a glob, but only paths are supported here", "write an entry for each folder"
        )
    return text


def _folder_path(value: object) -> str:
    text = _inventory_path(value)
    if text == WHOLE_FOLDER:
        raise fault("bad-name", "the whole inventory folder cannot belong to a team", "name a folder inside it")
    return text


_BOUNDARY = looks_of(ManagedPolicy)
Boundary = Annotated[
    PolicyReference,
    BeforeValidator(_boundary),
    Looks(
        "boundary",
        f"{_BOUNDARY.meant}; the only variables are those of accounts",
        "account:ci-boundary",
        with_variables(sorted(_OF_ACCOUNTS)) + str(_BOUNDARY.pattern),
    ),
]
PolicyGlob = Annotated[
    str,
    BeforeValidator(
        matching(
            _POLICY_GLOB,
            "bad-arn",
            "not managed policies: {}",
            f"write {_POLICIES}; `*` matches any characters, `?` matches one",
        )
    ),
    Looks(
        "policy glob",
        "aws:NAME or account:NAME with its path; `*` and `?` are wildcards",
        "aws:*ReadOnly*",
        _POLICY_GLOB,
    ),
]
ActionGlob = Annotated[
    str,
    BeforeValidator(matching(_ACTION_GLOB, "bad-value", "not actions of AWS: {}", f"write {_ACTIONS}")),
    Looks("action glob", _ACTIONS, "iam:*", _ACTION_GLOB),
]
KeyGlob = Annotated[
    str,
    BeforeValidator(matching(_KEY_GLOB, "bad-name", "not a key or a glob: {!r}", f"use {_KEYS}")),
    Looks("key glob", f"a key or a glob: {_KEYS}", "payments-*", _KEY_GLOB),
]
RepositoryGlob = Annotated[
    str,
    BeforeValidator(_repository_glob),
    Looks("repository glob", _REPOSITORIES, "acme/payments-*", rf"{NO_URL}{_REPOSITORY_GLOB.pattern}"),
]
_PART = r"(?!\.)[^/\\*?[\x00-\x1f\x7f-\x9f]+"
FolderPath = Annotated[
    str,
    BeforeValidator(_folder_path),
    Looks(
        "folder path",
        "a path relative to the inventory folder, such as teams/payments",
        "teams/payments",
        rf"{NO_VARIABLES}{_PART}(?:/{_PART})*",
    ),
]
InventoryPath = Annotated[
    str,
    BeforeValidator(_inventory_path),
    Looks(
        "inventory path",
        "a path relative to the inventory folder, or `.` for everything that no other path covers",
        "accounts.yaml",
        rf"{NO_VARIABLES}(?:\.|{_PART}(?:/{_PART})*)",
    ),
]
PolicyGlobs = Annotated[tuple[PolicyGlob, ...], BeforeValidator(a_list)]
ActionGlobs = Annotated[tuple[ActionGlob, ...], BeforeValidator(a_list)]
KeyGlobs = Annotated[tuple[KeyGlob, ...], BeforeValidator(a_list)]
RepositoryGlobs = Annotated[tuple[RepositoryGlob, ...], BeforeValidator(a_list)]
