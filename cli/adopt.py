"""bitbucket-oidc adopt: an inventory file of what accounts have already, and the file for `pulumi import`."""

import json
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
import yaml

from access.adoption.found import FoundAccount, Note
from access.adoption.inventory import Adoption, adopt
from access.plan import AccessPlan
from cli.inventory import compiled, exit_code, inventory_argument, loaded
from config.findings import has_errors, one_line
from config.hidden_characters import with_escapes
from facts.aws import require_aws_package
from oidc.errors import OutsideWorldError, UsageError
from review.findings import show_findings

WRITTEN = "adopted.yaml"
IMPORTS = ("import-1.json", "import-2.json")
_HEAD = """\
# Written by `bitbucket-oidc adopt` from what the accounts have: review it, give names, decide what validate asks.
# It is yours from now on.
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
def command(inventory: Path, imports: Path, *, aws: bool, reading_role: str | None, aws_endpoint: str | None) -> int:
    """Write existing roles of the inventory's accounts that trust Bitbucket, with their policies, as an inventory file.

    Reads the accounts and changes nothing there. Writes adopted.yaml into the inventory's folder, and two files for
    `pulumi import`. Reports what the inventory cannot express, and never writes it wider than it is.
    """
    if not aws:
        raise UsageError("--aws is missing", do="write adopt --aws")
    require_aws_package("adopt --aws")
    target, import_paths = inventory / WRITTEN, [imports / name for name in IMPORTS]
    _check_targets(inventory, [target, *import_paths])
    before = compiled(inventory)
    if before.plan is None:
        show_findings(before.findings)
        return exit_code(before.findings, strict=False)
    found = _found(before.plan, reading_role, aws_endpoint)
    known = loaded(inventory).inventory
    managed = {(account.key, role.name) for account in before.plan.accounts for role in account.roles}
    adoption = adopt(found, known, managed)
    _show(adoption.notes)
    if not adoption.data:
        click.echo(
            "nothing to adopt: the accounts have no role for Bitbucket that the inventory could express and lacks",
            err=True,
        )
        return 0
    _write(target, _HEAD + yaml_text(adoption.data))
    for path, content in zip(import_paths, _import_files(adoption, before.plan), strict=True):
        _write(path, json.dumps(content, indent=2) + "\n")
    files = " and then ".join(str(path) for path in import_paths)
    click.echo(f"{target}: {_counted(adoption)}; for pulumi import: {files}", err=True)
    after = compiled(inventory)
    show_findings(after.findings)
    if has_errors(after.findings):
        click.echo("fix the errors above, then check the plan", err=True)
    return exit_code(after.findings, strict=False)


def yaml_text(data: Mapping[str, Any]) -> str:
    """Write data as YAML for the inventory, without aliases, and with escapes for characters that nobody sees."""
    return with_escapes(yaml.dump(dict(data), Dumper=_WrittenOut, sort_keys=False, allow_unicode=True, width=120))


class _WrittenOut(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:  # noqa: ANN401, ARG002 - PyYAML's own
        return True

    def represent_str(self, data: str) -> yaml.ScalarNode:
        """Put text with characters that nobody sees into double quotes: nowhere else has YAML escapes."""
        if with_escapes(data) == data:
            return super().represent_str(data)
        return self.represent_scalar("tag:yaml.org,2002:str", data, style='"')


_WrittenOut.add_representer(str, _WrittenOut.represent_str)


def _check_targets(inventory: Path, targets: Iterable[Path]) -> None:
    """Refuse paths that cannot be written, before AWS is asked; never overwrite a file."""
    if not inventory.is_dir():
        raise UsageError(f"{one_line(str(inventory))} is not a folder", do="adopt adds a file to an inventory folder")
    for target in targets:
        name = one_line(str(target))
        if not target.parent.is_dir():
            raise UsageError(f"the folder of {name} does not exist", do="make it, or name another one")
        if target.exists():
            do = "rename it: its roles are then part of the inventory, and only new ones are written"
            raise UsageError(f"{name} exists already", do=do if target.name == WRITTEN else "move it away")


def _found(plan: AccessPlan, reading_role: str | None, endpoint: str | None) -> tuple[FoundAccount, ...]:
    """Ask the accounts; all must answer, since a partial adoption would look complete."""
    from cli.lock.accounts import call_settings, checked_role_name  # noqa: PLC0415 - needs the extra `aws`
    from facts.aws.existing_access import existing_access  # noqa: PLC0415 - as above
    from facts.aws.refresh import entered_by  # noqa: PLC0415 - as above
    from facts.aws.survey import Failed, ask_each  # noqa: PLC0415 - as above

    settings, role = call_settings(endpoint), checked_role_name(reading_role)
    outcomes = ask_each([entered_by(account, role) for account in plan.accounts], settings, existing_access)
    failed = [outcome for outcome in outcomes if isinstance(outcome, Failed)]
    for one in failed:
        click.echo(f"{one.key}: {one.error}", err=True)
    if failed:
        what = f"{len(failed)} of {len(outcomes)} accounts did not answer"
        raise OutsideWorldError(what, do="nothing was written; run the command again when they do")
    return tuple(outcome.facts for outcome in outcomes if not isinstance(outcome, Failed))


def _import_files(adoption: Adoption, plan: AccessPlan) -> tuple[Any, Any]:
    from components.import_file import import_files  # noqa: PLC0415 - imports Pulumi, which takes its time

    return import_files(adoption.roles, plan.accounts, aws_version=version("pulumi-aws"))


def _show(notes: Iterable[Note]) -> None:
    for note in notes:
        left_out = "left out: " if note.is_left_out else ""
        click.echo(one_line(f"{note.subject}: {left_out}{note.message}"), err=True)


def _counted(adoption: Adoption) -> str:
    roles, accounts = len(adoption.roles), len({role.account for role in adoption.roles})
    return f"{roles} role{'' if roles == 1 else 's'} in {accounts} account{'' if accounts == 1 else 's'}"


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutsideWorldError(f"{one_line(str(path))} cannot be written: {error.strerror}") from error
