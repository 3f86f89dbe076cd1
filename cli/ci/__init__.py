"""bitbucket-oidc ci: what pipelines of an inventory's repository need."""

import click

from cli.main import FileCommands

COMMANDS = {
    "comment": "Keep one comment on the pull request up to date: access, then previews.",
    "guard": "Refuse an update that deletes or replaces too much, or that was not reviewed.",
    "insights": "Post the findings as a Code Insights report, annotated on their lines.",
    "profiles": "Print an AWS configuration file whose profiles lead to one role in each account.",
    "stacks": "Print the stacks whose plan a change touches.",
}


@click.command("ci", cls=FileCommands, files=COMMANDS, package="cli.ci")
def command() -> None:
    """Work in the pipelines of a repository that holds an inventory. docs/ci.md has a ready bitbucket-pipelines.yml."""
