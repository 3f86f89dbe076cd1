"""The commands of the fleet with the real Pulumi CLI on emulated accounts."""

import copy
from pathlib import Path
from typing import Any

import pytest

from cli.main import cli
from fleet.joining import read_report
from fleet.report import Result, RunReport
from tests.fleet.running_stacks import Fleet, running_fleet
from tests.sandbox.running_engine import NEEDS_CLI

pytestmark = NEEDS_CLI


def command(fleet: Fleet, machine: object, *arguments: str) -> tuple[Any, RunReport]:
    """Run a command with the machine that a sandbox would give, and return its exit code and its report."""
    fleet.plan("one")  # writes the inventory
    report = fleet.folder / "report.json"
    given = ["fleet", arguments[0], str(fleet.folder / "inventory.yaml"), *arguments[1:], "--report", str(report)]
    return cli.main(args=given, standalone_mode=False, obj=machine), read_report(report)


def results(report: RunReport) -> dict[str, Result]:
    return {account.account: account.result for account in report.accounts}


def test_an_account_that_denies_fails_alone_and_the_next_run_does_the_rest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with running_fleet(tmp_path) as fleet, fleet.runner() as runner:
        fleet.inventory["defaults"] = {"thumbprints": "omit"}
        right = copy.deepcopy(fleet.inventory["accounts"])
        fleet.inventory["accounts"]["two"]["deploy_role"] = f"arn:aws:iam::{fleet.id('two')}:role/nobody"
        code, report = command(fleet, runner.machine, "up")
        assert (code, results(report)) == (1, {"one": Result.SUCCEEDED, "two": Result.FAILED})
        assert report.accounts[0].digest_after == fleet.state("one").plan_digest is not None
        fleet.inventory["accounts"] = right
        code, report = command(fleet, runner.machine, "status")
        assert (code, results(report)) == (1, {"one": Result.IN_LINE, "two": Result.TO_DO})
        code, report = command(fleet, runner.machine, "up")
        assert (code, results(report)) == (0, {"one": Result.IN_LINE, "two": Result.SUCCEEDED})
        assert set(fleet.roles("one")) == set(fleet.roles("two")) == {"shop-deploy"}
        assert "1 of 2 run, at most" in capsys.readouterr().err
