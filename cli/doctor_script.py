"""Say what keeps a step of Bitbucket Pipelines from its AWS role: python3 doctor.py [--exchange] [--plan plan.json].

One file on the standard library of Python 3.8 or newer, so that it can be pasted into a repository; ``bitbucket-oidc
doctor`` runs the same. No token, signature or secret key is ever printed. Exit codes: 0 all well, 1 problems, 2 wrong
usage, 3 STS cannot be reached.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import re
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import IO, Any, Callable, Mapping, NoReturn, Sequence

TOKEN = "BITBUCKET_STEP_OIDC_TOKEN"  # noqa: S105 - the name of a variable
TOKEN_FILE = "AWS_WEB_IDENTITY_TOKEN_FILE"  # noqa: S105 - likewise
_UUID = r"\{[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\}"
_SUBJECT = re.compile(f"({_UUID})(?::({_UUID}))?:({_UUID})")
_ISSUER = re.compile(r"https://api\.bitbucket\.org/2\.0/workspaces/([a-z0-9_.-]+)/pipelines-config/identity/oidc")
_ROLE = re.compile(r"arn:(aws|aws-us-gov|aws-cn):iam::(\d{12}):role/(?:[!-~]+/)?([\w+=,.@-]{1,64})", re.ASCII)
_SESSION = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
_REGION = re.compile(r"[a-z]{2}(?:-[a-z]+)+-\d")
_SKEW = 300  # "a 5 minute window beyond the expiration time": IAM user guide, id_roles_providers_oidc.html
_SHOWN = ("iss", "aud", "sub", "iat", "nbf", "exp")
_LATEST = 1e11  # seconds since 1970 that a date can be made of
_READ = 100_000  # characters of a file that is no token file; a token has 20,000 at most
_LONG = 8  # characters from which a part of a token is kept out of the output

ERRORS = {
    "AccessDenied": "compare the claims above with the role's trust policy; a role or trust policy made seconds ago "
    "may not be known everywhere yet",
    "InvalidIdentityToken": "the account needs Bitbucket's OIDC provider with exactly this `iss` as URL and this `aud` "
    "among its audiences",
    "ExpiredTokenException": "assume the role at the beginning of the step, or split the step",
    "IDPCommunicationError": "AWS could not reach Bitbucket in time: try again",
    "IDPRejectedClaim": "the token is not valid any more, or not for this audience: run the step again",
    "RegionDisabledException": "STS is switched off in this region of the account: use another AWS_REGION",
    "ValidationError": "the role ARN, session name or duration is malformed, or the duration is longer than the role's",
}
"""What to do about an answer of STS (API_AssumeRoleWithWebIdentity.html, "Errors")."""

Decide = Callable[[Mapping[str, Any], Mapping[str, Any], str], bool]
"""Trust policy, claims, ARN of the role: whether it admits the token."""


class Report:
    """What was found, with every secret taken out of every text before anybody sees it."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._secrets = sorted({part for text in secrets for part in _parts(text)}, key=len, reverse=True)
        self.claims: dict[str, Any] = {}
        self.role: str | None = None
        self.session: str | None = None
        self.problems: list[dict[str, str]] = []
        self.notes: list[dict[str, str]] = []
        self.exit_code = 0

    def problem(self, check: str, what: str, do: str) -> None:
        """Add what keeps the step from its role."""
        self.problems.append({"check": check, "what": what, "do": do})

    def note(self, check: str, what: str, do: str) -> None:
        """Add what may be meant so."""
        self.notes.append({"check": check, "what": what, "do": do})

    def hide(self, secret: str) -> None:
        """Keep one more text out of the output."""
        self._secrets = sorted({*self._secrets, *_parts(secret)}, key=len, reverse=True)

    def to_json(self) -> dict[str, Any]:
        """Return everything, without secrets."""
        found: dict[str, Any] = self._clean({
            "claims": self.claims, "role": self.role, "session": self.session,
            "problems": self.problems, "notes": self.notes,
        })  # fmt: skip
        return found

    def write(self, out: IO[str]) -> None:
        """Write it for people."""
        found = self.to_json()
        lines = [f"{name:<8} {_shown(value)}" for name, value in found["claims"].items()]
        lines += [f"{name:<8} {_shown(found[name])}" for name in ("role", "session") if found[name]]
        for level, kind in (("problem", "problems"), ("note", "notes")):
            lines += [f"{level}[{item['check']}] {item['what']}; {item['do']}" for item in found[kind]]
        count = len(found["problems"])
        lines.append("no problem found" if not count else f"{count} problem{'s' if count > 1 else ''}")
        out.write("".join(f"{_printable(line)}\n" for line in lines))

    def _clean(self, value: Any) -> Any:  # noqa: ANN401 - JSON
        if isinstance(value, str):
            for secret in self._secrets:
                value = value.replace(secret, "(hidden)")
            return value
        if isinstance(value, dict):
            return {self._clean(name): self._clean(item) for name, item in value.items()}
        return [self._clean(item) for item in value] if isinstance(value, list) else value


