"""Read the run reports of several machines, and join them into one."""

import json
from collections import defaultdict
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from pydantic import ValidationError

from config.findings import one_line
from fleet.report import FORMAT, Part, RunReport, totals_of
from oidc.errors import UsageError


def join(reports: Mapping[str, RunReport]) -> RunReport:
    """Return one report of several runs, each with another part of the accounts.

    Args:
        reports: By the name of its file; at least one.

    Raises:
        UsageError: Two are of different commands, plans or versions, or have the same account.
    """
    names, joined = list(reports), list(reports.values())
    for name, report in reports.items():
        for key, what in (("command", "command"), ("plan", "plan"), ("version", "version of the program")):
            ours, first = getattr(report, key), getattr(joined[0], key)
            if ours != first:
                both = f"{name} has {one_line(str(ours))}, {names[0]} has {one_line(str(first))}"
                raise UsageError(f"these reports are of different runs: another {what}: {both}", do=_JOIN)
    owner: dict[str, str] = {}
    for name, report in reports.items():
        for account in report.accounts:
            if (other := owner.setdefault(account.account, name)) != name:
                what = f"account {one_line(account.account)} is in {other} and in {name}"
                raise UsageError(what, do=_JOIN)
    accounts = tuple(sorted((each for report in joined for each in report.accounts), key=lambda each: each.account))
    started = min(report.started for report in joined)
    ended = max(report.started + timedelta(seconds=report.seconds) for report in joined)
    return joined[0].model_copy(
        update={
            "started": started,
            "seconds": (ended - started).total_seconds(),
            "interrupted": any(report.interrupted for report in joined),
            "parts": tuple(part for report in joined for part in report.parts),
            "fleet": max(report.fleet for report in joined),
            "totals": totals_of(accounts),
            "accounts": accounts,
        }
    )


_JOIN = "join the reports of the shards and waves of one run"
_MAX_BYTES = 200_000_000


def read_report(path: Path) -> RunReport:
    """Return the report in a file.

    Raises:
        UsageError: The file cannot be read, is not a report, or has another format.
    """
    name = one_line(str(path))
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise UsageError(f"{name} is larger than a run report, 200 MB", do=_WRITE)
        data = json.loads(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{name} cannot be read: {error.strerror}", do=_WRITE) from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{name} is not a run report: it is not JSON", do=_WRITE) from error
    if isinstance(data, dict) and isinstance(data.get("format"), int) and data["format"] != FORMAT:
        what = f"{name} has format {data['format']}, this program reads format {FORMAT}"
        raise UsageError(what, do="write and join the reports with one version of the program")
    try:
        return RunReport.model_validate_json(json.dumps(data))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        at = ".".join(str(part) for part in first["loc"])
        raise UsageError(f"{name} is not a run report: {one_line(at)[:200]}: {first['msg']}", do=_WRITE) from error


_WRITE = "write it with `bitbucket-oidc fleet … --report FILE`"


def missing_shards(report: RunReport) -> tuple[str, ...]:
    """Return the shards without a report, if others of the same command have one: ``shard 4/8 of wave canary``."""
    numbers: dict[tuple[Part, int], set[int]] = defaultdict(set)
    for part in report.parts:
        if part.shard is not None:
            number, count = map(int, part.shard.split("/"))
            numbers[part.model_copy(update={"shard": None}), count].add(number)
    return tuple(
        f"shard {number}/{count}{_of_waves(part)}"
        for (part, count), known in numbers.items()
        for number in range(1, count + 1)
        if number not in known
    )


def _of_waves(part: Part) -> str:
    return f" of wave {' and '.join(part.waves)}" if part.waves else ""
