"""bitbucket-oidc ci stacks: the stacks whose plan a change alters."""

import json
from collections.abc import Collection, Iterable
from pathlib import Path

import click

from access.stacks import StackChange, TakenStackChange, stack_changes
from cli.ci.stack_files import path_in_project
from cli.ci.stack_notes import fleet_notes, stack_notes
from cli.ci.stack_sides import refuse_unreviewed_inventory, stacks_at, stacks_here
from cli.diff_sides import not_in_git
from cli.inventory import format_option, guardrails_option, named_guardrails, project_option
from cli.plan_digests import words_on_no_stack
from config.findings import one_line
from config.stack_file import FILE_NAME, render_stack_file
from oidc.errors import UsageError
from review.findings import show_findings


@click.command("stacks")
@click.option(
    "--base", metavar="REVISION", help="Revision to compare with: origin/main. Without it, all stacks are printed."
)
@project_option
@click.option(
    "--config-files",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="Write a file for `pulumi --config-file` for each printed stack, with known keys only.",
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

    The plan of a stack is the part of its inventory's plan for its accounts. A stack whose file is removed is printed:
    `up` then uses the defaults for it. A new stack has no state to preview against, so it is only in the JSON output.
    An inventory with `rollout` has a stack for each account, also without stack files.
    Exit code 1: an inventory has findings of level error.
    """
    if config_files is not None and config_files.resolve() == project.resolve():
        raise UsageError(
            "--config-files is the folder of the project, whose stack files must not be overwritten",
            do="name another folder",
        )
    before = stacks_at(project, base, inventory) if base is not None else None
    names = before.taken if before else ()
    here = stacks_here(project, is_compared=before is not None, before=names, inventory=inventory)
    if inventory is not None:
        refuse_unreviewed_inventory(here, project, inventory, named_guardrails())
    if here.errors:
        show_findings(here.errors)
        return 1
    if not here.taken:
        click.echo(f"note: there is no file Pulumi.STACK.yaml in {one_line(str(project))[:200]}", err=True)
    fault = before.fault if before else ""
    changes = stack_changes(here.taken, before.taken if before else None, base_fault=fault)
    missed = [words_on_no_stack(here.in_no_stack)] if here.in_no_stack else []
    noted = (*map(not_in_git, here.untracked), *missed, *fleet_notes(here), *stack_notes(changes, base or "", fault))
    for note in noted:
        click.echo(f"note: {one_line(note)[:1000]}", err=True)
    named = [change for change in changes if _is_named(change)]
    if config_files is not None:
        _write(named, project, config_files)
    if output == "json":
        click.echo(json.dumps([_json(change) for change in changes], indent=2))
    else:
        for change in named:
            click.echo(change.stack)
    return 0


_NAMED = frozenset({TakenStackChange.CHANGED, TakenStackChange.NOT_COMPARED, TakenStackChange.REMOVED})


def _is_named(change: StackChange) -> bool:
    """Tell whether a stack is printed: the program can preview it."""
    return change.change in _NAMED and change.now is not None and not change.now.is_refused


def _write(named: Iterable[StackChange], project: Path, folder: Path) -> None:
    _prepare(folder, {f"Pulumi.{change.stack}.yaml" for change in named})
    for change in named:
        if change.now is None:
            continue
        file = change.now.file
        paths = {"inventory": file.inventory} | ({"guardrails": file.guardrails} if file.guardrails else {})
        absolute = {key: str(path_in_project(project, path, file).resolve()) for key, path in paths.items()}
        # A branch must not decide how secrets are encrypted.
        outside_config = (change.base or change.now).file.outside_config
        text = render_stack_file({**file.settings, **absolute}, outside_config)
        (folder / f"Pulumi.{change.stack}.yaml").write_text(text, encoding="utf-8")


def _prepare(folder: Path, wanted: Collection[str]) -> None:
    """Make the folder and remove the files to be written: a branch may have brought them, as links to anywhere."""
    where = one_line(str(folder))[:200]
    if folder.is_symlink():
        raise UsageError(f"--config-files: {where} is a link", do="name a folder outside the repository")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        present = {path.name for path in folder.iterdir() if FILE_NAME.fullmatch(path.name)}
        if others := sorted(present - set(wanted)):
            what = f"--config-files: {where} already has {one_line(others[0])[:100]}, of a stack that is not printed"
            raise UsageError(what, do="remove it, or name a new folder")
        for name in present:
            (folder / name).unlink()
    except OSError as error:
        raise UsageError(f"--config-files: {where} cannot be written: {error.strerror}") from error


def _json(change: StackChange) -> dict[str, object]:
    return {
        "stack": change.stack,
        "change": change.change.value,
        "accounts": list(change.now.accounts) if change.now else [],
        "digest": change.now.digest if change.now else None,
        "base_digest": change.base.digest if change.base else None,
        "stack_file_keys": list(change.keys),
        "account_digests": [
            {"key": account.key, "id": account.id, "digest": account.digest, "base_digest": account.base_digest}
            for account in change.accounts
        ],
    }
