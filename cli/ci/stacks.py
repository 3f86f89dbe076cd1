"""bitbucket-oidc ci stacks: the stacks whose plan a change touches."""

import json
from pathlib import Path

import click

from cli.ci.stack_changes import Change, StackChange, stack_changes
from cli.finding_lines import show_findings
from cli.inventory import format_option
from config.findings import one_line
from config.stack_file import render_stack_file


@click.command("stacks")
@click.option("--base", metavar="REVISION", help="What to compare with: origin/main. All stacks where it is left out.")
@click.option(
    "--project",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    default=Path(),
    help="The folder with the files Pulumi.STACK.yaml; their paths are relative to it.  [default: .]",
)
@click.option(
    "--config-files",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="Write for each stack that is named a file for `pulumi --config-file`, with nothing in it but known keys.",
)
@format_option("text", "json")
def command(base: str | None, project: Path, config_files: Path | None, output: str) -> int:
    """Name the stacks whose plan differs from the one at --base, one on each line.

    The plan of a stack is what its accounts take of its inventory. A stack that only one side has is not named, since
    there is nothing to preview it against; JSON has it. Exit code 1: an inventory has findings of level error.
    """
    found = stack_changes(project, base)
    for note in found.notes:
        click.echo(f"note: {one_line(note)}", err=True)
    if found.errors:
        show_findings(found.errors)
        return 1
    named = [stack for stack in found.stacks if stack.change in {Change.CHANGED, Change.NOT_COMPARED}]
    if config_files is not None:
        _write(named, config_files)
    if output == "json":
        click.echo(json.dumps([_json(stack) for stack in found.stacks], indent=2))
    else:
        for stack in named:
            click.echo(stack.stack)
    return 0


def _write(named: list[StackChange], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for stack in named:
        path = folder / f"Pulumi.{stack.stack}.yaml"
        path.write_text(render_stack_file(stack.settings, stack.surroundings), encoding="utf-8")


def _json(stack: StackChange) -> dict[str, object]:
    return {
        "stack": stack.stack,
        "change": stack.change.value,
        "accounts": list(stack.accounts),
        "digest": stack.digest,
        "base_digest": stack.base_digest,
    }
