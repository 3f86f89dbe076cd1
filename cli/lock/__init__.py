"""bitbucket-oidc lock: look up UUIDs, certificates, address ranges and accounts, and write the lock."""

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.extras import require_extra
from cli.inventory import format_option, inventory_argument, loaded, strict_option
from config.findings import Finding, did_you_mean, one_line
from config.inventory_files import LOCK_NAME
from config.load import Loaded
from config.lock.models import ACCOUNT, Part
from config.lock.questions import Name, Questions, names_of, questions_of
from oidc.errors import UsageError
from review.findings import show_findings

if TYPE_CHECKING:
    from cli.lock.accounts import FromAws
    from facts.lock_refresh import Refreshed

_ANSWERED = frozenset({"needs-lock", "lock-mismatch", "lock-networks", "delegation-repository", "adopted-as-is"})
"""Errors that a new lock may fix."""


@click.command("lock")
@inventory_argument
@click.option("--check", is_flag=True, help="Compare without writing; end in exit code 1 if the lock differs.")
@click.option("--all", "everything", is_flag=True, help="Look up everything declared, not only what roles use.")
@click.option(
    "--accept",
    "accepted",
    multiple=True,
    metavar="NAME",
    help="Trust the new UUID of something recreated: WORKSPACE, WORKSPACE/REPOSITORY or …/ENVIRONMENT; "
    "or let `auto` choose another mode: account:ACCOUNT/WORKSPACE.",
)
@click.option("--aws", is_flag=True, help="Also read the AWS accounts, and the organization that selects them.")
@click.option(
    "--only",
    "parts",
    multiple=True,
    type=click.Choice([part.value for part in Part]),
    help="Look up only this part; keep the others.",
)
@format_option("text", "json")
@strict_option
@click.option("--bitbucket-url", envvar="BITBUCKET_API_URL", metavar="URL", help="URL of another Bitbucket REST API.")
@click.option("--ranges-url", envvar="ATLASSIAN_IP_RANGES_URL", metavar="URL", help="URL of other address ranges.")
@click.option(
    "--ca-file",
    envvar="BITBUCKET_CA_FILE",
    type=click.Path(path_type=Path),
    help="PEM file with the only CAs to trust for these URLs.",
)
@click.option(
    "--reading-role", metavar="NAME", help="Assume this role instead of the deploying role; path and external id stay."
)
@click.option(
    "--deploying-role",
    metavar="NAME",
    help="Name of the deploying role for accounts with only a profile, to record its template.  "
    "[default: the name in the lock]",
)
@click.option("--aws-endpoint", metavar="URL", help="Endpoint of the sandbox's emulated accounts; loopback only.")
def command(
    inventory: Path,
    output: str,
    *,
    accepted: Sequence[str],
    parts: Sequence[str],
    bitbucket_url: str | None,
    ranges_url: str | None,
    ca_file: Path | None,
    aws_endpoint: str | None,
    reading_role: str | None,
    deploying_role: str | None,
    aws: bool,
    check: bool,
    everything: bool,
    strict: bool,
) -> int:
    """Look up UUIDs, certificates and address ranges, with --aws also the accounts; write inventory.lock.yaml.

    It looks up the UUIDs that roles use, the certificates of issuers, and Atlassian's address ranges if a role needs
    them. It checks each UUID of the inventory. On an error it writes nothing; at Bitbucket's limit of requests, the
    answers. Credentials come from the environment: BITBUCKET_EMAIL and BITBUCKET_API_TOKEN, BITBUCKET_ACCESS_TOKEN,
    BITBUCKET_OAUTH_CLIENT_ID and BITBUCKET_OAUTH_CLIENT_SECRET, or a .netrc file. It enters AWS accounts as the program
    does.
    """
    if check and accepted:
        raise click.UsageError("--accept cannot be combined with --check, which writes nothing")
    chosen = _parts(parts, aws=aws)
    current = loaded(inventory)
    errors = _blocking(current.findings)
    if errors or current.lock.is_broken:
        return _refuse(errors)
    questions = questions_of(current.without_lock, current.lock.lock, everything=everything)
    of_accounts = [name for name in accepted if name.startswith(ACCOUNT)]
    names = _names([name for name in accepted if name not in of_accounts], questions)

    from cli.lock.report import LockReport, show  # noqa: PLC0415 - requests and rich take a while to import
    from config.lock.writing import write_lock  # noqa: PLC0415 - as above

    asks_aws, roles = Part.ACCOUNTS in chosen, (reading_role, deploying_role)
    ask = _ask_aws(inventory, current, of_accounts, aws_endpoint, roles) if asks_aws else None
    refreshed = _refreshed(current, questions, chosen, names, urls=(bitbucket_url, ranges_url, ca_file))
    from_aws = ask(refreshed) if ask is not None and refreshed.unanswered is None else None
    if from_aws is not None and from_aws.errors:
        return _refuse(from_aws.errors)
    refreshed = from_aws.refreshed if from_aws is not None else refreshed
    report = LockReport.of(current, questions, refreshed, is_check=check, asks_aws=asks_aws)
    report = report.with_accounts(from_aws.failed, from_aws.notes) if from_aws is not None else report
    if not check and not refreshed.has_errors and not report.is_empty:
        old = current.lock.source.document.text if current.lock.source is not None else None
        path = current.sources.folder / LOCK_NAME
        report = report.after_writing(is_written=write_lock(path, refreshed.lock, read=old))
    if output == "json":
        click.echo(json.dumps(report.to_json(), indent=2))
    else:
        show(report)
    return report.exit_code(strict=strict)


