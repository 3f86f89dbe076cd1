"""A seeded fleet is as if each of its accounts had been deployed: the real engine finds nothing to do in any."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from access.compile import compile_plan
from access.digests import AppliedSettings, plan_digests
from bench.large_inventory import account_of_fleet
from bench.seeded_fleet import SeededFleet, seed_fleet, stack_of
from cli.main import run
from config.load import load_inventory
from fleet.backend import open_backend
from fleet.machine import Machine
from sandbox.emulated_aws.weather import WeatherChoice, denies
from sandbox.session import read_subject, running
from tests.sandbox.running_engine import NEEDS_CLI

pytestmark = NEEDS_CLI
ACCOUNTS = 20


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> SeededFleet:
    return seed_fleet(tmp_path_factory.mktemp("fleet"), accounts=ACCOUNTS, roles=1)


def test_the_engine_finds_nothing_to_change_in_an_account_that_it_did_not_deploy(seeded: SeededFleet) -> None:
    subject = replace(read_subject(seeded.inventory), folder=seeded.sandbox)
    with running(subject, prepare=False) as session:
        assert not session.forgot
        stack = stack_of(session, account_of_fleet(2)[0])
        assert not stack.refresh().changes
        assert not stack.preview().changes


def reports(seeded: SeededFleet, monkeypatch: pytest.MonkeyPatch, *options: str) -> tuple[int, dict[str, Any]]:
    """Run `sandbox fleet status`; return its exit code and the report of each account."""
    monkeypatch.chdir(seeded.folder)
    report = seeded.folder / "report.json"
    code = run(["sandbox", "fleet", "status", "inventory", "--report", str(report), *options])
    accounts = json.loads(report.read_text(encoding="utf-8"))["accounts"]
    return code, {account["account"]: account for account in accounts}


def test_status_finds_every_seeded_account_in_line(seeded: SeededFleet, monkeypatch: pytest.MonkeyPatch) -> None:
    code, accounts = reports(seeded, monkeypatch)
    assert (code, {account["result"] for account in accounts.values()}, len(accounts)) == (0, {"in-line"}, ACCOUNTS)


def test_status_names_the_accounts_that_deny_and_reads_all_others_though_calls_are_throttled(
    seeded: SeededFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    weather = next(
        weather
        for weather in (WeatherChoice("denied-and-throttled", seed) for seed in range(1000))
        if sum(denies(weather, account_of_fleet(number)[1]) for number in range(ACCOUNTS)) == 1
    )
    options = ("--weather", weather.name, "--weather-seed", str(weather.seed))
    code, accounts = reports(seeded, monkeypatch, *options)
    denied = {key for key, id_ in map(account_of_fleet, range(ACCOUNTS)) if denies(weather, id_)}
    assert code == 3
    assert {key for key, account in accounts.items() if account["result"] != "in-line"} == denied
    (key,) = denied
    assert "AccessDenied" in accounts[key]["reason"]


def test_every_state_has_the_digest_of_its_account(seeded: SeededFleet) -> None:
    loaded = load_inventory(seeded.inventory)
    plan = compile_plan(loaded).plan
    assert plan is not None
    settings = AppliedSettings(is_sandbox=True).in_fleet(loaded.inventory.rollout)
    backend = open_backend(Machine(None, {}, f"file://{seeded.sandbox / 'fleet'}", {}))
    records = {key: backend.read(key) for key in backend.stacks()}
    digests = {key: plan_digests(plan.only(frozenset({key})), settings).digest for key in records}
    assert len(set(digests.values())) == len(plan.accounts) == ACCOUNTS
    assert {key: record.state and record.state.plan_digest for key, record in records.items()} == digests


def test_the_fleet_is_in_the_folder_that_was_given(seeded: SeededFleet) -> None:
    assert seeded.sandbox.parent == Path(seeded.folder, ".sandbox").resolve()
