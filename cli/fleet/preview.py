"""bitbucket-oidc fleet preview: what `fleet up` would do."""

import click

from access.update_preview import LossLimits
from cli.fleet.options import FleetOptions, fleet_options, parallel_option
from cli.inventory import max_loss_option, oidc_provider_loss_option


@click.command("preview")
@fleet_options()
@parallel_option
@click.option("--all", "every", is_flag=True, help="Preview the accounts that are in line, too.")
@max_loss_option
@oidc_provider_loss_option
def command(
    given: FleetOptions, *, parallel: int | None, every: bool, max_loss: float, allow_oidc_provider_loss: bool
) -> int:
    """Show what `fleet up` would do: the changes of access, and the engine's preview of each account that needs it.

    It first asks all accounts, as `fleet status` does. It changes nothing in AWS, so no wave waits for another one.

    Exit codes: 0 every preview succeeded, 1 an account failed or `fleet up` would refuse it, 130 stopped.
    """
    from cli.fleet.changes import show_changes  # noqa: PLC0415 - botocore and Pulumi take a while to import
    from cli.fleet.reporting import opened_fleet  # noqa: PLC0415 - as above
    from cli.fleet.running import RunOptions, run_and_report  # noqa: PLC0415 - as above
    from fleet.report import Command  # noqa: PLC0415 - as above
    from fleet.stack_job import Operation  # noqa: PLC0415 - as above

    with opened_fleet(given, Command.PREVIEW) as (fleet, reporter):
        accounts = fleet.read_accounts(given.broken_locks)
        if not given.is_json:
            show_changes(accounts, fleet.loaded.plan)
        limits = LossLimits(max_loss, allow_oidc_provider_loss)
        options = RunOptions(Operation.PREVIEW, parallel, every=every, limits=limits)
        return run_and_report(given, options, fleet, accounts, reporter)
