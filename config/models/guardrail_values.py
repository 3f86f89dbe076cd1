"""What the values of guardrails look like: globs of policies, actions, keys and repositories, and paths of files."""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator

from config.findings import fault
from config.json_schema_hints import NO_VARIABLES, Looks, looks_of, with_variables
from config.models.scalars import parse_text
from config.models.trust import a_list
from config.policy.reference import ManagedPolicy, PolicyReference, parse_policy_reference
from config.variables import variables_in

WHOLE_FOLDER = "."
"""In place of a path: the inventory folder itself, with all that no other path covers."""


def one_or_more(value: Any) -> Any:  # noqa: ANN401 - what YAML holds
    """Return a list, of one where a value stands alone."""
    return value if isinstance(value, list | tuple) else [value]


_OF_ACCOUNTS = frozenset({"account", "account_id", "partition", "region"})


def _boundary(value: object) -> PolicyReference:
    reference = parse_policy_reference(value)
    for name in sorted(variables_in(reference.name) - _OF_ACCOUNTS):
        # The key of a role, and what a family goes over, are its team's to choose, and the boundary with them.
        raise fault("bad-variable", f"{{{{{name}}}}} is chosen by whoever declares the role", "write the name out")
    return reference


_POLICY_GLOB = re.compile(r"(?:aws|account):[A-Za-z0-9_+=,.@/*?-]+", re.ASCII)


def _policy_glob(value: object) -> str:
    text = parse_text(value)
    if _POLICY_GLOB.fullmatch(text) is None:
        hint = "write aws:NAME or account:NAME, path included, where `*` stands for any characters and `?` for one"
        raise fault("bad-arn", f"not managed policies: {text}", hint)
    return text


_ACTION_GLOB = re.compile(r"\*|[A-Za-z0-9*?-]+:[A-Za-z0-9*?_-]+", re.ASCII)


def _action_glob(value: object) -> str:
    text = parse_text(value)
    if _ACTION_GLOB.fullmatch(text) is None:
        raise fault("bad-value", f"not actions of AWS: {text}", 'write SERVICE:ACTION, such as "iam:*", or "*"')
    return text


_KEY_GLOB = re.compile(r"[A-Za-z0-9_.*?-]+", re.ASCII)


def _key_glob(value: object) -> str:
    text = parse_text(value)
    if _KEY_GLOB.fullmatch(text) is None:
        raise fault("bad-name", f"not a key or a glob: {text!r}", "use letters, digits, `_`, `.`, `-`, `*` and `?`")
    return text


_REPOSITORY_GLOB = re.compile(r"[a-z0-9_.-]+/[A-Za-z0-9_.*?-]+", re.ASCII)


def _repository_glob(value: object) -> str:
    text = parse_text(value)
    if _REPOSITORY_GLOB.fullmatch(text) is None:
        hint = "write WORKSPACE/REPOSITORY; `*` and `?` may stand in the repository alone, as in acme/payments-*"
        raise fault("bad-name", f"not repositories: {text!r}", hint)
    return text


def _inside_path(value: object) -> str:
    text = parse_text(value)
    if text == WHOLE_FOLDER:
        return text
    parts = text.split("/")
    if any(not part or part.startswith(".") for part in parts) or "\\" in text or not text.isprintable():
        hint = "write it from the inventory folder on, as teams/payments; no leading or trailing slash, no `.` or `..`"
        raise fault("bad-name", f"not a path inside the inventory: {text!r}", f"{hint}; hidden files are never read")
    if any(character in text for character in "*?["):
        raise fault("bad-name", f"{text} is no path: a glob means nothing here", "write an entry for each folder")
    return text


def _folder_path(value: object) -> str:
    text = _inside_path(value)
    if text == WHOLE_FOLDER:
        raise fault("bad-name", "the inventory folder as a whole is no team's", "name a folder inside of it")
    return text


_BOUNDARY = looks_of(ManagedPolicy)
Boundary = Annotated[
    PolicyReference,
    BeforeValidator(_boundary),
    Looks(
        "boundary",
        f"{_BOUNDARY.meant}; with variables of accounts alone",
        "account:ci-boundary",
        with_variables(sorted(_OF_ACCOUNTS)) + str(_BOUNDARY.pattern),
    ),
]
PolicyGlob = Annotated[
    str,
    BeforeValidator(_policy_glob),
    Looks("policy glob", "aws:NAME or account:NAME, path included, with `*` and `?`", "aws:*ReadOnly*", _POLICY_GLOB),
]
ActionGlob = Annotated[
    str,
    BeforeValidator(_action_glob),
    Looks("action glob", 'SERVICE:ACTION, such as "iam:*", or "*"', "iam:*", _ACTION_GLOB),
]
KeyGlob = Annotated[
    str,
    BeforeValidator(_key_glob),
    Looks("key glob", "a key or a glob: letters, digits, `_`, `.`, `-`, `*` and `?`", "payments-*", _KEY_GLOB),
]
RepositoryGlob = Annotated[
    str,
    BeforeValidator(_repository_glob),
    Looks(
        "repository glob",
        "WORKSPACE/REPOSITORY; `*` and `?` may stand in the repository alone",
        "acme/payments-*",
        _REPOSITORY_GLOB,
    ),
]
_PART = r"(?!\.)[^/\\*?[\x00-\x1f\x7f-\x9f]+"
FolderPath = Annotated[
    str,
    BeforeValidator(_folder_path),
    Looks(
        "folder path",
        "a path from the inventory folder on, as teams/payments",
        "teams/payments",
        rf"{NO_VARIABLES}{_PART}(?:/{_PART})*",
    ),
]
InsidePath = Annotated[
    str,
    BeforeValidator(_inside_path),
    Looks(
        "inside path",
        "a path from the inventory folder on, or `.` for all that no other path covers",
        "accounts.yaml",
        rf"{NO_VARIABLES}(?:\.|{_PART}(?:/{_PART})*)",
    ),
]
PolicyGlobs = Annotated[tuple[PolicyGlob, ...], BeforeValidator(a_list)]
ActionGlobs = Annotated[tuple[ActionGlob, ...], BeforeValidator(a_list)]
KeyGlobs = Annotated[tuple[KeyGlob, ...], BeforeValidator(a_list)]
RepositoryGlobs = Annotated[tuple[RepositoryGlob, ...], BeforeValidator(a_list)]
