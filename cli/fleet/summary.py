"""The end of a run on a screen: the accounts by result, and each reason once with the accounts that have it."""

import re
import textwrap
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

import click

from config.findings import one_line
from fleet.report import UNDONE, AccountReport, Command, Result, RunReport
from review.diff import listed
from review.terminal import console

MAX_LINES = 36
"""Lines of the whole summary: with the prompt it fits a terminal of 40 lines."""

_NAMED_KEYS = 3
_LEAST_WIDTH = 40
_MAX_REASON = 400
"""Characters of a reason; the report has the whole."""

_WORDS = {
    Result.IN_LINE: "in line",
    Result.TO_DO: "to do",
    Result.SUCCEEDED: "succeeded",
    Result.SKIPPED: "skipped",
    Result.FAILED: "failed",
    Result.REFUSED: "refused",
    Result.NOT_STARTED: "not started",
}
_REASONS_FIRST = (*UNDONE, *(result for result in Result if result not in UNDONE))


def show_summary(report: RunReport) -> None:
    """Print the summary on standard error, in at most ``MAX_LINES`` lines."""
    for line in summary_lines(report, console(stderr=True).width):
        click.echo(line, err=True)


def summary_lines(report: RunReport, width: int) -> list[str]:
    """Return the lines of the summary.

    Args:
        report: Of any number of accounts.
        width: Columns of the terminal; no line is longer, but for a word that is.
    """
    width = max(width, _LEAST_WIDTH)
    last = list(_wrapped(_last_line(report), width, ""))
    room = MAX_LINES - len(last)
    lines: list[str] = []
    groups = _reasons(report)
    for number, group in enumerate(groups):
        shown = list(_reason_lines(group, width))
        further = groups[number + 1 :]
        if len(lines) + len(shown) + bool(further) > room:
            left = groups[number:]
            keys = sum(len(each.keys) for each in left)
            lines.append(f"and {len(left):,} more reasons in {keys:,} accounts; --report FILE has them all"[:width])
            break
        lines += shown
    return [*lines, *last]


@dataclass(slots=True)
class _Reason:
    """A reason, and the keys of the accounts that have it."""

    result: Result
    reason: str
    do: str
    keys: list[str] = field(default_factory=list)


def _reasons(report: RunReport) -> list[_Reason]:
    """Return the reasons, failures first, then the most frequent first."""
    alike: dict[tuple[Result, str, str], list[AccountReport]] = defaultdict(list)
    for account in report.accounts:
        if account.reason:
            alike[account.result, _form(account, account.reason), _form(account, account.do)].append(account)
    groups = [
        # One account shows its own values.
        _Reason(result, accounts[0].reason, accounts[0].do, [accounts[0].account])
        if len(accounts) == 1
        else _Reason(result, reason, do, [account.account for account in accounts])
        for (result, reason, do), accounts in alike.items()
    ]
    order = {result: number for number, result in enumerate(_REASONS_FIRST)}
    return sorted(groups, key=lambda group: (order[group.result], -len(group.keys), group.keys[0]))


def _form(account: AccountReport, text: str) -> str:
    """Return a text with variables in place of what differs between accounts, as the changes of `diff` have them."""
    for name, value in (("account_id", account.id), ("account", account.account)):
        if value and value in text:
            text = re.sub(rf"(?<![\w{{-]){re.escape(value)}(?![\w}}-])", f"{{{{{name}}}}}", text)
    return text


def _reason_lines(group: _Reason, width: int) -> Iterator[str]:
    keys = listed(group.keys, _NAMED_KEYS)
    where = keys if len(group.keys) == 1 else f"{len(group.keys):,} accounts ({keys})"
    yield from _wrapped(f"{_WORDS[group.result]}: {where}: {_short(group.reason)}", width, "")
    if group.do:
        yield from _wrapped(_short(group.do), width, "  ")


def _short(text: str) -> str:
    shown = one_line(text)
    return shown if len(shown) <= _MAX_REASON else f"{shown[: _MAX_REASON - 1]}…"


def _wrapped(text: str, width: int, indent: str) -> Iterator[str]:
    yield from textwrap.wrap(
        text, max(width, 1), initial_indent=indent, subsequent_indent=f"{indent}  ", break_on_hyphens=False
    )


def _last_line(report: RunReport) -> str:
    """Return ``up of 1,000 accounts: 950 in line, 38 succeeded, 12 failed; 12 min 3 s``."""
    number = len(report.accounts)
    counts = ", ".join(
        f"{report.totals[result]:,} {word}" for result, word in _WORDS.items() if result in report.totals
    )
    part = "" if number == report.fleet or report.command is Command.DESTROY else f" of {report.fleet:,}"
    what = (
        f"{report.command.value} of {number:,}{part} account{'' if number == 1 else 's'}: {counts or 'nothing to do'}"
    )
    ended = "; stopped before the end" if report.interrupted else ""
    return f"{what}; {in_words(report.seconds)}{ended}"


def in_words(seconds: float) -> str:
    """Return ``1 h 2 min``, ``12 min 3 s`` or ``3 s``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def steps_in_words(counts: dict[str, int]) -> str:
    """Return ``3 create, 1 update``; what stays the same is left out."""
    return ", ".join(f"{number} {what}" for what, number in sorted(counts.items()) if what != "same" and number)
