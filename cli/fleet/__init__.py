"""bitbucket-oidc fleet: many accounts, each with its own stack, from one inventory that declares `rollout`."""

import click

from cli.main import FileCommands

COMMANDS = {
    "destroy": "Delete what the fleet made in some accounts.",
    "join": "Join the run reports of shards and waves into one.",
    "pipeline": "Print a bitbucket-pipelines.yml that runs the fleet on several machines.",
    "preview": "Show what `up` would do in the accounts that need it.",
    "split": "Give each account of a stack its own stack.",
    "status": "Tell which accounts differ from the inventory, and how; it changes nothing.",
    "up": "Apply the inventory to the accounts that need it, wave by wave.",
}


@click.command("fleet", cls=FileCommands, files=COMMANDS, package="cli.fleet")
def command() -> None:
    """Run many accounts, each with its own stack, named by the account's key.

    The inventory declares `rollout`: the waves of accounts, and what their stacks share.
    Whole accounts are chosen: --owner chooses those that have a role of this owner.
    """
