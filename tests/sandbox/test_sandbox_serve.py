"""`sandbox serve` and `sandbox token`: clients of anybody's own get in by the steps that Bitbucket and AWS describe."""

import fcntl
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from cli.main import run
from oidc.errors import SandboxError
from sandbox.emulated_aws.prepare_accounts import RootUsers
from sandbox.emulator_inputs import folder_of
from sandbox.running_sandbox import serving_process, stay_until_gone
from tests.sandbox.serving import PROJECT, start, stop

PRODUCTION = "arn:aws:iam::222222222222:role/bitbucket/shop-production"
STAGING = "arn:aws:iam::111111111111:role/bitbucket/shop-staging"
INVENTORY = Path("inventory")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a sandbox that was up."""
    folder = tmp_path_factory.mktemp("serve")
    shutil.copytree(PROJECT / "examples" / "quickstart", folder / "inventory")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.chdir(folder)
        assert run(["sandbox", "up", "inventory", "--engine", "builtin"]) == 0
    return folder


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[dict[str, Any]]:
    child, printed = start(folder)
    yield printed
    assert stop(child) == 0


@pytest.fixture
def shell(folder: Path, served: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A second shell in that folder, with no variable of AWS but the endpoint and the region."""
    monkeypatch.chdir(folder)
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, os.devnull)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("HOME", str(folder))  # the AWS CLI keeps credentials there
    monkeypatch.setenv("AWS_ENDPOINT_URL", served["endpoint"])
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):  # boto3 reads the second one, other SDKs the first
        monkeypatch.setenv(name, "eu-west-1")
    return folder


def token(capsys: pytest.CaptureFixture[str], *options: str) -> str:
    """Return what `sandbox token` prints, the newline included."""
    capsys.readouterr()
    assert run(["sandbox", "token", "inventory", "--repository", "acme/shop", *options]) == 0
    return capsys.readouterr().out


@pytest.fixture
def token_file(shell: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Path:
    """The token of a step that deploys to production, in the file that the variable names, as steps write it."""
    path = shell / "web-identity-token"
    path.write_text(token(capsys, "--environment", "production"))
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(path))
    monkeypatch.setenv("AWS_ROLE_ARN", PRODUCTION)
    return path


def test_boto3_gets_in_by_the_variables_alone(token_file: Path) -> None:
    arn = boto3.session.Session().client("sts").get_caller_identity()["Arn"]
    assert arn.startswith("arn:aws:sts::222222222222:assumed-role/shop-production/")


