"""Describe a refusal or an unreadable answer of Bitbucket's API: the answer, the likely cause, and what to do."""

import json

from pydantic import ValidationError

from config.findings import shown
from facts.bitbucket.answers import ErrorAnswer, ErrorBody, ErrorDetail, fault_of
from facts.bitbucket.credentials import ACCESS_TOKEN, API_TOKEN, EMAIL, Credentials
from facts.http import Reply
from facts.http_failures import tried
from oidc.errors import BitbucketError, RequestLimitError

NOT_BITBUCKET = "check the URL, and that no proxy answers instead of Bitbucket"
HOW = f"set {EMAIL} and {API_TOKEN}, or {ACCESS_TOKEN}: see docs/concepts/lock.md"

_SCOPES = {
    "workspaces": ("read:workspace:bitbucket", "account"),
    "environments": ("read:pipeline:bitbucket", "pipeline"),
    "pullrequests": ("read:pullrequest:bitbucket", "pullrequest"),
}
_REPOSITORY_SCOPES = ("read:repository:bitbucket", "repository")


_NO_API = "there is no api hosted at this url"
"""Bitbucket's text for a URL that no endpoint has (https://github.com/BitbucketPHP/Client/issues/65)."""


def says_missing(reply: Reply) -> bool:
    """Tell whether Bitbucket says that an object does not exist, or is hidden from these credentials.

    A 404 from a proxy, or for a URL that no endpoint has, says nothing of the object.
    """
    body = _error_of(reply)
    return reply.status == 404 and bool(body.message) and _NO_API not in _text_of(body).lower()  # noqa: PLR2004 - Not Found


def refusal(reply: Reply, credentials: Credentials) -> BitbucketError:
    """Return the error for an answer with another status than success, without the credentials."""
    body = _error_of(reply)
    message = shown(credentials.hidden_in(_text_of(body)))[:300]
    reason = f": {message}" if message else _content_type_of(reply)
    what = f"{reply.url} was answered with status {reply.status}{tried(reply.tries)}{reason}"
    match reply.status:
        case 401:
            what, do = f"Bitbucket does not accept these credentials: {what}", _of_401(credentials)
        case 403:
            what, do = _of_403(reply, body, credentials, what)
        case 404:
            what = f"Bitbucket does not say whether the object exists: {what}"
            do = f"{NOT_BITBUCKET}; if it is Bitbucket that answers, upgrade this program"
        case 410:
            what = f"Bitbucket has switched this URL off, for some hours or for ever: {what}"
            do = "try again later; if that does not help, upgrade this program"
        case 429:
            what, do = f"Bitbucket's limit of requests is used up: {what}", _of_429(reply, credentials)
        case status if 300 <= status < 400:  # noqa: PLR2004 - redirects (https://www.rfc-editor.org/rfc/rfc9110#section-15.4)
            to = shown(credentials.hidden_in(reply.headers.get("Location", "")))[:200]
            what = f"{what}, a redirect to {to!r}, which is not followed"
            do = "check the URL; credentials are not sent to other hosts"
        case status if status >= 500:  # noqa: PLR2004 - failures of servers (https://www.rfc-editor.org/rfc/rfc9110#section-15.6)
            do = "try again later; https://bitbucket.status.atlassian.com shows known problems"
        case _:
            do = NOT_BITBUCKET
    kind = RequestLimitError if reply.status == 429 else BitbucketError  # noqa: PLR2004 - Too Many Requests
    return kind(credentials.hidden_in(what), do=credentials.hidden_in(do))


def not_as_documented(url: str, error: Exception) -> BitbucketError:
    """Return the error for an answer whose content cannot be read."""
    what = fault_of(error) if isinstance(error, ValidationError) else "it is nested too deeply"
    return BitbucketError(f"the answer of {url} is not as documented: {what}", do=NOT_BITBUCKET)


def _of_401(credentials: Credentials) -> str:
    if not credentials.source:
        return HOW
    if credentials.is_scoped:
        return (
            f"check {credentials.source}: it must be an API token with scopes that has not expired, with the e-mail of "
            "the Atlassian account, not the user name; app passwords no longer work"
        )
    return f"check {credentials.source}: it may have expired or been revoked"


def _of_403(reply: Reply, body: ErrorBody, credentials: Credentials, what: str) -> tuple[str, str]:
    detail = _detail_of(body)
    missing = [scope for scope in detail.required if scope not in detail.granted] or detail.required
    if missing or "scope" in body.message.lower():
        named = shown(credentials.hidden_in(", ".join(missing) or _scope_of(reply.url, credentials)))[:300]
        return (
            f"this token lacks {named}: {reply.url} was answered with status 403",
            f"create a token with this scope for {credentials.source or ACCESS_TOKEN}; no scope includes another",
        )
    do = "give the account of these credentials read access" if credentials.source else HOW
    return f"Bitbucket refuses access: {what}", do


def _of_429(reply: Reply, credentials: Credentials) -> str:
    seconds = reply.headers.get("Retry-After", "").strip()
    wait = f"in {seconds} seconds" if seconds.isascii() and seconds.isdigit() else "in an hour"
    if credentials.source:
        return f"run it again {wait[:40]}, or with fewer programs that use the same credentials"
    return f"run it again {wait[:40]}; with credentials the limit is higher"


def _scope_of(url: str, credentials: Credentials) -> str:
    scopes = next((names for part, names in _SCOPES.items() if f"/{part}" in url), _REPOSITORY_SCOPES)
    return scopes[0] if credentials.is_scoped else scopes[1]


def _error_of(reply: Reply) -> ErrorBody:
    try:
        return ErrorAnswer.model_validate_json(reply.body).error
    except (ValidationError, RecursionError):
        return ErrorBody()


def _text_of(body: ErrorBody) -> str:
    detail = " ".join(body.detail.split()) if isinstance(body.detail, str) else ""
    return f"{body.message}: {detail}" if detail else body.message


def _detail_of(body: ErrorBody) -> ErrorDetail:
    try:
        return ErrorDetail.model_validate(body.detail)
    except ValidationError:
        return ErrorDetail()


def _content_type_of(reply: Reply) -> str:
    kind = reply.headers.get("Content-Type", "").partition(";")[0].strip()
    try:
        json.loads(reply.body)
    except (ValueError, RecursionError):
        return f", as {shown(kind)[:60]}, not JSON" if kind and reply.body else ""
    return ""
