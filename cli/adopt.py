"""bitbucket-oidc adopt: write existing roles as an inventory file, with the files for `pulumi import`."""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
import yaml

from access.adoption.comments import Comments, KeyPath, note_in_words
from access.adoption.found import FoundAccount
from access.adoption.inventory import Adoption, adopt
from access.plan import AccessPlan
from cli.extras import require_extra
from cli.inventory import compiled, exit_code, inventory_argument, loaded, quiet_option, show_briefly
from config.findings import has_errors, one_line
from config.hidden_characters import with_escapes
from oidc.errors import OutsideWorldError, UsageError

ADOPTED = "adopted.yaml"
_ROLE = 2
"""The length of a role's path; its own comments are notes, which are shown already."""
IMPORTS = ("import-1.json", "import-2.json")
_HEAD = """\
# Written by `bitbucket-oidc adopt` from the accounts. Review it, rename repositories, fix what `validate` reports.
# The command never changes this file again.
"""


@click.command("adopt")
@inventory_argument
@click.option("--aws", is_flag=True, help="Read the accounts of the inventory. Required.")
@click.option(
    "--imports",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    metavar="FOLDER",
    help="Folder for the `pulumi import` files.  [default: .]",
)
@click.option(
    "--reading-role", metavar="NAME", help="Assume this role instead of the deploying role; path and external id stay."
)
@click.option("--aws-endpoint", metavar="URL", help="Endpoint of the sandbox's emulated accounts; loopback only.")
@quiet_option
def command(inventory: Path, imports: Path, *, aws: bool, reading_role: str | None, aws_endpoint: str | None) -> int:
    """Write the roles of the inventory's accounts that trust Bitbucket, with their policies, as an inventory file.

    Reads the accounts and changes nothing in AWS. Writes adopted.yaml into the inventory's folder, and two files for
    `pulumi import`. Reports what the inventory cannot express, and never makes access wider.
    """
    if not aws:
        raise UsageError("--aws is missing", do="write adopt --aws")
    require_extra("adopt --aws", "aws")
    target, import_paths = inventory / ADOPTED, [imports / name for name in IMPORTS]
    _check_targets(inventory, [target, *import_paths])
    before = compiled(inventory)
    if before.plan is None:
        show_briefly(before.findings)
        return exit_code(before.findings, strict=False)
    accounts = _read_accounts(before.plan, reading_role, aws_endpoint)
    now = loaded(inventory)
    managed = {(account.key, role.name) for account in before.plan.accounts for role in account.roles}
    adoption = adopt(accounts, now.inventory, managed, today=datetime.now(UTC).date(), lock=now.lock.lock)
    _show(adoption)
    if not adoption.data:
        click.echo("nothing to adopt: the inventory has all roles for Bitbucket that it can describe", err=True)
        return 0
    _write(target, _HEAD + yaml_text(adoption.data, adoption.comments))
    for path, content in zip(import_paths, _import_files(adoption, before.plan), strict=True):
        _write(path, json.dumps(content, indent=2) + "\n")
    files = " and then ".join(str(path) for path in import_paths)
    click.echo(f"{target}: {_counted(adoption)}; for pulumi import: {files}", err=True)
    after = compiled(inventory)
    show_briefly(after.findings)
    if has_errors(after.findings):
        click.echo("fix the errors above, then check the plan", err=True)
    return exit_code(after.findings, strict=False)


def yaml_text(data: Mapping[str, Any], comments: Comments | None = None) -> str:
    """Return data as YAML for the inventory, without aliases, and with escapes for hidden characters.

    Args:
        data: As parsed YAML.
        comments: Lines of comment above keys and entries of lists, by their paths.
    """
    told = comments or {}
    return "".join(f"{line}\n" for line in (*_commented(told.get((), ())), *_block(data, told, ())))


def _block(data: Mapping[str, Any], comments: Comments, at: KeyPath) -> Iterator[str]:
    """Yield the lines of a mapping; what has comments inside is written entry by entry."""
    for key, value in data.items():
        here = (*at, key)
        yield from _commented(comments.get(here, ()))
        if value and any(path[: len(here)] == here and len(path) > len(here) for path in comments):
            yield f"{_dumped({key: None})[0].removesuffix(' null')}"
            if isinstance(value, Mapping):
                yield from (f"  {line}" for line in _block(value, comments, here))
                continue
            for index, item in enumerate(value):
                yield from _commented(comments.get((*here, index), ()))
                yield from _dumped([item])
        else:
            yield from _dumped({key: value})


