"""Single values of a starter, from the words of a command line, judged by the validators of the inventory itself."""

from typing import Any

from pydantic import TypeAdapter, ValidationError

from config.aws_values import AccountIdText, Region
from config.bitbucket_values import EnvironmentName, Uuid, WorkspaceSlugText
from config.scalars import Slug
from oidc.errors import UsageError

WORKSPACE: TypeAdapter[str] = TypeAdapter(WorkspaceSlugText)
SLUG: TypeAdapter[str] = TypeAdapter(Slug)
ENVIRONMENT: TypeAdapter[str] = TypeAdapter(EnvironmentName)
UUID: TypeAdapter[str] = TypeAdapter(Uuid)
ACCOUNT_ID: TypeAdapter[str] = TypeAdapter(AccountIdText)
REGION: TypeAdapter[str] = TypeAdapter(Region)


def checked(what: str, text: str, form: TypeAdapter[str]) -> str:
    """Return a value that the inventory would take.

    Args:
        what: Where it comes from, for the message: ``--workspace``.
        text: As it was given.
        form: ``WORKSPACE`` and the like.

    Raises:
        UsageError: The inventory would not take it.
    """
    try:
        return form.validate_python(text.strip("\"'") if form is UUID else text)  # pasted out of YAML
    except ValidationError as error:
        context: dict[str, Any] = error.errors(include_url=False)[0].get("ctx", {})
        shown = str(context.get("message", "not a value of the inventory"))
        raise UsageError(f"{what}: {_printable(shown)}", do=_unquoted(str(context.get("hint", "")))) from None


def named(what: str, text: str, form: TypeAdapter[str]) -> tuple[str, str | None]:
    """Parse ``NAME`` or ``NAME={UUID}``; the last equals sign counts, and nothing behind it is no UUID yet.

    Raises:
        UsageError: Name or UUID is none that the inventory would take.
    """
    name, equals, uuid = text.rpartition("=")
    if not equals:
        return checked(what, text, form), None
    return checked(what, name, form), checked(what, uuid, UUID) if uuid else None


def _unquoted(hint: str) -> str:
    """Return what to do without the quotes that YAML would need: a command line or a prompt takes the bare value."""
    return hint.replace(", quoted", "").replace('"', "")


def _printable(text: str) -> str:
    """Return a message on one line, whatever was typed."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
