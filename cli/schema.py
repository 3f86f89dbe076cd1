"""bitbucket-oidc schema: the JSON Schemas of the inventory, for editors, and of the fleet's run report."""

import click


@click.command("schema")
@click.argument("what", type=click.Choice(["inventory", "run-report"]), default="inventory")
def command(what: str) -> int:
    """Print the JSON Schema of the inventory, for completion, explanations and errors in editors.

    With `run-report`, print the schema of what `fleet … --report FILE` writes. A schema checks one file at a time; only
    `validate` checks the whole inventory.
    """
    if what == "run-report":
        from fleet.report import report_schema_text  # noqa: PLC0415 - editors ask for the other one

        click.echo(report_schema_text(), nl=False)
        return 0
    from config.schema import schema_text  # noqa: PLC0415 - as above

    click.echo(schema_text(), nl=False)
    return 0