def _commented(lines: Iterable[str]) -> Iterator[str]:
    return (with_escapes(f"# {one_line(line)}") for line in lines)


def _dumped(data: object) -> list[str]:
    text = yaml.dump(data, Dumper=_InventoryDumper, sort_keys=False, allow_unicode=True, width=120)
    return with_escapes(text).removesuffix("\n").split("\n")


class _InventoryDumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:  # noqa: ANN401, ARG002 - PyYAML's own
        return True

    def represent_str(self, data: str) -> yaml.ScalarNode:
        """Put text with hidden characters into double quotes: only there YAML has escapes."""
        if with_escapes(data) == data:
            return super().represent_str(data)
        return self.represent_scalar("tag:yaml.org,2002:str", data, style='"')


_InventoryDumper.add_representer(str, _InventoryDumper.represent_str)


def _check_targets(inventory: Path, targets: Iterable[Path]) -> None:
    """Refuse paths that cannot be written, before AWS is asked; never overwrite a file."""
    if not inventory.is_dir():
        raise UsageError(f"{one_line(str(inventory))} is not a folder", do="adopt adds a file to an inventory folder")
    for target in targets:
        name = one_line(str(target))
        if not target.parent.is_dir():
            raise UsageError(f"the folder of {name} does not exist", do="make it, or name another folder")
        if target.exists():
            do = "rename it: its roles stay part of the inventory, and only new roles are written"
            raise UsageError(f"{name} exists already", do=do if target.name == ADOPTED else "move it away")


def _read_accounts(plan: AccessPlan, reading_role: str | None, endpoint: str | None) -> tuple[FoundAccount, ...]:
    """Read the accounts; all must answer, because a partial adoption would look complete."""
    from cli.lock.accounts import call_settings, checked_role_name  # noqa: PLC0415 - needs the extra `aws`
    from facts.aws.existing_access import existing_access  # noqa: PLC0415 - as above
    from facts.aws.refresh import entered_by  # noqa: PLC0415 - as above
    from facts.aws.survey import Failed, ask_each  # noqa: PLC0415 - as above

    settings, role = call_settings(endpoint), checked_role_name("--reading-role", reading_role)
    outcomes = ask_each([entered_by(account, role) for account in plan.accounts], settings, existing_access)
    failed = [outcome for outcome in outcomes if isinstance(outcome, Failed)]
    for outcome in failed:
        click.echo(f"{outcome.key}: {outcome.error}", err=True)
    if failed:
        what = f"{len(failed)} of {len(outcomes)} accounts did not answer"
        raise OutsideWorldError(what, do="nothing was written; run the command again when they answer")
    return tuple(outcome.facts for outcome in outcomes if not isinstance(outcome, Failed))


def _import_files(adoption: Adoption, plan: AccessPlan) -> tuple[Any, Any]:
    from components.import_file import import_files  # noqa: PLC0415 - imports Pulumi, which is slow

    return import_files(adoption.roles, plan.accounts, aws_version=version("pulumi-aws"))


def _show(adoption: Adoption) -> None:
    """Explain what is left out and what differs, then each line of each role that is written."""
    for note in adoption.notes:
        click.echo(one_line(note_in_words(note)), err=True)
    for path, lines in adoption.comments.items():
        if path[:1] == ("roles",) and len(path) > _ROLE and lines:
            click.echo(one_line(f"{'.'.join(map(str, path))}: {lines[0]}"), err=True)
            for line in lines[1:]:
                click.echo(f"    {one_line(line)}", err=True)


def _counted(adoption: Adoption) -> str:
    roles, accounts = len(adoption.roles), len({role.account for role in adoption.roles})
    return f"{roles} role{'' if roles == 1 else 's'} in {accounts} account{'' if accounts == 1 else 's'}"


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutsideWorldError(f"{one_line(str(path))} cannot be written: {error.strerror}") from error
