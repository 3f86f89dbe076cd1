"""What is wrong with the step's token itself."""

from __future__ import annotations

import base64
import json
import re
import time
from typing import Any, Mapping

from cli.doctor_script.report import Report

TOKEN = "BITBUCKET_STEP_OIDC_TOKEN"  # noqa: S105 - the name of a variable
_UUID = r"\{[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\}"
_SUBJECT = re.compile(f"({_UUID})(?::({_UUID}))?:({_UUID})")
_ISSUER = re.compile(r"https://api\.bitbucket\.org/2\.0/workspaces/([a-z0-9_.-]+)/pipelines-config/identity/oidc")
_SKEW = 300  # "a 5 minute window beyond the expiration time": IAM user guide, id_roles_providers_oidc.html
_LATEST = 1e11  # seconds since 1970 that a date can be made of
_OWN = "use the step's own token"


def claims_of(token: str) -> dict[str, Any] | None:
    """Return the claims of a token, or ``None`` where it is none; the signature is not looked at."""
    parts = token.strip().split(".")
    if len(parts) != 3:  # noqa: PLR2004 - header, payload, signature: RFC 7515, 3.1
        return None
    try:
        found = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def check_token(environ: Mapping[str, str], now: float, report: Report) -> dict[str, Any] | None:
    """Report what is wrong with the token, and return its claims, or ``None`` where there is none."""
    token = environ.get(TOKEN, "")
    if not token.strip():
        do = "write `oidc: true` on this very step: no step inherits it"
        if not environ.get("BITBUCKET_BUILD_NUMBER"):
            do = "run this inside a step of a pipeline, one with `oidc: true`"
        report.problem("no-token", f"{TOKEN} is not set", do)
        return None
    claims = claims_of(token)
    if claims is None:
        report.problem("broken-token", f"{TOKEN} holds no token", "do not set it yourself: Bitbucket does")
        return None
    report.claims = {name: claims[name] for name in ("iss", "aud", "azp", "sub", "iat", "nbf", "exp") if name in claims}
    _check_times(claims, now, report)
    _check_issuer(str(claims.get("iss", "")), environ.get("BITBUCKET_WORKSPACE", ""), report)
    _check_subject(str(claims.get("sub", "")), environ, report)
    _check_audience(claims, report)
    return claims


def _check_times(claims: Mapping[str, Any], now: float, report: Report) -> None:
    times = {name: claims[name] for name in ("iat", "nbf", "exp") if _is_time(claims.get(name))}
    report.claims.update({name: _utc(seconds) for name, seconds in times.items()})
    if "exp" in times:
        report.claims["lifetime"] = (
            f"{int(times['exp'] - times.get('iat', now)) // 60} minutes, {int(times['exp'] - now) // 60} left"
        )
        if now > times["exp"]:
            late = "" if now > times["exp"] + _SKEW else ", which AWS forgives for 5 minutes"
            do = "assume the role at the beginning of the step, or split the step"
            report.problem("expired", f"the token expired at {_utc(times['exp'])}{late}", do)
    begins = max((times[name] for name in ("iat", "nbf") if name in times), default=now)
    if begins > now + 5:
        what = f"the token begins at {_utc(begins)}, and the clock here says {_utc(now)}"
        report.problem("clock", what, "set the runner's clock: AWS refuses what is not valid yet")


def _is_time(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < _LATEST


def _utc(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _check_issuer(issuer: str, workspace: str, report: Report) -> None:
    found = _ISSUER.fullmatch(issuer)
    if found is None:
        report.problem("issuer", "the token's `iss` is not an issuer of Bitbucket Pipelines", _OWN)
    elif workspace and found.group(1) != workspace:
        what = f"the token is of workspace {found.group(1)}, and this pipeline runs in {workspace}"
        report.problem("issuer", what, _OWN)


def _check_subject(subject: str, environ: Mapping[str, str], report: Report) -> None:
    found = _SUBJECT.fullmatch(subject)
    if found is None:
        what = "the token's `sub` is not {repository}[:{deployment environment}]:{step}"
        report.problem("subject", what, _OWN)
        return
    repository, environment, _ = found.groups()
    if environ.get("BITBUCKET_REPO_UUID", repository) != repository:
        report.problem("subject", "the token is of another repository than this step's", _OWN)
    name = "BITBUCKET_DEPLOYMENT_ENVIRONMENT"
    named = environ.get(name, "")
    if environment is None and named:
        what = f"{name} is '{named}', and the token's `sub` has no deployment environment"
        do = "write `deployment:` on the step itself, and do not set the variable yourself"
        report.problem("environment", what, do)
    elif environment is None:
        what = "the step has no `deployment:`, so that no role of a deployment environment takes its token"
        report.note("environment", what, "write `deployment: NAME` if the role is bound to one")
    elif not named and "BITBUCKET_BUILD_NUMBER" in environ:
        report.problem("environment", f"the token's `sub` has a deployment environment, and {name} is not set", _OWN)
    elif environ.get(f"{name}_UUID", environment) != environment:
        report.problem("environment", "the token is of another deployment environment than this step's", _OWN)


def _check_audience(claims: Mapping[str, Any], report: Report) -> None:
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    own = f"ari:cloud:bitbucket::workspace/{str(claims.get('workspaceUuid', '')).strip('{}')}"
    if "workspaceUuid" in claims and own not in audiences:
        report.problem("audience", f"`aud` lacks the workspace's own audience {own}", "write `oidc: true`")
    if len(audiences) > 1 and "azp" not in claims:
        what = f"`aud` has {len(audiences)} audiences and there is no `azp`: STS refuses such a token"
        report.problem("audience", what, "write `oidc: true` without `audiences:` on steps that go to AWS")
