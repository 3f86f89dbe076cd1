"""Values of a starter as the user types them, read with the inventory's validators."""

import re
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from pydantic import TypeAdapter, ValidationError

from access.aws_profiles import FIRST_PROFILE
from config.findings import did_you_mean, fault_in, one_line
from config.models.aws_values import AccountIdText, Region
from config.models.bitbucket_values import EnvironmentName, Uuid, WorkspaceSlugText
from config.models.scalars import Slug
from config.stack_file import STACK_NAME
from oidc.errors import UsageError
from oidc.identifiers import SLUG_PATTERN
from oidc.limits import ORGANIZATION_ID

WORKSPACE: TypeAdapter[str] = TypeAdapter(WorkspaceSlugText)
SLUG: TypeAdapter[str] = TypeAdapter(Slug)
ENVIRONMENT: TypeAdapter[str] = TypeAdapter(EnvironmentName)
UUID: TypeAdapter[str] = TypeAdapter(Uuid)
ACCOUNT_ID: TypeAdapter[str] = TypeAdapter(AccountIdText)
REGION: TypeAdapter[str] = TypeAdapter(Region)


def checked(what: str, text: str, form: TypeAdapter[str]) -> str:
    """Return a value after the inventory's validator has accepted it.

    Args:
        what: Its origin for messages: ``--workspace``.
        text: The value that the user gave.
        form: The validator, such as ``WORKSPACE``.

    Raises:
        UsageError: The value is not valid in an inventory.
    """
    try:
        return form.validate_python(text.strip("\"'") if form is UUID else text)  # pasted from YAML
    except ValidationError as error:
        fault = fault_in(error.errors(include_url=False)[0].get("ctx"))
        message, hint = (fault.message, fault.hint) if fault is not None else ("not a valid value", "")
        raise UsageError(f"{what}: {_printable(message)}", do=_unquoted(hint)) from None


def named(what: str, text: str, form: TypeAdapter[str]) -> tuple[str, str | None]:
    """Parse ``NAME`` or ``NAME={UUID}`` at the last equals sign; nothing after it means that the UUID is missing.

    Raises:
        UsageError: The name or the UUID is not valid in an inventory.
    """
    name, equals, uuid = text.rpartition("=")
    if not equals:
        return checked(what, text, form), None
    return checked(what, name, form), checked(what, uuid, UUID) if uuid else None


def _unquoted(hint: str) -> str:
    """Return the hint without YAML's quotes, which a command line or a prompt does not need."""
    return hint.replace(", quoted", "").replace('"', "")


