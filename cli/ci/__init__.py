"""bitbucket-oidc ci: what pipelines of an inventory's repository need."""

import click

from cli.file_commands import FileCommands

COMMANDS = {
    "guard": "Refuse an update that deletes or replaces too much.",
    "stacks": "The stacks whose plan a change touches.",
}


@click.command("ci", cls=FileCommands, files=COMMANDS, package="cli.ci")
def command() -> None:
    """Work in the pipelines of a repository that holds an inventory. docs/ci.md has a ready bitbucket-pipelines.yml."""
