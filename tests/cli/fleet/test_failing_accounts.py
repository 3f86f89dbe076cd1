"""Accounts that deny, throttle or hang: each is named with what to do, the others are done, and the next run does it.

The weathers have shares of accounts and calls, as AWS would: 5 % of the accounts deny everything, and 20 % of the calls
are throttled.
"""

import json
import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from bench.large_inventory import account_of_fleet
from cli.fleet.open_fleet import OpenFleet
from cli.main import run
from config.project_file import PROJECT
from fleet.joining import read_report
from fleet.pulumi_cli import cli_process
from fleet.pulumi_cli.stack_cli import RunLimits
from fleet.report import AccountReport, Result, RunReport, report_schema_text, report_text
from fleet.stack_run import StackRunner
from fleet.status import Standing
from sandbox.emulated_aws.weather import WeatherChoice, denies
from tests.cli.fleet.served_fleet import (
    INVENTORY,
    REPORT,
    ServedFleet,
    awaited_lock,
    fleet_inventory,
    policy,
    prepared,
    seeded,
    served_fleet,
)
from tests.sandbox.running_engine import NEEDS_CLI

pytestmark = NEEDS_CLI
PAIRS = HANGING, UNKNOWN, UNWRITABLE, TORN = [
    tuple(account_of_fleet(number + at)[0] for at in range(2)) for number in range(0, 8, 2)
]
FULL = account_of_fleet(8)[0]
CREATED = 9
MANY = 200
KEYS = [f"a{number:02}" for number in range(1, 21)]
DENY, THROTTLE, BOTH = "denied", "throttling", "denied-and-throttled"


def weather_in_which(name: str, number: int, ids: Sequence[str]) -> WeatherChoice:
    """Return a weather in which so many accounts deny."""
    choices = (WeatherChoice(name, seed) for seed in range(10_000))
    return next(choice for choice in choices if sum(denies(choice, id_) for id_ in ids) == number)


def options(weather: WeatherChoice) -> tuple[str, ...]:
    return "--weather", weather.name, "--weather-seed", str(weather.seed)


def checked(report: RunReport) -> dict[str, AccountReport]:
    """Check a report against the published schema; return its accounts by key."""
    jsonschema.validate(json.loads(report_text(report)), json.loads(report_schema_text()))
    return {account.account: account for account in report.accounts}


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("many")
    seeded(folder, MANY)
    return folder


@pytest.mark.parametrize(("name", "number"), [(DENY, 10), (THROTTLE, 0), (BOTH, 10)])
def test_status_of_200_accounts_names_those_that_deny_and_reads_all_others(
    many: Path, monkeypatch: pytest.MonkeyPatch, name: str, number: int
) -> None:
    ids = dict(map(account_of_fleet, range(MANY)))
    weather = weather_in_which(name, number, list(ids.values()))
    monkeypatch.chdir(many)
    code = run(["sandbox", "fleet", "status", INVENTORY, "--report", REPORT, *options(weather)])
    accounts = checked(read_report(many / REPORT))
    assert code == (3 if number else 0)
    for key, account in accounts.items():
        is_denied = denies(weather, ids[key])
        expected = (Result.FAILED, Standing.UNREACHABLE) if is_denied else (Result.IN_LINE, Standing.IN_LINE)
        assert (account.result, account.standing) == expected, account
        assert ("AccessDenied" in account.reason) is is_denied
        assert bool(account.do) is is_denied


def test_up_does_the_accounts_that_answer_and_the_same_command_again_only_the_rest(tmp_path: Path) -> None:
    inventory = prepared(tmp_path, fleet_inventory(KEYS, roles=1))
    ids = {key: account["id"] for key, account in inventory["accounts"].items()}
    weather = weather_in_which(BOTH, 1, list(ids.values()))
    with served_fleet(tmp_path, inventory, *options(weather)) as fleet:
        code, report = fleet.command("up", "--parallel", "4")
        assert (code, report.totals) == (1, {Result.SUCCEEDED: 19, Result.FAILED: 1})
        for key, account in checked(report).items():
            is_denied = denies(weather, ids[key])
            assert account.result is (Result.FAILED if is_denied else Result.SUCCEEDED)
            assert ("AccessDenied" in account.reason, bool(account.do)) == (is_denied, is_denied)
            assert account.counts == ({} if is_denied else {"create": CREATED})
        made = fleet.existing()
    with served_fleet(tmp_path, inventory) as fleet:
        code, report = fleet.command("up", "--parallel", "4")
        assert (code, report.totals) == (0, {Result.IN_LINE: 19, Result.SUCCEEDED: 1})
        for key, account in checked(report).items():
            assert account.counts == ({"create": CREATED} if denies(weather, ids[key]) else {})
        assert fleet.existing().lost_since(made) == []
        assert fleet.command("status")[0] == 0


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedFleet]:
    folder = tmp_path_factory.mktemp("fleet")
    with served_fleet(folder, seeded(folder, 2 * len(PAIRS) + 1)) as fleet:
        yield fleet


@pytest.fixture
def fleet(served: ServedFleet) -> ServedFleet:
    """Each account is in line with the first inventory, and needs a run for this one."""
    fleet = served.with_the_first_inventory()
    fleet.inventory["permission_policies"]["publish-0"]["document"] = policy("s3:PutObject")
    return fleet


def up(fleet: ServedFleet, pair: Sequence[str]) -> tuple[int, list[AccountReport]]:
    """Apply the inventory to two accounts; return the exit code and their reports."""
    code, report = fleet.command("up", "--account", pair[0], "--account", pair[1])
    return code, [checked(report)[key] for key in pair]


