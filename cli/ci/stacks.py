"""bitbucket-oidc ci stacks: the stacks whose plan a change touches."""

import json
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

import click

from access.stacks import StackChange, TakenStackChange, stack_changes
from cli.ci.stack_sides import inside, refuse_what_nobody_reviewed, stacks_at, stacks_here
from cli.diff_sides import not_in_git
from cli.inventory import format_option, guardrails_option, named_guardrails, project_option
from config.findings import one_line
from config.stack_file import FILE_NAME, render_stack_file
from oidc.errors import UsageError
from review.findings import show_findings


@click.command("stacks")
@click.option(
    "--base", metavar="REVISION", help="Revision to compare with: origin/main. Without it all stacks are named."
)
@project_option
@click.option(
    "--config-files",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="Write a file with only known keys for `pulumi --config-file`, for each named stack.",
)
@click.option(
    "--inventory",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="The reviewed inventory; a stack that uses another one is an error.",
)
@guardrails_option
@format_option("text", "json")
def command(*, base: str | None, project: Path, config_files: Path | None, inventory: Path | None, output: str) -> int:
    """Print the stacks whose plan differs from the one at --base, one on each line.

    The plan of a stack is what its accounts take of its inventory. A stack whose file is removed is named, with the
    defaults that `up` takes for it then. A new stack is not named, since there is nothing to preview it against; JSON
    has it. Exit code 1: an inventory has findings of level error.
    """
    if config_files is not None and config_files.resolve() == project.resolve():
        raise UsageError("--config-files is the project's folder, whose stack files stay", do="name another folder")
    before = stacks_at(project, base).taken if base is not None else None
    here = stacks_here(project, is_compared=base is not None, before=before or ())
    if inventory is not None:
        refuse_what_nobody_reviewed(here, project, inventory, named_guardrails())
    if here.errors:
        show_findings(here.errors)
        return 1
    if not here.taken:
        click.echo(f"note: there is no file Pulumi.STACK.yaml in {one_line(str(project))[:200]}", err=True)
    found = stack_changes(here.taken, before)
    for note in (*map(not_in_git, here.untracked), *_notes(found, base or "")):
        click.echo(f"note: {one_line(note)[:1000]}", err=True)
    named = [one for one in found if one.change in _NAMED]
    if config_files is not None:
        _write(named, project, config_files)
    if output == "json":
        click.echo(json.dumps([_json(one) for one in found], indent=2))
    else:
        for one in named:
            click.echo(one.stack)
    return 0


_NAMED = frozenset({TakenStackChange.CHANGED, TakenStackChange.NOT_COMPARED, TakenStackChange.REMOVED})


def _write(named: Iterable[StackChange], project: Path, folder: Path) -> None:
    _prepare(folder, {f"Pulumi.{one.stack}.yaml" for one in named})
    for one in named:
        if one.now is None:
            continue
        file = one.now.file
        paths = {"inventory": file.inventory} | ({"guardrails": file.guardrails} if file.guardrails else {})
        absolute = {key: str(inside(project, path, file).resolve()) for key, path in paths.items()}
        # How secrets are encrypted is not for a branch to say.
        surroundings = (one.base or one.now).file.surroundings
        text = render_stack_file({**file.settings, **absolute}, surroundings)
        (folder / f"Pulumi.{one.stack}.yaml").write_text(text, encoding="utf-8")


def _prepare(folder: Path, wanted: Collection[str]) -> None:
    """Make the folder, without files of these names: a branch may bring both, and links to anywhere."""
    where = one_line(str(folder))[:200]
    if folder.is_symlink():
        raise UsageError(f"--config-files: {where} is a link", do="name a folder that no branch brings")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        there = {path.name for path in folder.iterdir() if FILE_NAME.fullmatch(path.name)}
        if others := sorted(there - set(wanted)):
            what = f"--config-files: {where} has {one_line(others[0])[:100]} already, of a stack that is not named"
            raise UsageError(what, do="remove it, or name a new folder")
        for name in there:
            (folder / name).unlink()
    except OSError as error:
        raise UsageError(f"--config-files: {where} cannot be written: {error.strerror}") from error


def _notes(found: Iterable[StackChange], base: str) -> Iterator[str]:
    for one in found:
        if one.now is not None:
            yield from (f"{one.now.file.file}: {key} is left out" for key in one.now.file.others)
        if one.keys and one.change is not TakenStackChange.REMOVED:
            yield f"stack {one.stack}: its file changes {', '.join(one.keys)}"
        if one.base is not None and one.base.fault and one.now is not None:
            yield f"stack {one.stack} cannot be compared with {base}: {one.base.fault}"
        if one.change is TakenStackChange.ADDED:
            made = f"it is in {base} and made with `pulumi stack init`"
            yield f"stack {one.stack} is new: it has no preview before {made}"
        if one.change is TakenStackChange.REMOVED:
            fault = f"; these cannot be used: {one.now.fault}" if one.now and one.now.fault else ""
            yield (
                f"stack {one.stack} no longer has a file: its resources stay, and `up` uses the defaults for it, "
                f"all accounts among them{fault}; destroy it and run `pulumi stack rm` before its file goes"
            )


def _json(one: StackChange) -> dict[str, object]:
    return {
        "stack": one.stack,
        "change": one.change.value,
        "accounts": list(one.now.accounts) if one.now else [],
        "digest": one.now.digest if one.now else None,
        "base_digest": one.base.digest if one.base else None,
        "stack_file_keys": list(one.keys),
    }
