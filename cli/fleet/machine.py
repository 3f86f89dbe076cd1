"""What a command of the fleet needs of this machine, or of the sandbox."""

import os
from pathlib import Path

import click

from fleet.backend import backend_url
from fleet.machine import Machine
from fleet.pulumi_cli.installed_cli import installed_cli


def this_machine() -> Machine:
    """Return the value that the sandbox's group has put into ``ctx.obj``, else that of this machine.

    Raises:
        UsageError: Neither the environment names a backend, nor is the Pulumi CLI on ``PATH``.
        OutsideWorldError: The Pulumi CLI cannot tell its backend.
    """
    of_sandbox = click.get_current_context().find_object(Machine)
    if of_sandbox is not None:
        return of_sandbox
    installed = installed_cli()
    cli = installed.path if installed else None
    environment = dict(os.environ)
    return Machine(cli, environment, backend_url(environment, cli, Path.cwd()), {})
