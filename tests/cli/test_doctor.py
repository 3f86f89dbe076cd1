"""doctor says what is wrong with a step, each mistake once, and never prints a token."""

import ast
import base64
import io
import json
import os
import shutil
import subprocess
import sys
import textwrap
import threading
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
import yaml

from cli.doctor import script_text
from cli.doctor_script import endpoint_of
from cli.doctor_script import run as run_script
from cli.main import run
from oidc.arn import Partition

Inventory = Callable[..., Path]
REPOSITORY = "{9a6d6bde-2ae3-4d4c-8a43-1f6a5d9a3c01}"
PRODUCTION = "{c2b1a5de-6b7e-4d4b-b1a0-6a9d8c7b5e03}"
STAGING = "{5f0c9f0c-51e4-4c58-9a86-0b2f7f9f6a02}"
STEP = "{0d1e2f3a-4b5c-4d6e-8f90-a1b2c3d4e5f6}"
WORKSPACE = "{0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11}"
ARN = "arn:aws:iam::222222222222:role/bitbucket/r"
ROLES = "roles: {r: {accounts: [prod], trust: [{repository: acme/shop, environments: [production]}]}}\n"
SIGNATURE = "MARKED-signature-MARKED"
SECRETS = (SIGNATURE, "MARKEDSECRETKEY", "MARKEDSESSION")


def token(*, environment: str | None = PRODUCTION, **claims: Any) -> str:
    now = int(time.time())
    payload = {
        "iss": "https://api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc",
        "aud": f"ari:cloud:bitbucket::workspace/{WORKSPACE[1:-1]}",
        "sub": ":".join(part for part in (REPOSITORY, environment, STEP) if part),
        "iat": now, "exp": now + 3600, "workspaceUuid": WORKSPACE, **claims,
    }  # fmt: skip
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in ({}, payload)]
    return ".".join(["eyJhbGciOiJSUzI1NiJ9", parts[1], SIGNATURE])


@pytest.fixture
def step(tmp_path: Path) -> dict[str, str]:
    """The variables of a step without a problem."""
    file = tmp_path / "token"
    held = token()
    file.write_text(held)
    return {
        "BITBUCKET_STEP_OIDC_TOKEN": held,
        "BITBUCKET_BUILD_NUMBER": "7",
        "BITBUCKET_WORKSPACE": "acme",
        "BITBUCKET_REPO_UUID": REPOSITORY,
        "BITBUCKET_DEPLOYMENT_ENVIRONMENT": "production",
        "AWS_REGION": "eu-west-1",
        "AWS_ROLE_ARN": ARN,
        "AWS_ROLE_SESSION_NAME": "shop-7",
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(file),
    }


pauses: list[float] = []
"""The pauses of the doctor, in seconds, without waiting."""


def examined(environ: dict[str, str], plan: dict[str, Any] | None = None, **options: Any) -> tuple[int, dict[str, Any]]:
    out = io.StringIO()
    options_given = Namespace(**{"exchange": False, "endpoint": None, "duration": None, "output": "json", **options})
    code = run_script(environ, out, options=options_given, plan=plan, sleep=pauses.append)
    shown = out.getvalue()
    parts = [part for part in environ["BITBUCKET_STEP_OIDC_TOKEN"].split(".") if part]
    assert not any(part in shown for part in (*SECRETS, *parts))
    report: dict[str, Any] = json.loads(shown)
    return code, report


def test_a_step_without_a_problem(step: dict[str, str]) -> None:
    code, report = examined(step)
    assert (code, report["problems"], report["notes"], report["role"]) == (0, [], [], ARN)
    assert report["claims"]["sub"].startswith(f"{REPOSITORY}:{PRODUCTION}:")
    assert report["claims"]["lifetime"].startswith("60 minutes")