def _parts(named: Sequence[str], *, aws: bool) -> frozenset[Part]:
    """Return the parts to look up: the named parts, else everything; AWS only with ``--aws`` or by name."""
    parts = frozenset(map(Part, named)) or frozenset(Part) - {Part.ACCOUNTS}
    return parts | {Part.ACCOUNTS} if aws else parts


def _blocking(findings: Iterable[Finding]) -> list[Finding]:
    """Return the errors that a new lock cannot fix."""
    return [finding for finding in findings if finding.level == "error" and finding.rule not in _ANSWERED]


def _refuse(errors: Sequence[Finding]) -> int:
    show_findings(errors)
    click.echo("error: fix these errors of the inventory and its lock first; nothing was looked up", err=True)
    return 1


def _refreshed(
    current: Loaded,
    questions: Questions,
    parts: frozenset[Part],
    accepted: Sequence[Name],
    *,
    urls: tuple[str | None, str | None, Path | None],
) -> "Refreshed":
    """Ask Bitbucket, the issuers and Atlassian for the chosen parts."""
    from cli.lock.run import progress, world_of  # noqa: PLC0415 - requests and rich take a while to import
    from facts.lock_refresh import Refreshed, refresh  # noqa: PLC0415 - as above

    if parts == {Part.ACCOUNTS}:
        return Refreshed(current.lock.lock, (), ())
    left = [0]
    world = world_of(*urls, parts=parts, tell=lambda text: click.echo(text, err=True), names_left=lambda: left[0])
    with progress("asking Bitbucket", world.seconds_for) as show_progress:

        def on_progress(done: int, total: int) -> None:
            left[0] = total - done
            show_progress(done, total)

        return refresh(
            current.lock.lock,
            current.without_lock,
            questions,
            world,
            parts=parts,
            today=datetime.now(UTC).date(),
            accepted=accepted,
            on_progress=on_progress,
        )


def _ask_aws(
    inventory: Path,
    current: Loaded,
    accepted: Sequence[str],
    endpoint: str | None,
    roles: tuple[str | None, str | None],
) -> "Callable[[Refreshed], FromAws]":
    """Return a function that asks AWS; raises UsageError for wrong options or a missing package before any request."""
    require_extra("lock --aws", "aws")
    from cli.lock.accounts import (  # noqa: PLC0415 - botocore takes a while to import
        accepted_uses,
        ask_aws,
        call_settings,
        checked_role_name,
    )
    from cli.lock.run import progress  # noqa: PLC0415 - as above

    settings, uses = call_settings(endpoint), accepted_uses(accepted, current)
    reading = checked_role_name("--reading-role", roles[0])
    deploying = checked_role_name("--deploying-role", roles[1])
    if endpoint is not None:
        click.echo("note: these are emulated AWS accounts, not real ones; do not commit the lock", err=True)
    return lambda refreshed: ask_aws(
        inventory,
        current,
        refreshed,
        settings,
        reading_role=reading,
        deploying_role=deploying,
        accepted=uses,
        blocking=_blocking,
        progress=progress("asking AWS accounts"),
    )


def _names(accepted: Sequence[str], questions: Questions) -> list[Name]:
    """Return the names that ``--accept`` gives; raises UsageError for a name that is not looked up."""
    known = {"/".join(name): name for name, _ in names_of(questions)}
    for text in accepted:
        if text not in known:
            what = f"--accept {one_line(text)}: roles use no such workspace, repository or deployment environment"
            raise UsageError(what, do=did_you_mean(text, known, "copy the name from the finding"))
    return [known[text] for text in accepted]
