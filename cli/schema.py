"""bitbucket-oidc schema: the inventory's JSON Schema, for editors."""

import click

from config.schema import schema_text


@click.command("schema")
def command() -> int:
    """Print the JSON Schema of the inventory, for completion, explanations and errors in editors.

    A schema checks one file at a time; only `validate` checks the whole inventory.
    """
    click.echo(schema_text(), nl=False)
    return 0
