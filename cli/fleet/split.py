"""bitbucket-oidc fleet split: from one stack of many accounts to one stack for each account."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from access.compile import compile_plan
from access.selection import Selection
from cli.fleet.machine import this_machine
from cli.inventory import FilledPath, inventory_argument, loaded, show_briefly
from cli.selection import filter_options, narrowed
from config.project_file import PROJECT
from fleet.backend import open_backend, stack_states
from fleet.split_stack import SplitPlan, back_up, plan_split, run_split, targets_of
from oidc.errors import UsageError


@click.command("split")
@click.argument("stack", metavar="STACK")
@inventory_argument
@filter_options("account")
@click.option("--preview", is_flag=True, help="Show what would be done, and do nothing.")
@click.option("--yes", is_flag=True, help="Do not ask before the states are changed.")
@click.option(
    "--backup",
    type=FilledPath("the path of the backup"),
    metavar="FOLDER",
    help="A new folder for the states before.  [default: split-STACK-TIME]",
)
def command(*, stack: str, inventory: Path, selection: Selection, preview: bool, yes: bool, backup: Path | None) -> int:
    """Give each account of the stack STACK its own stack, named by the account's key.

    Only states change, and nothing in AWS: the resources of an account move to the state of its stack. All states are
    backed up first. The same command again continues after a failure. Pending operations, a lock, a new stack that has
    other resources, and a resource that two accounts need are refused.
    """
    read = loaded(inventory)
    found = compile_plan(read)
    show_briefly(found.findings)
    if found.plan is None:
        return 1
    targets = targets_of(narrowed(found.plan, selection).plan.accounts, stack)
    machine = this_machine()
    states = stack_states(machine)
    plan = plan_split(states, open_backend(machine), stack, targets)
    for line in _lines(plan):
        click.echo(line, err=True)
    if preview or not (yes or _confirmed()):
        return 0
    folder = (backup or Path(f"split-{stack}-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}")).absolute()
    back_up(plan, folder)
    click.echo(f"the states before are in {folder}", err=True)
    run_split(states, plan, folder, lambda done: click.echo(f"{done}: done", err=True))
    for line in _next(plan, is_fleet=read.inventory.rollout is not None):
        click.echo(line, err=True)
    return 0


def _lines(plan: SplitPlan) -> Sequence[str]:
    """Return what a split does, one line for each stack."""
    moves = [
        f"{move.stack}: {'has its resources already' if move.is_done else f'{_counted(move.size)} from {plan.source}'}"
        for move in plan.moves
    ]
    return [*moves, f"{plan.source}: keeps {', '.join(plan.rest_accounts) or 'no account'}"]


def _counted(resources: int) -> str:
    return f"{resources} resource{'' if resources == 1 else 's'} in AWS"


def _confirmed() -> bool:
    if not sys.stdin.isatty():
        raise UsageError("nobody is here to confirm the split", do="add --preview to look, or --yes to do it")
    return click.confirm("Change these states?", err=True)


def _next(plan: SplitPlan, *, is_fleet: bool) -> Sequence[str]:
    """Return what to do before the next run: a program that still has the accounts would create them again."""
    if plan.rest_accounts:
        kept = f"set {PROJECT}:accounts of stack {plan.source} to [{', '.join(plan.rest_accounts)}]"
    else:
        kept = f"remove stack {plan.source}, which is empty: pulumi stack rm --force {plan.source}"
    declared = [] if is_fleet else ["declare `rollout: {}` in the inventory, so that each stack takes its account"]
    return [f"before the next run: {kept}", *declared, "then look: bitbucket-oidc fleet preview"]
