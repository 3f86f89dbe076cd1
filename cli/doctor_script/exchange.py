"""Ask STS for a session, as the SDKs do, and tell what it answers."""

from __future__ import annotations

import http.client
import re
import urllib.error
import urllib.parse
import urllib.request
from typing import Any, Mapping

from cli.doctor_script.report import Report
from cli.doctor_script.token_checks import TOKEN
from cli.doctor_script.variable_checks import REGION, region_of

_ANSWER = 100_000  # bytes of it that are read
_SERVER_ERROR = 500
ERRORS = {
    "AccessDenied": "compare the claims above with the role's trust policy; a role or trust policy made seconds ago "
    "may not be known everywhere yet",
    "InvalidIdentityToken": "the account needs Bitbucket's OIDC provider with exactly this `iss` as URL and this `aud` "
    "among its audiences",
    "ExpiredToken": "assume the role at the beginning of the step, or split the step",
    "IDPCommunicationError": "AWS could not reach Bitbucket in time: try again",
    "IDPRejectedClaim": "the token is not valid any more, or not for this audience: run the step again",
    "RegionDisabled": "STS is switched off in this region of the account: use another AWS_REGION",
    "ValidationError": "the role ARN, session name or duration is malformed, or the duration is longer than the role's",
}
"""What to do about an answer of STS (API_AssumeRoleWithWebIdentity.html, "Errors")."""


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


def exchange(environ: Mapping[str, str], report: Report, endpoint: str, duration: int | None) -> None:
    """Ask STS for a session of the role, and keep nothing of the answer but whose it is and until when."""
    form = {
        "Action": "AssumeRoleWithWebIdentity", "Version": "2011-06-15", "RoleArn": report.role or "",
        "RoleSessionName": environ.get("AWS_ROLE_SESSION_NAME") or "doctor",
        "WebIdentityToken": environ.get(TOKEN, "").strip(), **({"DurationSeconds": str(duration)} if duration else {}),
    }  # fmt: skip
    handlers: list[urllib.request.BaseHandler] = [_NoRedirects()]
    if endpoint.startswith("http:"):
        handlers.append(urllib.request.ProxyHandler({}))
    try:
        request = urllib.request.Request(endpoint, urllib.parse.urlencode(form).encode())  # noqa: S310 - see endpoint_of
        with urllib.request.build_opener(*handlers).open(request, timeout=15) as answer:
            text = answer.read(_ANSWER).decode("utf-8", "replace")
    except urllib.error.HTTPError as error:
        _check_refusal(error.read(_ANSWER).decode("utf-8", "replace"), error.code, report)
    except (OSError, ValueError, http.client.HTTPException) as error:
        what = f"STS does not answer at {endpoint}: {type(error).__name__}"
        report.problem("sts", what, "check the runner's network")
        report.exit_code = 3
    else:
        until = _element(text, "Expiration")
        report.session = f"assumed {_element(text, 'Arn')} until {until}" if until else None
        if not until:
            report.problem("sts", f"{endpoint} gives an answer that is not of STS", "check --endpoint")


def _check_refusal(text: str, status: int, report: Report) -> None:
    code, message = _element(text, "Code"), _element(text, "Message")
    name = code[: -len("Exception")] if code.endswith("Exception") else code
    report.problem("exchange", f"STS refuses: {code or status} {message}".rstrip(), ERRORS.get(name, "see the message"))
    if status >= _SERVER_ERROR and not code:
        report.exit_code = 3


def _element(text: str, name: str) -> str:
    found = re.search(f"<{name}>([^<]*)</{name}>", text)
    return found.group(1).strip() if found else ""
