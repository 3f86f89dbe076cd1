"""The output of a run: progress, properties, JSON, and a last line that counts the changed resources."""

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

from cli.sandbox.property_lines import Mark, StepLine, without_secrets
from cli.sandbox.step_lines import account_of, changed_outside, is_aws, kind_of, report_lines, verb_of, worth_showing
from config.findings import one_line
from fleet.pulumi_cli.steps import Operation, Phase, PropertyChange, Step, Summary, opened
from review.findings import colour_wanted
from review.terminal import console
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

    A preview names all four kinds of change, even those with 0: ``0 to delete`` is worth reading. Resources that are
    in the state only (components, AWS providers) are counted separately.
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
    state = f"in the state only: {', '.join(alone)}" if alone else ""
    return "; ".join(part for part in (", ".join(parts), state) if part)


def summary_json(summary: Summary) -> dict[str, Any]:
    """Return ``{"steps": […], "counts": {…}}``: the same steps as in the text, with policies as JSON objects.

    The counts are for resources in AWS. A value that is known only after ``up`` is ``null``; external ids are hidden.
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
        if worth_showing(step)
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
    cleaned: object = without_secrets({name: opened(value)})
    return cleaned[name] if isinstance(cleaned, dict) else None


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
_MARK_COLOURS = {Mark.ADDED: "green", Mark.REMOVED: "red", Mark.CHANGED: "yellow", Mark.REPLACED: "magenta"}


@dataclass(frozen=True, slots=True)
class _ProgressLine:
    """One line about a step: the verb with its colour, and the text after it."""

    verb: str
    colour: str | None
    text: str

    def plain(self) -> None:
        """Print the line."""
        _error_line(click.style(self.verb, fg=self.colour) + " " + self.text)


@contextmanager
def progress(action: str) -> Iterator[Listener]:
    """Yield a listener that shows steps and logs: a progress display on a terminal, else plain lines."""
    # A preview shows all its steps at the end.
    line_of = _no_line if action == Action.PREVIEW else _progress_line
    screen = console(stderr=True)
    if screen.is_terminal and not screen.is_dumb_terminal:
        with _progress_display(screen) as display:
            yield _on_terminal(display, line_of)
        return

    def on_step(step: Step) -> None:
        line = line_of(step)
        if line is not None:
            line.plain()

    yield Listener(on_step, lambda message: _error_line(message.text))


def _progress_display(screen: Console) -> Progress:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.completed} done", markup=False),
        TimeElapsedColumn(),
        TextColumn("{task.description}", markup=False),
    )
    return Progress(*columns, console=screen, transient=True)


def _on_terminal(display: Progress, line_of: Callable[[Step], _ProgressLine | None]) -> Listener:
    task = display.add_task("", total=None)

    def on_step(step: Step) -> None:
        done = step.phase is Phase.DONE and is_aws(step)
        display.update(task, description=one_line(f"{verb_of(step)} {kind_of(step)} {step.name}"), advance=int(done))
        line = line_of(step)
        if line is not None:
            display.console.print(Text.assemble((line.verb, line.colour or ""), " ", line.text), soft_wrap=True)

    return Listener(on_step, lambda message: display.console.print(Text(message.text), soft_wrap=True))


def _no_line(_step: Step) -> None:
    """Show no line for a step."""


def _progress_line(step: Step) -> _ProgressLine | None:
    failed = step.phase is Phase.FAILED
    of_interest = worth_showing(step) or step.operation is Operation.DELETE_REPLACED or failed
    if step.phase is Phase.BEGUN or not of_interest:
        return None
    replaced = "  replaced" if step.operation is Operation.DELETE_REPLACED else ""
    changed = f"  {', '.join(sorted(step.changes))}" if step.changes else ""
    outside = f"  changed outside: {', '.join(changed_outside(step))}" if changed_outside(step) else ""
    gone = "  gone from AWS" if step.gone_outside else ""
    text = f"{kind_of(step):<30} {step.name}{replaced}{changed}{outside}{gone}{'  failed' if failed else ''}"
    return _ProgressLine(f"{verb_of(step):<8}", _COLOURS.get(step.operation), one_line(text))


def _error_line(text: str) -> None:
    click.echo(text, err=True, color=None if colour_wanted() else False)


def show_result(action: str, summary: Summary, account_ids: Mapping[str, str]) -> None:
    """Print the result of a run; only ``no changes`` on standard output if nothing changes.

    The properties of a preview or refresh are its result, so they go to standard output.
    """
    for step in summary.steps:
        if step.operation is Operation.SAME and changed_outside(step):
            what = f"changed outside, no update needed: {kind_of(step)} {step.name}: {', '.join(changed_outside(step))}"
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
