"""bitbucket-oidc fleet status: which accounts differ from the inventory, and how."""

import click

from cli.fleet.options import FleetOptions, fleet_options


@click.command("status")
@fleet_options(breaks_locks=False)
def command(given: FleetOptions) -> int:
    """Tell which accounts differ from the inventory: to be changed, changed by hand, never made, or blocked.

    It reads the state and AWS, four calls for an account, and changes nothing: run it on a schedule. Without a filter
    it also names stacks that no account has. `--format json` prints the run report.

    Exit codes: 0 all accounts are in line, 1 an account is not, 3 an account did not answer, 130 stopped.
    """
    from cli.fleet.changes import show_changes  # noqa: PLC0415 - botocore and Pulumi take a while to import
    from cli.fleet.reporting import finish, opened_fleet  # noqa: PLC0415 - as above
    from fleet.report import Command  # noqa: PLC0415 - as above
    from fleet.run import status_report  # noqa: PLC0415 - as above

    with opened_fleet(given, Command.STATUS) as (fleet, reporter):
        accounts = fleet.read_accounts()
        if not given.is_json:
            show_changes(accounts, fleet.loaded.plan)
        return finish(given, reporter.report([status_report(account) for account in accounts]))
