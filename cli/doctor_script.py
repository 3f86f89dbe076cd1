"""Report why a step of Bitbucket Pipelines cannot assume its AWS role: doctor.py [--exchange] [--plan plan.json].

`bitbucket-oidc doctor --script` prints this one file; it needs only Python 3.8 or newer. It never prints a token, a
signature, a secret key or a part of one. Exit codes: 0 no problem, 1 problems, 2 wrong usage, 3 STS cannot be reached.
"""

from __future__ import annotations

import argparse
import base64
import http.client
import json
import os
import re
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import IO, Any, Callable, Iterable, Iterator, Mapping, NoReturn, Sequence

# The report.

_RUN = 8  # this many successive characters of a secret are never shown


class Report:
    """Claims, problems and notes; no text of it shows a part of a secret."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._runs: set[str] = set()
        for secret in secrets:
            self.hide(secret)
        self.claims: dict[str, Any] = {}
        self.role: str | None = None
        self.session: str | None = None
        self.is_trusted = False  # by the plan
        self.problems: list[dict[str, str]] = []
        self.notes: list[dict[str, str]] = []
        self.exit_code = 0

    def hide(self, secret: str) -> None:
        """Hide a text, plain or encoded, and each part of it of 8 characters or more in the output."""
        for form in _forms(secret):
            self._runs.update(form[at : at + _RUN] for at in range(len(form) - _RUN + 1))

    def problem(self, check: str, what: str, do: str) -> None:
        """Add a reason why the step cannot assume its role."""
        self.problems.append({"check": check, "what": what, "do": do})

    def note(self, check: str, what: str, do: str) -> None:
        """Add something unusual that may be intended."""
        self.notes.append({"check": check, "what": what, "do": do})

    def to_json(self) -> dict[str, Any]:
        """Return everything, without secrets."""
        names = ("claims", "role", "session", "problems", "notes")
        return {name: self._clean(getattr(self, name)) for name in names}

    def write(self, out: IO[str], output: str) -> int:
        """Write it, for people or as JSON, and return the exit code."""
        report = self.to_json()
        if output == "json":
            out.write(json.dumps(report, indent=2) + "\n")
        else:
            results = [(name, report[name]) for name in ("role", "session") if report[name]]
            lines = [f"{name:8} {value}" for name, value in [*report["claims"].items(), *results]]
            for level, kind in (("problem", "problems"), ("note", "notes")):
                lines += ["{}[{check}] {what}; {do}".format(level, **item) for item in report[kind]]
            count = len(self.problems)
            lines.append("no problem found" if not count else f"{count} problem{'s' if count > 1 else ''}")
            coding = getattr(out, "encoding", None) or "utf-8"
            text = "".join(f"{_printable(line)}\n" for line in lines)
            out.write(text.encode(coding, "backslashreplace").decode(coding))
        return self.exit_code or (1 if self.problems else 0)

    def _clean(self, value: object) -> object:
        if isinstance(value, dict):
            return {self._clean(name): self._clean(item) for name, item in value.items()}
        if isinstance(value, list):
            return [self._clean(item) for item in value]
        return self._without_secrets(value) if isinstance(value, str) else value

    def _without_secrets(self, text: str) -> str:
        shown, at, hidden_until = [], 0, 0
        while at < len(text):
            if text[at : at + _RUN] in self._runs:
                shown += ["(hidden)"] if at >= hidden_until else []
                hidden_until = at + _RUN
            elif at >= hidden_until:
                shown.append(text[at])
            at += 1
        return "".join(shown)


def _forms(secret: str) -> Iterator[str]:
    """Yield a secret as it is, and in base64, hex, percent-encoding and with JSON's escapes."""
    encoded, quoted = secret.encode("utf-8", "replace"), urllib.parse.quote(secret, safe="")
    yield from (
        secret,
        encoded.hex(),
        encoded.hex().upper(),
        quoted,
        quoted.lower(),
        urllib.parse.quote(quoted, safe=""),
    )
    yield from (json.dumps(secret)[1:-1], json.dumps(secret)[1:-1].replace("/", "\\/"))
    for before in range(3):  # as the secret may begin at any of the three bytes of a group; the edges hold other bytes
        text = base64.b64encode(bytes(before) + encoded).decode()
        text = text[-(-before * 4 // 3) : (before + len(encoded)) * 4 // 3]
        yield from (text, text.replace("+", "-").replace("/", "_"))


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


# The token of the step.

TOKEN = "BITBUCKET_STEP_OIDC_TOKEN"
_UUID = r"\{[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\}"
_SUBJECT = re.compile(f"({_UUID})(?::({_UUID}))?:({_UUID})")
_ISSUER = re.compile(r"https://api\.bitbucket\.org/2\.0/workspaces/([a-z0-9_.-]+)/pipelines-config/identity/oidc")
_SKEW = 300  # "a 5 minute window beyond the expiration time": IAM user guide, id_roles_providers_oidc.html
_LATEST = 1e11  # the largest number of seconds since 1970 that is shown as a date
_OWN = "use the step's own token"


def claims_of(token: str) -> dict[str, Any] | None:
    """Return the claims of a token, or ``None`` if the text is not a token; the signature is not checked."""
    parts = token.strip().split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, RecursionError):
        return None
    return claims if isinstance(claims, dict) else None


def check_token(environ: Mapping[str, str], now: float, report: Report) -> dict[str, Any] | None:
    """Report faults of the token; return its claims, or ``None`` without a token."""
    token = environ.get(TOKEN, "")
    if not token.strip():
        do = "write `oidc: true` on this step: steps do not inherit it"
        if not environ.get("BITBUCKET_BUILD_NUMBER"):
            do = "run this inside a pipeline step with `oidc: true`"
        report.problem("no-token", f"{TOKEN} is not set", do)
        return None
    claims = claims_of(token)
    if claims is None:
        report.problem("broken-token", f"{TOKEN} is not a token", "do not set it yourself: Bitbucket does")
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
        what = f"the token begins at {_utc(begins)}, but the clock here says {_utc(now)}"
        report.problem("clock", what, "set the clock of the runner: AWS refuses a token that is not valid yet")


def _is_time(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < _LATEST


def _utc(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _check_issuer(issuer: str, workspace: str, report: Report) -> None:
    match = _ISSUER.fullmatch(issuer)
    if match is None:
        report.problem("issuer", "the token's `iss` is not an issuer of Bitbucket Pipelines", _OWN)
    elif workspace and match.group(1) != workspace:
        what = f"the token is of workspace {match.group(1)}, but this pipeline runs in {workspace}"
        report.problem("issuer", what, _OWN)


def _check_subject(subject: str, environ: Mapping[str, str], report: Report) -> None:
    match = _SUBJECT.fullmatch(subject)
    if match is None:
        what = "the token's `sub` is not {repository}[:{deployment environment}]:{step}"
        report.problem("subject", what, _OWN)
        return
    repository, environment, _ = match.groups()
    if environ.get("BITBUCKET_REPO_UUID", repository) != repository:
        report.problem("subject", "the token is of another repository than this step", _OWN)
    name = "BITBUCKET_DEPLOYMENT_ENVIRONMENT"
    named = environ.get(name, "")
    if environment is None and named:
        what = f"{name} is '{named}', but the token's `sub` has no deployment environment"
        do = "write `deployment:` on the step itself, and do not set the variable yourself"
        report.problem("environment", what, do)
    elif environment is None:
        what = "the step has no `deployment:`, so no role bound to a deployment environment trusts it"
        report.note("environment", what, "write `deployment: NAME` if the role is bound to one")
    elif not named and "BITBUCKET_BUILD_NUMBER" in environ:
        report.problem("environment", f"the token's `sub` has a deployment environment, but {name} is not set", _OWN)
    elif environ.get(f"{name}_UUID", environment) != environment:
        report.problem("environment", "the token is of another deployment environment than this step", _OWN)


def _check_audience(claims: Mapping[str, Any], report: Report) -> None:
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    own = f"ari:cloud:bitbucket::workspace/{str(claims.get('workspaceUuid', '')).strip('{}')}"
    if "workspaceUuid" in claims and own not in audiences:
        report.problem("audience", f"`aud` lacks the workspace's own audience {own}", "write `oidc: true`")
    if len(audiences) > 1 and "azp" not in claims:
        what = f"`aud` has {len(audiences)} audiences without `azp`: STS refuses such a token"
        report.problem("audience", what, "write `oidc: true` without `audiences:` on steps that use AWS")


# The variables that AWS tools read, and the token file.

FILE = "AWS_WEB_IDENTITY_TOKEN_FILE"
REGION = re.compile(r"[a-z]{2,4}(?:-[a-z]+)+-\d+", re.ASCII)
_ROLE = re.compile(r"arn:(aws|aws-us-gov|aws-cn|aws-eusc):iam::(\d{12}):role/(?:[!-~]+/)?([\w+=,.@-]{1,64})", re.ASCII)
_SESSION = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
_READ = 100_000  # characters of the token file that are read; a token has 20,000 at most
_WRITE = f'printenv {TOKEN} > "${FILE}"'


def check_variables(environ: Mapping[str, str], report: Report) -> None:
    """Report variables that override the token, are missing or malformed; add the role to the report."""
    keys = [name for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY") if environ.get(name)]
    if keys:
        what = f"{' and '.join(keys)} {'is set and overrides' if len(keys) == 1 else 'are set and override'} the token"
        do = f"delete the variables in Bitbucket, or `unset {' '.join(keys)} AWS_SESSION_TOKEN` first"
        is_session = bool(environ.get("AWS_SESSION_TOKEN")) and not environ.get(FILE)
        (report.note if is_session else report.problem)("static-keys", what, do)
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
        if environ.get(name):
            report.problem("profile", f"{name} is set, and a profile may override the token", f"`unset {name}`")
    region = region_of(environ)
    if not region:
        report.problem("region", "neither AWS_REGION nor AWS_DEFAULT_REGION is set", "`export AWS_REGION=eu-west-1`")
    elif REGION.fullmatch(region) is None:
        report.problem("region", f"the region is '{region}', not a name of a region", "write it like eu-west-1")
    session = environ.get("AWS_ROLE_SESSION_NAME")
    if session and _SESSION.fullmatch(session) is None:
        report.problem("session-name", f"AWS_ROLE_SESSION_NAME is '{session}'", "use 2 to 64 of A-Z a-z 0-9 _+=,.@-")
    _check_role(environ, report)
    _check_token_file(environ, report)


def region_of(environ: Mapping[str, str]) -> str:
    """Return the region that SDKs use, or the empty string."""
    return environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or ""


def _check_role(environ: Mapping[str, str], report: Report) -> None:
    name = "AWS_ROLE_ARN" if environ.get("AWS_ROLE_ARN") else "AWS_OIDC_ROLE_ARN"
    arn = environ.get(name, "")
    if not arn:
        do = "`export AWS_ROLE_ARN=...`, as `bitbucket-oidc snippet` shows"
        report.problem("no-role", "AWS_ROLE_ARN is not set", do)
    elif arn != arn.strip():
        report.problem("role-arn", f"{name} has spaces or line ends around it: '{arn}'", "remove them")
    elif _ROLE.fullmatch(arn) is None:
        do = "write arn:aws:iam::ACCOUNT:role/PATH/NAME, with the role's path"
        report.problem("role-arn", f"{name} is not the ARN of a role: '{arn}'", do)
    else:
        report.role = arn


def _check_token_file(environ: Mapping[str, str], report: Report) -> None:
    path = environ.get(FILE, "")
    if not path:
        if environ.get("AWS_WEB_IDENTITY_ROLE_FILE"):
            report.problem("token-file", "AWS_WEB_IDENTITY_ROLE_FILE is misspelt", f"call it {FILE}")
        elif environ.get("AWS_ROLE_ARN"):
            report.problem("token-file", f"{FILE} is not set", "set it to the path of the file with the token")
        return
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            text = file.read(_READ)
    except (OSError, ValueError):
        do = f"`{_WRITE}` after the variable is set"
        report.problem("token-file", f"the file of {FILE} cannot be read: {path}", do)
        return
    report.hide(text)
    token = environ.get(TOKEN, "")
    if not text.strip():
        report.problem("token-file", f"{path} is empty", f"write `oidc: true` on the step, then `{_WRITE}`")
    elif text.rstrip("\r\n") != text.strip() or len(text.split()) > 1:
        report.problem("token-file", f"{path} has spaces or lines beside the token", f"write it with `{_WRITE}`")
    elif claims_of(token) is not None and text.strip() != token.strip():
        do = "write the file in this step: each step has another token, and artifacts and caches hold an old one"
        report.problem("token-file", f"{path} holds another token than this step's", do)
    clone = environ.get("BITBUCKET_CLONE_DIR")
    if clone and os.path.realpath(path).startswith(os.path.realpath(clone) + os.sep):
        what = f"{path} is in the clone directory, so an artifact may include it"
        report.note("token-file", what, f'`export {FILE}="$(mktemp)"`')


# Whether the role trusts this step, according to the output of `bitbucket-oidc plan --format json`.

Decide = Callable[[Mapping[str, Any], Mapping[str, Any], str], bool]
"""Takes a trust policy, claims and the ARN of the role; tells whether the policy admits the token."""


def check_plan(claims: Mapping[str, Any], report: Report, plan: Mapping[str, Any], decide: Decide) -> None:
    """Report a role that is not in the plan or does not trust the step, with the roles that do trust it."""
    roles = [role for account in plan["accounts"] for role in account["roles"]]
    role = next((role for role in roles if role["arn"] == report.role), None)
    admitting = [role["arn"] for role in roles if decide(role["trust_policy"], claims, role["arn"])]
    may = f"this step may assume {', '.join(admitting)}" if admitting else "no role of the inventory trusts this step"
    if role is None:
        report.problem("other-role", f"the inventory has no role {report.role}", may)
    elif role["arn"] not in admitting:
        trusted = "; ".join(_trusted(line) for line in role["trust"])
        report.problem("refused", f"{report.role} does not trust this step; it trusts {trusted}", may)
    else:
        report.is_trusted = True


def _trusted(line: Mapping[str, Any]) -> str:
    where = f"{line['workspace']}/{line['repository'] or '*'}"
    if line.get("environment"):
        return f"steps of {where} with `deployment: {line['environment']}`"
    return f"steps of {where} ({line.get('steps')})"


def admits(policy: Mapping[str, Any], claims: Mapping[str, Any], _arn: str) -> bool:
    """Compare issuer, audience and subject with the statements of a plan; addresses and days are not compared."""
    issuer = str(claims.get("iss", "")).replace("https://", "", 1)
    for statement in policy["Statement"]:
        accepted = statement["Condition"].get("StringEquals", {}).get(f"{issuer}:aud", [])
        patterns = statement["Condition"].get("StringLike", {}).get(f"{issuer}:sub", [])
        # If the token has `azp`, `aud` of a trust policy is compared with `azp` only.
        has_audience = any(audience in _listed(accepted) for audience in _listed(claims.get("azp", claims.get("aud"))))
        if has_audience and any(_like(str(claims.get("sub")), pattern) for pattern in _listed(patterns)):
            return True
    return False


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _like(text: str, pattern: str) -> bool:
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, text, re.DOTALL) is not None


# A session from STS, requested as SDKs do.

_ANSWER = 100_000  # bytes of an answer that are read
_OK, _SERVER_ERROR = 200, 500
ERRORS = {
    "AccessDenied": "compare the claims above with the role's trust policy",
    "InvalidIdentityToken": "the account needs Bitbucket's OIDC provider with exactly this `iss` as URL and this `aud` "
    "among its audiences; if `up` may not create it, ask the organization to except "
    "the deploying role from a rule such as PreventIdPTrustModifications",
    "ExpiredToken": "assume the role at the beginning of the step, or split the step",
    "IDPCommunicationError": "AWS could not reach Bitbucket in time: try again",
    "IDPRejectedClaim": "the token has expired or has another audience: run the step again",
    "RegionDisabled": "STS is switched off in this region of the account: use another AWS_REGION",
    "ValidationError": "the role ARN, session name or duration is malformed, or the duration is longer than the role's",
}
"""What to do about an error of STS (API_AssumeRoleWithWebIdentity.html, "Errors")."""

RCP = (
    "a resource control policy of the organization stops the token{}: ask the organization to leave "
    "sts:AssumeRoleWithWebIdentity out of statements on aws:PrincipalOrgID, which no pipeline has, and to add this "
    "`iss` without https://, with `:sub`, to the providers of EnforceTrustedOIDCProviders"
)
"""Statements of https://github.com/aws-samples/data-perimeter-policy-examples. STS does not always name the policy."""

PAUSES = (2, 4, 9)  # seconds between tries: STS was seen to refuse a new role for some 10 seconds, twice
_NOT_KNOWN_YET = ("AccessDenied", "InvalidIdentityToken")


def endpoint_of(environ: Mapping[str, str], given: str | None, arn: str) -> str | None:
    """Return the URL of STS, or ``None`` if it is neither HTTPS nor loopback and so must not get a token."""
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
    """Sends the token to no other address than the first."""

    def redirect_request(self, *_: object, **__: object) -> None:
        return None


def exchange(
    environ: Mapping[str, str], report: Report, endpoint: str, duration: int | None, sleep: Callable[[float], None]
) -> None:
    """Ask STS for a session of the role; keep only its ARN and its end from the answer.

    STS may refuse a role or OIDC provider that is seconds old, so a refusal is tried again for 15 seconds in all.
    """
    form = {
        "Action": "AssumeRoleWithWebIdentity",
        "Version": "2011-06-15",
        "RoleArn": report.role or "",
        "RoleSessionName": environ.get("AWS_ROLE_SESSION_NAME") or "doctor",
        "WebIdentityToken": environ.get(TOKEN, "").strip(),
        **({"DurationSeconds": str(duration)} if duration else {}),
    }
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
        report.problem("sts", what, "check the network of the runner")
        report.exit_code = 3
        return
    if status != _OK:
        _check_refusal(text, status, report, sum(PAUSES[:tries]))
        return
    until = _element(text, "Expiration")
    report.session = f"assumed {_element(text, 'Arn')} until {until}" if until else None
    if not until:
        report.problem("sts", f"{endpoint} does not answer like STS", "check --endpoint")
    elif tries:
        what = f"STS refused for some {sum(PAUSES[:tries])} seconds, then gave the session"
        report.note("exchange", what, "wait 15 seconds after a role or an OIDC provider is created")


def _ask(opener: urllib.request.OpenerDirector, endpoint: str, body: bytes) -> tuple[int, str]:
    try:
        request = urllib.request.Request(endpoint, body)
        with opener.open(request, timeout=15) as answer:
            return answer.status, answer.read(_ANSWER).decode("utf-8", "replace")
    except urllib.error.HTTPError as error:
        return error.code, error.read(_ANSWER).decode("utf-8", "replace")


def _check_refusal(text: str, status: int, report: Report, waited: int = 0) -> None:
    code, message = _element(text, "Code"), _element(text, "Message")
    name = code[: -len("Exception")] if code.endswith("Exception") else code
    do = ERRORS.get(name, "see the message")
    if name == "AccessDenied":
        if "resource control policy" in message:
            do = RCP.format(", not the role")
        elif report.is_trusted:
            do = f"the inventory trusts this step: run `up` if that is new, else {RCP.format(', maybe')}"
    if waited:
        do = f"{do}; STS was asked again for {waited} seconds, so the role is not too new"
    report.problem("exchange", f"STS refuses: {code or status} {message}".rstrip(), do)
    if status >= _SERVER_ERROR and not code:
        report.exit_code = 3


def _element(text: str, name: str) -> str:
    match = re.search(f"<{name}>([^<]*)</{name}>", text)
    return match.group(1).strip() if match else ""


# The command line.


def diagnose(
    environ: Mapping[str, str], now: float, plan: Mapping[str, Any] | None = None, decide: Decide = admits
) -> Report:
    """Check the variables and the token of a step.

    Args:
        environ: The variables.
        now: Seconds since 1970.
        plan: The output of ``bitbucket-oidc plan --format json``, or ``None``.
        decide: Tells whether a trust policy admits a token; by default for trust policies of this project.
    """
    report = Report(environ.get(name, "") for name in (TOKEN, "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"))
    claims = check_token(environ, now, report)
    check_variables(environ, report)
    if plan is not None and claims is not None and report.role is not None:
        check_plan(claims, report, plan, decide)
        report.notes = [note for note in report.notes if note["check"] != "environment"]
    return report


def run(
    environ: Mapping[str, str],
    out: IO[str],
    *,
    options: argparse.Namespace,
    plan: Mapping[str, Any] | None = None,
    decide: Decide = admits,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Diagnose, exchange if asked to, and print. Exceptions are reported by type: their text may hold a token."""
    try:
        report = diagnose(environ, time.time(), plan, decide)
        _exchange_if_asked(environ, report, options, sleep)
        return report.write(out, options.output)
    except BrokenPipeError:
        raise
    except Exception as error:
        out.write(
            f"error: doctor failed ({type(error).__name__}); pass the output of `bitbucket-oidc plan --format json` as "
            "--plan\n"
        )
    return 2


def _exchange_if_asked(
    environ: Mapping[str, str], report: Report, options: argparse.Namespace, sleep: Callable[[float], None]
) -> None:
    if not options.exchange or report.role is None or not report.claims:
        return
    if options.duration is not None and not 900 <= options.duration <= 43200:
        report.problem("duration", f"--duration is {options.duration}", "ask for 900 to 43200 seconds")
        report.exit_code = 2
        return
    endpoint = endpoint_of(environ, options.endpoint, report.role)
    if endpoint is not None:
        exchange(environ, report, endpoint, options.duration, sleep)
    elif options.endpoint:
        report.problem("endpoint", "--endpoint is neither https nor loopback, so it gets no token", "write https://...")
        report.exit_code = 2


class _Arguments(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        # The wrong argument may be a token: a message with a token is not shown.
        is_token = re.search("eyJ|ZXlK|(?i:65794a)", message)  # a token begins so: plain, in base64, in hex
        shown = "there is a token on the command line, where others can read it" if is_token else message
        self.exit(2, f"error: {shown}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run as a script."""
    parser = _Arguments(description="Report why this step cannot assume its AWS role.", allow_abbrev=False)
    parser.add_argument("--plan", metavar="FILE", help="output of `bitbucket-oidc plan --format json`")
    parser.add_argument(
        "--exchange", action="store_true", help="ask STS for a session; its credentials are never shown or kept"
    )
    parser.add_argument("--endpoint", metavar="URL", help="STS endpoint instead of the region's; https or loopback")
    parser.add_argument(
        "--duration", type=int, metavar="SECONDS", help="length of the session that --exchange asks for"
    )
    parser.add_argument("--format", choices=["text", "json"], default="text", dest="output")
    options = parser.parse_args(arguments)
    plan = None
    if options.plan:
        try:
            with open(options.plan, encoding="utf-8") as file:
                plan = json.load(file)
        except (OSError, ValueError, RecursionError):
            parser.error(f"--plan: {options.plan} cannot be read as JSON")
        if isinstance(plan, dict) and "filtered" in plan:
            parser.error(f"--plan: {options.plan} is filtered; write it again without filters")
    return run(os.environ, sys.stdout, plan=plan, options=options)


if __name__ == "__main__":
    sys.exit(main())
