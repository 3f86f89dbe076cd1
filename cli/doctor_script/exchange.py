"""Ask STS for a session, as the SDKs do, and tell what it answers."""

from __future__ import annotations

import http.client
import re
import urllib.error
import urllib.parse
import urllib.request
from typing import Any, Callable, Mapping

from cli.doctor_script.report import Report
from cli.doctor_script.token_checks import TOKEN
from cli.doctor_script.variable_checks import REGION, region_of

_ANSWER = 100_000  # bytes of it that are read
_OK, _SERVER_ERROR = 200, 500
ERRORS = {
    "AccessDenied": "compare the claims above with the role's trust policy",
    "InvalidIdentityToken": "the account needs Bitbucket's OIDC provider with exactly this `iss` as URL and this `aud` "
    "among its audiences",
    "ExpiredToken": "assume the role at the beginning of the step, or split the step",
    "IDPCommunicationError": "AWS could not reach Bitbucket in time: try again",
    "IDPRejectedClaim": "the token is not valid any more, or not for this audience: run the step again",
    "RegionDisabled": "STS is switched off in this region of the account: use another AWS_REGION",
    "ValidationError": "the role ARN, session name or duration is malformed, or the duration is longer than the role's",
}
"""What to do about an answer of STS (API_AssumeRoleWithWebIdentity.html, "Errors")."""


PAUSES = (2, 4, 6)  # seconds between tries: for some 10 STS was seen to refuse a role that had just been made
_NOT_KNOWN_YET = ("AccessDenied", "InvalidIdentityToken")


def endpoint_of(environ: Mapping[str, str], given: str | None, arn: str) -> str | None:
    """Return where STS is, or ``None`` where that address may not have a token: neither HTTPS nor loopback."""
    region = region_of(environ)
    if given is None and REGION.fullmatch(region) is None:
        return None
    suffix = {"aws-cn": "amazonaws.com.cn", "aws-eusc": "amazonaws.eu"}.get(arn.split(":")[1], "amazonaws.com")
    url = given or f"https://sts.{region}.{suffix}/"
    try:
        parts = urllib.parse.urlsplit(url)
    except ValueError:
        return None
    is_loopback = parts.scheme == "http" and parts.hostname in ("127.0.0.1", "::1", "localhost")
    return url if (parts.scheme == "https" and parts.hostname) or is_loopback else None


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """The token goes to one address and to no other."""

    def redirect_request(self, *_: Any, **__: Any) -> None:  # noqa: ANN401 - the signature of urllib
        return None


def exchange(
    environ: Mapping[str, str], report: Report, endpoint: str, duration: int | None, sleep: Callable[[float], None]
) -> None:
    """Ask STS for a session of the role, and keep nothing of the answer but whose it is and until when.

    Refusals of what was made seconds ago mean nothing yet: these are asked about again, for 12 seconds in all.
    """
    form = {
        "Action": "AssumeRoleWithWebIdentity", "Version": "2011-06-15", "RoleArn": report.role or "",
        "RoleSessionName": environ.get("AWS_ROLE_SESSION_NAME") or "doctor",
        "WebIdentityToken": environ.get(TOKEN, "").strip(), **({"DurationSeconds": str(duration)} if duration else {}),
    }  # fmt: skip
    handlers: list[urllib.request.BaseHandler] = [_NoRedirects()]
    if endpoint.startswith("http:"):
        handlers.append(urllib.request.ProxyHandler({}))
    opener, body, tries = urllib.request.build_opener(*handlers), urllib.parse.urlencode(form).encode(), 0
    try:
        status, text = _ask(opener, endpoint, body)
        while tries < len(PAUSES) and status != _OK and _element(text, "Code") in _NOT_KNOWN_YET:
            sleep(PAUSES[tries])
            tries += 1
            status, text = _ask(opener, endpoint, body)
    except (OSError, ValueError, http.client.HTTPException) as error:
        what = f"STS does not answer at {endpoint}: {type(error).__name__}"
        report.problem("sts", what, "check the runner's network")
        report.exit_code = 3
        return
    if status != _OK:
        _check_refusal(text, status, report, sum(PAUSES[:tries]))
        return
    until = _element(text, "Expiration")
    report.session = f"assumed {_element(text, 'Arn')} until {until}" if until else None
    if not until:
        report.problem("sts", f"{endpoint} gives an answer that is not of STS", "check --endpoint")
    elif tries:
        what = f"STS refused for up to {sum(PAUSES[:tries])} seconds, then gave the session"
        report.note("exchange", what, "wait some 15 seconds after a role or an OIDC provider is made")


def _ask(opener: urllib.request.OpenerDirector, endpoint: str, body: bytes) -> tuple[int, str]:
    try:
        request = urllib.request.Request(endpoint, body)  # noqa: S310 - see endpoint_of
        with opener.open(request, timeout=15) as answer:
            return answer.status, answer.read(_ANSWER).decode("utf-8", "replace")
    except urllib.error.HTTPError as error:
        return error.code, error.read(_ANSWER).decode("utf-8", "replace")


def _check_refusal(text: str, status: int, report: Report, waited: int = 0) -> None:
    code, message = _element(text, "Code"), _element(text, "Message")
    name = code[: -len("Exception")] if code.endswith("Exception") else code
    do = ERRORS.get(name, "see the message")
    if waited:
        do = f"{do}; this was asked again for {waited} seconds, so it is not that the role is too new"
    report.problem("exchange", f"STS refuses: {code or status} {message}".rstrip(), do)
    if status >= _SERVER_ERROR and not code:
        report.exit_code = 3


def _element(text: str, name: str) -> str:
    found = re.search(f"<{name}>([^<]*)</{name}>", text)
    return found.group(1).strip() if found else ""
