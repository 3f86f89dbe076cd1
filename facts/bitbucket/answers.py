"""The fields of Bitbucket's answers that this program uses, checked before use.

Source: https://developer.atlassian.com/cloud/bitbucket/rest/api-group-workspaces/, …-repositories/, …-deployments/.
"""

from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    StrictBool,
    StrictInt,
    StrictStr,
    ValidationError,
)

from oidc.identifiers import is_uuid

A = TypeVar("A", bound="BitbucketAnswer")


def _uuid(value: str) -> str:
    if not is_uuid(value):
        raise ValueError("not a UUID as Bitbucket writes it")
    return value


AnsweredUuid = Annotated[StrictStr, AfterValidator(_uuid)]


class BitbucketAnswer(BaseModel):
    """An object of an answer; other fields are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class WorkspaceAnswer(BitbucketAnswer):
    """A workspace: ``{"uuid": "{…}", "slug": "acme", …}``."""

    uuid: AnsweredUuid
    slug: StrictStr


class OwnerAnswer(BitbucketAnswer):
    """The workspace of a repository."""

    uuid: AnsweredUuid
    slug: StrictStr


class RepositoryAnswer(BitbucketAnswer):
    """A repository: ``{"uuid": "{…}", "full_name": "acme/shop", "workspace": {…}, …}``."""

    uuid: AnsweredUuid
    full_name: StrictStr
    workspace: OwnerAnswer | None = None

    @property
    def slug(self) -> str:
        """The part of the full name after the workspace: ``shop``."""
        return self.full_name.partition("/")[2]


class RestrictionsAnswer(BitbucketAnswer):
    """Who may deploy. Bitbucket sends this without documenting it, so an unexpected value counts as missing."""

    admin_only: StrictBool


def _or_nothing(value: Any) -> Any:  # noqa: ANN401 - any JSON
    known = isinstance(value, dict) and isinstance(value.get("admin_only"), bool)
    return value if known else None


class EnvironmentAnswer(BitbucketAnswer):
    """A deployment environment: ``{"uuid": "{…}", "name": "production", "restrictions": {"admin_only": false}, …}``."""

    uuid: AnsweredUuid
    name: StrictStr
    restrictions: Annotated[RestrictionsAnswer | None, BeforeValidator(_or_nothing)] = None


class PageAnswer(BitbucketAnswer):
    """One page of a list: ``{"values": […], "next": "https://…", "size": 12}``."""

    values: list[Any]
    next: StrictStr | None = None
    size: StrictInt | None = None


class TokenAnswer(BitbucketAnswer):
    """The token of an OAuth consumer (https://www.rfc-editor.org/rfc/rfc6749#section-5.1)."""

    access_token: StrictStr


class ErrorDetail(BitbucketAnswer):
    """The scopes that a call needs, and those that the credentials have."""

    required: list[StrictStr] = []
    granted: list[StrictStr] = []


class ErrorBody(BitbucketAnswer):
    """The content of an error; ``detail`` is a text or an object."""

    message: StrictStr = ""
    detail: Any = None


class ErrorAnswer(BitbucketAnswer):
    """An error: ``{"type": "error", "error": {"message": "…", "detail": {…}}}``."""

    error: ErrorBody


def fault_of(error: ValidationError) -> str:
    """Return the first fault of an answer in a few words: ``uuid is missing``, ``uuid is not as documented``."""
    detail = error.errors(include_url=False, include_input=False, include_context=False)[0]
    at = ".".join(str(part) for part in detail["loc"])
    match detail["type"]:
        case "json_invalid":
            return "not JSON"
        case "missing":
            return f"{at} is missing"
        case _:
            return f"{at or 'it'} is not as documented"
