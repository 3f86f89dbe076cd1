"""The CLI's commands on one stack, started again where the cause of a failure may pass."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from fleet.pulumi_cli.cli_process import CliProcess, Finished, failure
from fleet.pulumi_cli.events import EventReader
from fleet.pulumi_cli.failures import PASSING, WHAT_TO_DO, kind_of
from fleet.pulumi_cli.language_server import InlineProgram
from fleet.pulumi_cli.stack_folder import StackFolder
from fleet.pulumi_cli.steps import LogMessage, Operation, Step
from oidc.errors import BitbucketOidcError, EngineError

_AGAIN = "run the same command again: it does the rest"

_COUNTED = {
    Operation.SAME: "same",
    Operation.CREATE: "create",
    Operation.IMPORT: "import",
    Operation.UPDATE: "update",
    Operation.REPLACE: "replace",
    Operation.DELETE: "delete",
    Operation.DISCARD: "discard",
}
"""Without the second half of a replacement, and without the reads of a refresh."""


@dataclass(frozen=True, slots=True)
class RunLimits:
    """How long a stack may run, and how often its commands are started again.

    Attributes:
        seconds: For one stack, with all its commands and pauses; then the command is interrupted.
        attempts: How often one command is started, if AWS throttles, credentials expire or the network fails.
        pause: Seconds before the second start; doubled before each further one.
    """

    seconds: float = 1800
    attempts: int = 4
    pause: float = 5


@dataclass
class StackCli:
    """The commands of one run of one stack.

    Attributes:
        cli: Runs a command.
        folder: The working directory.
        program: The program that the CLI runs.
        address: Where this process serves it: ``127.0.0.1:41234``.
        limits: Of this run.
        on_step: Called when a step begins, is done or has failed.
        counts: How many resources were worked on, as ``StackResult`` has it.
        retries: How many times a command was started again.
        is_killed: Whether a command was ended by a signal.
    """

    cli: CliProcess
    folder: StackFolder
    program: InlineProgram
    address: str
    limits: RunLimits
    on_step: Callable[[Step], None]
    counts: Counter[str] = field(default_factory=Counter)
    retries: int = 0
    is_killed: bool = False
    _deadline: float = field(init=False)

    def __post_init__(self) -> None:
        self._deadline = time.monotonic() + self.limits.seconds

    def command(self, *arguments: str) -> None:
        """Run a command without the program, such as ``stack init``.

        Raises:
            EngineError: It fails.
        """
        finished = self._limited().run(list(arguments), self.folder.path)
        if finished.code != 0:
            raise self._error([], finished)

    def operate(self, action: str, *options: str) -> None:
        """Run ``up``, ``preview``, ``refresh`` or ``destroy``; again after a failure that may pass.

        Raises:
            BitbucketOidcError: The program or the CLI failed, or the run was interrupted.
        """
        attempt = 1
        while (error := self._attempt(action, *options)) is not None:
            pause = self.limits.pause * 2 ** (attempt - 1)
            is_last = attempt >= self.limits.attempts or time.monotonic() + pause >= self._deadline
            if not error.may_pass or is_last or self.cli.running.wait(pause):
                raise error.error
            attempt += 1
            self.retries += 1

    def _attempt(self, action: str, *options: str) -> "_Failure | None":
        reader = EventReader(action == "refresh", self.on_step, _ignore)
        where = ["--stack", self.folder.key, "--config-file", str(self.folder.config_file), "--client", self.address]
        if action in _WITHOUT_PROGRAM:
            where = where[:-2]
        finished = self._limited().follow([action, *options, *where], self.folder.path, reader.take)
        if finished.code == 0:
            self.counts.pop(_COUNTED[Operation.SAME], None)  # of an earlier command on the same resources
            self._count(reader)
            return None
        self._count(reader)
        if self.program.error is not None:
            return _Failure(self.program.error, may_pass=False)
        kind = kind_of(reader.errors)
        error = self._error(reader.errors, finished)
        may_pass = kind in PASSING and not self._is_over() and not self.is_killed
        return _Failure(error if error.do else EngineError(error.what, do=WHAT_TO_DO[kind]), may_pass=may_pass)

    def _count(self, reader: EventReader) -> None:
        for operation, number in reader.summary().counts.items():
            if operation in _COUNTED:
                self.counts[_COUNTED[operation]] += number

    def _limited(self) -> CliProcess:
        if self.cli.running.is_interrupted:
            raise EngineError("the run was interrupted before it began", do=_AGAIN)
        return replace(self.cli, seconds=max(self._deadline - time.monotonic(), 0))

    def _is_over(self) -> bool:
        return self.cli.running.is_interrupted or time.monotonic() >= self._deadline

    def _error(self, errors: list[str], finished: Finished) -> EngineError:
        if self.cli.running.is_interrupted:
            return EngineError("the run was interrupted; the Pulumi CLI has saved its state", do=_AGAIN)
        if time.monotonic() >= self._deadline:
            what = f"the run took longer than {self.limits.seconds:,.0f} seconds and was interrupted"
            return EngineError(what, do=_AGAIN)
        if finished.code < 0:
            self.is_killed = True
            return EngineError(f"the Pulumi CLI was ended by signal {-finished.code}", do=_AGAIN)
        return failure(errors, finished)


@dataclass(frozen=True, slots=True)
class _Failure:
    error: BitbucketOidcError
    may_pass: bool


_WITHOUT_PROGRAM = frozenset({"refresh", "destroy"})
"""Commands that read the state alone."""


def _ignore(_message: LogMessage) -> None:
    """Drop warnings of the program: ``fleet`` shows those of the inventory once, for all stacks."""
