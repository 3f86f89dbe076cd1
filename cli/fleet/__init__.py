"""bitbucket-oidc fleet: many accounts, each with its own stack, from one inventory that declares `rollout`."""

import click

from cli.main import FileCommands

COMMANDS = {
    "split": "Give each account of a stack its own stack.",
    "join": "Join the run reports of shards and waves into one.",
}


@click.command("fleet", cls=FileCommands, files=COMMANDS, package="cli.fleet")
def command() -> None:
    """Run many accounts, each with its own stack, named by the account's key.

    The inventory declares `rollout`: the waves of accounts, and what their stacks share.
    """