OWN = "ari:cloud:bitbucket::workspace/0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11"
LONG_AGO = {"iat": 1_600_000_000, "exp": 1_600_003_600}
MISTAKES: dict[str, tuple[dict[str, str | None], str]] = {
    "no oidc": ({"BITBUCKET_STEP_OIDC_TOKEN": ""}, "no-token"),
    "no token": ({"BITBUCKET_STEP_OIDC_TOKEN": "MARKED.no-token-at-all"}, "broken-token"),
    "static keys": ({"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "MARKEDSECRETKEY"}, "static-keys"),
    "profile": ({"AWS_PROFILE": "ci"}, "profile"),
    "no region": ({"AWS_REGION": None}, "region"),
    "a zone": ({"AWS_REGION": "eu-west-1a"}, "region"),
    "no role": ({"AWS_ROLE_ARN": None}, "no-role"),
    "blanks": ({"AWS_ROLE_ARN": f"{ARN}\n"}, "role-arn"),
    "a session": ({"AWS_ROLE_ARN": "arn:aws:sts::222222222222:assumed-role/r/s"}, "role-arn"),
    "no file": ({"AWS_WEB_IDENTITY_TOKEN_FILE": "/nowhere/token"}, "token-file"),
    "not set": ({"AWS_WEB_IDENTITY_TOKEN_FILE": None}, "token-file"),
    "misspelt": ({"AWS_WEB_IDENTITY_TOKEN_FILE": None, "AWS_WEB_IDENTITY_ROLE_FILE": "/tmp/t"}, "token-file"),
    "session name": ({"AWS_ROLE_SESSION_NAME": "a b"}, "session-name"),
    "another repository": ({"BITBUCKET_REPO_UUID": STEP}, "subject"),
    "another workspace": ({"BITBUCKET_WORKSPACE": "acme-2"}, "issuer"),
    "environment variable lost": ({"BITBUCKET_DEPLOYMENT_ENVIRONMENT": None}, "environment"),
    "another environment": ({"BITBUCKET_DEPLOYMENT_ENVIRONMENT_UUID": STAGING}, "environment"),
    "a token as ARN": ({"AWS_ROLE_ARN": f"x.{SIGNATURE}"}, "role-arn"),
}


@pytest.mark.parametrize(("changed", "check"), MISTAKES.values(), ids=MISTAKES)
def test_each_mistake_is_reported_once(step: dict[str, str], changed: dict[str, str | None], check: str) -> None:
    environ = {name: value for name, value in {**step, **changed}.items() if value is not None}
    code, report = examined(environ)
    assert (code, [problem["check"] for problem in report["problems"]]) == (1, [check])


@pytest.mark.parametrize(
    ("claims", "check"),
    [
        (LONG_AGO, "expired"),
        ({"iat": 4_000_000_000, "exp": 4_000_003_600}, "clock"),
        ({"nbf": 4_000_000_000}, "clock"),
        ({"aud": "sts.amazonaws.com"}, "audience"),
        ({"iss": "https://token.actions.githubusercontent.com"}, "issuer"),
        ({"sub": "repo:acme/shop"}, "subject"),
        ({"sub": f"{REPOSITORY}:{STEP}"}, "environment"),
    ],
)
def test_each_mistake_in_a_token_is_reported_once(step: dict[str, str], claims: dict[str, Any], check: str) -> None:
    held = token(**claims)
    Path(step["AWS_WEB_IDENTITY_TOKEN_FILE"]).write_text(held)
    code, report = examined(step | {"BITBUCKET_STEP_OIDC_TOKEN": held})
    assert (code, [problem["check"] for problem in report["problems"]]) == (1, [check])


@pytest.mark.parametrize(
    ("claims", "problems"),
    [({"aud": [OWN, "x"]}, ["audience"]), ({"aud": [OWN, "x"], "azp": OWN}, []), ({"aud": [OWN]}, [])],
)
def test_several_audiences_without_azp_are_a_problem(
    step: dict[str, str], claims: dict[str, Any], problems: list[str]
) -> None:
    held = token(**claims)
    Path(step["AWS_WEB_IDENTITY_TOKEN_FILE"]).write_text(held)
    code, report = examined(step | {"BITBUCKET_STEP_OIDC_TOKEN": held})
    assert (code, [problem["check"] for problem in report["problems"]]) == (len(problems), problems)


@pytest.mark.parametrize(
    ("text", "problems"), [("", 1), ("\n", 1), (token(environment=STAGING), 1), ("{}\n", 0), (" {}", 1), ("{}\n{}", 1)]
)
def test_the_token_file_must_hold_this_token_alone(step: dict[str, str], text: str, problems: int) -> None:
    held = step["BITBUCKET_STEP_OIDC_TOKEN"]
    Path(step["AWS_WEB_IDENTITY_TOKEN_FILE"]).write_text(text.replace("{}", held))
    code, report = examined(step)
    assert (code, [problem["check"] for problem in report["problems"]]) == (problems, ["token-file"] * problems)


def set_variables(step: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("AWS_", "BITBUCKET_"))]:
        monkeypatch.delenv(name)
    for name, value in step.items():
        monkeypatch.setenv(name, value)


def test_the_inventory_says_which_role_a_step_may_assume(
    step: dict[str, str],
    write_inventory: Inventory,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = str(write_inventory(ROLES))
    set_variables(step, monkeypatch)
    assert run(["doctor", folder]) == 0
    assert "no problem found" in capsys.readouterr().out
    monkeypatch.setenv("AWS_ROLE_ARN", ARN.replace("222222222222", "111111111111"))
    assert run(["doctor", folder]) == 1
    shown = capsys.readouterr().out
    assert f"problem[other-role] the inventory has no role {ARN.replace('222222222222', '111111111111')}" in shown
    assert f"this step may assume {ARN}" in shown
    assert SIGNATURE not in shown


@pytest.mark.parametrize("limits", ["", ", source_ips: [203.0.113.0/24], source_vpces: [vpce-0a1b2c3d4e5f60718]"])
def test_a_step_of_another_environment_is_refused_and_the_right_one_is_not(
    step: dict[str, str],
    limits: str,
    write_inventory: Inventory,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = str(write_inventory(ROLES.replace("]}}\n", f"]{limits}}}}}\n")))
    set_variables(step, monkeypatch)
    assert run(["doctor", folder]) == 0
    held = token(environment=STAGING)
    Path(step["AWS_WEB_IDENTITY_TOKEN_FILE"]).write_text(held)
    monkeypatch.setenv("BITBUCKET_STEP_OIDC_TOKEN", held)
    assert run(["doctor", folder]) == 1
    shown = capsys.readouterr().out
    assert f"{ARN} does not trust this step; it trusts steps of acme/shop with `deployment: production`" in shown


def oldest_python() -> str:
    """Return the oldest installed Python from 3.8 on."""
    paths = (shutil.which(f"python3.{minor}") for minor in range(8, 11))
    works = (path for path in paths if path and subprocess.run([path, "-c", ""], check=False).returncode == 0)
    return next(works, sys.executable)


def test_the_printed_script_runs_alone_and_agrees_with_the_command(
    step: dict[str, str], write_inventory: Inventory, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(write_inventory(ROLES))
    assert run(["doctor", "--script"]) == 0
    (tmp_path / "doctor.py").write_text(capsys.readouterr().out)
    assert run(["plan", folder, "--format", "json"]) == 0
    (tmp_path / "plan.json").write_text(capsys.readouterr().out)
    held = token(environment=STAGING)
    Path(step["AWS_WEB_IDENTITY_TOKEN_FILE"]).write_text(held)
    reports = []
    for environ, code in ((step, 1), (step | {"BITBUCKET_STEP_OIDC_TOKEN": held}, 1)):
        done = subprocess.run(
            [oldest_python(), "-I", "doctor.py", "--plan", "plan.json"],
            cwd=tmp_path, env=environ, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (code, "")
        assert SIGNATURE not in done.stdout
        reports.append(done.stdout)
    assert "holds another token than this step's" in reports[0]
    assert "does not trust this step; it trusts steps of acme/shop" in reports[1]


def test_the_script_pasted_into_a_step_runs(step: dict[str, str], tmp_path: Path) -> None:
    """As the docs show it: in a quoted heredoc, so that the shell expands nothing."""
    assert "\nDOCTOR\n" not in script_text()
    pasted = textwrap.indent(f"python3 - --format json <<'DOCTOR'\n{script_text()}DOCTOR\n", "    ")
    (script,) = yaml.safe_load(f"  - |\n{pasted}")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3").symlink_to(oldest_python())
    path = f"{tmp_path / 'bin'}:/usr/bin:/bin"
    done = subprocess.run(
        ["sh", "-exc", script], env=step | {"PATH": path}, capture_output=True, text=True, check=False
    )
    assert json.loads(done.stdout)["problems"] == []
    assert done.returncode == 0


@pytest.mark.parametrize("coding", ["ascii", "latin-1", "utf-8"])
def test_a_name_that_the_log_cannot_show_is_escaped(step: dict[str, str], tmp_path: Path, coding: str) -> None:
    (tmp_path / "doctor.py").write_text(script_text(), encoding="ascii")
    environ = step | {"AWS_REGION": "\u0440\u0443-1", "PYTHONIOENCODING": coding}
    done = subprocess.run([oldest_python(), "doctor.py"], cwd=tmp_path, env=environ, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (1, b"")
    assert "problem[region] the region is '" in done.stdout.decode(coding)


def test_the_script_runs_on_python_3_8_with_the_standard_library_alone() -> None:
    module = ast.parse(script_text(), feature_version=(3, 8))
    imports = [node for node in ast.walk(module) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {alias.name.partition(".")[0] for node in imports if isinstance(node, ast.Import) for alias in node.names}
    names |= {str(node.module) for node in imports if isinstance(node, ast.ImportFrom)}
    assert names <= {"__future__", "argparse", "base64", "http", "json", "os", "re", "sys", "time", "typing", "urllib"}
    later = {"removeprefix", "removesuffix", "to_thread", "cache", "pairwise", "batched", "bit_count"}
    assert not later & {node.attr for node in ast.walk(module) if isinstance(node, ast.Attribute)}
    assert not [node for node in ast.walk(module) if isinstance(node, ast.Match)]


def test_the_script_stays_small_enough_to_be_read_and_pasted() -> None:
    assert len(script_text().encode()) < 28_500
    assert max(map(len, script_text().splitlines())) <= 120


def test_an_invalid_plan_shows_no_traceback(step: dict[str, str]) -> None:
    out = io.StringIO()
    options_given = Namespace(exchange=False, endpoint=None, duration=None, output="text")
    assert run_script(step, out, options=options_given, plan={"x": step["BITBUCKET_STEP_OIDC_TOKEN"]}) == 2
    assert "doctor failed (KeyError)" in out.getvalue()
    assert SIGNATURE not in out.getvalue()


class Sts:
    """An STS on loopback that answers what a test wants."""

    def __init__(self) -> None:
        self.answer = (200, "")
        self.before: list[tuple[int, str]] = []
        self.forms: list[dict[str, list[str]]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer.forms.append(parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode()))
                status, text = outer.before.pop(0) if outer.before else outer.answer
                self.send_response(status)
                self.send_header("Location", outer.url + "elsewhere")
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_: object) -> None: ...

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()


@pytest.fixture
def sts() -> Iterator[Sts]:
    sts = Sts()
    yield sts
    sts.server.shutdown()
    sts.server.server_close()


ASSUMED = (
    "<Credentials><AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>MARKEDSECRETKEY</SecretAccessKey>"
    "<SessionToken>MARKEDSESSION</SessionToken><Expiration>2026-11-24T06:00:00Z</Expiration></Credentials>"
    "<AssumedRoleUser><Arn>arn:aws:sts::222222222222:assumed-role/r/shop-7</Arn></AssumedRoleUser>"
)


def test_an_exchange_shows_the_session_and_no_credentials(step: dict[str, str], sts: Sts) -> None:
    sts.answer = (200, ASSUMED)
    code, report = examined(step, exchange=True, endpoint=sts.url, duration=900)
    assert (code, report["problems"]) == (0, [])
    assert report["session"] == "assumed arn:aws:sts::222222222222:assumed-role/r/shop-7 until 2026-11-24T06:00:00Z"
    assert sts.forms[0]["RoleSessionName"] == ["shop-7"]
    assert sts.forms[0]["DurationSeconds"] == ["900"]


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        ("AccessDenied", "trust policy"),
        ("InvalidIdentityToken", "OIDC provider"),
        ("ExpiredTokenException", "beginning of the step"),
        ("IDPCommunicationError", "try again"),
        ("Brandnew", "see the message"),
    ],
)
def test_a_refusal_says_what_to_do(step: dict[str, str], sts: Sts, code: str, hint: str) -> None:
    held = step["BITBUCKET_STEP_OIDC_TOKEN"]
    sts.answer = (403, f"<Error><Code>{code}</Code><Message>No: {held}</Message></Error>")
    result, report = examined(step, exchange=True, endpoint=sts.url)
    assert result == 1
    assert report["problems"][0]["what"] == f"STS refuses: {code} No: (hidden)"
    assert hint in report["problems"][0]["do"]


def test_a_refusal_by_a_resource_control_policy_says_what_to_ask_the_organization(
    step: dict[str, str], sts: Sts
) -> None:
    why = "not authorized to perform: sts:AssumeRoleWithWebIdentity with an explicit deny in a resource control policy"
    sts.answer = (403, f"<Error><Code>AccessDenied</Code><Message>{why}</Message></Error>")
    _, report = examined(step, exchange=True, endpoint=sts.url)
    assert "ask the organization" in report["problems"][0]["do"]
    assert "aws:PrincipalOrgID" in report["problems"][0]["do"]
    assert "EnforceTrustedOIDCProviders" in report["problems"][0]["do"]


def test_a_missing_oidc_provider_names_the_rule_that_keeps_up_from_creating_it(step: dict[str, str], sts: Sts) -> None:
    sts.answer = (400, "<Error><Code>InvalidIdentityToken</Code><Message>No provider</Message></Error>")
    _, report = examined(step, exchange=True, endpoint=sts.url)
    assert "PreventIdPTrustModifications" in report["problems"][0]["do"]


def test_a_denial_of_a_step_that_the_inventory_trusts_names_rules_of_organizations(
    step: dict[str, str], sts: Sts
) -> None:
    sts.answer = DENIED
    issuer = "api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc"
    condition = {
        "StringEquals": {f"{issuer}:aud": OWN},
        "StringLike": {f"{issuer}:sub": f"{REPOSITORY}:{PRODUCTION}:*"},
    }
    role = {"arn": ARN, "trust_policy": {"Statement": [{"Condition": condition}]}, "trust": []}
    plan = {"accounts": [{"roles": [role]}]}
    _, report = examined(step, plan, exchange=True, endpoint=sts.url)
    (problem,) = report["problems"]
    for name in ("the inventory trusts this step", "aws:PrincipalOrgID", "EnforceTrustedOIDCProviders"):
        assert name in problem["do"]


DENIED = (403, "<Error><Code>AccessDenied</Code><Message>No</Message></Error>")


def test_a_refusal_is_tried_again_for_a_new_role(step: dict[str, str], sts: Sts) -> None:
    pauses.clear()
    sts.before, sts.answer = [DENIED, DENIED], (200, ASSUMED)
    code, report = examined(step, exchange=True, endpoint=sts.url)
    assert (code, len(sts.forms), pauses) == (0, 3, [2, 4])
    assert report["session"].startswith("assumed ")
    assert report["notes"][0]["what"] == "STS refused for some 6 seconds, then gave the session"


def test_a_refusal_is_reported_only_after_all_tries(step: dict[str, str], sts: Sts) -> None:
    pauses.clear()
    sts.answer = DENIED
    code, report = examined(step, exchange=True, endpoint=sts.url)
    assert (code, len(sts.forms), pauses) == (1, 4, [2, 4, 9])
    assert "asked again for 15 seconds" in report["problems"][0]["do"]


def test_an_expired_token_is_tried_once(step: dict[str, str], sts: Sts) -> None:
    pauses.clear()
    sts.answer = (400, "<Error><Code>ExpiredTokenException</Code><Message>No</Message></Error>")
    assert examined(step, exchange=True, endpoint=sts.url)[0] == 1
    assert (len(sts.forms), pauses) == (1, [])


def test_the_token_follows_no_redirect(step: dict[str, str], sts: Sts) -> None:
    sts.answer = (307, "")
    assert examined(step, exchange=True, endpoint=sts.url)[0] == 1
    assert len(sts.forms) == 1


def test_an_unreachable_endpoint_is_exit_code_3(step: dict[str, str]) -> None:
    assert examined(step, exchange=True, endpoint="http://127.0.0.1:9/")[0] == 3


@pytest.mark.parametrize("partition", Partition)
def test_each_partition_has_its_regions_roles_and_endpoints(step: dict[str, str], partition: Partition) -> None:
    arn = ARN.replace("arn:aws:", f"arn:{partition}:")
    step |= {"AWS_REGION": partition.iam_region, "AWS_ROLE_ARN": arn}
    assert examined(step)[1]["problems"] == []
    assert endpoint_of(step, None, arn) == f"https://sts.{partition.iam_region}.{partition.dns_suffix}/"


@pytest.mark.parametrize("url", ["http://sts.example.org/", "file:///etc/passwd", "ftp://127.0.0.1/", "https:///x"])
def test_only_https_and_loopback_get_a_token(step: dict[str, str], url: str) -> None:
    code, report = examined(step, exchange=True, endpoint=url)
    assert (code, [problem["check"] for problem in report["problems"]]) == (2, ["endpoint"])
