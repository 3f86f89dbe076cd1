"""The doctor prints no token, no secret key and no part of one, in whatever variable or answer it is."""

import base64
import io
import json
import re
import subprocess
import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cli.doctor import script_text
from cli.doctor_script import Report, _check_refusal
from cli.doctor_script import run as run_script
from cli.main import COMMANDS, run

RUN = 8
BASE64 = st.text(st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), min_size=24)
CLAIMS = (st.text() | st.integers()).filter(lambda claim: not re.search(rf"[\w-]{{{RUN}}}", str(claim), re.ASCII))
"""Claims are shown on purpose, so these have no run of characters that could be part of a secret by chance."""
NAMES = [
    "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ROLE_ARN", "AWS_OIDC_ROLE_ARN", "AWS_ROLE_SESSION_NAME", "AWS_PROFILE",
    "AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_WEB_IDENTITY_ROLE_FILE", "BITBUCKET_WORKSPACE",
    "BITBUCKET_REPO_UUID", "BITBUCKET_DEPLOYMENT_ENVIRONMENT", "BITBUCKET_DEPLOYMENT_ENVIRONMENT_UUID",
    "BITBUCKET_CLONE_DIR", "BITBUCKET_BUILD_NUMBER",
]  # fmt: skip


@st.composite
def tokens(draw: st.DrawFn) -> str:
    """Tokens, whole and broken ones."""
    claims = draw(st.dictionaries(st.sampled_from(["iss", "aud", "sub", "iat", "exp", "nbf"]), CLAIMS))
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    parts = ["eyJhbGciOiJSUzI1NiIsImtpZCI6IngifQ", draw(st.just(payload) | BASE64), draw(BASE64)]
    return draw(
        st.sampled_from([".".join(parts), ".".join(parts[:2]), parts[2], ".".join(parts) + "\n", " ".join(parts)])
    )


@st.composite
def steps(draw: st.DrawFn) -> tuple[dict[str, str], list[str], str]:
    """Variables with parts of secrets in any of them; the secrets; and the content of the token file."""
    secret = draw(BASE64) + draw(st.sampled_from(["/+=", "'\"\\", "\n\t", "é\u202e"])) + draw(BASE64)
    secrets = [draw(tokens()), secret, draw(BASE64)]
    names = ("BITBUCKET_STEP_OIDC_TOKEN", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    environ = dict(zip(names, secrets, strict=True))
    for name in draw(st.lists(st.sampled_from(NAMES), unique=True)):
        text = draw(st.sampled_from(secrets))
        begin = draw(st.integers(0, len(text)))
        part = text[begin : draw(st.integers(begin, len(text)))]
        around = st.sampled_from(["", "/", "arn:aws:iam::222222222222:role/", "eu-west-", "\x1b[31m", "x y"])
        environ[name] = draw(around) + part + draw(around)
    return environ, secrets, draw(st.sampled_from([*secrets, "", secrets[0][: len(secrets[0]) // 2]]))


def texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [*value, *(text for item in value.values() for text in texts(item))]
    return [text for item in value for text in texts(item)] if isinstance(value, list) else [str(value)]


def shown(environ: dict[str, str], output: str) -> str:
    out = io.StringIO()
    run_script(environ, out, options=Namespace(exchange=False, endpoint=None, duration=None, output=output))
    return out.getvalue()


def parts_in(text: str, secrets: list[str]) -> list[str]:
    runs = {secret[at : at + RUN] for secret in secrets for at in range(len(secret) - RUN + 1)}
    return [text[at : at + RUN] for at in range(len(text) - RUN + 1) if text[at : at + RUN] in runs]


@given(steps())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_part_of_a_secret_in_any_variable_is_shown(
    tmp_path: Path, drawn: tuple[dict[str, str], list[str], str]
) -> None:
    environ, secrets, held = drawn
    file = tmp_path / "token"
    file.write_text(held)
    for path in ({}, {"AWS_WEB_IDENTITY_TOKEN_FILE": str(file)}):
        assert parts_in(shown(environ | path, "text"), secrets) == []
        for text in texts(json.loads(shown(environ | path, "json"))):
            assert parts_in(text, secrets) == []


@given(BASE64, st.integers(0, 10), st.integers(8, 40))
def test_no_part_of_a_secret_in_an_answer_of_sts_is_shown(secret: str, begin: int, length: int) -> None:
    report = Report([secret])
    _check_refusal(f"<Code>{secret}</Code><Message>no: {secret[begin : begin + length]}!</Message>", 403, report)
    assert parts_in(json.dumps(report.to_json()), [secret]) == []


ENCODINGS: dict[str, Callable[[str], str]] = {
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64url without padding": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "hex": lambda text: text.encode().hex(),
    "HEX": lambda text: text.encode().hex().upper(),
    "percent": lambda text: quote(text, safe=""),
    "percent twice": lambda text: quote(quote(text, safe=""), safe=""),
    "JSON": lambda text: json.dumps(text)[1:-1].replace("/", r"\/"),
}
SECRETS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=16)


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(secret=SECRETS, before=st.sampled_from(["", "a", "ann:", "x-token-auth:"]))
def test_an_encoded_secret_is_not_shown(encoding: str, secret: str, before: str) -> None:
    encode = ENCODINGS[encoding]
    report = Report([secret])
    report.problem("x", f"no: {encode(before + secret)}!", "")
    (problem,) = report.to_json()["problems"]
    # What is left is the encoded text before the secret, and a digit or two that the secret shares with it.
    assert len(problem["what"].replace("(hidden)", "")) <= len(f"no: {encode(before)}!") + 5
    assert "(hidden)" in problem["what"]


def test_text_around_a_secret_is_still_shown() -> None:
    report = Report(["MARKED-MARKED"])
    report.problem("x", "role/MARKED-MARKED/y and MARKED-M", "ARKED-MA, MARKED-")
    assert report.to_json()["problems"] == [
        {"check": "x", "what": "role/(hidden)/y and (hidden)", "do": "(hidden), MARKED-"}
    ]


TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJNQVJLRUQifQ.MARKED-signature-MARKED"
ENCODED = [ENCODINGS[name](TOKEN) for name in ("base64", "base64url without padding", "hex", "HEX")]
ARGUMENTS = [[TOKEN], *([text] for text in ENCODED)]


@pytest.mark.parametrize("arguments", [*ARGUMENTS, ["--plan", TOKEN], [f"--token={TOKEN}"], ["--format", TOKEN]])
def test_the_script_repeats_no_token_of_its_arguments(arguments: list[str], tmp_path: Path) -> None:
    (tmp_path / "doctor.py").write_text(script_text())
    done = subprocess.run(
        [sys.executable, "-I", "doctor.py", *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: there is a token on the command line, where others can read it\n"


@pytest.mark.parametrize("command", [*COMMANDS, "no-such-command"])
@pytest.mark.parametrize("arguments", [*ARGUMENTS, ["--no-such-option", TOKEN], [f"--format={TOKEN}"]])
def test_no_command_takes_or_repeats_a_token(
    command: str, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([command, *arguments]) == 2
    captured = capsys.readouterr()
    assert (captured.out, any(text[:20] in captured.err for text in [TOKEN, *ENCODED])) == ("", False)
    assert captured.err.startswith("error: there is a token on the command line, where others can read it; pipe it: ")


def test_a_path_that_begins_like_a_token_is_accepted(tmp_path: Path) -> None:
    assert run(["validate", str(tmp_path / "monkeyJungle-inventories")]) == 1
