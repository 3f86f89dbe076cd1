"""Steps that `snippet` prints get in at the emulated STS, and `doctor --exchange` tells what it answers."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.doctor import script_text
from cli.main import run

PROJECT = Path(__file__).resolve().parent.parent.parent
AWS_CLI = f"""#!{sys.executable}
import sys, boto3
named = dict(zip(sys.argv[3::2], sys.argv[4::2]))
with open(named["--web-identity-token"].removeprefix("file://")) as file:
    found = boto3.client("sts").assume_role_with_web_identity(
        RoleArn=named["--role-arn"], RoleSessionName=named["--role-session-name"], WebIdentityToken=file.read(),
        DurationSeconds=int(named["--duration-seconds"]),
    )["Credentials"]
assert named["--output"] == "text" and "AccessKeyId" in named["--query"]
print(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"], sep="\\t")
"""
"""As far as the step of style `explicit` needs it."""

WHO_AM_I = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    folder = tmp_path_factory.mktemp("snippet")
    shutil.copytree(PROJECT / "examples" / "quickstart", folder / "inventory")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert run(["sandbox", "up", "inventory", "--engine", "builtin"]) == 0
        child = subprocess.Popen(
            [sys.executable, "-m", "cli", "sandbox", "serve", "inventory", "--format", "json"],
            env={**os.environ, "PYTHONPATH": str(PROJECT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert child.stdout is not None
        yield folder, json.loads(child.stdout.readline())["endpoint"]
        child.terminate()
        child.stdout.close()
        assert child.wait(timeout=30) == 0


def token(environment: str, capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    named = ["--repository", "acme/shop", "--environment", environment]
    assert run(["sandbox", "token", "inventory", *named]) == 0
    return capsys.readouterr().out.strip()


def environ(endpoint: str, held: str, folder: Path) -> dict[str, str]:
    return {
        "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
        "AWS_ENDPOINT_URL": endpoint,
        "BITBUCKET_STEP_OIDC_TOKEN": held,
        "BITBUCKET_BUILD_NUMBER": "7",
        "BITBUCKET_DEPLOYMENT_ENVIRONMENT": "as Bitbucket sets it for a step with deployment:",
        "BITBUCKET_REPO_SLUG": "shop",
        "TMPDIR": str(folder),
    }


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_a_printed_step_calls_sts_itself(
    served: tuple[Path, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, shell: str
) -> None:
    folder, endpoint = served
    monkeypatch.chdir(folder)
    assert run(["snippet", "inventory", "--role", "shop-production", "--style", "explicit"]) == 0
    step: dict[str, Any] = yaml.safe_load(capsys.readouterr().out)["pipelines"]["branches"]["main"][0]["step"]
    held = token(step["deployment"], capsys)
    (folder / "bin").mkdir(exist_ok=True)
    (folder / "bin" / "aws").write_text(AWS_CLI)
    (folder / "bin" / "aws").chmod(0o755)
    script = ["set -ex", *step["script"][:-1], f'{sys.executable} -c "{WHO_AM_I}"']
    variables = environ(endpoint, held, folder)
    done = subprocess.run([shell, "-c", "\n".join(script)], env=variables, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "arn:aws:sts::222222222222:assumed-role/shop-production/shop-7\n")
    assert held.rpartition(".")[2] not in done.stderr


def test_a_printed_step_gets_in_and_the_doctor_agrees(
    served: tuple[Path, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, endpoint = served
    monkeypatch.chdir(folder)
    assert run(["snippet", "inventory", "--role", "shop-production"]) == 0
    step: dict[str, Any] = yaml.safe_load(capsys.readouterr().out)["pipelines"]["branches"]["main"][0]["step"]
    held = token(step["deployment"], capsys)
    *script, last = step["script"]
    assert last == "aws sts get-caller-identity"
    (folder / "doctor.py").write_text(script_text())
    doctor = f"{sys.executable} doctor.py --exchange --endpoint {endpoint} --format json"
    script += [f'{sys.executable} -c "{WHO_AM_I}"', doctor]
    variables = environ(endpoint, held, folder)
    done = subprocess.run(["sh", "-ec", "\n".join(script)], env=variables, capture_output=True, text=True, check=False)
    arn, _, report = done.stdout.partition("\n")
    assert (done.returncode, arn) == (0, "arn:aws:sts::222222222222:assumed-role/shop-production/shop-7")
    assert json.loads(report)["session"].startswith(f"assumed {arn} until ")
    assert held.rpartition(".")[2] not in done.stdout + done.stderr


def test_the_doctor_tells_a_refusal(
    served: tuple[Path, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, endpoint = served
    monkeypatch.chdir(folder)
    held = token("staging", capsys)
    arn = "arn:aws:iam::222222222222:role/bitbucket/shop-production"
    (folder / "token").write_text(held)
    (folder / "doctor.py").write_text(script_text())
    more = {"AWS_ROLE_ARN": arn, "AWS_REGION": "eu-west-1", "AWS_WEB_IDENTITY_TOKEN_FILE": str(folder / "token")}
    done = subprocess.run(
        [sys.executable, "doctor.py", "--exchange", "--endpoint", endpoint],
        env=environ(endpoint, held, folder) | more, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "problem[exchange] STS refuses: AccessDenied" in done.stdout
    assert held.rpartition(".")[2] not in done.stdout + done.stderr
