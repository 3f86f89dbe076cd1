"""fleet status, preview, up and destroy over fakes: what they run, print and report, and their exit codes."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from access.comparison.changes import Effect
from access.update_preview import Loss
from cli.main import run
from fleet.backend import StackLock
from fleet.joining import read_report
from fleet.report import Command, Result, RunReport
from fleet.stack_job import Operation, StackResult
from fleet.status import AccountStatus, Standing
from tests.cli.fleet.conftest import FakeFleet, changed

KEYS = ("a1", "a2", "a3", "a4")


def ran(fleet: FakeFleet) -> list[str]:
    return sorted(key for _, key in fleet.ran)


def written(fleet: FakeFleet) -> RunReport:
    return read_report(fleet.folder / "report.json")


def report(fleet: FakeFleet) -> tuple[str, str]:
    return "--report", str(fleet.folder / "report.json")


@pytest.mark.parametrize("name", ["status", "preview", "up", "destroy", "pipeline"])
def test_an_inventory_without_rollout_is_refused_with_what_to_write(
    name: str, fleet: FakeFleet, capsys: pytest.CaptureFixture[str]
) -> None:
    file = fleet.folder / "inventory" / "fleet.yaml"
    file.write_text(file.read_text().partition("\n")[2].partition("\n")[2])
    extra = {"destroy": ["--all-accounts", "--yes"], "pipeline": ["--shards", "2", "--pipeline-role", "arn"]}
    assert fleet.command(name, *extra.get(name, [])) == 2
    assert "declares no fleet; write `rollout: {}`" in capsys.readouterr().err


def test_an_inventory_with_errors_ends_in_exit_code_1(fleet: FakeFleet) -> None:
    (fleet.folder / "inventory" / "more.yaml").write_text("accounts: {a5: {id: 1}}")
    assert fleet.command("status") == 1
    assert fleet.asked == []


@pytest.mark.parametrize(
    ("standings", "code"),
    [
        ({}, 0),
        ({"a2": Standing.CHANGED}, 1),
        ({"a2": Standing.DRIFTED}, 1),
        ({"a2": Standing.BLOCKED}, 1),
        ({"a2": Standing.NEVER_MADE}, 1),
        ({"a2": Standing.UNREACHABLE}, 3),
        ({"a2": Standing.UNREACHABLE, "a3": Standing.CHANGED}, 3),
    ],
)
def test_the_exit_code_of_status(fleet: FakeFleet, standings: dict[str, Standing], code: int) -> None:
    for key in KEYS:
        fleet.set(key, standings.get(key, Standing.IN_LINE), changes=())
    assert fleet.command("status", *report(fleet)) == code
    assert fleet.ran == []
    assert {account.account: account.standing for account in written(fleet).accounts} == {
        key: standings.get(key, Standing.IN_LINE) for key in KEYS
    }


def test_status_shows_the_same_change_of_many_accounts_once(
    fleet: FakeFleet, capsys: pytest.CaptureFixture[str]
) -> None:
    fleet.set("a4", Standing.DRIFTED, drift=changed("a4", "somebody widened the trust"), not_taken_up=("arn:x is new",))
    assert fleet.command("status") == 1
    printed = capsys.readouterr()
    assert printed.out.count("new role: acme/shop may assume it") == 1
    assert "shop-deploy in 4 accounts: new role" in printed.out
    assert "CHANGED BY HAND since the last run:\n\naccess gained (1)\n  a4 / shop-deploy: somebody" in printed.out
    assert "note: a4: arn:x is new\n" in printed.err
    assert "to do: 4 accounts (a1, a2, a3 and 1 more): to be changed\n" in printed.err
    assert "status of 4 accounts: 4 to do; 0 s" in printed.err


def test_status_names_stacks_that_no_account_has(fleet: FakeFleet, capsys: pytest.CaptureFixture[str]) -> None:
    fleet.strangers["old"] = AccountStatus("old", Standing.NOT_IN_INVENTORY, reason="no such account", do="destroy it")
    assert fleet.command("status", "--format", "json") == 1
    accounts = json.loads(capsys.readouterr().out)["accounts"]
    assert accounts[-1] | {"counts": 0} == accounts[-1] | {"account": "old", "id": None, "wave": None, "counts": 0}
    assert fleet.command("status", "--account", "a*") == 1
    assert fleet.asked == [None, {"a1": 0, "a2": 0, "a3": 0, "a4": 0}.keys()]


def test_up_runs_the_accounts_that_need_it_wave_by_wave(fleet: FakeFleet, capsys: pytest.CaptureFixture[str]) -> None:
    fleet.set("a3", Standing.IN_LINE, changes=())
    assert fleet.command("up", *report(fleet)) == 0
    assert fleet.ran[0] == (Operation.UP, "a1")
    assert ran(fleet) == ["a1", "a2", "a4"]
    made = written(fleet)
    assert made.command is Command.UP
    assert made.totals == {Result.IN_LINE: 1, Result.SUCCEEDED: 3}
    assert made.accounts[0].counts == {"create": 2, "same": 1}
    assert [change.message for change in made.accounts[0].changes] == ["new role: acme/shop may assume it"]
    printed = capsys.readouterr()
    assert "3 of 4 run, at most " in printed.err
    assert "a1: succeeded: 2 create" in printed.err
    assert "to change: 3 gained; " in printed.err
    assert printed.out == ""
    fleet.ran.clear()
    assert fleet.command("up") == 0
    assert fleet.ran == []
    assert fleet.command("up", "--all") == 0
    assert ran(fleet) == list(KEYS)


def test_a_failure_is_named_with_what_to_do_and_ends_in_exit_code_1(
    fleet: FakeFleet, capsys: pytest.CaptureFixture[str]
) -> None:
    fleet.fails["a3"] = StackResult("a3", ok=False, reason="AccessDenied of 333333333333", do="attach the policy")
    assert fleet.command("up", *report(fleet)) == 1
    assert ran(fleet) == list(KEYS)
    printed = capsys.readouterr().err
    assert "a3: failed: AccessDenied of 333333333333; attach the policy" in printed
    assert "failed: a3: AccessDenied of 333333333333\n  attach the policy\n" in printed
    assert "up of 4 accounts: 3 succeeded, 1 failed; 6 create; 0 s" in printed


def test_the_next_wave_waits_for_the_canary(fleet: FakeFleet) -> None:
    fleet.fails["a1"] = StackResult("a1", ok=False, reason="AccessDenied")
    assert fleet.command("up", *report(fleet)) == 1
    assert ran(fleet) == ["a1"]
    assert {account.reason for account in written(fleet).accounts[1:]} == {"wave canary is not whole: 1 account failed"}
    assert fleet.command("up", "--max-failures", "1") == 1
    assert ran(fleet) == ["a1", "a1", "a2", "a3", "a4"]


def test_json_is_the_report_on_standard_output(fleet: FakeFleet, capsys: pytest.CaptureFixture[str]) -> None:
    assert fleet.command("up", "--format", "json", *report(fleet)) == 0
    assert capsys.readouterr().out == (fleet.folder / "report.json").read_text()


def test_filters_choose_whole_accounts(fleet: FakeFleet) -> None:
    assert fleet.command("up", "--account", "a[12]", *report(fleet)) == 0
    assert ran(fleet) == ["a1", "a2"]
    assert written(fleet).parts[0].accounts == ("a[12]",)
    assert written(fleet).fleet == 4
    assert fleet.command("up", "--owner", "nobody") == 2
    assert fleet.command("up", "--wave", "others") == 0
    assert ran(fleet) == list(KEYS)


def test_the_shards_together_run_every_account_once(fleet: FakeFleet) -> None:
    files = []
    for number in (1, 2, 3):
        file = str(fleet.folder / f"{number}.json")
        assert fleet.command("up", "--shard", f"{number}/3", "--report", file) == 0
        files.append(file)
    assert ran(fleet) == list(KEYS)
    assert run(["fleet", "join", *files]) == 0
    assert run(["fleet", "join", *files[:2]]) == 1
    assert fleet.command("up", "--shard", "4/3") == 2


def test_an_account_with_another_plan_than_the_reviewed_one_is_refused(
    fleet: FakeFleet, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(fleet.folder)
    assert run(["plan", "inventory", "--format", "digests"]) == 0
    digests = json.loads(capsys.readouterr().out)
    digests["accounts"] = [account for account in digests["accounts"] if account["key"] != "a4"]
    digests["stacks"] = [stack for stack in digests["stacks"] if stack["stack"] != "a4"]
    for named in (digests["accounts"], digests["stacks"]):
        for entry in named:
            if "a3" in (entry.get("key"), entry.get("stack")):
                entry["digest"] = "sha256:" + "0" * 64
    Path("digests.json").write_text(json.dumps(digests))
    assert fleet.command("up", "--reviewed", "digests.json", *report(fleet)) == 1
    assert ran(fleet) == ["a1", "a2"]
    assert [account.account for account in written(fleet).failures] == ["a3", "a4"]
    for text in ("", "{}", '{"accounts": [1], "stacks": []}'):
        Path("digests.json").write_text(text)
        assert fleet.command("up", "--reviewed", "digests.json") == 2


def test_a_mass_change_is_refused_unless_it_is_allowed(fleet: FakeFleet) -> None:
    fleet.set("a2", Standing.CHANGED, loss=Loss(5, ("r1", "r2", "r3")))
    fleet.set("a3", Standing.CHANGED, loss=Loss(1, (), ("arn:p",)))
    allowed = ("--max-loss", "60", "--allow-oidc-provider-loss")
    assert fleet.command("preview", *report(fleet)) == 1
    assert [account.account for account in written(fleet).failures] == ["a2", "a3"]
    assert fleet.command("preview", *allowed) == 0
    fleet.ran.clear()
    assert fleet.command("up", *report(fleet)) == 1
    assert ran(fleet) == ["a1", "a4"]
    assert fleet.command("up", *allowed) == 0
    assert ran(fleet) == list(KEYS)


def test_a_lock_is_broken_only_if_somebody_asks_for_it(fleet: FakeFleet, capsys: pytest.CaptureFixture[str]) -> None:
    lock = StackLock("a2", "1", 4711, "ci", "runner-7", datetime(2026, 11, 29, 1, 52, tzinfo=UTC))
    fleet.locks["a2"] = (lock,)
    fleet.set("a2", Standing.BLOCKED, reason=f"it is locked: {lock}", is_locked=True)
    assert fleet.command("up", *report(fleet)) == 1
    assert ran(fleet) == ["a1", "a3", "a4"]
    assert fleet.removed == []
    assert written(fleet).accounts[1].reason.startswith("it is locked by ci@runner-7, process 4711, since ")
    assert written(fleet).accounts[1].do.endswith("add --break-lock a2")
    assert fleet.command("up", "--break-lock", "a2", "--break-lock", "a3") == 0
    assert fleet.removed == ["lock of a2"]
    assert "a2: removed the lock of ci@runner-7, process 4711" in capsys.readouterr().err
    assert fleet.command("up", "--break-lock", "a2", "--account", "a1") == 2


def test_an_account_whose_state_another_run_changed_meanwhile_does_not_run(fleet: FakeFleet) -> None:
    fleet.set("a2", Standing.BLOCKED, reason="it is locked", is_locked=True)
    assert fleet.command("up", *report(fleet)) == 1
    assert ran(fleet) == ["a1", "a3", "a4"]
    refused = written(fleet).accounts[1]
    assert (refused.result, refused.do) == (Result.FAILED, "run the same command again")


def test_the_lock_of_a_run_that_is_known_to_be_dead_is_removed(
    fleet: FakeFleet, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    fleet.locks["a2"] = (StackLock("a2", "1", ended.pid, "ci", socket.gethostname(), None),)
    fleet.set("a2", Standing.BLOCKED, reason="it is locked", is_locked=True)
    assert fleet.command("preview") == 0
    assert fleet.removed == []
    assert fleet.command("up") == 0
    assert fleet.removed == ["lock of a2"]
    assert "a2: removed the lock of a dead run: ci@" in capsys.readouterr().err


def test_empty_attributes_are_mended_before_the_first_account_runs(
    fleet: FakeFleet, capsys: pytest.CaptureFixture[str]
) -> None:
    fleet.set("a4", Standing.CHANGED, has_empty_attributes=True)
    fleet.before = lambda _key: fleet.removed.append("ran")
    assert fleet.command("up", "--account", "a[34]") == 0
    assert fleet.removed == ["attributes of a4", "ran", "ran"]
    assert "a4: removed an empty file of attributes" in capsys.readouterr().err


def test_a_report_that_cannot_be_written_is_refused_before_anything_runs(fleet: FakeFleet) -> None:
    assert fleet.command("up", "--report", str(fleet.folder / "missing" / "report.json")) == 2
    assert fleet.asked == []


def test_preview_runs_the_engine_for_accounts_that_need_it(
    fleet: FakeFleet, capsys: pytest.CaptureFixture[str]
) -> None:
    fleet.set("a3", Standing.IN_LINE, changes=())
    assert fleet.command("preview", *report(fleet)) == 0
    assert sorted(fleet.ran) == [(Operation.PREVIEW, key) for key in ("a1", "a2", "a4")]
    assert written(fleet).totals == {Result.IN_LINE: 1, Result.TO_DO: 3}
    assert "shop-deploy in 3 accounts (not a3): new role" in capsys.readouterr().out


def test_a_report_is_written_also_if_nothing_could_be_asked(
    fleet: FakeFleet, capsys: pytest.CaptureFixture[str]
) -> None:
    fleet.unreadable = True
    assert fleet.command("up", *report(fleet)) == 3
    assert "error: the bucket cannot be read; log in" in capsys.readouterr().err
    assert {(account.result, account.reason) for account in written(fleet).accounts} == {
        (Result.NOT_STARTED, "the bucket cannot be read")
    }
    assert [account.wave for account in written(fleet).accounts] == ["canary", "others", "others", "others"]


def test_ctrl_c_starts_nothing_new_and_writes_the_report(fleet: FakeFleet, capfd: pytest.CaptureFixture[str]) -> None:
    def press(key: str) -> None:
        if key == "a2":
            os.kill(os.getpid(), signal.SIGINT)
            deadline = time.monotonic() + 5
            while signal.getsignal(signal.SIGINT) is before and time.monotonic() < deadline:
                time.sleep(0.01)
            time.sleep(0.2)

    before = signal.getsignal(signal.SIGINT)
    fleet.before = press
    assert threading.current_thread() is threading.main_thread()
    assert fleet.command("up", "--parallel", "1", *report(fleet)) == 130
    assert ran(fleet) == ["a1", "a2"]
    made = written(fleet)
    assert made.interrupted
    assert made.totals == {Result.SUCCEEDED: 2, Result.NOT_STARTED: 2}
    assert "stopping: nothing new starts" in capfd.readouterr().err
    assert signal.getsignal(signal.SIGINT) is before
    assert fleet.removed == []


def test_a_second_ctrl_c_interrupts_the_accounts_that_run(fleet: FakeFleet) -> None:
    def press(key: str) -> None:
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.2)

    fleet.before = press
    assert fleet.command("up", "--parallel", "1", *report(fleet)) == 130
    assert "interrupted" in fleet.removed
    assert ran(fleet) == ["a1"]


@pytest.mark.parametrize(
    "options", [(), ("--yes",), ("--all-accounts", "--account", "a1"), ("--account", "nobody", "--yes")]
)
def test_destroy_refuses_without_named_accounts(fleet: FakeFleet, options: tuple[str, ...]) -> None:
    assert fleet.command("destroy", *options) == 2
    assert fleet.ran == []


def test_destroy_asks_first(fleet: FakeFleet, capsys: pytest.CaptureFixture[str]) -> None:
    assert fleet.command("destroy", "--all-accounts") == 2
    assert "nobody is here to confirm" in capsys.readouterr().err
    assert fleet.ran == []


def test_destroy_empties_accounts_and_stacks_that_no_account_has(fleet: FakeFleet) -> None:
    for name in ("old", "production"):
        fleet.strangers[name] = AccountStatus(name, Standing.NOT_IN_INVENTORY, reason="no such account")
    fleet.set("a4", Standing.NEVER_MADE, is_new=True)
    assert fleet.command("destroy", "--account", "a[34]", "--account", "ol?", "--yes", *report(fleet)) == 0
    assert sorted(fleet.ran) == [(Operation.DESTROY, "a3"), (Operation.DESTROY, "old")]
    assert fleet.removed == []
    assert [(account.account, account.wave) for account in written(fleet).accounts] == [
        ("a3", "others"), ("a4", "others"), ("old", None),
    ]  # fmt: skip


def test_destroy_of_all_accounts_leaves_other_stacks_alone(fleet: FakeFleet) -> None:
    fleet.strangers["production"] = AccountStatus("production", Standing.NOT_IN_INVENTORY)
    assert fleet.command("destroy", "--all-accounts", "--yes") == 0
    assert ran(fleet) == list(KEYS)
    assert fleet.command("destroy", "--account", "production", "--yes", "--remove-stacks") == 0
    assert fleet.ran[-1] == (Operation.DESTROY, "production")
    assert fleet.removed == ["production"]


def test_changes_are_shown_by_their_effect(fleet: FakeFleet, capsys: pytest.CaptureFixture[str]) -> None:
    fleet.set("a1", Standing.CHANGED, changes=tuple(
        change for effect in Effect for change in [changed("a1")[0]] for change in [type(change)(
            change.kind, effect, "a1", "shop-deploy", change.arn, f"a change of effect {effect.value}")]
    ))  # fmt: skip
    fleet.command("status")
    printed = capsys.readouterr().out
    places = [printed.index(f"a change of effect {effect.value}") for effect in Effect]
    assert places == sorted(places)
