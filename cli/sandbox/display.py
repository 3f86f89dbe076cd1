"""The last line of a run: how many resources in AWS it changed, or would."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from cli.sandbox.property_lines import Mark, StepLine, opened, without_secrets
from cli.sandbox.step_lines import account_of, changed_outside, is_aws, kind_of, report_lines, verb_of, worth_showing
from cli.sandbox.step_lines import worth_showing as shown_to_people
from config.findings import one_line
from review.findings import colour_wanted
from review.terminal import console
from sandbox.engine.steps import Operation, Phase, PropertyChange, Step, Summary
from sandbox.engine.values import UNKNOWN
from sandbox.run import Action, Listener

NO_CHANGES = "no changes"

_FUTURE = {
    Operation.CREATE: "to create",
    Operation.IMPORT: "to adopt",
    Operation.UPDATE: "to update",
    Operation.REPLACE: "to replace",
    Operation.DELETE: "to delete",
    Operation.DISCARD: "to drop from the state and keep in AWS",
}
_PAST = {
    Operation.CREATE: "created",
    Operation.IMPORT: "adopted",
    Operation.UPDATE: "updated",
    Operation.REPLACE: "replaced",
    Operation.DELETE: "deleted",
    Operation.DISCARD: "dropped from the state, kept in AWS",
    Operation.REFRESH: "refreshed",
    Operation.FORGET: "gone from AWS",
}
_ALWAYS = (Operation.CREATE, Operation.UPDATE, Operation.REPLACE, Operation.DELETE)


def totals(summary: Summary, *, preview: bool) -> str:
    """Return the last line.

    A preview names all four kinds of change, also those that do not occur: ``0 to delete`` is worth reading. What
    concerns the state alone (components, AWS providers) is counted apart.
    """
    if not summary.changes:
        return NO_CHANGES
    words = _FUTURE if preview else _PAST
    in_aws = Counter(step.operation for step in summary.steps if is_aws(step))
    in_state = Counter(step.operation for step in summary.steps if not is_aws(step))
    parts = [
        f"{in_aws[operation]} {word}"
        for operation, word in words.items()
        if in_aws[operation] or (preview and operation in _ALWAYS)
    ]
    same = in_aws[Operation.SAME]
    parts += [f"{same} unchanged"] if same or preview else []
    alone = [f"{in_state[operation]} {word}" for operation, word in words.items() if in_state[operation]]
    state = f"in the state alone: {', '.join(alone)}" if alone else ""
    return "; ".join(part for part in (", ".join(parts), state) if part)


def summary_json(summary: Summary) -> dict[str, Any]:
    """Return ``{"steps": […], "counts": {…}}``: the steps that people are shown, policies as JSON objects.

    The counts are those of resources in AWS. A value that is only known afterwards is ``null``; external ids are
    hidden.
    """
    steps = [
        {
            "account": account_of(step),
            "operation": step.operation.value,
            "type": step.type,
            "name": step.name,
            "urn": step.urn,
            "changes": {name: _change(name, change) for name, change in sorted(step.changes.items())},
            "properties": {name: _plain(name, value) for name, value in sorted(step.properties.items())},
            "changed_outside": changed_outside(step),
            "gone_outside": step.gone_outside,
        }
        for step in sorted(summary.steps, key=lambda step: (step.name, step.type, step.operation))
        if shown_to_people(step)
    ]
    in_aws = [step.operation for step in summary.steps if is_aws(step)]
    shown = [operation for operation in Operation if operation in in_aws]
    return {"steps": steps, "counts": {operation.value: in_aws.count(operation) for operation in shown}}


def _change(name: str, change: PropertyChange) -> dict[str, object]:
    return {
        "old": _plain(name, change.old),
        "new": _plain(name, change.new),
        "forces_replacement": change.forces_replacement,
    }


def _plain(name: str, value: object) -> object:
    if value == UNKNOWN:
        return None
    found: object = without_secrets({name: opened(value)})
    return found[name] if isinstance(found, dict) else None


_COLOURS = {
    Operation.CREATE: "green",
    Operation.IMPORT: "green",
    Operation.UPDATE: "yellow",
    Operation.REPLACE: "magenta",
    Operation.DELETE: "red",
    Operation.DELETE_REPLACED: "red",
    Operation.REFRESH: "cyan",
    Operation.FORGET: "cyan",
}
_MARK_COLOURS = {Mark.COMES: "green", Mark.GOES: "red", Mark.CHANGES: "yellow", Mark.REPLACED: "magenta"}


@dataclass(frozen=True, slots=True)
class _Told:
    """One line about a step: the verb in colour, and the rest."""

    verb: str
    colour: str | None
    rest: str

    def plain(self) -> None:
        """Print it where no display moves."""
        _error_line(click.style(self.verb, fg=self.colour) + " " + self.rest)


@contextmanager
def progress(action: str) -> Iterator[Listener]:
    """Give what is told of steps and logs: a display that moves on a terminal, plain lines elsewhere."""
    # A preview shows its steps at its end, in full.
    told = _nothing if action == Action.PREVIEW else _told
    screen = console(stderr=True)
    if screen.is_terminal and not screen.is_dumb_terminal:
        with _moving(screen) as moving:
            yield _on_terminal(moving, told)
        return

    def on_step(step: Step) -> None:
        line = told(step)
        if line is not None:
            line.plain()

    yield Listener(on_step, lambda message: _error_line(message.text))


def _moving(screen: Console) -> Progress:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.completed} done", markup=False),
        TimeElapsedColumn(),
        TextColumn("{task.description}", markup=False),
    )
    return Progress(*columns, console=screen, transient=True)


def _on_terminal(moving: Progress, told: Callable[[Step], _Told | None]) -> Listener:
    task = moving.add_task("", total=None)

    def on_step(step: Step) -> None:
        done = step.phase is Phase.DONE and is_aws(step)
        moving.update(task, description=one_line(f"{verb_of(step)} {kind_of(step)} {step.name}"), advance=int(done))
        line = told(step)
        if line is not None:
            moving.console.print(Text.assemble((line.verb, line.colour or ""), " ", line.rest), soft_wrap=True)

    return Listener(on_step, lambda message: moving.console.print(Text(message.text), soft_wrap=True))


def _nothing(_step: Step) -> None:
    """Tell nothing."""


def _told(step: Step) -> _Told | None:
    failed = step.phase is Phase.FAILED
    of_interest = worth_showing(step) or step.operation is Operation.DELETE_REPLACED or failed
    if step.phase is Phase.BEGUN or not of_interest:
        return None
    replaced = "  replaced" if step.operation is Operation.DELETE_REPLACED else ""
    changed = f"  {', '.join(sorted(step.changes))}" if step.changes else ""
    outside = f"  changed outside: {', '.join(changed_outside(step))}" if changed_outside(step) else ""
    gone = "  gone from AWS" if step.gone_outside else ""
    rest = f"{kind_of(step):<30} {step.name}{replaced}{changed}{outside}{gone}{'  failed' if failed else ''}"
    return _Told(f"{verb_of(step):<8}", _COLOURS.get(step.operation), one_line(rest))


def _error_line(text: str) -> None:
    click.echo(text, err=True, color=None if colour_wanted() else False)


def show_result(action: str, summary: Summary, account_ids: Mapping[str, str]) -> None:
    """Print what was done, or would be; ``no changes`` alone on standard output where that is nothing.

    The properties of a preview, and what a refresh found, are what was asked for: they go to standard output.
    """
    for step in summary.steps:
        if step.operation is Operation.SAME and changed_outside(step):
            what = (
                f"changed outside, and nothing to mend: {kind_of(step)} {step.name}: {', '.join(changed_outside(step))}"
            )
            _error_line(one_line(what))
    if action in {Action.PREVIEW, Action.REFRESH}:
        width = console().width if console().is_terminal else None
        for line in report_lines(summary.steps, account_ids):
            _show_line(line, width)
    click.echo(totals(summary, preview=action == Action.PREVIEW))


def show_json(summary: Summary) -> None:
    """Print a preview as JSON."""
    click.echo(json.dumps(summary_json(summary), indent=2))


def _show_line(line: StepLine, width: int | None) -> None:
    text, colour = line.folded(width), _MARK_COLOURS.get(line.mark)
    if colour or line.title:
        text = click.style(text, fg=colour, bold=line.title or None)
    click.echo(text, color=None if colour_wanted() else False)
