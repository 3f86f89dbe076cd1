"""The child process: how it starts, what it keeps, what it opens, and that it never outlives its parent."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from botocore.session import Session

from oidc.errors import SandboxError
from sandbox.emulated_aws import EmulatedAws
from sandbox.emulated_aws.prepare_accounts import PreparedAccount, RootUsers, prepare_accounts
from sandbox.emulated_aws.server import CALLS_FILE
from sandbox.emulated_aws.settings import IssuerEndpoint
from tests.sandbox.emulated_aws.aws_calls import refusal

ACCOUNT = "222222222222"
POLICY_ARN = f"arn:aws:iam::{ACCOUNT}:policy/boundary"
DEPLOYER = PreparedAccount(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:role/Deploy", None, None, frozenset())
SOURCE = Path(__file__).parents[3]


def as_root(emulator: EmulatedAws | str, action: str, **params: str) -> str:
    """Make a call as root of the account, whose signature the emulator does not check; much faster than an SDK."""
    endpoint = emulator if isinstance(emulator, str) else emulator.endpoint
    credential = f"{ACCOUNT}/20260101/us-east-1/iam/aws4_request"
    signature = f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0"
    form = {"Action": action, "Version": "2010-05-08", **params}
    answer = requests.post(endpoint, data=form, headers={"Authorization": signature}, timeout=10)
    assert answer.status_code == 200, answer.text
    return answer.text


def make_policy(emulator: EmulatedAws | str) -> None:
    document = '{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'
    as_root(emulator, "CreatePolicy", PolicyName="boundary", PolicyDocument=document)


def policies(emulator: EmulatedAws) -> list[str]:
    return re.findall("<Arn>(.*?)</Arn>", as_root(emulator, "ListPolicies", Scope="Local"))


def session_of(session: Session, emulator: EmulatedAws, keys: dict[str, str]) -> Any:
    """Return STS as the holder of temporary credentials."""
    return session.create_client(
        "sts",
        region_name="us-east-1",
        endpoint_url=emulator.endpoint,
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )


def wait_until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def listening(pid: int) -> list[str]:
    """Return the local addresses, as the kernel writes them, of all sockets on which a process takes packets."""
    inodes = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        target = str(descriptor.readlink())
        if target.startswith("socket:["):
            inodes.add(target[8:-1])
    found = []
    for table in ("tcp", "tcp6", "udp", "udp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            is_open = table.startswith("udp") or fields[3] == "0A"  # 0A: LISTEN
            if is_open and fields[9] in inodes:
                found.append(fields[1])
    return found


def test_it_listens_on_one_loopback_port_and_on_none_when_stopped(tmp_path: Path) -> None:
    emulator = EmulatedAws(tmp_path, issuers=None)
    with emulator:
        make_policy(emulator)
        assert emulator.pid is not None
        pid, port = emulator.pid, int(emulator.endpoint.rpartition(":")[2])
        assert emulator.endpoint.startswith("http://127.0.0.1:")
        assert listening(pid) == [f"0100007F:{port:04X}"]
        everywhere = Path("/proc/net/tcp")
        assert f"0100007F:{port:04X} 00000000:0000 0A" in everywhere.read_text()
    assert not is_running(pid)
    assert f"0100007F:{port:04X} 00000000:0000 0A" not in everywhere.read_text()
    assert emulator.endpoint == ""


def test_an_orderly_stop_keeps_the_state_and_sessions_are_gone(tmp_path: Path, session: Session) -> None:
    with EmulatedAws(tmp_path, issuers=None) as first:
        assert not first.forgot
        make_policy(first)
        iam = RootUsers(first.endpoint).client(ACCOUNT)
        arn = iam.create_open_id_connect_provider(Url="https://example.com", ThumbprintList=["a" * 40])
        arn = arn["OpenIDConnectProviderArn"]
        iam.tag_open_id_connect_provider(OpenIDConnectProviderArn=arn, Tags=[{"Key": "a", "Value": "b"}])
        prepare_accounts(first.endpoint, [DEPLOYER])
        assumed = RootUsers(first.endpoint).client(ACCOUNT, "sts")
        keys = assumed.assume_role(RoleArn=DEPLOYER.deploy_role_arn, RoleSessionName="it")["Credentials"]
        assert session_of(session, first, keys).get_caller_identity()["Account"] == ACCOUNT
    with EmulatedAws(tmp_path, issuers=None) as second:
        assert not second.forgot
        assert policies(second) == [POLICY_ARN]
        iam = RootUsers(second.endpoint).client(ACCOUNT)
        assert iam.list_open_id_connect_provider_tags(OpenIDConnectProviderArn=arn)["Tags"][0]["Value"] == "b"
        assert refusal(session_of(session, second, keys).get_caller_identity)[:2] == (403, "InvalidClientTokenId")


def test_the_calls_of_a_run_are_counted_when_it_has_ended(tmp_path: Path) -> None:
    with EmulatedAws(tmp_path, issuers=None) as emulator:
        roots = RootUsers(emulator.endpoint)
        for _ in range(3):
            roots.client(ACCOUNT).list_roles()
        roots.client("111111111111").list_roles()
        roots.client(ACCOUNT, "sts").get_caller_identity()
        roots.close()
    counts = json.loads((tmp_path / CALLS_FILE).read_text(encoding="utf-8"))
    assert counts == {"iam:ListRoles": 4, "sts:GetCallerIdentity": 1}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_in_an_orderly_way(tmp_path: Path, number: signal.Signals) -> None:
    emulator = EmulatedAws(tmp_path, issuers=None)
    with emulator:
        make_policy(emulator)
        assert emulator.pid is not None
        os.kill(emulator.pid, number)
    with EmulatedAws(tmp_path, issuers=None) as again:
        assert (again.forgot, policies(again)) == (False, [POLICY_ARN])


def test_a_killed_child_has_forgotten_and_says_so_once(tmp_path: Path) -> None:
    emulator = EmulatedAws(tmp_path, issuers=None)
    emulator.start()
    make_policy(emulator)
    assert emulator.pid is not None
    os.kill(emulator.pid, signal.SIGKILL)
    with pytest.raises(SandboxError, match="did not shut down cleanly"):
        emulator.stop()
    with EmulatedAws(tmp_path, issuers=None) as second:
        assert (second.forgot, policies(second)) == (True, [])
    with EmulatedAws(tmp_path, issuers=None) as third:
        assert not third.forgot


def test_the_first_error_of_a_block_is_the_one_that_is_raised(tmp_path: Path) -> None:
    def failing() -> None:
        with EmulatedAws(tmp_path, issuers=None) as emulator:
            assert emulator.pid is not None
            os.kill(emulator.pid, signal.SIGKILL)
            raise KeyError

    with pytest.raises(KeyError):
        failing()


def test_when_the_parent_is_killed_the_child_saves_and_goes(tmp_path: Path) -> None:
    parent_code = (
        "import sys, time; from pathlib import Path; from sandbox.emulated_aws import EmulatedAws\n"
        "emulator = EmulatedAws(Path(sys.argv[1]), issuers=None); emulator.start()\n"
        "print(emulator.pid, emulator.endpoint, flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", parent_code, str(tmp_path)]
    with subprocess.Popen(command, cwd=SOURCE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid, endpoint = parent.stdout.readline().split()
        make_policy(endpoint)
        parent.kill()
    wait_until(lambda: not is_running(int(pid)))
    with EmulatedAws(tmp_path, issuers=None) as again:
        assert (again.forgot, policies(again)) == (False, [POLICY_ARN])


def test_two_run_at_once_on_two_folders(tmp_path: Path) -> None:
    with EmulatedAws(tmp_path / "a", issuers=None) as one, EmulatedAws(tmp_path / "b", issuers=None) as two:
        make_policy(one)
        assert (policies(one), policies(two)) == ([POLICY_ARN], [])


def test_one_object_is_started_once(tmp_path: Path) -> None:
    with EmulatedAws(tmp_path, issuers=None) as emulator, pytest.raises(SandboxError, match="already run"):
        emulator.start()


def test_a_second_one_waits_for_the_folder_of_the_first(tmp_path: Path) -> None:
    with EmulatedAws(tmp_path, issuers=None) as first:
        second = EmulatedAws(tmp_path, issuers=None, start_seconds=0.8)
        with pytest.raises(SandboxError, match="did not start"):
            second.start()
        make_policy(first)
        assert policies(first) == [POLICY_ARN]


def test_one_that_does_not_start_shows_the_end_of_its_log(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    (state / "iam.json").write_text("{broken")
    emulator = EmulatedAws(tmp_path, issuers=None)
    with pytest.raises(SandboxError) as caught:
        emulator.start()
    assert "iam.json cannot be read" in str(caught.value)
    assert "remove the folder" in str(caught.value)
    assert emulator.pid is None
    assert (state / "iam.json").read_text() == "{broken"


def test_one_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    emulator = EmulatedAws(tmp_path, issuers=None, start_seconds=0.01)
    with pytest.raises(SandboxError, match="did not start"):
        emulator.start()
    assert emulator.pid is None


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.1:port", ":1"])
def test_an_issuer_address_without_host_or_port_is_an_error(tmp_path: Path, address: str) -> None:
    with pytest.raises(SandboxError, match="the issuer's address is HOST:PORT"):
        EmulatedAws(tmp_path, issuers=IssuerEndpoint(address, tmp_path)).start()


def test_an_issuer_without_its_ca_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match="there is no CA file"):
        EmulatedAws(tmp_path, issuers=IssuerEndpoint("127.0.0.1:1", tmp_path / "missing.pem")).start()


def test_the_endpoint_is_that_of_the_last_run_unless_somebody_has_taken_its_port(tmp_path: Path) -> None:
    emulator = EmulatedAws(tmp_path, issuers=None)
    with emulator:
        first = emulator.endpoint
    with emulator:
        assert emulator.endpoint == first
    with socket.create_server(("127.0.0.1", int(first.rpartition(":")[2]))):
        with emulator:
            second = emulator.endpoint
        assert second != first
    with emulator:
        assert emulator.endpoint == second
