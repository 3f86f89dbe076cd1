"""A run of the fleet over fakes: which accounts run, in which order, and what a failure stops."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from access.update_preview import Loss, LossLimits
from fleet.decide import FleetAccount, RunRules, decide
from fleet.report import AccountReport, Result
from fleet.run import RunEnd, RunSettings, run_fleet
from fleet.stack_job import Operation, StackResult
from fleet.status import AccountStatus, Standing
from oidc.errors import AwsError

NEW = "sha256:" + "1" * 64
OLD = "sha256:" + "0" * 64


def status(key: str, standing: Standing = Standing.CHANGED, lost: int = 0, before: int = 10) -> AccountStatus:
    return AccountStatus(
        key,
        standing,
        reason="" if standing is Standing.IN_LINE else "because",
        do="" if standing is Standing.IN_LINE else "ask",
        digest_before=OLD,
        digest=None if standing is Standing.NOT_IN_INVENTORY else NEW,
        loss=Loss(before, tuple(f"{key}/{number}" for number in range(lost))),
    )


def account(key: str, standing: Standing = Standing.CHANGED, wave: str | None = "others", **loss: int) -> FleetAccount:
    return FleetAccount(key, "000000000001", wave, status(key, standing, **loss), frozenset({NEW, f"account {key}"}))


@dataclass
class Fleet:
    """Accounts in memory, and an engine that brings them in line."""

    accounts: dict[str, FleetAccount]
    fails: set[str] = field(default_factory=set)
    ran: list[str] = field(default_factory=list)
    heard: list[AccountReport] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)
    before: Callable[[str], None] = lambda _key: None
    at_once: int = 0
    most_at_once: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def of(cls, accounts: Sequence[FleetAccount], **values: object) -> "Fleet":
        return cls({each.key: each for each in accounts}, **values)  # type: ignore[arg-type]  # of the fields above

    def run_stack(self, account: FleetAccount) -> StackResult:
        with self.lock:
            self.ran.append(account.key)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        self.before(account.key)
        with self.lock:
            self.at_once -= 1
        if account.key in self.fails:
            return StackResult(account.key, ok=False, reason="AccessDenied", do="attach the policy")
        in_line = replace(account.status, standing=Standing.IN_LINE, digest_before=NEW, reason="", do="")
        self.accounts[account.key] = replace(account, status=in_line)
        return StackResult(account.key, ok=True, counts={"update": 1, "same": 34})

    def started(self, key: str) -> None:
        pass

    def ended(self, report: AccountReport) -> None:
        self.heard.append(report)

    def up(
        self,
        parallel: int = 4,
        max_failures: int | None = None,
        operation: Operation = Operation.UP,
        **rules: object,
    ) -> RunEnd:
        self.ran.clear()
        decisions = decide(tuple(self.accounts.values()), RunRules(operation, **rules))  # type: ignore[arg-type]  # as above
        settings = RunSettings(operation, parallel, max_failures)
        return run_fleet(decisions, settings, self.run_stack, self, self.stop)


def results(end: RunEnd) -> dict[str, Result]:
    return {report.account: report.result for report in end.accounts}


def of_waves(*waves: str) -> list[FleetAccount]:
    """Return accounts of waves: ``a1 a2`` of the wave a."""
    return [account(key, wave=wave[0]) for wave in waves for key in wave.split()]


def test_of_a_thousand_accounts_only_those_that_need_it_run_and_a_failure_stops_nobody_else() -> None:
    accounts = [
        account(f"a{number:03}", Standing.IN_LINE if number % 10 else Standing.CHANGED) for number in range(1000)
    ]
    fleet = Fleet.of(accounts, fails={"a100", "a500"})
    end = fleet.up(parallel=8)
    assert sorted(fleet.ran) == [f"a{number:03}" for number in range(0, 1000, 10)]
    assert fleet.most_at_once <= 8
    assert [key for key, result in results(end).items() if result is Result.FAILED] == ["a100", "a500"]
    assert sum(report.result is Result.SUCCEEDED for report in end.accounts) == 98
    failed = next(report for report in end.accounts if report.account == "a100")
    assert (failed.reason, failed.do, failed.digest_after) == ("AccessDenied", "attach the policy", OLD)
    done = next(report for report in end.accounts if report.account == "a110")
    assert (done.counts, done.digest_before, done.digest_after) == ({"update": 1, "same": 34}, OLD, NEW)
    assert sorted(report.account for report in fleet.heard) == sorted(fleet.accounts)


def test_the_same_command_again_does_the_rest_only() -> None:
    fleet = Fleet.of([account(f"a{number:03}") for number in range(1000)], fails={f"a{n:03}" for n in range(50)})
    fleet.up()
    fleet.fails = {"a007"}
    assert set(results(fleet.up()).values()) == {Result.IN_LINE, Result.SUCCEEDED, Result.FAILED}
    assert sorted(fleet.ran) == [f"a{number:03}" for number in range(50)]
    fleet.fails = set()
    fleet.up()
    assert fleet.ran == ["a007"]
    assert set(results(fleet.up()).values()) == {Result.IN_LINE}
    assert fleet.ran == []


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_wave_begins_when_the_one_before_is_whole(data: st.DataObject) -> None:
    names = data.draw(st.lists(st.sampled_from(["a", "b", "c", "d"]), min_size=1, unique=True))
    keys = {wave: [f"{wave}{n}" for n in range(data.draw(st.integers(1, 6)))] for wave in names}
    fails = set(data.draw(st.lists(st.sampled_from([key for its in keys.values() for key in its]))))
    most = data.draw(st.none() | st.integers(0, 4))
    ended: list[str] = []
    fleet = Fleet.of(of_waves(*(" ".join(its) for its in keys.values())), fails=fails)
    fleet.before = lambda key: begun.append((key, len(fleet.heard)))
    begun: list[tuple[str, int]] = []
    end = fleet.up(parallel=data.draw(st.integers(1, 4)), max_failures=most)
    for key, heard in begun:
        assert heard >= sum(len(keys[wave]) for wave in names[: names.index(key[0])])
    ended = [report.account for report in fleet.heard if report.result is not Result.NOT_STARTED]
    failures = len(fails & set(ended))
    for number, wave in enumerate(names[:-1]):
        failed_so_far = sum(len(fails & set(keys[each]) & set(ended)) for each in names[: number + 1])
        starts = set(keys[names[number + 1]]) & set(fleet.ran)
        assert bool(starts) == (failed_so_far <= (most or 0))
        assert wave == names[number]
    if most is None:
        for wave in names:
            assert set(keys[wave]) <= set(fleet.ran) or not set(keys[wave]) & set(fleet.ran)
    else:
        assert failures <= most + 4
    assert set(results(end)) == set(fleet.accounts)
    assert {key for key, result in results(end).items() if result is not Result.NOT_STARTED} == set(fleet.ran)


def test_accounts_of_later_waves_are_not_started_and_say_why() -> None:
    fleet = Fleet.of(of_waves("a1 a2 a3", "b1", "c1"), fails={"a2"})
    end = fleet.up(parallel=1)
    assert sorted(fleet.ran) == ["a1", "a2", "a3"]
    late = {report.account: report.reason for report in end.accounts if report.result is Result.NOT_STARTED}
    assert late == dict.fromkeys(("b1", "c1"), "wave a is not whole: 1 account failed")


def test_more_failures_than_tolerated_start_nothing_new() -> None:
    fleet = Fleet.of(of_waves("a1 a2 a3 a4 a5", "b1"), fails={"a1", "a2"})
    end = fleet.up(parallel=1, max_failures=1)
    assert fleet.ran == ["a1", "a2"]
    assert end.accounts[-1].reason == "2 accounts failed, and --max-failures tolerates 1"
    fleet.up(parallel=1, max_failures=2)
    assert fleet.ran == ["a1", "a2", "a3", "a4", "a5", "b1"]


def test_an_account_that_cannot_be_asked_keeps_the_next_wave_from_beginning() -> None:
    accounts = [account("a1", Standing.UNREACHABLE, wave="a"), *of_waves("a2", "b1")]
    end = Fleet.of(accounts).up()
    assert list(results(end).values()) == [Result.FAILED, Result.SUCCEEDED, Result.NOT_STARTED]
    assert end.accounts[0].reason == "because"


def test_a_stop_starts_nothing_new_and_waits_for_the_accounts_that_run() -> None:
    fleet = Fleet.of(of_waves("a1 a2 a3", "b1"))
    fleet.before = lambda key: fleet.stop.set() if key == "a2" else None
    end = fleet.up(parallel=1)
    assert end.interrupted
    assert list(results(end).values()) == [Result.SUCCEEDED, Result.SUCCEEDED, Result.NOT_STARTED, Result.NOT_STARTED]
    assert {report.reason for report in end.accounts[2:]} == {"the run was stopped"}


@pytest.mark.parametrize(
    ("raised", "reason", "do"),
    [
        (AwsError("AccessDenied", do="attach the policy"), "AccessDenied", "attach the policy"),
        (KeyError("urn"), "unexpected KeyError: 'urn'", "this is a defect of the program: report it"),
    ],
)
def test_an_exception_in_one_account_stops_nobody_else(raised: Exception, reason: str, do: str) -> None:
    def before(key: str) -> None:
        if key == "a1":
            raise raised

    fleet = Fleet.of(of_waves("a1 a2"))
    fleet.before = before
    end = fleet.up()
    assert [(report.reason, report.do) for report in end.accounts] == [(reason, do), ("", "")]
    assert list(results(end).values()) == [Result.FAILED, Result.SUCCEEDED]


def test_an_account_that_loses_too_much_is_refused_and_the_others_go_on() -> None:
    fleet = Fleet.of([account("a1", lost=4, wave="a"), *of_waves("a2 a3 a4 a5")])
    end = fleet.up()
    assert sorted(fleet.ran) == ["a2", "a3", "a4", "a5"]
    assert end.accounts[0].result is Result.REFUSED
    assert end.accounts[0].reason.startswith("4 of 10 roles (40 %) are deleted or replaced")
    fleet.up(limits=LossLimits(40))
    assert fleet.ran == ["a1"]


def test_a_fleet_that_loses_too_much_together_is_refused_as_a_whole() -> None:
    """Each account loses two roles, which is always accepted; all together lose half of the roles."""
    accounts = [account(f"a{number:03}", lost=2, before=4) for number in range(1000)]
    fleet = Fleet.of([*accounts, account("b", Standing.IN_LINE, before=4)])
    end = fleet.up()
    assert fleet.ran == []
    assert sum(report.result is Result.REFUSED for report in end.accounts) == 1000
    assert end.accounts[0].reason.startswith("in all accounts together, 2,000 of 4,004 roles (50 %)")
    assert end.accounts[-1].result is Result.IN_LINE
    fleet.up(limits=LossLimits(50))
    assert len(fleet.ran) == 1000


def test_a_lost_oidc_provider_is_refused_unless_it_is_allowed() -> None:
    losing = account("a1")
    losing = replace(losing, status=replace(losing.status, loss=Loss(10, (), ("arn:p",))))
    fleet = Fleet.of([losing, account("a2")])
    assert list(results(fleet.up()).values()) == [Result.REFUSED, Result.SUCCEEDED]
    fleet.up(limits=LossLimits(oidc_providers=True))
    assert fleet.ran == ["a1"]


def test_an_account_whose_plan_was_not_reviewed_is_refused_and_the_others_go_on() -> None:
    accounts = [account(key) for key in ("same", "account", "other", "missing")]
    fleet = Fleet.of([*accounts, account("in-line", Standing.IN_LINE)])
    named = {"same": {NEW, OLD}, "account": {"account account"}, "other": {OLD, "account same"}}
    end = fleet.up(reviewed={key: frozenset(digests) for key, digests in named.items()})
    assert sorted(fleet.ran) == ["account", "same"]
    assert results(end) == {
        "same": Result.SUCCEEDED,
        "account": Result.SUCCEEDED,
        "other": Result.REFUSED,
        "missing": Result.REFUSED,
        "in-line": Result.IN_LINE,
    }
    assert end.accounts[2].reason == (
        f"its plan is not the reviewed one, which has the digest account same… or {OLD[:19]}… in the file of "
        "--reviewed; review it again"
    )
    assert end.accounts[3].reason == "the file of --reviewed does not have its plan; review it first"


@pytest.mark.parametrize("standing", Standing)
def test_what_up_does_in_an_account_follows_from_its_standing(standing: Standing) -> None:
    fleet = Fleet.of([account("a", standing)])
    (result,) = results(fleet.up()).values()
    assert (
        result
        is {
            Standing.IN_LINE: Result.IN_LINE,
            Standing.CHANGED: Result.SUCCEEDED,
            Standing.DRIFTED: Result.SUCCEEDED,
            Standing.NEVER_MADE: Result.SUCCEEDED,
            Standing.BLOCKED: Result.FAILED,
            Standing.UNREACHABLE: Result.FAILED,
            Standing.NOT_IN_INVENTORY: Result.SKIPPED,
        }[standing]
    )
    assert bool(fleet.ran) == (result is Result.SUCCEEDED)


def test_what_a_run_has_mended_is_no_note_of_its_report() -> None:
    accounts = [account(key) for key in ("a", "b")]
    told = [replace(each, status=replace(each.status, needs=("pending",), not_taken_up=("arn",))) for each in accounts]
    end = Fleet.of(told, fails={"b"}).up()
    assert [report.notes for report in end.accounts] == [("arn",), ("pending", "arn")]


def test_every_account_runs_if_all_are_asked_for() -> None:
    fleet = Fleet.of([account("a", Standing.IN_LINE), account("b", Standing.UNREACHABLE), account("c")])
    fleet.up(every=True)
    assert sorted(fleet.ran) == ["a", "c"]


def test_a_preview_waits_for_no_wave_and_says_what_up_would_refuse() -> None:
    accounts = [*of_waves("a1 a2"), account("b1", wave="b", lost=9)]
    fleet = Fleet.of(accounts, fails={"a1"})
    end = fleet.up(operation=Operation.PREVIEW)
    assert sorted(fleet.ran) == ["a1", "a2", "b1"]
    assert list(results(end).values()) == [Result.FAILED, Result.TO_DO, Result.REFUSED]
    assert end.accounts[2].reason.startswith("9 of 10 roles (90 %)")
    assert end.accounts[2].counts == {"update": 1, "same": 34}
    assert {report.digest_after for report in end.accounts} == {OLD}
    end = Fleet.of(accounts, fails={"a1"}).up(operation=Operation.PREVIEW, limits=LossLimits(90))
    assert list(results(end).values()) == [Result.FAILED, Result.TO_DO, Result.TO_DO]


def test_destroy_runs_wherever_there_is_a_stack() -> None:
    new = account("never", Standing.NEVER_MADE)
    new = replace(new, status=replace(new.status, is_new=True))
    accounts = [new, account("in-line", Standing.IN_LINE), account("gone", Standing.NOT_IN_INVENTORY, wave=None)]
    fleet = Fleet.of(accounts)
    end = fleet.up(operation=Operation.DESTROY)
    assert sorted(fleet.ran) == ["gone", "in-line"]
    assert [report.digest_after for report in end.accounts] == [OLD, None, None]


@pytest.mark.parametrize("standing", [Standing.IN_LINE, Standing.NOT_IN_INVENTORY])
def test_destroy_of_protected_oidc_providers_needs_the_option_for_their_loss(standing: Standing) -> None:
    protected = account("a", standing)
    fleet = Fleet.of([replace(protected, status=replace(protected.status, is_protected=True)), account("b")])
    assert results(fleet.up(operation=Operation.DESTROY)) == {"a": Result.REFUSED, "b": Result.SUCCEEDED}
    assert results(fleet.up(operation=Operation.DESTROY, limits=LossLimits(oidc_providers=True)))["a"] is (
        Result.SUCCEEDED
    )
