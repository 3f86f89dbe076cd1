"""Describe a refusal of Bitbucket's API: the answer, the likely cause, and what to do."""

import json

from pydantic import ValidationError

from config.findings import shown
from facts.bitbucket.answers import ErrorAnswer, ErrorBody, ErrorDetail
from facts.bitbucket.credentials import ACCESS_TOKEN, API_TOKEN, EMAIL, Credentials
from facts.http import Reply
from facts.http_failures import tried
from oidc.errors import BitbucketError

HOW = f"set {EMAIL} and {API_TOKEN}, or {ACCESS_TOKEN}: see docs/lock.md"

_SCOPES = {
    "workspaces": ("read:workspace:bitbucket", "account"),
    "environments": ("read:pipeline:bitbucket", "pipeline"),
    "pullrequests": ("read:pullrequest:bitbucket", "pullrequest"),
}
_REPOSITORY_SCOPES = ("read:repository:bitbucket", "repository")


def refusal(reply: Reply, credentials: Credentials) -> BitbucketError:
    """Return the error for an answer with another status than success, without the credentials."""
    body = _error_of(reply)
    message = shown(credentials.hidden_in(body.message))[:300]
    reason = f": {message}" if message else _content_type_of(reply)
    what = f"{reply.url} was answered with status {reply.status}{tried(reply.tries)}{reason}"
    match reply.status:
        case 401:
            return BitbucketError(f"Bitbucket does not accept these credentials: {what}", do=_of_401(credentials))
        case 403:
            return _of_403(reply, body, credentials, what)
        case 429:
            seconds = reply.headers.get("Retry-After", "").strip()
            wait = f"in {seconds} seconds" if seconds.isascii() and seconds.isdigit() else "in an hour"
            do = (
                f"run it again {wait[:40]}, or with fewer programs that use the same credentials"
                if credentials.source
                else f"run it again {wait[:40]}; with credentials the limit is higher"
            )
            return BitbucketError(f"Bitbucket's limit of requests is used up: {what}", do=do)
        case status if 300 <= status < 400:  # noqa: PLR2004 - redirects (https://www.rfc-editor.org/rfc/rfc9110#section-15.4)
            to = shown(credentials.hidden_in(reply.headers.get("Location", "")))[:200]
            do = "check the URL; credentials are not sent to other hosts"
            return BitbucketError(f"{what}, a redirect to {to!r}, which is not followed", do=do)
        case status if status >= 500:  # noqa: PLR2004 - failures of servers (https://www.rfc-editor.org/rfc/rfc9110#section-15.6)
            return BitbucketError(
                what, do="try again later; https://bitbucket.status.atlassian.com shows known problems"
            )
    return BitbucketError(what, do="check the URL, and that no proxy answers instead of Bitbucket")


def _of_401(credentials: Credentials) -> str:
    if not credentials.source:
        return HOW
    if credentials.is_scoped:
        return (
            f"check {credentials.source}: it must be an API token with scopes that has not expired, with the e-mail of "
            "the Atlassian account, not the user name; app passwords no longer work"
        )
    return f"check {credentials.source}: it may have expired or been revoked"


def _of_403(reply: Reply, body: ErrorBody, credentials: Credentials, what: str) -> BitbucketError:
    detail = _detail_of(body)
    missing = [scope for scope in detail.required if scope not in detail.granted] or detail.required
    if missing or "scope" in body.message.lower():
        named = shown(", ".join(missing) or _scope_of(reply.url, credentials))[:300]
        return BitbucketError(
            f"this token lacks {named}: {reply.url} was answered with status 403",
            do=f"create a token with this scope for {credentials.source or ACCESS_TOKEN}; no scope includes another",
        )
    do = "give the account of these credentials read access" if credentials.source else HOW
    return BitbucketError(f"Bitbucket refuses access: {what}", do=do)


def _scope_of(url: str, credentials: Credentials) -> str:
    scopes = next((names for part, names in _SCOPES.items() if f"/{part}" in url), _REPOSITORY_SCOPES)
    return scopes[0] if credentials.is_scoped else scopes[1]


def _error_of(reply: Reply) -> ErrorBody:
    try:
        return ErrorAnswer.model_validate_json(reply.body).error
    except (ValidationError, RecursionError):
        return ErrorBody()


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
