"""bitbucket-oidc schema: the inventory's JSON Schema, for editors."""

import click

from config.schema import schema_text


@click.command("schema")
def command() -> int:
    """Print the JSON Schema of the inventory, for editors: completion, explanations and mistakes while you type.

    A schema sees one file at a time: `validate` has the last word.
    """
    click.echo(schema_text(), nl=False)
    return 0