def is_mended(fleet: ServedFleet, pair: Sequence[str]) -> bool:
    """Tell whether the same command again does the first account and leaves the second one alone."""
    code, [first, second] = up(fleet, pair)
    return (code, first.result, second.result, second.counts) == (0, Result.SUCCEEDED, Result.IN_LINE, {})


def change_runs(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    """Let the next commands run stacks with these attributes of the runner."""
    engine = vars(OpenFleet)["engine"].fget
    monkeypatch.setattr(OpenFleet, "engine", property(lambda opened: replace(engine(opened), **changes)))


def test_a_cli_that_hangs_is_ended_and_the_other_account_is_done(
    fleet: ServedFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = fleet.existing()
    with monkeypatch.context() as patched:
        change_runs(patched, limits=RunLimits(seconds=20))
        patched.setattr(cli_process, "_GRACE_SECONDS", 0.5)
        with ThreadPoolExecutor(1) as pool:
            process = pool.submit(stopped, fleet.lock_folder(HANGING[0]))
            code, [hanging, other] = up(fleet, HANGING)
            process.result()
    assert (code, hanging.result, other.result) == (1, Result.FAILED, Result.SUCCEEDED)
    assert hanging.reason == "the run took longer than 20 seconds and was interrupted"
    assert hanging.do == "run the same command again: it does the rest"
    assert is_mended(fleet, HANGING)
    assert fleet.existing() == before


def stopped(folder: Path) -> None:
    """Stop the CLI that writes a lock into a folder: it then hears of no interrupt."""
    os.kill(json.loads(awaited_lock(folder).read_text())["pid"], signal.SIGSTOP)


def test_credentials_that_aws_does_not_know_are_named_with_what_to_do(
    fleet: ServedFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = {"AWS_ACCESS_KEY_ID": "ASIA0000000000000000", "AWS_SECRET_ACCESS_KEY": "x", "AWS_SESSION_TOKEN": "x"}
    with monkeypatch.context() as patched:
        run = StackRunner._environment
        patched.setattr(StackRunner, "_environment", lambda runner: {**run(runner), **keys})
        code, accounts = up(fleet, UNKNOWN)
    assert (code, [account.result for account in accounts]) == (1, [Result.FAILED] * 2)
    for account in accounts:
        assert "InvalidClientTokenId" in account.reason
        assert account.do.startswith("check the credentials of this run")
    code, accounts = up(fleet, UNKNOWN)
    assert (code, [account.result for account in accounts]) == (0, [Result.SUCCEEDED] * 2)


def test_a_backend_that_cannot_be_written_for_one_account_fails_that_one_alone(fleet: ServedFleet) -> None:
    first = UNWRITABLE[0]
    fleet.lock_folder(first).parent.mkdir(parents=True, exist_ok=True)
    fleet.lock_folder(first).write_text("in the way of the folder")  # permissions would not stop a root user
    code, [failed, other] = up(fleet, UNWRITABLE)
    assert (code, failed.result, other.result) == (1, Result.FAILED, Result.SUCCEEDED)
    assert "not a directory" in failed.reason
    assert failed.do
    fleet.lock_folder(first).unlink()
    assert is_mended(fleet, UNWRITABLE)


def test_a_torn_state_fails_its_account_alone_and_a_former_state_heals(fleet: ServedFleet) -> None:
    torn = TORN[0]
    former = fleet.state_file(torn).read_bytes()
    fleet.inventory["roles"]["later"] = dict(fleet.inventory["roles"]["role-0"])
    assert fleet.on(torn, "up")[0] == 0
    before = fleet.existing()
    tear(fleet.state_file(torn))
    code, [failed, done] = up(fleet, TORN)
    assert (code, failed.result, done.result) == (1, Result.FAILED, Result.SUCCEEDED)
    assert (failed.standing, failed.reason.partition(":")[0]) == (Standing.BLOCKED, "the state is not JSON")
    assert f".pulumi/history/{PROJECT}/{torn}" in failed.do
    assert json.loads(max(fleet.history(torn).glob("*.checkpoint.json")).read_text())["checkpoint"]
    fleet.state_file(torn).write_bytes(former)
    fleet.state_file(torn).with_suffix(".json.attrs").unlink()
    code, [healed, _] = up(fleet, TORN)
    assert (code, healed.result, healed.counts["import"]) == (0, Result.SUCCEEDED, 1)
    assert fleet.existing().lost_since(before) == []
    assert fleet.on(torn, "status")[0] == 0


def tear(file: Path) -> None:
    """Leave the half of a file, as Pulumi does when the disk is full."""
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


@pytest.mark.exhaustive
def test_a_full_disk_fails_the_account_with_the_reason_and_loses_no_role(fleet: ServedFleet) -> None:
    fleet.inventory["roles"]["later"] = dict(fleet.inventory["roles"]["role-0"])
    before, copy = fleet.existing(), fleet.state_file(FULL).read_bytes()
    code, report = fleet.run("up", "--account", FULL, largest_file=len(copy) // 2)
    failed = checked(report)[FULL]
    assert (code, failed.result) == (1, Result.FAILED)
    assert failed.reason.endswith("file too large")
    assert failed.do == "remove the cause, and run the same command again: it does the rest"
    assert fleet.on(FULL, "status")[1].standing is Standing.BLOCKED
    fleet.state_file(FULL).write_bytes(copy)
    fleet.state_file(FULL).with_suffix(".json.attrs").unlink()
    assert fleet.on(FULL, "up")[0] == 0
    assert fleet.existing().lost_since(before) == []
    assert fleet.on(FULL, "status")[0] == 0