def _printable(text: str) -> str:
    """Return a message with each unprintable character replaced."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII)
"""Names of buckets (https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html)."""

_IMAGE = re.compile(r"[a-z0-9][a-z0-9._:/-]*@sha256:[0-9a-f]{64}", re.ASCII)
NO_ORGANIZATION = "none"


def bucket_of(text: str) -> str:
    """Return the name of a bucket; raises UsageError for any other text."""
    if _BUCKET.fullmatch(text) is None:
        do = "use 3 to 63 of a-z, 0-9, `-` and `.`, without s3://"
        raise UsageError(f"--state-bucket: not the name of a bucket: {one_line(text)}", do=do)
    return text


def image_of(text: str) -> str:
    """Return the name of an image with its digest; raises UsageError for any other text."""
    if _IMAGE.fullmatch(text) is None:
        do = "write NAME@sha256:DIGEST: a tag can be moved, a digest cannot"
        raise UsageError(f"--image: not the name of an image with its digest: {one_line(text)}", do=do)
    return text


def organization_of(text: str) -> str:
    """Return the id of an organization, or ``none``; raises UsageError for any other text."""
    if text != NO_ORGANIZATION and ORGANIZATION_ID.fullmatch(text) is None:
        what = f"--organization: not the id of an organization: {one_line(text)}"
        raise UsageError(what, do="write it as o-a1b2c3d4e5, or none")
    return text


def repository_of(option: str, text: str) -> tuple[str, str | None]:
    """Parse ``SLUG[={UUID}]``; raises UsageError for anything else, also for ``WORKSPACE/SLUG``."""
    workspace, slash, slug = text.partition("=")[0].rpartition("/")
    if slash and "/" not in workspace and SLUG_PATTERN.fullmatch(slug):
        raise UsageError(f"{option}: {one_line(text)} has a workspace", do=f"write `{slug}`")
    return named(option, text, SLUG)


def account_key(option: str, text: str) -> str:
    """Return the key of an account, which is also the name of its profile and its stack; raises UsageError."""
    key = checked(option, text, SLUG)
    check_stack_name(option, key)
    if key == FIRST_PROFILE:
        what = f"{option}: {key} is the profile of the pipeline's own role"
        raise UsageError(what, do="choose another name, which is also the profile of the account")
    return key


_STACK_CHARS = 50
"""``access-deploy-STACK`` is the name of a role, for which IAM allows 64 characters."""


def check_stack_name(option: str, name: str) -> None:
    """Raise UsageError if no stack of a starter can have this name."""
    if STACK_NAME.fullmatch(name) is None:
        do = "use letters, digits, `_`, `.` and `-`, and begin with no dot or dash"
        raise UsageError(f"{option}: not the name of a stack: {one_line(name)}", do=do)
    if len(name) > _STACK_CHARS:
        do = f"use at most {_STACK_CHARS} characters: it is also in the name of the role that deploys the stack"
        raise UsageError(f"{option}: the name has {len(name)} characters", do=do)


def known_account(option: str, key: str, accounts: Sequence[str]) -> str:
    """Return the key; raises UsageError if no account has it."""
    if key not in accounts:
        what = f"{option}: there is no account `{one_line(key)}`"
        raise UsageError(what, do=did_you_mean(key, list(accounts), f"the accounts are {', '.join(accounts)}"))
    return key


def once(option: str, key: str, known: Iterable[str]) -> None:
    """Raise UsageError if a name is known already, ignoring case."""
    if key.lower() in {name.lower() for name in known}:
        raise UsageError(f"{option}: {one_line(key)} is given twice", do="remove one")


def stacks_of(given: Sequence[str], accounts: Sequence[str], hub: str) -> dict[str, tuple[str, ...]]:
    """Parse ``NAME=KEY[,KEY…]``: the accounts of each stack by its name, in the order of the accounts, the hub last.

    Raises:
        UsageError: An item does not have this form, or an account would be in two stacks, or the hub in a stack with
            others: its stack is brought up before the others can be.
    """
    stacks: dict[str, tuple[str, ...]] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not value:
            raise UsageError(f"--stack: no account in {one_line(text)}", do="write NAME=KEY,KEY")
        check_stack_name("--stack", name)
        keys = _stack_accounts(value, accounts, hub)
        taken = [key for key in keys if any(key in others for others in stacks.values())]
        if taken:
            raise UsageError(f"--stack: account {taken[0]} is in two stacks", do="name it in one of them")
        once("--stack", name, stacks)
        stacks[name] = keys
    grouped = {key for keys in stacks.values() for key in keys}
    for key in accounts:
        if key not in grouped:
            once("--stack", key, stacks)
            stacks[key] = (key,)
    return dict(sorted(stacks.items(), key=lambda stack: (hub in stack[1], accounts.index(stack[1][0]))))


def _stack_accounts(value: str, accounts: Sequence[str], hub: str) -> tuple[str, ...]:
    patterns = value.split(",")
    if hub in patterns and len(patterns) > 1:
        what = f"--stack: {hub} is the hub account, whose stack is brought up before all others"
        raise UsageError(what, do="leave it out, so that it has a stack for itself")
    keys = [key for key in accounts if any(fnmatchcase(key, pattern) for pattern in patterns)]
    for pattern in patterns:
        if not any(fnmatchcase(key, pattern) for key in accounts):
            known_account("--stack", pattern, accounts)
    return (hub,) if keys == [hub] else tuple(key for key in keys if key != hub)
