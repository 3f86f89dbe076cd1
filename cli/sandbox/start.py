"""Start a sandbox for a command, with the weather that its options choose."""

import functools
import random
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

import click

from cli.inventory import named_guardrails, show_briefly
from oidc.errors import UsageError

if TYPE_CHECKING:
    from sandbox.emulated_aws.weather import WeatherChoice
    from sandbox.running_sandbox import RunningSandbox, ServingProcess
    from sandbox.session import SandboxInventory, Session

WEATHER_NAMES = (
    "unseen", "late-policies", "refused", "throttling", "expired-token", "concurrent-changes", "slow", "storm",
    "denied", "denied-and-throttled",
)  # fmt: skip
"""The names of ``sandbox.emulated_aws.weather.WEATHERS``, without the sandbox's imports."""

_MOST_SEEDS = 1_000_000


def weather_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--weather`` and ``--weather-seed``; the command gets both as ``weather``, a ``WeatherChoice`` or ``None``.

    Raises:
        UsageError: A seed is given without a weather.
    """

    @functools.wraps(function)
    def command(*arguments: Any, weather: str | None, weather_seed: int | None, **options: Any) -> Any:  # noqa: ANN401 - as click passes them
        from sandbox.emulated_aws.weather import WeatherChoice  # noqa: PLC0415 - the sandbox's imports, in this command only

        if weather is None:
            if weather_seed is not None:
                raise UsageError("--weather-seed needs a weather", do="add --weather NAME")
            return function(*arguments, weather=None, **options)
        seed = random.randrange(_MOST_SEEDS) if weather_seed is None else weather_seed  # noqa: S311 - no secret
        return function(*arguments, weather=WeatherChoice(weather, seed), **options)

    name = click.option(
        "--weather",
        type=click.Choice(WEATHER_NAMES),
        help="Let the emulated accounts answer late, throttle, end sessions, be slow or deny, as real AWS does.",
    )
    seed = click.option(
        "--weather-seed",
        type=click.IntRange(0),
        help="Repeat the weather of an earlier run, which prints its seed; by default another one each time.",
    )
    return name(seed(command))


@contextmanager
def started(
    subject: "SandboxInventory",
    weather: "WeatherChoice | None" = None,
    *,
    prepare: bool = True,
    runs_program: bool = False,
    more_services: Sequence[str] = (),
) -> "Iterator[Session]":
    """Start a sandbox; SIGTERM stops it and keeps its state.

    If the session ``runs_program``, the program prints the findings of level warning.
    """
    from sandbox.running_sandbox import refuse_while_served  # noqa: PLC0415 - the sandbox's imports, in this command only
    from sandbox.session import running  # noqa: PLC0415 - as above

    show_warnings(subject, findings=not runs_program)
    refuse_while_served(subject.path)
    if weather is not None:
        again = f"--weather {weather.name} --weather-seed {weather.seed}"
        click.echo(f"the emulated accounts have the weather {weather.name}; {again} repeats it", err=True)
    before = signal.signal(signal.SIGTERM, _stop)
    try:
        with running(subject, prepare=prepare, weather=weather, more_services=more_services) as session:
            for warning in session.bitbucket.warnings:
                click.echo(warning, err=True)
            yield session
    finally:
        signal.signal(signal.SIGTERM, before)


def show_warnings(subject: "SandboxInventory", *, findings: bool = True) -> None:
    """Print how many warnings there are, and the accounts that cannot be emulated."""
    show_briefly(subject.warnings if findings else ())
    for key in subject.left_out:
        click.echo(f"{key} is left out: the emulated AWS only has the partition aws", err=True)


@contextmanager
def running_sandbox(inventory: Path, weather: "WeatherChoice | None") -> "Iterator[RunningSandbox]":
    """Connect to the sandbox that another process serves, or start one until the block ends."""
    from sandbox.running_sandbox import in_this_process, served_by, serving_process  # noqa: PLC0415 - the sandbox's imports, in this command only
    from sandbox.session import read_subject  # noqa: PLC0415 - as above

    subject = read_subject(inventory, named_guardrails())
    process = serving_process(inventory)
    if process is not None:
        refuse_weather_of_served(process, weather)
        show_warnings(subject)
        yield served_by(process, subject)
        return
    with started(subject, weather, prepare=False) as session:
        yield in_this_process(session)


def refuse_weather_of_served(process: "ServingProcess", weather: "WeatherChoice | None") -> None:
    """Refuse --weather beside `sandbox serve`.

    Raises:
        UsageError: There is a weather.
    """
    if weather is not None:
        what = f"`bitbucket-oidc sandbox serve` runs on this inventory, in process {process.pid}, with its own weather"
        raise UsageError(what, do="give --weather to `serve` instead")


def _stop(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
