"""Running a Pulumi program, unmodified, against a monitor in this process."""

import asyncio
import contextvars
import os
import re
import runpy
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import pulumi
from pulumi.runtime.config import set_all_config
from pulumi.runtime.settings import Settings, configure, set_root_resource
from pulumi.runtime.stack import run_in_stack

from fleet.pulumi_cli.steps import LogMessage
from oidc.errors import BitbucketOidcError, SandboxError
from sandbox.engine.monitor import Log, Monitor
from sandbox.engine.registration import OTHER_ENGINE

__all__ = ["LogMessage", "Program", "run"]

_UNSUPPORTED = re.compile(r"The Pulumi CLI does not support (?:the )?(.+?)\. Please update")


@dataclass(frozen=True)
class Program:
    """A Pulumi program and the names it runs under.

    Attributes:
        folder: The project folder, with ``__main__.py`` in it.
        project: The project's name, as in ``Pulumi.yaml``.
        stack: The stack's name.
        organization: The organization's name; with its local backend, the CLI uses ``organization``.
        config: Stack config by full key, ``{"project:key": "value"}``; lists and mappings as JSON texts.
    """

    folder: Path
    project: str
    stack: str
    organization: str = "organization"
    config: Mapping[str, str] = field(default_factory=dict)


def run(program: Program, monitor: Monitor, log: Log, *, preview: bool) -> None:
    """Run the program to its end.

    The SDK keeps its settings in context variables, so a separate context removes every trace of this run.

    Raises:
        BitbucketOidcError: The program, or a resource it registers, failed; ``monitor.failure`` takes precedence over
            the error of the SDK.
    """
    main = program.folder / "__main__.py"
    if not main.is_file():
        raise SandboxError(f"there is no Pulumi program at {main}")

    def execute() -> None:
        settings = Settings(
            project=program.project,
            stack=program.stack,
            monitor=monitor,
            engine=log,
            dry_run=preview,
            organization=program.organization,
            root_directory=str(program.folder),
        )
        configure(settings)
        set_all_config(dict(program.config), [])
        set_root_resource(None)  # type: ignore[arg-type]  # what reset_options of the SDK does, past its own annotation
        asyncio.run(_main(main))

    with _as_started_by_pulumi(program.folder, main):
        try:
            contextvars.copy_context().run(execute)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a program may raise anything; the user gets a sentence
            _translate(monitor.failure or error)
    if monitor.failure is not None:
        _translate(monitor.failure)
    if log.first_error is not None:
        raise SandboxError(f"the program logged an error: {log.first_error.text}")


async def _main(main: Path) -> None:
    # After a failure, the SDK leaves futures that nobody awaits; this engine reports the failure itself, once.
    asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
    await run_in_stack(lambda: _execute(main))


async def _execute(main: Path) -> None:
    runpy.run_path(str(main), run_name="__main__")
    # One turn of the loop, so that the registrations are under way when the SDK starts to wait: it then
    # waits for those. Else it waits for all outputs at once, again after each: the time grows with the square.
    await asyncio.sleep(0)


@contextmanager
def _as_started_by_pulumi(folder: Path, main: Path) -> Iterator[None]:
    """Give the program the working folder, the module path and the arguments that Pulumi's language host gives it."""
    before = Path.cwd(), list(sys.path), list(sys.argv)
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    sys.argv = [str(main)]
    try:
        yield
    finally:
        os.chdir(before[0])
        sys.path[:], sys.argv = before[1], before[2]


def _translate(error: BaseException) -> NoReturn:
    """Convert the exception of a program into an error of this project, with the same words."""
    if isinstance(error, BitbucketOidcError):
        raise error
    if isinstance(error, pulumi.RunError):
        raise SandboxError(str(error)) from error
    if isinstance(error, SystemExit):
        if error.code in {None, 0}:
            raise SandboxError("the program called exit before it was done") from error
        raise SandboxError(f"the program ended itself with {error.code}") from error
    if not isinstance(error, Exception):
        raise error
    unsupported = _UNSUPPORTED.search(str(error))
    if unsupported is not None:
        raise SandboxError(f"the built-in engine does not implement {unsupported[1]}", do=OTHER_ENGINE) from error
    raise SandboxError(f"the program failed: {type(error).__name__}: {error}") from error
