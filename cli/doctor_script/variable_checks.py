"""What is wrong with the variables that AWS's tools read, and with the file of the token."""

from __future__ import annotations

import os
import re
from typing import Mapping

from cli.doctor_script.report import Report
from cli.doctor_script.token_checks import TOKEN, claims_of

FILE = "AWS_WEB_IDENTITY_TOKEN_FILE"
REGION = re.compile(r"[a-z]{2,4}(?:-[a-z]+)+-\d+", re.ASCII)
_ROLE = re.compile(r"arn:(aws|aws-us-gov|aws-cn|aws-eusc):iam::(\d{12}):role/(?:[!-~]+/)?([\w+=,.@-]{1,64})", re.ASCII)
_SESSION = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
_READ = 100_000  # characters of a file that is no token file; a token has 20,000 at most
_WRITE = f'printenv {TOKEN} > "${FILE}"'


def check_variables(environ: Mapping[str, str], report: Report) -> None:
    """Report what would win over the token, and what is missing or malformed; the role is then in the report."""
    keys = [name for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY") if environ.get(name)]
    if keys:
        what = f"{' and '.join(keys)} {'is set and wins' if len(keys) == 1 else 'are set and win'} over the token"
        do = f"delete the variables in Bitbucket, or `unset {' '.join(keys)} AWS_SESSION_TOKEN` first"
        is_session = bool(environ.get("AWS_SESSION_TOKEN")) and not environ.get(FILE)
        (report.note if is_session else report.problem)("static-keys", what, do)
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
        if environ.get(name):
            report.problem("profile", f"{name} is set, and a profile may win over the token", f"`unset {name}`")
    region = region_of(environ)
    if not region:
        report.problem("region", "neither AWS_REGION nor AWS_DEFAULT_REGION is set", "`export AWS_REGION=eu-west-1`")
    elif REGION.fullmatch(region) is None:
        report.problem("region", f"the region is '{region}', which is none", "write it like eu-west-1")
    session = environ.get("AWS_ROLE_SESSION_NAME")
    if session and _SESSION.fullmatch(session) is None:
        report.problem("session-name", f"AWS_ROLE_SESSION_NAME is '{session}'", "use 2 to 64 of A-Z a-z 0-9 _+=,.@-")
    _check_role(environ, report)
    _check_token_file(environ, report)


def region_of(environ: Mapping[str, str]) -> str:
    """Return the region as SDKs find it, or the empty string."""
    return environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or ""


def _check_role(environ: Mapping[str, str], report: Report) -> None:
    name = "AWS_ROLE_ARN" if environ.get("AWS_ROLE_ARN") else "AWS_OIDC_ROLE_ARN"
    arn = environ.get(name, "")
    if not arn:
        do = "`export AWS_ROLE_ARN=...`, as `bitbucket-oidc snippet` shows"
        report.problem("no-role", "AWS_ROLE_ARN is not set", do)
    elif arn != arn.strip():
        report.problem("role-arn", f"{name} has blanks around it: '{arn}'", "remove them")
    elif _ROLE.fullmatch(arn) is None:
        do = "write arn:aws:iam::ACCOUNT:role/PATH/NAME, with the role's path"
        report.problem("role-arn", f"{name} is no ARN of a role: '{arn}'", do)
    else:
        report.role = arn


def _check_token_file(environ: Mapping[str, str], report: Report) -> None:
    path = environ.get(FILE, "")
    if not path:
        if environ.get("AWS_WEB_IDENTITY_ROLE_FILE"):
            report.problem("token-file", "AWS_WEB_IDENTITY_ROLE_FILE is misspelt", f"call it {FILE}")
        elif environ.get("AWS_ROLE_ARN"):
            report.problem("token-file", f"{FILE} is not set", "name the file that the token was written to")
        return
    try:
        with open(path, encoding="utf-8", errors="replace") as file:  # noqa: PTH123 - nothing but the plainest here
            written = file.read(_READ)
    except (OSError, ValueError):
        do = f"`{_WRITE}` after the variable is set"
        report.problem("token-file", f"the file of {FILE} cannot be read: {path}", do)
        return
    report.hide(written)
    token = environ.get(TOKEN, "")
    if not written.strip():
        report.problem("token-file", f"{path} is empty", "`oidc: true` was missing when it was written, or it was not")
    elif written.rstrip("\r\n") != written.strip() or len(written.split()) > 1:
        report.problem("token-file", f"{path} has blanks or lines besides the token", f"write it so: `{_WRITE}`")
    elif claims_of(token) is not None and written.strip() != token.strip():
        do = "write it in this step: each step has a token of its own, and a file from an artifact or a cache is old"
        report.problem("token-file", f"{path} holds another token than this step's", do)
    clone = environ.get("BITBUCKET_CLONE_DIR")
    if clone and os.path.realpath(path).startswith(os.path.realpath(clone) + os.sep):
        what = f"{path} is in the clone directory, where an artifact may take it along"
        report.note("token-file", what, f'`export {FILE}="$(mktemp)"`')
