"""`fleet up` over 20 accounts, killed at random moments by SIGKILL: the same command again goes on.

``FLEET_KILL_SEED`` repeats a sequence: the kinds of kills and their moments are the same, while what the processes do
at a moment depends on the machine.
"""

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from fleet.report import Result, RunReport
from fleet.status import Standing
from tests.cli.fleet.served_fleet import (
    Existing,
    ServedFleet,
    fleet_inventory,
    kill,
    policy,
    prepared,
    role,
    running_clis,
    served_fleet,
    wait_for_cli,
    wait_for_end,
)
from tests.sandbox.running_engine import NEEDS_CLI

pytestmark = NEEDS_CLI
KEYS = [f"a{number:02}" for number in range(1, 21)]
PARALLEL = ("--parallel", "4")
LAST_MOMENT = 10.0
"""Seconds after the first CLI started, or some runs themselves, which then read the accounts."""
SHARE_OF_EARLY = 0.1
RUNNER, RUNNER_AND_CLIS, ONE_CLI = KINDS = ("runner", "runner and CLIs", "one CLI")


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[ServedFleet]:
    with served_fleet(tmp_path, prepared(tmp_path, fleet_inventory(KEYS))) as fleet:
        yield fleet


class Sequence:
    """Runs that are killed, one after the other.

    Attributes:
        fleet: The fleet.
        dice: Of this sequence.
        seen: What existed after the last run.
        clis: The process ids of all CLIs that ran at the moment of a kill.
        kills: What was killed, and when.
    """

    def __init__(self, fleet: ServedFleet, seed: int) -> None:
        self.fleet = fleet
        self.dice = random.Random(seed)
        self.kinds: list[str] = []
        self.seen = Existing({}, {})
        self.clis: list[int] = []
        self.kills: list[str] = []

    def go_on(self) -> None:
        """Run the command, kill a part of it unless it ends before, and check that no role was lost."""
        if not self.kinds:  # each kind as often as another
            self.kinds = self.dice.sample(KINDS, len(KINDS))
        kind, moment = self.kinds[-1], self.dice.uniform(0, LAST_MOMENT)
        is_early = kind != ONE_CLI and self.dice.random() < SHARE_OF_EARLY
        with self.fleet.start("up", *PARALLEL) as runner:
            if is_early or wait_for_cli(runner):
                with suppress(subprocess.TimeoutExpired):
                    runner.wait(moment)
            if runner.poll() is None:
                self.kills.append(f"{self.kinds.pop()} at {moment:.2f} s{' of its start' if is_early else ''}")
                self._kill(kind, runner)
            code = runner.wait(120)
        self.look()
        if code == 0:
            self.change()

    def _kill(self, kind: str, runner: subprocess.Popen[bytes]) -> None:
        clis = running_clis(runner.pid)
        self.clis += clis
        if kind == ONE_CLI:
            for cli in self.dice.sample(clis, min(1, len(clis))):
                kill(cli)
            runner.send_signal(signal.SIGINT)  # nothing new starts; the other CLIs go on to the end
            return
        kill(runner.pid)
        for cli in clis if kind == RUNNER_AND_CLIS else ():
            kill(cli, group=True)

    def look(self) -> None:
        now = self.fleet.existing()
        assert now.lost_since(self.seen) == [], self.kills
        self.seen = now

    def change(self) -> None:
        """Give the next run work: one more role, and another policy and duration of all."""
        roles = self.fleet.inventory["roles"]
        roles[f"shop-{len(roles)}"] = role()
        actions = ("s3:GetObject", "s3:PutObject")
        self.fleet.inventory["permission_policies"]["read"]["document"] = policy(actions[len(roles) % 2])
        for each in roles.values():
            each["max_session_duration"] = f"{1 + len(roles) % 2}h"

    def end(self) -> RunReport:
        """Run the command to its end, and check that AWS, states and inventory agree."""
        wait_for_end(self.clis)
        code, report = self.fleet.run("up", *PARALLEL)
        assert code == 0, (self.kills, self.fleet.output)
        self.look()
        assert self.fleet.in_states() == (set(self.seen.roles), set(self.seen.oidc_providers))
        expected = {(key, name) for key in self.fleet.keys for name in self.fleet.inventory["roles"]}
        assert set(self.seen.roles) == expected
        code, report = self.fleet.run("status")
        assert {account.standing for account in report.accounts} == {Standing.IN_LINE}, (self.kills, self.fleet.output)
        assert (code, report.totals) == (0, {Result.IN_LINE: len(self.fleet.keys)})
        return report


def killed(fleet: ServedFleet, kills: int) -> None:
    seed = int(os.environ.get("FLEET_KILL_SEED") or random.randrange(1_000_000))
    sys.stdout.write(f"FLEET_KILL_SEED={seed} repeats this sequence\n")  # pytest shows it if the test fails
    sequence = Sequence(fleet, seed)
    while len(sequence.kills) < kills:
        sequence.go_on()
    sequence.end()


def test_ten_kills_at_random_moments_lose_double_and_replace_nothing(fleet: ServedFleet) -> None:
    killed(fleet, 10)


@pytest.mark.exhaustive
def test_a_hundred_kills_at_any_moment_lose_double_and_replace_nothing(fleet: ServedFleet) -> None:
    killed(fleet, 100)
