"""Values of Bitbucket: the form of each, and the fault of a value with another form."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator
from pydantic_core import PydanticCustomError

from config.findings import fault
from config.json_schema_hints import NO_VARIABLES, PRINTABLE, Looks
from config.models.scalars import parse_text
from config.yaml.characters import as_it_looks
from oidc import limits
from oidc.identifiers import (
    SLUG_PATTERN,
    UUID_PATTERN,
    WORKSPACE_SLUG_PATTERN,
    accepted_spelling,
    slugs_in_url,
)

NO_URL = r"(?![\s\S]*[bB][iI][tT][bB][uU][cC][kK][eE][tT]\.[oO][rR][gG][/:])"
"""The beginning of a pattern for text that is no URL of Bitbucket."""


def _uuid(value: object) -> str:
    if isinstance(value, Mapping):
        meant = accepted_spelling(str(next(iter(value)))) if len(value) == 1 else None
        hint = f'quote it, with its braces: "{meant or "{…}"}"'
        raise fault("bad-uuid", "YAML reads an unquoted UUID as a mapping, because of its braces", hint)
    text = parse_text(value)
    if UUID_PATTERN.fullmatch(text) is None:
        meant = accepted_spelling(as_it_looks(text).strip("\"' "))
        hint = f'write "{meant}"' if meant else 'write it as "{8-4-4-4-12}" in lower-case hex, quoted, braces included'
        hint += "" if text.isascii() else ", in plain characters"
        raise fault("bad-uuid", f"not a UUID as Bitbucket writes it: {text}", hint)
    return text


def url_in_place_of(what: str, slug: str, otherwise: str) -> PydanticCustomError:
    """Return the fault of a URL of Bitbucket in place of a slug or a reference. It may hold a password: never show it.

    Args:
        what: What was expected: ``the slug of a workspace``.
        slug: What to write; empty if the URL does not name it.
        otherwise: The hint without a slug.
    """
    return fault("bad-name", f"expected {what}, found a URL", f"write {slug}" if slug else otherwise)


def _workspace_slug(value: str) -> str:
    if (slugs := slugs_in_url(value)) is not None:
        raise url_in_place_of("the slug of a workspace", slugs[0], "write acme for bitbucket.org/acme")
    if WORKSPACE_SLUG_PATTERN.fullmatch(value) is None:
        lower = value.lower()
        hint = f"write `{lower}`" if WORKSPACE_SLUG_PATTERN.fullmatch(lower) else "use a-z, 0-9, `_`, `.` and `-`"
        raise fault("bad-name", f"not the slug of a workspace: {value!r}", f"{hint}, as in bitbucket.org/SLUG")
    return value


def _repository_slug(value: object) -> str:
    text = parse_text(value)
    if (slugs := slugs_in_url(text)) is not None:
        raise url_in_place_of("the slug of a repository", slugs[1], "write shop for bitbucket.org/acme/shop")
    if SLUG_PATTERN.fullmatch(text) is None:
        _, slash, slug = text.partition("/")
        hint = f"write {slug}" if slash and SLUG_PATTERN.fullmatch(slug) else "use letters, digits, `_`, `.` and `-`"
        raise fault("bad-name", f"not the slug of a repository: {text!r}", hint)
    return text


def _environment_name(value: str) -> str:
    if not value.strip() or value != value.strip() or not value.isprintable():
        raise fault(
            "bad-name", f"not the name of a deployment environment: {value!r}", "write it as Bitbucket shows it"
        )
    return value


def _audience(value: object) -> str:
    text = parse_text(value)
    if not 1 <= len(text) <= limits.AUDIENCE_CHARS or not text.isascii() or not text.isprintable() or " " in text:
        raise fault(
            "bad-audience", f"not an audience: {text!r}", "write 1 to 150 printable ASCII characters, no spaces"
        )
    if "*" in text or "${" in text:
        # IAM would read ${…} as a policy variable, and a reader would take * for a wildcard.
        raise fault("bad-audience", f"an audience is compared literally: {text}", "write it without `*` and `${`")
    return text


Uuid = Annotated[
    str,
    BeforeValidator(_uuid),
    Looks(
        "UUID",
        'a UUID as Bitbucket shows it: "{8-4-4-4-12}" in lower-case hex, quoted, braces included',
        "{0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11}",
        UUID_PATTERN,
    ),
]
WorkspaceSlugText = Annotated[
    str,
    BeforeValidator(parse_text),
    AfterValidator(_workspace_slug),
    Looks(
        "workspace slug",
        "a-z, 0-9, `_`, `.` and `-`, as in bitbucket.org/SLUG",
        "acme",
        WORKSPACE_SLUG_PATTERN,
    ),
]
RepositorySlug = Annotated[
    str,
    BeforeValidator(_repository_slug),
    Looks(
        "repository slug",
        "letters, digits, `_`, `.` and `-`, as in bitbucket.org/WORKSPACE/SLUG",
        "shop",
        SLUG_PATTERN,
    ),
]
EnvironmentName = Annotated[
    str,
    BeforeValidator(parse_text),
    AfterValidator(_environment_name),
    Looks(
        "environment name",
        "the name of a deployment environment as Bitbucket shows it",
        "production",
        rf"{NO_VARIABLES}(?!\s)(?=[\s\S]*\S$){PRINTABLE}+",
    ),
]
Audience = Annotated[
    str,
    BeforeValidator(_audience),
    Looks(
        "audience",
        "1 to 150 printable ASCII characters, no spaces, `*` or `${`",
        "deployments",
        rf"(?![\s\S]*\$\{{){NO_VARIABLES}[!-)+-~]{{1,{limits.AUDIENCE_CHARS}}}",
    ),
]
