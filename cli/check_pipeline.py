"""bitbucket-oidc check-pipeline: a bitbucket-pipelines.yml held against the inventory."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from access.compile import compile_plan
from access.pipeline_check import CheckedPipelines, check_pipelines
from access.plan import AccessPlan
from cli.inventory import (
    FilledPath,
    exit_code,
    findings_json,
    format_option,
    guardrails_option,
    loaded,
    quiet_option,
    show_briefly,
    strict_option,
    unless_quiet,
)
from cli.selection import complete
from config.findings import Finding, one_line, show_path
from config.models.inventory import Inventory
from config.pipelines.reading import read_pipelines
from config.yaml.text import read_text
from oidc.errors import UsageError
from review.findings import counted, show_findings, summary


@click.command("check-pipeline")
@click.argument("file", type=FilledPath("the path of the file"), default="bitbucket-pipelines.yml", metavar="[FILE]")
@click.option(
    "--repository",
    metavar="WORKSPACE/SLUG",
    required=True,
    shell_complete=complete("repository"),
    help="The repository that has the file.",
)
@click.option(
    "--inventory", type=FilledPath("the path of the inventory"), default="inventory", show_default=True, metavar="PATH"
)
@guardrails_option
@format_option("text", "json", "sarif")
@strict_option
@quiet_option
def command(file: Path, repository: str, inventory: Path, output: str, *, strict: bool) -> int:
    """Report which steps of a bitbucket-pipelines.yml will not get into the roles that they name, and why.

    FILE is by default ./bitbucket-pipelines.yml. Whether a role lets a step in is decided as by `explain`. What only a
    run can tell, such as a variable in an ARN, is a note on standard error.
    """
    read = loaded(inventory)
    compilation = compile_plan(read)
    show_briefly(compilation.findings)
    if compilation.plan is None:
        return exit_code(compilation.findings, strict=strict)
    checked = checked_file(file, repository, compilation.plan, read.inventory)
    findings = findings_in(file, checked)
    _show(findings, checked, file, output)
    return exit_code([*compilation.findings, *findings], strict=strict)


def checked_file(file: Path, repository: str, plan: AccessPlan, inventory: Inventory) -> CheckedPipelines:
    """Read and check a file.

    Raises:
        UsageError: The file cannot be read, or the inventory has no such repository.
    """
    text = read_text(file, file.parent)
    if not isinstance(text, str):
        raise UsageError(f"{one_line(str(file))}: {text.message}", do=text.hint)
    return check_pipelines(read_pipelines(text), repository, plan, inventory, datetime.now(UTC))


def findings_in(file: Path, checked: CheckedPipelines) -> tuple[Finding, ...]:
    """Return the findings of a file, in its order."""
    placed = [fault.in_file(0, file) for fault in checked.faults]
    return tuple(sorted({fault.at(fault.place) for fault in placed if fault.place is not None}))


def _show(findings: Sequence[Finding], checked: CheckedPipelines, file: Path, output: str) -> None:
    for note in sorted(checked.notes, key=lambda note: note.at):
        place = f"{one_line(str(file))}:{note.at[0]}:{note.at[1]}"
        click.echo(one_line(f"{place}: note: {show_path(note.path)}: {note.text}"), err=True)
    if output == "json":
        click.echo(findings_json(findings))
    elif output == "sarif":
        from review.sarif import sarif  # noqa: PLC0415 - other formats need not wait for it

        click.echo(sarif(findings, ()))
    else:
        show_findings(unless_quiet(findings))
        roles = f"{counted(checked.checked, 'named role') or 'no named role'} checked, {checked.unchecked} not"
        click.echo(f"{roles}; {summary(findings, ())}", err=True)
