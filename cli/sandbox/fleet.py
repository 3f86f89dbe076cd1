"""bitbucket-oidc sandbox fleet: the commands of `fleet` on emulated accounts."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.fleet import COMMANDS
from cli.inventory import named_guardrails
from cli.main import FileCommands
from cli.sandbox.start import refuse_weather_of_served, started, weather_options

if TYPE_CHECKING:
    from fleet.machine import Machine
    from sandbox.emulated_aws.weather import WeatherChoice

_RUNS = frozenset({"status", "preview", "up", "destroy"})
"""The commands of `fleet` that read or change accounts."""


class _InSandbox(FileCommands):
    """The commands of `fleet`, each with a sandbox around it."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the file of one command, and put a sandbox around it."""
        command = super().get_command(ctx, cmd_name)
        return None if command is None else _in_sandbox(command, cmd_name)


def _in_sandbox(command: click.Command, operation: str) -> click.Command:
    """Return a command that starts the sandbox, or finds the served one, and gives it to the other as ``ctx.obj``."""
    act: Any = command.callback

    @click.command()
    @weather_options
    @click.pass_context
    def around(context: click.Context, /, *, weather: "WeatherChoice | None", **options: Any) -> Any:  # noqa: ANN401 - as click passes them
        with _machine(options["inventory"], operation, weather) as context.obj:
            return act(**options)

    inside = copy.copy(command)
    inside.callback, inside.params = around.callback, [*command.params, *around.params]
    return inside


@contextmanager
def _machine(inventory: Path, operation: str, weather: "WeatherChoice | None") -> "Iterator[Machine]":
    from sandbox.fleet import in_served_sandbox, in_session, marked, refuse_single_stack  # noqa: PLC0415 - the sandbox's imports, in this command only
    from sandbox.running_sandbox import serving_process  # noqa: PLC0415 - as above

    refuse_single_stack(inventory)
    process = serving_process(inventory)
    if process is not None:
        refuse_weather_of_served(process, weather)
        with in_served_sandbox(inventory, process) as machine, marked(inventory, operation):
            yield machine
        return
    from sandbox.session import read_subject  # noqa: PLC0415 - as above; with the engines, so not beside a served sandbox

    subject = read_subject(inventory, named_guardrails())
    with (
        started(subject, weather, prepare=False) as session,
        in_session(session) as machine,
        marked(inventory, operation),
    ):
        yield machine


@click.command(
    "fleet", cls=_InSandbox, files={name: text for name, text in COMMANDS.items() if name in _RUNS}, package="cli.fleet"
)
def fleet() -> None:
    """Run the fleet of an inventory on emulated accounts: one stack for each, with the Pulumi CLI.

    If `sandbox serve` runs, its emulators are used. A sandbox has either one stack of all accounts, by `sandbox up`, or
    one for each account.
    """
