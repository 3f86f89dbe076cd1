"""What a sandbox run shows: a line for each step on standard error, the summary on standard output."""

import click

from cli.inventory import colour_wanted
from sandbox.engine.monitor import LogMessage
from sandbox.engine.steps import Operation, Phase, Step, Summary
from sandbox.run import Listener

_COLOURS = {
    Operation.CREATE: "green",
    Operation.UPDATE: "yellow",
    Operation.REPLACE: "magenta",
    Operation.DELETE: "red",
    Operation.DELETE_REPLACED: "red",
    Operation.REFRESH: "cyan",
}
_PAST = {
    Operation.CREATE: "created",
    Operation.UPDATE: "updated",
    Operation.REPLACE: "replaced",
    Operation.DELETE: "deleted",
    Operation.DISCARD: "kept in AWS, out of the state",
    Operation.REFRESH: "refreshed",
    Operation.FORGET: "gone from AWS",
}


def listener() -> Listener:
    """Return what prints steps and logs as they come."""
    return Listener(_show_step, _show_log)


def _show_step(step: Step) -> None:
    if step.operation is Operation.SAME or step.phase is Phase.BEGUN:
        return
    failed = " failed" if step.phase is Phase.FAILED else ""
    verb = click.style(f"{step.operation.value:<8}", fg=_COLOURS.get(step.operation))
    kind = step.type.rpartition(":")[2]
    changed = f"  {', '.join(sorted(step.changes))}" if step.changes else ""
    click.echo(f"{verb} {kind:<30} {step.name}{changed}{failed}", err=True, color=None if colour_wanted() else False)


def _show_log(message: LogMessage) -> None:
    click.echo(message.text, err=True)


def show_summary(action: str, summary: Summary) -> None:
    """Print what was done, or would be: ``31 created``; ``no changes`` where nothing was."""
    if not summary.changes:
        click.echo("no changes")
        return
    done = [f"{count} {_PAST[operation]}" for operation, count in summary.counts.items() if operation in _PAST]
    same = summary.counts.get(Operation.SAME, 0)
    would = "would be: " if action == "preview" else ""
    click.echo(would + ", ".join([*done, *([f"{same} unchanged"] if same else [])]))
