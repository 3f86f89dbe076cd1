"""What a fleet costs, against a ``pulumi up`` for each stack, and how ``status`` grows with the accounts.

Commands run as subprocesses beside ``sandbox serve``, as users run them: the emulated accounts are not in the figures.
By hand a new stack takes ``pulumi stack init`` and ``pulumi up``, and so they are measured. The language host is that
of the machine, or the sandbox's stand-in for it, which runs the program in its own process and so costs less than
Pulumi's.
"""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.large_inventory import account_of_fleet, write_fleet_inventory
from bench.seeded_fleet import SeededFleet, seed_fleet, stack_of, subject_in
from fleet.pulumi_cli.installed_cli import find_cli
from sandbox.emulated_aws.server import CALLS_FILE
from sandbox.engine_choice import EngineMark, EngineName
from sandbox.fleet import digests_to_prepare, note_prepared
from sandbox.pulumi_cli.stack import Stack
from sandbox.session import PROJECT_FOLDER, Session, running

_ACCOUNTS = 20
_SMALL, _LARGE = 100, 1_000
_UP = ("up", "--yes", "--skip-preview")


@dataclass(frozen=True, slots=True)
class Usage:
    """What one process and its children used: processor seconds, seconds, and MB of memory at most."""

    processor: float
    seconds: float
    megabytes: float


@dataclass(frozen=True, slots=True)
class FleetCosts:
    """Costs of a fleet of 20 accounts with 10 roles each, in processor seconds of all accounts together.

    Attributes:
        create: Of ``fleet up``, of all accounts.
        create_one_by_one: Of ``pulumi stack init`` and ``pulumi up`` for each.
        no_change: Of ``fleet up`` without a change.
        no_change_one_by_one: Of a ``pulumi up --refresh`` for each, without a change.
        language_host: Which one ran the programs of ``pulumi up``.
    """

    create: float
    create_one_by_one: float
    no_change: float
    no_change_one_by_one: float
    language_host: str


@dataclass(frozen=True, slots=True)
class StatusCosts:
    """Costs of ``fleet status``.

    Attributes:
        small: Of 100 accounts.
        large: Of 1,000 accounts.
        calls: Calls to AWS for each account, by action: ``{"iam:GetAccountAuthorizationDetails": 1.0}``.
    """

    small: Usage
    large: Usage
    calls: dict[str, float]


def fleet_costs(folder: Path) -> FleetCosts:
    """Measure a fleet of 20 accounts.

    Both kinds of run deploy one account after the other: processes that share a core use more of its time.
    """
    ours, other = folder / "ours", folder / "other"
    fleet = _prepared_fleet(ours)
    _prepared_fleet(other)
    with served(fleet):
        create = fleet_command(fleet, "up", "--parallel", "1").processor
    with running(subject_in(other), prepare=False) as session:
        create_one_by_one = _create(session)
        no_change_one_by_one = _no_change(session)
    with served(fleet):
        no_change = fleet_command(fleet, "up").processor
    host = "its language host" if find_cli().has_language_host else "the sandbox's stand-in for its language host"
    return FleetCosts(create, create_one_by_one, no_change, no_change_one_by_one, host)


def status_costs(folder: Path) -> StatusCosts:
    """Measure ``status`` of a seeded fleet of 100 and of 1,000 accounts."""
    small, large = (seed_fleet(folder / str(accounts), accounts=accounts) for accounts in (_SMALL, _LARGE))
    usages = {}
    for fleet in (small, large):
        with served(fleet):
            usages[fleet] = fleet_command(fleet, "status")
    calls = json.loads((large.sandbox / "aws" / CALLS_FILE).read_text(encoding="utf-8"))
    return StatusCosts(usages[small], usages[large], {action: count / _LARGE for action, count in calls.items()})


