"""bitbucket-oidc ci profiles: an AWS configuration file for a step."""

import os
from pathlib import Path

import click

from access.aws_profiles import aws_profiles
from cli.inventory import compiled, inventory_argument, show_briefly
from oidc.errors import UsageError

_TOKEN_FILE = "AWS_WEB_IDENTITY_TOKEN_FILE"  # noqa: S105 - the name of a variable


@click.command("profiles")
@inventory_argument
@click.option("--pipeline-role", required=True, metavar="ARN", help="The role that the step assumes with its token.")
@click.option("--role", required=True, metavar="NAME", help="The name of the role in each account, such as PulumiRead.")
def command(inventory: Path, pipeline_role: str, role: str) -> int:
    """Print an AWS configuration file with one profile for each account, which assumes the role NAME there.

    A step that previews names the reading role; a step that deploys names the deploying role. The profiles read the
    token from the file that AWS_WEB_IDENTITY_TOKEN_FILE names. An account without `profile` is an error.
    Exit code 1: the inventory has findings of level error.
    """
    result = compiled(inventory)
    if result.plan is None:
        show_briefly(result.findings)
        return 1
    token_file = os.environ.get(_TOKEN_FILE, "")
    if not token_file:
        raise UsageError(
            f"{_TOKEN_FILE} is not set", do="write the token of the step to a file, and set the variable to its path"
        )
    session = f"bitbucket-{os.environ.get('BITBUCKET_BUILD_NUMBER') or 'local'}"
    session = session if session.replace("-", "").isalnum() and session.isascii() else "bitbucket"
    click.echo(
        aws_profiles(
            result.plan, pipeline_role=pipeline_role, role=role, token_file=token_file, session_name=session[:64]
        ),
        nl=False,
    )
    return 0
