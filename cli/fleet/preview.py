"""bitbucket-oidc fleet preview: what `fleet up` would do."""

import click

from cli.fleet.options import Asked, asking_options, parallel_option


@click.command("preview")
@asking_options()
@parallel_option
@click.option("--all", "every", is_flag=True, help="Preview the accounts that are in line, too.")
def command(asked: Asked, *, parallel: int | None, every: bool) -> int:
    """Show what `fleet up` would do: the changes of access, and the engine's preview of each account that needs it.

    It first asks all accounts, as `fleet status` does. It changes nothing, so no wave waits for another one.

    Exit codes: 0 every preview succeeded, 1 an account could not be asked or previewed, 130 stopped.
    """
    from cli.fleet.changes import show_changes  # noqa: PLC0415 - botocore and Pulumi take a while to import
    from cli.fleet.running import RunOptions, asking, run_and_report  # noqa: PLC0415 - as above
    from fleet.report import Command  # noqa: PLC0415 - as above
    from fleet.stack_job import Operation  # noqa: PLC0415 - as above

    with asking(asked, Command.PREVIEW) as (fleet, world, recorder):
        accounts = world.ask(asked.broken_locks)
        if not asked.is_json:
            show_changes(accounts, fleet.plan)
        return run_and_report(asked, RunOptions(Operation.PREVIEW, parallel, every=every), world, accounts, recorder)
