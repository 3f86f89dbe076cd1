"""bitbucket-oidc fleet destroy: delete what the fleet made in some accounts."""

import sys
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import click

from access.selection import Selection, narrow
from access.update_preview import LossLimits
from cli.fleet.options import FleetOptions, fleet_options, max_failures_option, parallel_option
from cli.inventory import oidc_provider_loss_option
from oidc.errors import UsageError
from review.diff import listed

if TYPE_CHECKING:
    from cli.fleet.open_fleet import OpenFleet
    from fleet.decide import FleetAccount

_NAMED = 10


@click.command("destroy")
@fleet_options("account")
@parallel_option
@max_failures_option
@click.option("--all-accounts", "every", is_flag=True, help="All accounts of the inventory.")
@click.option("--remove-stacks", is_flag=True, help="Remove the emptied stacks, too, with their history.")
@oidc_provider_loss_option
@click.option("--yes", is_flag=True, help="Do not ask before anything is deleted.")
def command(
    given: FleetOptions,
    *,
    parallel: int | None,
    max_failures: int | None,
    every: bool,
    remove_stacks: bool,
    allow_oidc_provider_loss: bool,
    yes: bool,
) -> int:
    """Delete all roles and OIDC providers that the fleet made in the named accounts.

    --account may also name a stack that the inventory no longer has. Each account has to be named, or --all-accounts
    given. The command asks before it deletes anything. Protected OIDC providers need --allow-oidc-provider-loss.

    Exit codes: 0 everything is deleted, 1 an account failed or did not start, 130 stopped.
    """
    if bool(given.selection.accounts) == every:
        raise UsageError("say which accounts: --account KEY, or --all-accounts", do="give one of the two options")

    from cli.fleet.reporting import opened_fleet  # noqa: PLC0415 - Pulumi takes a while to import
    from cli.fleet.running import RunOptions, run_and_report  # noqa: PLC0415 - as above
    from fleet.report import Command  # noqa: PLC0415 - as above
    from fleet.stack_job import Operation  # noqa: PLC0415 - as above

    limits = LossLimits(oidc_providers=allow_oidc_provider_loss)
    options = RunOptions(Operation.DESTROY, parallel, max_failures, limits=limits, remove_stacks=remove_stacks)
    with opened_fleet(given, Command.DESTROY, may_name_stacks=True) as (fleet, reporter):
        accounts = _accounts(given, fleet)
        if not yes:
            _confirm([account.key for account in accounts if not account.status.is_new])
        return run_and_report(given, options, fleet, accounts, reporter)


def _accounts(given: FleetOptions, fleet: "OpenFleet") -> "Sequence[FleetAccount]":
    """Return the chosen accounts, then the stacks that no account has and --account names.

    Raises:
        UsageError: A value of --account names neither.
    """
    names = fleet.names_without_account() if given.selection.accounts else frozenset[str]()
    chosen = set[str]()
    for pattern in given.selection.accounts:
        named = {name for name in names if name == pattern or fnmatchcase(name, pattern)}
        if not named:
            narrow(fleet.loaded.plan, Selection(accounts=(pattern,)))  # refuses what names no account
        chosen |= named
    accounts = fleet.read_accounts(given.broken_locks) if fleet.loaded.wave_of else ()
    return (*(account for account in accounts if account.wave is not None), *fleet.stacks_without_account(chosen))


def _confirm(keys: Sequence[str]) -> None:
    if not sys.stdin.isatty():
        raise UsageError("nobody is here to confirm that these accounts are emptied", do="add --yes")
    number = f"{len(keys):,} account{'' if len(keys) == 1 else 's'}"
    click.confirm(f"Delete what the fleet made in {number}: {listed(keys, _NAMED)}?", abort=True, err=True)
