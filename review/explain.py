"""Show verdicts: first the roles that admit the claims, then near misses, then a count of the others."""

from collections import Counter
from collections.abc import Iterable, Sequence

import click

from access.explanation.explain import RoleAnswer, TokenCall, Verdict
from access.explanation.names import Names
from access.explanation.reasons import workspace_of
from access.explanation.subjects import subject_in_words
from config.findings import one_line
from review.findings import colour_wanted

_NEAR = 2
"""A greater sum of the weights of the reasons is far off: another repository, another workspace."""

_FEW = 3
"""The number of far-off roles shown if there are no near misses."""


def show_notes(notes: Sequence[str]) -> None:
    """Print notes about the claims, on standard error."""
    for note in notes:
        click.echo(f"note: {note}", err=True)


def show_call(call: TokenCall, names: Names) -> None:
    """Print the claims in words: ``step of acme/shop, deployment environment production``."""
    subject, audience = str(call.claims["sub"]), call.claims["aud"]
    audiences = audience if isinstance(audience, list) else [audience]
    issuer = str(call.claims["iss"])
    workspace = workspace_of(issuer)
    click.echo(f"issuer    {one_line(issuer) if workspace == one_line(issuer) else f'workspace {workspace}'}")
    click.echo(f"audience  {' and '.join(names.audience(name) for name in audiences)}")
    click.echo(f"subject   {subject_in_words(subject, names)}: {one_line(subject)}")
    where = f"from {call.source_ip}" if call.source_ip else "no address given"
    through = f", through {call.vpc_endpoint}" if call.vpc_endpoint else ""
    click.echo(f"call      {where}{through}, at {call.at:%Y-%m-%dT%H:%M:%SZ}; the signature of a token is not checked")


def show_verdicts(verdicts: Sequence[Verdict], *, every: bool) -> None:
    """Print a line for each role with its reasons below; count the roles that are far off, or print all."""
    allowed = [verdict for verdict in verdicts if verdict.answer.allowed]
    refused = sorted(
        (verdict for verdict in verdicts if not verdict.answer.allowed),
        key=lambda verdict: (verdict.answer.distance, verdict.arn),
    )
    near = [verdict for verdict in refused if verdict.answer.distance <= _NEAR]
    shown = refused if every else near or ([] if allowed else refused[:_FEW])
    for verdicts_alike in _alike([*allowed, *shown]):
        if every or len(verdicts_alike) <= _FEW:
            for verdict in verdicts_alike:
                _show(verdict)
        else:
            _show_alike(verdicts_alike)
    click.echo()
    click.echo(f"{_counted(len(allowed))} allowed, {_counted(len(refused))} refused")
    if left_out := refused[len(shown) :]:
        click.echo(f"{len(left_out)} of these not shown, since they differ more from the claims (--all lists them):")
        for reason, number in Counter(verdict.answer.reasons[-1].in_short for verdict in left_out).most_common():
            click.echo(f"  {_counted(number)}: {reason}")


def _alike(verdicts: Iterable[Verdict]) -> Iterable[Sequence[Verdict]]:
    """Group the verdicts of one role in several accounts with the same answer, each in the place of its first."""
    grouped: dict[object, list[Verdict]] = {}
    for verdict in verdicts:
        reasons = tuple(reason.text for reason in verdict.answer.reasons)
        grouped.setdefault((verdict.role, verdict.answer.allowed, verdict.answer.undecided, reasons), []).append(
            verdict
        )
    return grouped.values()


def _show_alike(verdicts: Sequence[Verdict]) -> None:
    first, *others = verdicts
    accounts = ", ".join(one_line(verdict.account) for verdict in verdicts[:_FEW])
    more = f"{accounts} and {len(verdicts) - _FEW} more accounts"
    click.echo()
    show_answer(first.answer, f"{more}  {one_line(first.role)}")
    click.echo(f"      in the first {one_line(first.arn)}; --all lists these {len(others) + 1}")


def _show(verdict: Verdict) -> None:
    click.echo()
    show_answer(verdict.answer, "  ".join(map(one_line, (verdict.account, verdict.role, verdict.arn))))


def show_answer(answer: RoleAnswer, whose: str) -> None:
    """Print yes, no or ?, the role, and the reasons below."""
    if answer.allowed:
        word = _coloured("yes", "green")
    elif answer.undecided:
        word = _coloured("?  ", "yellow")
    else:
        word = _coloured("no ", "red")
    click.echo(f"{word} {whose}", color=_colour())
    for reason in answer.reasons:
        click.echo(f"      {reason.text}")


def _coloured(word: str, colour: str) -> str:
    return click.style(word, fg=colour, bold=True)


def _colour() -> bool | None:
    return None if colour_wanted() else False


def _counted(number: int) -> str:
    return f"{number} role" if number == 1 else f"{number} roles"
