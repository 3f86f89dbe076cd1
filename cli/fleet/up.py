"""bitbucket-oidc fleet up: apply the inventory to the accounts that need it."""

from pathlib import Path

import click

from access.update_preview import LossLimits
from cli.fleet.options import FleetOptions, fleet_options, max_failures_option, parallel_option
from cli.inventory import FilledPath, max_loss_option, oidc_provider_loss_option


@click.command("up")
@fleet_options()
@parallel_option
@max_failures_option
@click.option("--all", "every", is_flag=True, help="Run the accounts that are in line, too.")
@max_loss_option
@oidc_provider_loss_option
@click.option(
    "--reviewed",
    type=FilledPath("the path of the digests"),
    metavar="FILE",
    help="The output of `plan --format digests` that was reviewed; an account with another plan is refused.",
)
def command(
    given: FleetOptions,
    *,
    parallel: int | None,
    max_failures: int | None,
    every: bool,
    max_loss: float,
    allow_oidc_provider_loss: bool,
    reviewed: Path | None,
) -> int:
    """Apply the inventory to the accounts that need it, wave by wave, each account in its own stack.

    It first asks all accounts, as `fleet status` does, and then runs only those that are not in line. An account that
    fails stops no other one of its wave. A wave begins when the one before is whole: no account of it failed or was
    refused. The same command again does the rest. Accounts that lose more roles than --max-loss allows are refused; if
    all together lose more, none runs. Ctrl-C starts nothing new and waits for the accounts that run.

    Exit codes: 0 everything is done that `up` can do, 1 an account failed, was refused or did not start, 130 stopped.
    `fleet status` also fails for what `up` leaves, such as inline policies of others.
    """
    from cli.fleet.changes import changes_in_brief  # noqa: PLC0415 - as above
    from cli.fleet.open_fleet import reviewed_digests  # noqa: PLC0415 - botocore and Pulumi take a while to import
    from cli.fleet.reporting import opened_fleet  # noqa: PLC0415 - as above
    from cli.fleet.running import RunOptions, run_and_report  # noqa: PLC0415 - as above
    from fleet.report import Command  # noqa: PLC0415 - as above
    from fleet.stack_job import Operation  # noqa: PLC0415 - as above

    digests = None if reviewed is None else reviewed_digests(reviewed)
    limits = LossLimits(max_loss, allow_oidc_provider_loss)
    options = RunOptions(Operation.UP, parallel, max_failures, every, limits, digests)
    with opened_fleet(given, Command.UP) as (fleet, reporter):
        accounts = fleet.read_accounts(given.broken_locks, for_review=digests is not None)
        if brief := changes_in_brief(accounts, fleet.loaded.plan):
            click.echo(f"to change: {brief}", err=True)
        return run_and_report(given, options, fleet, accounts, reporter)