def _parts(text: str) -> list[str]:
    """Return a secret and the parts of it that are secret or look so, without what is too short to be any."""
    return [part for part in (text, text.strip(), *text.strip().split(".")) if len(part) >= _LONG]


def _shown(value: Any) -> str:  # noqa: ANN401 - JSON
    return value if isinstance(value, str) else json.dumps(value)


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def _utc(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


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


def diagnose(
    environ: Mapping[str, str], now: float, plan: Mapping[str, Any] | None = None, decide: Decide | None = None
) -> Report:
    """Look at a step's variables and token.

    Args:
        environ: The variables.
        now: Seconds since 1970.
        plan: What ``bitbucket-oidc plan --format json`` prints, or ``None``.
        decide: Whether a trust policy admits a token; by default the statements that this project writes are compared.
    """
    report = Report([environ.get(name, "") for name in (TOKEN, "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")])
    claims = _check_token(environ, now, report)
    _check_credentials(environ, report)
    _check_role(environ, report)
    _check_token_file(environ, report)
    if plan is not None and claims is not None and report.role is not None:
        _check_plan(claims, report, plan, decide or _admits)
        report.notes = [note for note in report.notes if note["check"] != "environment"]
    return report


def _check_token(environ: Mapping[str, str], now: float, report: Report) -> dict[str, Any] | None:
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
    report.claims = {name: claims[name] for name in _SHOWN if name in claims}
    _check_times(claims, now, report)
    _check_issuer(claims, environ, report)
    _check_subject(str(claims.get("sub", "")), environ, report)
    _check_audience(claims, report)
    return claims


def _check_times(claims: Mapping[str, Any], now: float, report: Report) -> None:
    times = {name: claims[name] for name in ("iat", "nbf", "exp") if _is_time(claims.get(name))}
    report.claims.update({name: _utc(seconds) for name, seconds in times.items()})
    if "iat" in times and "exp" in times:
        left = int(times["exp"] - now) // 60
        report.claims["lifetime"] = f"{int(times['exp'] - times['iat']) // 60} minutes, {left} of them left"
    if "exp" in times and now > times["exp"]:
        late = "" if now > times["exp"] + _SKEW else ", which AWS forgives for 5 minutes"
        report.problem("expired", f"the token expired at {_utc(times['exp'])}{late}", ERRORS["ExpiredTokenException"])
    begins = max((times[name] for name in ("iat", "nbf") if name in times), default=now)
    if begins > now + 5:
        what = f"the token begins at {_utc(begins)}, and the clock here says {_utc(now)}"
        report.problem("clock", what, "set the runner's clock: AWS refuses what is not valid yet")


def _is_time(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < _LATEST


def _check_issuer(claims: Mapping[str, Any], environ: Mapping[str, str], report: Report) -> None:
    issuer = _ISSUER.fullmatch(str(claims.get("iss", "")))
    workspace = environ.get("BITBUCKET_WORKSPACE", "")
    if issuer is None:
        report.problem(
            "issuer", "the token's `iss` is not an issuer of Bitbucket Pipelines", "use the step's own token"
        )
    elif workspace and issuer.group(1) != workspace:
        what = f"the token is of workspace {issuer.group(1)}, and this pipeline runs in {workspace}"
        report.problem("issuer", what, "use the step's own token")


def _check_subject(subject: str, environ: Mapping[str, str], report: Report) -> None:
    found = _SUBJECT.fullmatch(subject)
    if found is None:
        report.problem(
            "subject", "the token's `sub` is not {repository}[:{environment}]:{step}", "use the step's token"
        )
        return
    repository, environment, _ = found.groups()
    if environ.get("BITBUCKET_REPO_UUID", repository) != repository:
        report.problem("subject", "the token is of another repository than this step's", "use the step's own token")
    named = environ.get("BITBUCKET_DEPLOYMENT_ENVIRONMENT", "")
    if named and environment is None:
        what = f"BITBUCKET_DEPLOYMENT_ENVIRONMENT is {named!r}, and the token's `sub` has no environment"
        report.problem(
            "environment", what, "write `deployment:` on the step itself, and do not set the variable yourself"
        )
    elif environment is not None and "BITBUCKET_BUILD_NUMBER" in environ and not named:
        what = "the token's `sub` has an environment, and BITBUCKET_DEPLOYMENT_ENVIRONMENT is not set"
        report.problem("environment", what, "use the token of this very step")
    elif environment is not None and environ.get("BITBUCKET_DEPLOYMENT_ENVIRONMENT_UUID", environment) != environment:
        report.problem(
            "environment", "the token is of another environment than this step's", "use the step's own token"
        )
    if environment is None and not named:
        what = "the step has no `deployment:`, so that no role of a deployment environment takes its token"
        report.note("environment", what, "write `deployment: NAME` if the role is bound to an environment")


def _check_audience(claims: Mapping[str, Any], report: Report) -> None:
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    own = f"ari:cloud:bitbucket::workspace/{str(claims.get('workspaceUuid', '')).strip('{}')}"
    if "workspaceUuid" in claims and own not in audiences:
        report.problem("audience", f"`aud` lacks the workspace's own audience {own}", "write `oidc: true`")
    if len(audiences) > 1:
        what = "`aud` is a list: how STS compares one is not documented"
        report.note("audience", what, "write `oidc: true` without `audiences:` on steps that go to AWS")


def _check_credentials(environ: Mapping[str, str], report: Report) -> None:
    keys = [name for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY") if environ.get(name)]
    if keys:
        what = f"{' and '.join(keys)} {'is set and wins' if len(keys) == 1 else 'are set and win'} over the token"
        do = f"delete the variables in Bitbucket, or `unset {' '.join(keys)} AWS_SESSION_TOKEN` first"
        is_session = bool(environ.get("AWS_SESSION_TOKEN")) and not environ.get(TOKEN_FILE)
        (report.note if is_session else report.problem)("static-keys", what, do)
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
        if environ.get(name):
            report.problem("profile", f"{name} is set, and a profile may win over the token", f"`unset {name}`")
    region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or ""
    if not region:
        report.problem("region", "neither AWS_REGION nor AWS_DEFAULT_REGION is set", "`export AWS_REGION=eu-west-1`")
    elif _REGION.fullmatch(region) is None:
        report.problem("region", f"the region is {region!r}, which is none", "write it like eu-west-1")
    session = environ.get("AWS_ROLE_SESSION_NAME")
    if session and _SESSION.fullmatch(session) is None:
        what = f"AWS_ROLE_SESSION_NAME is {session!r}"
        report.problem("session-name", what, "use 2 to 64 of A-Z, a-z, 0-9 and _+=,.@-")


def _check_role(environ: Mapping[str, str], report: Report) -> None:
    name = "AWS_ROLE_ARN" if environ.get("AWS_ROLE_ARN") else "AWS_OIDC_ROLE_ARN"
    arn = environ.get(name, "")
    if not arn:
        report.problem(
            "no-role", "AWS_ROLE_ARN is not set", "`export AWS_ROLE_ARN=…`, as `bitbucket-oidc snippet` shows"
        )
    elif arn != arn.strip():
        report.problem("role-arn", f"{name} has blanks around it: {arn!r}", "remove them")
    elif _ROLE.fullmatch(arn) is None:
        what = f"{name} is no ARN of a role: {arn!r}"
        report.problem("role-arn", what, "write arn:aws:iam::ACCOUNT:role/PATH/NAME, with the role's path")
    else:
        report.role = arn


def _check_token_file(environ: Mapping[str, str], report: Report) -> None:
    path = environ.get(TOKEN_FILE, "")
    if not path:
        if environ.get("AWS_WEB_IDENTITY_ROLE_FILE"):
            report.problem("token-file", "AWS_WEB_IDENTITY_ROLE_FILE is misspelt", f"call it {TOKEN_FILE}")
        elif environ.get("AWS_ROLE_ARN"):
            report.problem("token-file", f"{TOKEN_FILE} is not set", "name the file that the token was written to")
        return
    try:
        with open(path, encoding="utf-8", errors="replace") as file:  # noqa: PTH123 - nothing but the plainest here
            written = file.read(_READ)
    except (OSError, ValueError):
        do = f"""`printf '%s' "${TOKEN}" > "${TOKEN_FILE}"` after the variable is set"""
        report.problem("token-file", f"the file of {TOKEN_FILE} cannot be read: {path}", do)
        return
    report.hide(written)
    token = environ.get(TOKEN, "")
    if not written.strip():
        report.problem("token-file", f"{path} is empty", "`oidc: true` was missing when it was written, or it was not")
    elif written.rstrip("\r\n") != written.strip() or len(written.split()) > 1:
        report.problem("token-file", f"{path} has blanks or lines besides the token", "write it with `printf '%s'`")
    elif claims_of(token) is not None and written.strip() != token.strip():
        do = "write it in this step: each step has a token of its own, and a file from an artifact or a cache is old"
        report.problem("token-file", f"{path} holds another token than this step's", do)
    clone = environ.get("BITBUCKET_CLONE_DIR")
    if clone and os.path.realpath(path).startswith(os.path.realpath(clone) + os.sep):
        what = f"{path} is in the clone directory, where an artifact may take it along"
        report.note("token-file", what, f'`export {TOKEN_FILE}="$(umask 077 && mktemp)"`')


def _check_plan(claims: Mapping[str, Any], report: Report, plan: Mapping[str, Any], decide: Decide) -> None:
    roles = [role for account in plan["accounts"] for role in account["roles"]]
    found = next((role for role in roles if role["arn"] == report.role), None)
    admitting = [role["arn"] for role in roles if decide(role["trust_policy"], claims, role["arn"])]
    may = f"this step may assume {', '.join(admitting)}" if admitting else "no role of the inventory trusts this step"
    if found is None:
        report.problem("other-role", f"the inventory has no role {report.role}", may)
    elif found["arn"] not in admitting:
        trusted = "; ".join(_who(line) for line in found["trust"])
        report.problem("refused", f"{report.role} does not trust this step but {trusted}", may)


def _who(line: Mapping[str, Any]) -> str:
    where = f"{line['workspace']}/{line['repository'] or '*'}"
    if line.get("environment"):
        return f"steps of {where} with `deployment: {line['environment']}`"
    return f"steps of {where} ({line.get('steps')})"


def _admits(policy: Mapping[str, Any], claims: Mapping[str, Any], _arn: str) -> bool:
    """Compare issuer, audience and subject; addresses and dates are not known here."""
    issuer = str(claims.get("iss", "")).replace("https://", "", 1)
    for statement in policy["Statement"]:
        equals = statement["Condition"].get("StringEquals", {}).get(f"{issuer}:aud", [])
        likes = statement["Condition"].get("StringLike", {}).get(f"{issuer}:sub", [])
        accepted = [equals] if isinstance(equals, str) else equals
        patterns = [likes] if isinstance(likes, str) else likes
        held = claims.get("aud")
        audiences = held if isinstance(held, list) else [held]
        if any(one in accepted for one in audiences) and any(
            _like(str(claims.get("sub")), pattern) for pattern in patterns
        ):
            return True
    return False


def _like(text: str, pattern: str) -> bool:
    wanted = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(wanted, text, re.DOTALL) is not None


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """The token goes to one address and to no other."""

    def redirect_request(self, *_: Any, **__: Any) -> None:  # noqa: ANN401 - the signature of urllib
        return None


def endpoint_of(environ: Mapping[str, str], given: str | None, arn: str) -> str | None:
    """Return where STS is, or ``None`` where that address may not have a token: neither HTTPS nor loopback."""
    region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or ""
    if given is None and _REGION.fullmatch(region) is None:
        return None
    suffix = "amazonaws.com.cn" if arn.startswith("arn:aws-cn:") else "amazonaws.com"
    url = given or f"https://sts.{region}.{suffix}/"
    parts = urllib.parse.urlsplit(url)
    is_loopback = parts.scheme == "http" and parts.hostname in ("127.0.0.1", "::1", "localhost")
    return url if (parts.scheme == "https" and parts.hostname) or is_loopback else None


def exchange(environ: Mapping[str, str], report: Report, endpoint: str, duration: int | None) -> None:
    """Ask STS for a session of the role, and keep nothing of the answer but whose it is and until when."""
    form = {
        "Action": "AssumeRoleWithWebIdentity", "Version": "2011-06-15", "RoleArn": report.role or "",
        "RoleSessionName": environ.get("AWS_ROLE_SESSION_NAME") or "doctor",
        "WebIdentityToken": environ.get(TOKEN, "").strip(), **({"DurationSeconds": str(duration)} if duration else {}),
    }  # fmt: skip
    request = urllib.request.Request(endpoint, urllib.parse.urlencode(form).encode())  # noqa: S310 - endpoint_of checks it
    handlers: list[urllib.request.BaseHandler] = [_NoRedirects()]
    if endpoint.startswith("http:"):
        handlers.append(urllib.request.ProxyHandler({}))
    try:
        with urllib.request.build_opener(*handlers).open(request, timeout=15) as answer:
            text = answer.read().decode("utf-8", "replace")
    except urllib.error.HTTPError as error:
        _check_refusal(error.read().decode("utf-8", "replace"), error.code, report)
    except (OSError, ValueError) as error:
        report.problem(
            "sts", f"STS does not answer at {endpoint}: {type(error).__name__}", "check the runner's network"
        )
        report.exit_code = 3
    else:
        until = _element(text, "Expiration")
        report.session = f"assumed {_element(text, 'Arn')} until {until}" if until else None
        if not until:
            report.problem("sts", f"{endpoint} gives an answer that is not of STS", "check --endpoint")


def _check_refusal(text: str, status: int, report: Report) -> None:
    code, message = _element(text, "Code"), _element(text, "Message")
    do = next((do for name, do in ERRORS.items() if code in (name, name.replace("Exception", ""))), "")
    report.problem("exchange", f"STS refuses: {code or status} {message}".rstrip(), do or "see the message")
    if status >= 500 and not code:  # noqa: PLR2004 - server errors
        report.exit_code = 3


def _element(text: str, name: str) -> str:
    found = re.search(f"<{name}>([^<]*)</{name}>", text)
    return found.group(1).strip() if found else ""


def finish(report: Report, output: str, out: IO[str]) -> int:
    """Write the report and return the exit code."""
    if output == "json":
        out.write(json.dumps(report.to_json(), indent=2) + "\n")
    else:
        report.write(out)
    return report.exit_code or (1 if report.problems else 0)


class _Arguments(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run as a script."""
    parser = _Arguments(description="What keeps this step from its AWS role.", allow_abbrev=False)
    parser.add_argument("--plan", metavar="FILE", help="what `bitbucket-oidc plan --format json` prints")
    parser.add_argument("--exchange", action="store_true", help="ask STS for a session; nothing of it is shown or kept")
    parser.add_argument("--endpoint", metavar="URL", help="of STS, in place of the region's")
    parser.add_argument("--duration", type=int, metavar="SECONDS", help="of the session that --exchange asks for")
    parser.add_argument("--format", choices=["text", "json"], default="text", dest="output")
    options = parser.parse_args(arguments)
    plan = None
    if options.plan:
        try:
            with open(options.plan, encoding="utf-8") as file:  # noqa: PTH123 - nothing but the plainest here
                plan = json.load(file)
        except (OSError, ValueError):
            parser.error(f"--plan: {options.plan} cannot be read as JSON")
    return run(os.environ, sys.stdout, plan=plan, options=options)


def run(
    environ: Mapping[str, str],
    out: IO[str],
    *,
    options: argparse.Namespace,
    plan: Mapping[str, Any] | None = None,
    decide: Decide | None = None,
) -> int:
    """Diagnose, exchange if asked to, and write. No exception leaves with what it may hold of a token."""
    failure = ""
    try:
        report = diagnose(environ, time.time(), plan, decide)
        _exchange_if_asked(environ, report, options)
        return finish(report, options.output, out)
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 - a traceback of anything could show the token
        failure = type(error).__name__
    out.write(
        f"error: the doctor itself failed ({failure}); is --plan what `bitbucket-oidc plan --format json` prints?\n"
    )
    return 2


def _exchange_if_asked(environ: Mapping[str, str], report: Report, options: argparse.Namespace) -> None:
    if not options.exchange or report.role is None or not report.claims:
        return
    if options.duration is not None and not 900 <= options.duration <= 43200:  # noqa: PLR2004 - the API's own limits
        report.problem("duration", f"--duration is {options.duration}", "ask for 900 to 43200 seconds")
        report.exit_code = 2
        return
    endpoint = endpoint_of(environ, options.endpoint, report.role)
    if endpoint is not None:
        exchange(environ, report, endpoint, options.duration)
    elif options.endpoint:
        report.problem("endpoint", "--endpoint is neither https nor loopback, and gets no token", "write https://…")
        report.exit_code = 2


if __name__ == "__main__":
    sys.exit(main())
