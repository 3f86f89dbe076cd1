"""bitbucket-oidc ci: commands for the pipelines of a repository that holds an inventory."""

import click

from cli.main import FileCommands

COMMANDS = {
    "comment": "Write or update one comment on the pull request: changes of access, previews and digests.",
    "guard": "Refuse an update that deletes or replaces too much, or that nobody reviewed.",
    "insights": "Post the findings as a Code Insights report, annotated on their lines.",
    "profiles": "Print an AWS configuration file with one profile for each account.",
    "stacks": "Print the stacks whose plan a change alters.",
}


@click.command("ci", cls=FileCommands, files=COMMANDS, package="cli.ci")
def command() -> None:
    """Comment on pull requests, report findings, name changed stacks and refuse mass deletion in a pipeline.

    docs/guides/ci.md has a ready bitbucket-pipelines.yml.
    """
