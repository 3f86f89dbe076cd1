"""What trust evaluator and STS say of the tokens of a proof, side by side."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby

from rich.markup import escape
from rich.table import Table

from config.findings import one_line
from sandbox.proof.decision import Decision

_STEPS = "steps of the inventory"


def in_short(decisions: Sequence[Decision]) -> Table:
    """Return a table of tokens that are alike to both, counted over all roles, with the reason that they have."""
    counted = Counter((_kind(one), _verdict(one), one.answer, _why(one)) for one in decisions)
    # Who gets in first, then those of the inventory, then the made up ones, each in the order of their trying.
    order = sorted(counted, key=lambda row: (row[1] != _YES, row[0] != _STEPS))
    table = _table("evaluator and STS, side by side", "tokens", "presented", "evaluator", "STS", "because")
    for row in order:
        table.add_row(str(counted[row]), *(escape(one_line(cell)) for cell in row))
    return table


def _why(decision: Decision) -> str:
    said = decision.evaluated
    return "the trust policy names it" if said is not None and said.allowed else decision.reasons[0].in_short


def in_full(decisions: Sequence[Decision]) -> Iterator[Table]:
    """Yield a table for each role, with a row for each token that was presented to it."""
    for arn, of_role in groupby(decisions, key=lambda decision: decision.arn):
        table = _table(escape(arn), "presented", "from", "inventory", "evaluator", "STS", "because")
        for one in of_role:
            name = f"{one.presented.name}{MADE_UP if one.made_up else ''}"
            inventory = _YES if one.expected else _NO
            why = "\n".join(one_line(reason.text) for reason in one.reasons)
            cells = (name, str(one.presented.origin), inventory, _verdict(one), one.answer)
            table.add_row(
                *(escape(one_line(cell)) for cell in cells), escape(why), style=None if one.agrees else "bold red"
            )
        yield table


MADE_UP = " (made up)"
_YES, _NO = "yes", "no"


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", expand=False)
    for column in columns:
        table.add_column(column, overflow="fold", justify="right" if column == "tokens" else "left")
    return table


def _kind(decision: Decision) -> str:
    return f"{decision.presented.name}{MADE_UP}" if decision.made_up else _STEPS


def _verdict(decision: Decision) -> str:
    """Return what the evaluator says, as ``explain`` writes it; a dash where the trust policy is not asked."""
    said = decision.evaluated
    if said is None:
        return "-"
    return "?" if said.undecided else _YES if said.allowed else _NO


def in_words(decision: Decision) -> str:
    """Say who says what of a token where they disagree, or would."""
    verbs = {"yes": "lets it in", "no": "refuses it", "?": "does not decide it", "-": "is not asked"}
    inventory = verbs[_YES if decision.expected else _NO]
    why = "; ".join(one_line(reason.text) for reason in decision.reasons)
    return (
        f"{decision.arn}: {one_line(decision.presented.name)} from {decision.presented.origin}: the inventory "
        f"{inventory}, the evaluator {verbs[_verdict(decision)]} ({why}), STS answered {one_line(decision.answer)}"
    )
