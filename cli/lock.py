"""bitbucket-oidc lock: ask the world for what the inventory leaves open, and keep its answers in the lock."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from cli.finding_lines import show_findings
from cli.inventory import format_option, inventory_argument, loaded, strict_option
from config.findings import did_you_mean, one_line
from config.inventory_files import LOCK_NAME
from config.load import Loaded
from config.lock.parts import Part
from config.lock.questions import Name, Questions, names_of, questions_of
from oidc.errors import UsageError

_ANSWERED = frozenset({"needs-lock", "lock-mismatch", "delegation-repository"})
"""Errors of the inventory that a new lock may put right."""


@click.command("lock")
@inventory_argument
@click.option(
    "--check", is_flag=True, help="Only compare: change nothing, and end in exit code 1 where the lock differs."
)
@click.option("--all", "everything", is_flag=True, help="Ask for all that is declared, not only for what roles use.")
@click.option(
    "--accept",
    "accepted",
    multiple=True,
    metavar="NAME",
    help="Trust the new UUID of what was made anew: WORKSPACE, WORKSPACE/REPOSITORY or …/ENVIRONMENT.",
)
@click.option(
    "--only",
    "parts",
    multiple=True,
    type=click.Choice([part.value for part in Part]),
    help="Ask for this part alone, and keep the others as they are.",
)
@format_option("text", "json")
@strict_option
@click.option("--bitbucket-url", envvar="BITBUCKET_API_URL", metavar="URL", help="Of the REST API, if it is another.")
@click.option("--ranges-url", envvar="ATLASSIAN_IP_RANGES_URL", metavar="URL", help="Of Atlassian's address ranges.")
@click.option(
    "--ca-file",
    envvar="BITBUCKET_CA_FILE",
    type=click.Path(path_type=Path),
    help="PEM of the CAs to trust for these URLs, in place of all others.",
)
def command(
    inventory: Path,
    output: str,
    *,
    accepted: Sequence[str],
    parts: Sequence[str],
    bitbucket_url: str | None,
    ranges_url: str | None,
    ca_file: Path | None,
    check: bool,
    everything: bool,
    strict: bool,
) -> int:
    """Ask Bitbucket, the issuers and Atlassian, and write inventory.lock.yaml.

    UUIDs of what roles use, certificates of issuers, and Atlassian's address ranges where a role wants them. Each UUID
    of the inventory is checked. Nothing is written where something is wrong. Credentials come from the environment:
    BITBUCKET_EMAIL and BITBUCKET_API_TOKEN, BITBUCKET_ACCESS_TOKEN, BITBUCKET_OAUTH_CLIENT_ID and
    BITBUCKET_OAUTH_CLIENT_SECRET, or a .netrc file.
    """
    if check and accepted:
        raise click.UsageError("--accept is for writing, and --check writes nothing")
    found = loaded(inventory)
    in_the_way = [one for one in found.findings if one.level == "error" and one.rule not in _ANSWERED]
    if in_the_way or found.lock.is_broken:
        show_findings(in_the_way)
        click.echo("error: the inventory and its lock must be sound before anybody is asked", err=True)
        return 1
    questions = questions_of(found.written, found.lock.lock, everything=everything)
    names = _names(accepted, questions)

    from cli.lock_display import Report, progress, show  # noqa: PLC0415 - requests and rich take a while to import
    from cli.lock_world import world_of  # noqa: PLC0415 - as above
    from config.lock.writing import write_lock  # noqa: PLC0415 - as above
    from facts.lock_refresh import refresh  # noqa: PLC0415 - as above

    world = world_of(bitbucket_url, ranges_url, ca_file, tell=lambda text: click.echo(text, err=True))
    with progress() as on_progress:
        refreshed = refresh(
            found.lock.lock,
            found.written,
            questions,
            world,
            parts=[Part(part) for part in parts] or list(Part),
            today=datetime.now(UTC).date(),
            accepted=names,
            on_progress=on_progress,
        )
    report = Report.of(found, questions, refreshed, is_check=check)
    if not check and not refreshed.has_errors:
        read = found.lock.source.document.text if found.lock.source is not None else None
        report = report.after_writing(written=write_lock(_path(found), refreshed.lock, read=read))
    if output == "json":
        click.echo(json.dumps(report.to_json(), indent=2))
    else:
        show(report)
    return report.exit_code(strict=strict)


def _path(found: Loaded) -> Path:
    return found.sources.folder / LOCK_NAME


def _names(accepted: Sequence[str], questions: Questions) -> list[Name]:
    """Return the names that ``--accept`` gives; raises UsageError for one that is not asked."""
    known = {"/".join(name): name for name, _ in names_of(questions)}
    for text in accepted:
        if text not in known:
            what = f"--accept {one_line(text)}: roles use no such workspace, repository or deployment environment"
            raise UsageError(what, do=did_you_mean(text, known, "write it as the finding does"))
    return [known[text] for text in accepted]
