"""The end of a run on a screen: the accounts by result, and each reason once with the accounts that have it."""

import re
import textwrap
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
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

INTERRUPTED = 130
"""The exit code after Ctrl-C, as for other commands."""

_WORDS = {
    Result.IN_LINE: "in line",
    Result.TO_DO: "to do",
    Result.SUCCEEDED: "succeeded",
    Result.SKIPPED: "skipped",
    Result.FAILED: "failed",
    Result.REFUSED: "refused",
    Result.NOT_STARTED: "not started",
}
_NOTE = "note"


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
            keys = len({key for each in left for key in each.keys})
            lines.append(f"and {len(left):,} more reasons in {keys:,} accounts; --report FILE has them all"[:width])
            break
        lines += shown
    return [*lines, *last]


@dataclass(slots=True)
class _Reason:
    """A reason, and the keys of the accounts that have it."""

    word: str
    reason: str
    do: str
    keys: list[str] = field(default_factory=list)


def _reasons(report: RunReport) -> list[_Reason]:
    """Return the reasons and notes: failures first, then the most frequent first."""
    alike: dict[tuple[str, str, str], list[_Reason]] = defaultdict(list)
    for account in report.accounts:
        of_result = [(_WORDS[account.result], account.reason, account.do)] if account.reason else []
        notes = [note for note in account.notes if note not in account.reason]
        for word, reason, do in (*of_result, *((_NOTE, note, "") for note in notes)):
            one = _Reason(word, reason, do, [account.account])
            alike[word, _form(account, reason), _form(account, do)].append(one)
    groups = [
        # One account shows its own values.
        reasons[0] if len(reasons) == 1 else _Reason(*form, [key for reason in reasons for key in reason.keys])
        for form, reasons in alike.items()
    ]
    order = {word: number for number, word in enumerate((*(_WORDS[result] for result in UNDONE), _NOTE))}
    return sorted(groups, key=lambda group: (order.get(group.word, len(order)), -len(group.keys), group.keys[0]))


def _form(account: AccountReport, text: str) -> str:
    """Return a text with variables in place of what differs between accounts, as the changes of `diff` have them."""
    for name, value in (("account_id", account.id), ("account", account.account)):
        if value and value in text:
            text = re.sub(rf"(?<![\w{{-]){re.escape(value)}(?![\w}}-])", f"{{{{{name}}}}}", text)
    return text


def _reason_lines(group: _Reason, width: int) -> Iterator[str]:
    keys = listed(group.keys, _NAMED_KEYS)
    where = keys if len(group.keys) == 1 else f"{len(group.keys):,} accounts ({keys})"
    yield from _wrapped(f"{group.word}: {where}: {_short(group.reason)}", width, "")
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
    """Return ``up of 1,000 accounts: 950 in line, 38 succeeded, 12 failed; 40 create, 3 update; 12 min 3 s``."""
    results = ", ".join(
        f"{report.totals[result]:,} {word}" for result, word in _WORDS.items() if result in report.totals
    )
    steps = sum((Counter(account.counts) for account in report.accounts), Counter[str]())
    parts = [f"{report.command.value} of {_accounts(report)}: {results or 'nothing to do'}", steps_in_words(steps)]
    ended = "stopped before the end" if report.interrupted else ""
    return "; ".join(filter(None, [*parts, in_words(report.seconds), ended]))


def _accounts(report: RunReport) -> str:
    """Return ``3 of 1,000 accounts and 1 stack that no account has``."""
    strangers = sum(account.id is None for account in report.accounts)
    number = len(report.accounts) - strangers
    whole = f" of {report.fleet:,}" if number != report.fleet else ""
    parts = [f"{number:,}{whole} account{'' if report.fleet == 1 else 's'}"] if number or not strangers else []
    parts += [f"{strangers:,} stack{'' if strangers == 1 else 's'} that no account has"] if strangers else []
    return " and ".join(parts)


def in_words(seconds: float) -> str:
    """Return ``1 h 2 min``, ``12 min 3 s`` or ``3 s``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def steps_in_words(counts: Mapping[str, int]) -> str:
    """Return ``3 create, 1 update``; what stays the same is left out."""
    return ", ".join(f"{number:,} {what}" for what, number in sorted(counts.items()) if what != "same" and number)


def exit_code(report: RunReport, max_failures: int = 0) -> int:
    """Return 130 after Ctrl-C, 1 if something was not done; of `status` 3 if an account did not answer, 1 for the rest.

    Args:
        report: Of any command.
        max_failures: Accounts that may fail.
    """
    if report.interrupted:
        return INTERRUPTED
    if report.command is Command.STATUS:
        return 3 if report.failures else int(Result.TO_DO in report.totals)
    return int(len(report.failures) > max_failures)