def test_a_token_of_another_environment_is_refused(
    token_file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    token_file.write_text(token(capsys, "--environment", "staging"))
    with pytest.raises(ClientError, match="AccessDenied"):
        boto3.session.Session().client("sts").get_caller_identity()
    monkeypatch.setenv("AWS_ROLE_ARN", STAGING)
    assert boto3.session.Session().client("sts").get_caller_identity()["Account"] == "111111111111"


def test_the_exchange_by_hand_gives_credentials_that_work(
    shell: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    anonymous = boto3.session.Session().client("sts", config=Config(signature_version=UNSIGNED))
    answer = anonymous.assume_role_with_web_identity(
        RoleArn=PRODUCTION,
        RoleSessionName="graphr-terraform-plan-session",
        WebIdentityToken=token(capsys, "--environment", "production").strip(),
        DurationSeconds=1000,
    )
    keys = answer["Credentials"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", keys["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", keys["SecretAccessKey"])
    monkeypatch.setenv("AWS_SESSION_TOKEN", keys["SessionToken"])
    arn = boto3.session.Session().client("sts").get_caller_identity()["Arn"]
    assert arn == "arn:aws:sts::222222222222:assumed-role/shop-production/graphr-terraform-plan-session"


WAYS = """
accounts:
  by-role: {id: "111111111111", deploy_role: {arn: "arn:aws:iam::111111111111:role/PulumiDeploy", external_id: acme-7}}
  by-profile: {id: "222222222222", profile: second}
  by-both: {id: "333333333333", profile: third, deploy_role: "arn:aws:iam::333333333333:role/PulumiDeploy"}
  ambient: {id: "444444444444"}
"""


def test_the_printed_lines_work_for_every_way_into_an_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    quickstart = (PROJECT / "examples" / "quickstart" / "inventory.yaml").read_text()
    document = yaml.safe_load(quickstart) | yaml.safe_load(WAYS)
    del document["defaults"]["deploy_role"]
    del document["workspaces"]["acme"]["repositories"]["shop"]["environments"]["staging"]
    document["roles"] = {"shop": document["roles"]["shop-production"] | {"accounts": ["*"]}}
    (tmp_path / "inventory").mkdir()
    (tmp_path / "inventory" / "inventory.yaml").write_text(yaml.safe_dump(document))
    monkeypatch.chdir(tmp_path)
    assert run(["sandbox", "up", "inventory", "--engine", "builtin"]) == 0
    with Path("printed.sh").open("w") as printed:
        child = subprocess.Popen(
            [sys.executable, "-m", "cli", "sandbox", "serve", "inventory"],
            env={**os.environ, "PYTHONPATH": str(PROJECT)},
            stdout=printed,
            stderr=subprocess.PIPE,
            text=True,
        )
    try:
        assert child.stderr is not None
        assert child.stderr.readline() == "serving until Ctrl-C\n"
        absent = tuple(name for name in ("aws", "curl", "openssl") if shutil.which(name) is None)
        lines = Path("printed.sh").read_text().splitlines()
        script = "\n".join(line for line in lines if not any(f"{name} " in line for name in absent))
        done = in_shell(script, tmp_path)
    finally:
        child.send_signal(signal.SIGTERM)
        child.wait(timeout=30)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing to adopt" in done.stderr
    lock = yaml.safe_load((tmp_path / "inventory" / "inventory.lock.yaml").read_text())
    assert set(lock["accounts"]) == {"by-role", "by-profile", "by-both", "ambient"}
    if "aws" not in absent:
        assert done.stdout.count(":assumed-role/shop/") == 4


def in_shell(script: str, home: Path) -> subprocess.CompletedProcess[str]:
    """Run what somebody pastes into a second shell, which has the AWS keys of a person."""
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(home),
        "AWS_ACCESS_KEY_ID": "somebody",
        "AWS_SECRET_ACCESS_KEY": "secret",
    }
    return subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", script], env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.skipif(shutil.which("aws") is None, reason="the AWS CLI is not installed")
def test_the_aws_cli_gets_in_by_the_variables_and_by_hand(token_file: Path) -> None:
    identity = json.loads(subprocess.check_output(["aws", "sts", "get-caller-identity"]))
    assert identity["Arn"].startswith("arn:aws:sts::222222222222:assumed-role/shop-production/")
    by_hand = ["aws", "sts", "assume-role-with-web-identity", "--role-arn", PRODUCTION, "--role-session-name", "plan"]
    by_hand += ["--web-identity-token", token_file.read_text().strip(), "--duration-seconds", "1000"]
    keys = json.loads(subprocess.check_output(by_hand))["Credentials"]
    assert keys["SessionToken"]


def test_the_discovery_document_names_issuer_and_keys(shell: Path, served: dict[str, Any]) -> None:
    issuer = served["issuer"]["urls"][0]
    discovery = fetched(served, f"{issuer}/.well-known/openid-configuration")
    assert discovery["issuer"] == issuer
    assert fetched(served, discovery["jwks_uri"])["keys"]


def test_lock_finds_the_names_of_the_inventory_in_the_emulated_bitbucket(
    shell: Path, served: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(shell)
    monkeypatch.setenv("BITBUCKET_API_URL", served["bitbucket"]["api_url"])
    monkeypatch.setenv("BITBUCKET_ACCESS_TOKEN", served["bitbucket"]["access_token"])
    monkeypatch.setenv("BITBUCKET_CA_FILE", served["issuer"]["ca_file"])
    assert run(["lock", "inventory", "--check"]) == 0
    assert "is deployment environment acme/shop/production\n" in capsys.readouterr().out


def fetched(served: dict[str, Any], url: str) -> dict[str, Any]:
    """Fetch a document of the emulated Bitbucket as curl does with --connect-to and --cacert."""
    host, port = served["issuer"]["address"].split(":")
    context = ssl.create_default_context(cafile=served["issuer"]["ca_file"])
    plain = socket.create_connection((host, int(port)), timeout=10)
    with context.wrap_socket(plain, server_hostname=served["issuer"]["host"]) as secured:
        client = HTTPConnection(served["issuer"]["host"])
        client.sock = secured
        client.request("GET", url.removeprefix(f"https://{served['issuer']['host']}"))
        document: dict[str, Any] = json.loads(client.getresponse().read())
    return document


@pytest.mark.skipif(shutil.which("openssl") is None, reason="the openssl command is not installed")
def test_openssl_shows_the_thumbprint_that_the_oidc_provider_has(shell: Path, served: dict[str, Any]) -> None:
    host, address = served["issuer"]["host"], served["issuer"]["address"]
    show = ["openssl", "s_client", "-servername", host, "-showcerts", "-connect", address]
    shown = subprocess.run(show, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True).stdout
    last = "-----BEGIN CERTIFICATE-----" + shown.rpartition("-----BEGIN CERTIFICATE-----")[2]
    fingerprint = subprocess.run(
        ["openssl", "x509", "-fingerprint", "-sha1", "-noout"], input=last, capture_output=True, text=True, check=True
    ).stdout
    thumbprint = fingerprint.partition("=")[2].strip().replace(":", "").lower()
    iam = RootUsers(served["endpoint"]).client("222222222222")
    arn = iam.list_open_id_connect_providers()["OpenIDConnectProviderList"][0]["Arn"]
    assert iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)["ThumbprintList"] == [thumbprint]


def test_every_printed_token_command_opens_the_role_that_it_stands_with(
    shell: Path, served: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    anonymous = boto3.session.Session().client("sts", config=Config(signature_version=UNSIGNED))
    assert {role["arn"] for role in served["roles"]} == {PRODUCTION, STAGING}
    for role in served["roles"]:
        command = role["token_command"].removesuffix(" > web-identity-token").split()
        assert command[0] == "bitbucket-oidc"
        capsys.readouterr()
        assert run(command[1:]) == 0
        printed = capsys.readouterr().out.strip()
        assert anonymous.assume_role_with_web_identity(
            RoleArn=role["arn"], RoleSessionName="step", WebIdentityToken=printed
        )["Credentials"]


def test_the_proof_works_beside_it_and_what_would_start_it_twice_says_so(
    shell: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["sandbox", "prove", "inventory"]) == 0
    assert "every one decided as the inventory says" in capsys.readouterr().out
    found = serving_process(INVENTORY)
    assert found is not None
    assert run(["sandbox", "up", "inventory"]) == 3
    assert f"in process {found.pid}; stop it with Ctrl-C first" in capsys.readouterr().err


def test_beside_it_prove_takes_no_weather_of_its_own(
    shell: Path, served: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["sandbox", "prove", str(INVENTORY), "--weather", "storm"]) == 2
    assert "with its own weather; give --weather to `serve` instead" in capsys.readouterr().err


def test_ctrl_c_stops_everything_and_nothing_is_lost(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(folder / "inventory", tmp_path / "inventory")
    monkeypatch.chdir(tmp_path)
    assert run(["sandbox", "up", "inventory", "--engine", "builtin"]) == 0
    child, printed = start(tmp_path)
    assert serving_process(INVENTORY) is not None
    assert stop(child, signal.SIGINT) == 0
    assert serving_process(INVENTORY) is None
    for address in (printed["endpoint"].removeprefix("http://"), printed["issuer"]["address"]):
        host, port = address.split(":")
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((host, int(port)), timeout=1)
    capsys.readouterr()
    assert run(["sandbox", "preview", "inventory"]) == 0
    assert capsys.readouterr().out == "no changes\n"


@pytest.mark.parametrize("command", [["serve"], ["token", "--repository", "acme/shop"]])
def test_where_nothing_is_up_it_says_what_to_do(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: list[str],
) -> None:
    shutil.copytree(folder / "inventory", tmp_path / "inventory")
    monkeypatch.chdir(tmp_path)
    assert run(["sandbox", *command, "inventory"]) == 3
    assert "run `bitbucket-oidc sandbox up`" in capsys.readouterr().err


def test_an_emulator_that_died_is_noticed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        endpoint = f"http://127.0.0.1:{server.getsockname()[1]}"
    waited: list[float] = []
    with pytest.raises(SandboxError, match="no longer answer"):
        stay_until_gone(endpoint, sleep=waited.append)
    assert waited


def test_what_a_killed_process_left_behind_announces_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    left = folder_of(INVENTORY) / "serving.json"
    left.parent.mkdir(parents=True)
    left.write_text(json.dumps({"pid": 1, "endpoint": "http://127.0.0.1:1", "issuer_address": "127.0.0.1:2"}))
    assert serving_process(INVENTORY) is None


def test_another_process_that_only_looks_announces_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    left = folder_of(INVENTORY) / "serving.json"
    left.parent.mkdir(parents=True)
    left.write_text(json.dumps({"pid": 1, "endpoint": "http://127.0.0.1:1", "issuer_address": "127.0.0.1:2"}))
    monkeypatch.setattr("sandbox.running_sandbox._LOOK_SECONDS", 10)
    with left.open() as looked_at:
        fcntl.flock(looked_at, fcntl.LOCK_EX)
        over = threading.Timer(0.05, fcntl.flock, (looked_at, fcntl.LOCK_UN))
        over.start()
        assert serving_process(INVENTORY) is None
        over.join()


def test_new_accounts_are_bootstrapped_by_the_commands_that_serve_prints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(PROJECT / "examples" / "quickstart", tmp_path / "inventory")
    monkeypatch.chdir(tmp_path)
    child, printed = start(tmp_path, "--new-accounts")
    try:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("AWS_ENDPOINT_URL", printed["endpoint"])
        monkeypatch.setenv("AWS_CONFIG_FILE", str(folder_of(INVENTORY) / "aws-config"))
        new = printed["new_accounts"]
        command = [
            "bootstrap", "inventory", "--hub-role", new["hub_role_arn"], "--organization", new["organization"],
            "--aws-endpoint", printed["endpoint"],
        ]  # fmt: skip
        with monkeypatch.context() as engineer:
            engineer.setenv("AWS_ACCESS_KEY_ID", "000000000000")
            engineer.setenv("AWS_SECRET_ACCESS_KEY", "test")
            assert run([*command, "--deploy", "--yes", "--through-role", new["account_role"]]) == 0
        monkeypatch.setenv("AWS_PROFILE", "pulumi-runner")
        assert run([*command, "--check"]) == 0
    finally:
        assert stop(child) == 0
    assert "has the current template" in capsys.readouterr().out
    # The state outlives the process.
    child, printed = start(tmp_path, "--new-accounts")
    try:
        monkeypatch.setenv("AWS_ENDPOINT_URL", printed["endpoint"])
        assert run([*command[:-1], printed["endpoint"], "--check"]) == 0
    finally:
        assert stop(child) == 0