@contextmanager
def served(fleet: SeededFleet) -> Iterator[None]:
    """Serve the sandbox of a fleet in another process."""
    command = (*_command("serve"), str(fleet.inventory), "--format", "json")
    server = subprocess.Popen(command, cwd=fleet.folder, env=_environment(), stdout=subprocess.PIPE)  # noqa: S603 - from this file
    assert server.stdout is not None  # noqa: S101 - a pipe was asked for
    with server.stdout:
        if not server.stdout.readline():
            raise SystemExit("the sandbox of the benchmark is not served")
        try:
            yield
        finally:
            server.terminate()
            server.stdout.read()
            server.wait()


def fleet_command(fleet: SeededFleet, name: str, *options: str) -> Usage:
    """Run one command of ``sandbox fleet`` to its end; return what it used.

    Raises:
        SystemExit: It failed.
    """
    command = (*_command("fleet", name), str(fleet.inventory), *options)
    before = time.monotonic()
    with (fleet.folder / f"{name}.txt").open("wb") as output:
        process = subprocess.Popen(command, cwd=fleet.folder, env=_environment(), stdout=output, stderr=output)  # noqa: S603 - from this file
        megabytes = 0.0
        while (ended := os.wait4(process.pid, os.WNOHANG))[0] == 0:
            megabytes = max(megabytes, _peak_memory(process.pid))
            time.sleep(_LOOK_SECONDS)
    _, status, used = ended
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"fleet {name} failed:\n{(fleet.folder / f'{name}.txt').read_text()[-2000:]}")
    return Usage(used.ru_utime + used.ru_stime, time.monotonic() - before, megabytes)


_LOOK_SECONDS = 0.1


def _peak_memory(pid: int) -> float:
    """Return the most MB that a process has had so far: ``ru_maxrss`` also counts its parent, of which it is a fork."""
    with suppress(OSError, StopIteration):
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM:")).split()[1]) / 1024
    return 0.0


def _command(*words: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "cli", "sandbox", *words)


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(PROJECT_FOLDER)}


def _prepared_fleet(folder: Path) -> SeededFleet:
    """Make a fleet of accounts without roles, and its sandbox."""
    inventory = folder / "inventory"
    write_fleet_inventory(inventory, accounts=_ACCOUNTS)
    subject = subject_in(folder)
    with running(subject):
        note_prepared(subject.folder, digests_to_prepare(subject.plan))
        EngineMark(subject.folder).set(EngineName.FLEET)
    return SeededFleet(folder, inventory, subject.folder)


def _create(session: Session) -> float:
    """Run ``pulumi stack init`` and ``pulumi up`` for one stack after the other; return their processor seconds."""
    total = 0.0
    for stack in _stacks(session):
        total += _processor(partial(stack.prepare, _endpoints(session)))
        total -= _processor(stack.exported)  # the sandbox asks for the state before; by hand nobody does
        total += _pulumi_up(stack)
    return total


def _no_change(session: Session) -> float:
    """Run ``pulumi up --refresh`` for one stack after the other; return the processor seconds of these commands."""
    for stack in (stacks := list(_stacks(session))):
        stack.prepare(_endpoints(session))
    return sum(_pulumi_up(stack, "--refresh") for stack in stacks)


def _stacks(session: Session) -> Iterator[Stack]:
    for number in range(_ACCOUNTS):
        yield stack_of(session, account_of_fleet(number)[0]).stack


def _endpoints(session: Session) -> dict[str, str]:
    return {"iam": session.endpoint, "sts": session.endpoint}


def _pulumi_up(stack: Stack, *options: str) -> float:
    where = ["--stack", stack.program.stack, "--config-file", str(stack.config_file)]

    def run() -> None:
        finished = stack.cli.run([*_UP, *options, *where], PROJECT_FOLDER)
        if finished.code != 0:
            raise SystemExit(f"pulumi up failed:\n{finished.stderr[-2000:]}")

    return _processor(run)


def _processor(run: Callable[[], object]) -> float:
    """Return the processor seconds of the commands that a function runs."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
