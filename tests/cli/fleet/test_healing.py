"""What a killed run, an old state or somebody else leaves, one by one: named by `status`, and mended by `up` or not."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bench.large_inventory import account_of_fleet
from fleet.report import Result
from fleet.status import Standing
from tests.cli.fleet.served_fleet import ServedFleet, awaited_lock, policy, seeded, served_fleet
from tests.sandbox.running_engine import NEEDS_CLI

pytestmark = NEEDS_CLI
STATE, META, MADE, DELETED, POLICY, OLDER, ELSEWHERE, DEAD, LIVE, OTHER = KEYS = [
    account_of_fleet(number)[0] for number in range(10)
]
ROLE, LATER = "role-0", "later"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedFleet]:
    folder = tmp_path_factory.mktemp("fleet")
    with served_fleet(folder, seeded(folder, len(KEYS))) as fleet:
        yield fleet


@pytest.fixture
def fleet(served: ServedFleet) -> ServedFleet:
    """All accounts are in line; each test has its own."""
    return served.with_the_first_inventory()


def in_line(fleet: ServedFleet, key: str) -> bool:
    code, account = fleet.on(key, "status")
    return (code, account.standing) == (0, Standing.IN_LINE)


def backed_up(fleet: ServedFleet, key: str) -> Callable[[], None]:
    """Copy the state; return what brings it back as somebody restores a backup: without the file of attributes."""
    copy = shutil.copy(fleet.state_file(key), fleet.folder / f"{key}.backup")

    def restore() -> None:
        shutil.copy(copy, fleet.state_file(key))
        fleet.state_file(key).with_suffix(".json.attrs").unlink()

    return restore


def add_a_role(fleet: ServedFleet) -> None:
    fleet.inventory["roles"][LATER] = dict(fleet.inventory["roles"][ROLE])


def with_a_role_that_the_state_lacks(fleet: ServedFleet, key: str) -> None:
    restore = backed_up(fleet, key)
    add_a_role(fleet)
    assert fleet.on(key, "up")[0] == 0
    restore()


@pytest.mark.parametrize("key", [STATE, META])
def test_an_empty_file_of_attributes_is_named_and_mended(fleet: ServedFleet, key: str) -> None:
    file = fleet.state_file(key) if key == STATE else fleet.states / ".pulumi" / "meta.yaml"
    attributes = file.with_name(f"{file.name}.attrs")
    attributes.write_bytes(b"")
    before = fleet.existing()
    code, account = fleet.on(key, "status")
    assert (code, account.result) == (1, Result.TO_DO)
    assert "a killed run left an empty file of attributes" in account.reason
    assert fleet.on(key, "up")[0] == 0
    assert in_line(fleet, key)
    assert not attributes.exists() or attributes.stat().st_size
    assert fleet.existing() == before


def test_a_state_of_yesterday_takes_up_what_was_made_since(fleet: ServedFleet) -> None:
    fleet.inventory["permission_policies"]["publish-0"]["document"] = policy("s3:PutObject")
    with_a_role_that_the_state_lacks(fleet, MADE)
    before = fleet.existing()
    assert fleet.on(MADE, "status")[0] == 1
    code, account = fleet.on(MADE, "up")
    assert (code, account.counts.get("import"), account.counts.get("delete")) == (0, 1, None)
    assert in_line(fleet, MADE)
    assert fleet.existing() == before


def test_a_state_of_yesterday_forgets_what_was_deleted_since(fleet: ServedFleet) -> None:
    add_a_role(fleet)
    assert fleet.on(DELETED, "up")[0] == 0
    restore = backed_up(fleet, DELETED)
    del fleet.inventory["roles"][LATER]
    assert fleet.on(DELETED, "up", "--max-loss", "100")[0] == 0
    before = fleet.existing()
    restore()
    assert fleet.on(DELETED, "up", "--max-loss", "100")[0] == 0
    assert in_line(fleet, DELETED)
    assert fleet.existing() == before


def named_and_left_alone(fleet: ServedFleet, key: str, reason: str) -> None:
    """Check that `status` and `up` name the role, and that `up` changes nothing in the account."""
    iam, arn = fleet.iam(key), f"arn:aws:iam::{fleet.id(key)}:role/bitbucket/{LATER}"
    before = iam.get_account_authorization_details()["RoleDetailList"]
    for command, result in (("status", Result.TO_DO), ("up", Result.FAILED)):
        code, account = fleet.on(key, command)
        assert (code, account.standing, account.result) == (1, Standing.BLOCKED, result)
        assert account.reason.startswith(f"{arn} is not taken up: {reason}"), account.reason
    assert iam.get_account_authorization_details()["RoleDetailList"] == before


def test_a_role_with_an_unknown_inline_policy_is_named_and_left_alone(fleet: ServedFleet) -> None:
    with_a_role_that_the_state_lacks(fleet, POLICY)
    iam, before = fleet.iam(POLICY), fleet.existing()
    documents = {"backdoor": policy("s3:*"), "AWSRevokeOlderSessions": policy("s3:*", "Deny")}
    for name, document in documents.items():
        iam.put_role_policy(RoleName=LATER, PolicyName=name, PolicyDocument=json.dumps(document))
    named_and_left_alone(fleet, POLICY, "it has inline policies that the plan does not know: backdoor; check who ")
    iam.delete_role_policy(RoleName=LATER, PolicyName="backdoor")
    assert fleet.on(POLICY, "up")[0] == 0
    assert fleet.existing() == before


def test_a_role_that_is_older_than_the_run_is_named_and_left_alone(fleet: ServedFleet) -> None:
    with_a_role_that_the_state_lacks(fleet, OLDER)
    state = json.loads(fleet.state_file(OLDER).read_text())
    state["checkpoint"]["latest"]["manifest"]["time"] = "2099-01-01T00:00:00Z"
    fleet.state_file(OLDER).write_text(json.dumps(state))
    named_and_left_alone(fleet, OLDER, "it was created at 20")


def write_lock(fleet: ServedFleet, key: str, host: str, process: int) -> Path:
    """Write a lock as Pulumi does."""
    file = fleet.lock_folder(key) / "0f8c1d52-93d0-4f1f-9d5e-5a4a4b0d7c11.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    content = {"pid": process, "username": "ci", "hostname": host, "timestamp": "2026-11-29T01:52:29Z"}
    file.write_text(json.dumps(content))
    return file


def test_the_lock_of_another_host_is_named_and_broken_only_on_demand(
    fleet: ServedFleet, capsys: pytest.CaptureFixture[str]
) -> None:
    lock = write_lock(fleet, ELSEWHERE, "runner-7", 4711)
    code, account = fleet.on(ELSEWHERE, "status")
    assert (code, account.standing) == (1, Standing.BLOCKED)
    code, account = fleet.on(ELSEWHERE, "up")
    assert (code, account.result) == (1, Result.FAILED)
    assert account.reason == "it is locked by ci@runner-7, process 4711, since 2026-11-29 01:52:29 UTC"
    assert account.do.endswith(f"add --break-lock {ELSEWHERE}")
    assert lock.exists()
    assert fleet.on(ELSEWHERE, "up", "--break-lock", ELSEWHERE)[0] == 0
    assert f"{ELSEWHERE}: removed the lock of ci@runner-7, process 4711" in capsys.readouterr().err
    assert not lock.exists()
    assert in_line(fleet, ELSEWHERE)


def test_the_lock_of_a_dead_run_of_this_host_is_broken_and_named(
    fleet: ServedFleet, capsys: pytest.CaptureFixture[str]
) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    lock = write_lock(fleet, DEAD, socket.gethostname(), ended.pid)
    assert fleet.on(DEAD, "up")[0] == 0
    message = f"{DEAD}: removed the lock of a dead run: ci@{socket.gethostname()}, process {ended.pid}, since "
    assert message in capsys.readouterr().err
    assert not lock.exists()
    assert in_line(fleet, DEAD)


def test_the_lock_of_a_pulumi_up_by_hand_that_runs_is_not_broken(fleet: ServedFleet) -> None:
    add_a_role(fleet)
    before = fleet.existing()
    with fleet.by_hand(LIVE) as stack, ThreadPoolExecutor(1) as pool:
        run = pool.submit(stack.up)
        lock = awaited_lock(fleet.lock_folder(LIVE))
        process = json.loads(lock.read_text())["pid"]
        os.kill(process, signal.SIGSTOP)
        try:
            code, report = fleet.command("up", "--account", LIVE, "--account", OTHER)
            assert lock.exists()
        finally:
            os.kill(process, signal.SIGCONT)
        run.result()
    accounts = {account.account: account for account in report.accounts}
    assert (code, accounts[LIVE].result, accounts[OTHER].result) == (1, Result.FAILED, Result.SUCCEEDED)
    assert f"process {process}" in accounts[LIVE].reason
    assert accounts[LIVE].reason.startswith("it is locked by ")
    assert in_line(fleet, LIVE)
    assert fleet.existing().lost_since(before) == []
