"""The proof as a table that a security reviewer would want to read, and as JSON."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from rich.markup import escape
from rich.table import Table

from cli.terminal import console
from sandbox.proof.prove import Decision


def show_proof(decisions: Sequence[Decision]) -> None:
    """Print for each account who gets into which role, and what was refused; every disagreement in full."""
    out = console()
    kinds = list(dict.fromkeys(decision.presented.name for decision in decisions if decision.made_up))
    for account, of_account in groupby(decisions, key=lambda decision: decision.account):
        table = Table(title=escape(account), title_justify="left", title_style="bold", show_lines=True)
        table.add_column("role", overflow="fold")
        table.add_column("STS lets in", overflow="fold")
        table.add_column("STS refuses", overflow="fold")
        table.add_column("as the inventory says", justify="right")
        for _, of_role in groupby(of_account, key=lambda decision: decision.role):
            table.add_row(*_row(list(of_role)))
        out.print(table)
    if kinds:
        out.print(f"Wrong tokens, each one step away from a right one: {', '.join(kinds)}.", **_PROSE)
    for decision in decisions:
        if not decision.agrees:
            out.print(_disagreement(decision), style="bold red", **_PROSE)
    out.print(_summary(decisions), **_PROSE)


_PROSE: dict[str, Any] = {"highlight": False, "soft_wrap": True, "markup": False}


def _row(decisions: list[Decision]) -> tuple[str, str, str, str]:
    steps = [decision for decision in decisions if not decision.made_up]
    made_up = [decision for decision in decisions if decision.made_up]
    let_in = [
        f"{decision.presented.name}{_MADE_UP if decision.made_up else ''}" for decision in decisions if decision.allowed
    ]
    refused = [
        f"{sum(not decision.allowed for decision in steps)} of {len(steps)} steps of the inventory",
        f"{sum(not decision.allowed for decision in made_up)} of {len(made_up)} wrong tokens",
    ]
    disagreements = sum(not decision.agrees for decision in decisions)
    verdict = f"[bold red]NO, {disagreements} of {len(decisions)} differ[/]" if disagreements else "yes"
    name = decisions[0].arn.partition(":role/")[2]
    return escape(name), escape("\n".join(dict.fromkeys(let_in)) or "nobody"), "\n".join(refused), verdict


_MADE_UP = " (made up)"


def _disagreement(decision: Decision) -> str:
    inventory = "lets it in" if decision.expected else "refuses it"
    presented = decision.presented
    return (
        f"{decision.arn}: {presented.name} from {presented.source_ip}: the inventory {inventory}, "
        f"STS answered {decision.answer}"
    )


def _summary(decisions: Sequence[Decision]) -> str:
    roles = len({decision.arn for decision in decisions})
    wrong = sum(decision.made_up for decision in decisions)
    disagreements = sum(not decision.agrees for decision in decisions)
    verdict = (
        "every one decided as the inventory says" if not disagreements else f"{disagreements} NOT as the inventory says"
    )
    steps = len(decisions) - wrong
    return f"roles: {roles}; tokens of the inventory's own steps: {steps}, wrong ones: {wrong}; {verdict}"


def proof_json(decisions: Sequence[Decision]) -> list[dict[str, Any]]:
    """Return every decision as JSON."""
    return [
        {
            "account": decision.account,
            "role": decision.role,
            "arn": decision.arn,
            "token": decision.presented.name,
            "made_up": decision.made_up,
            "source_ip": decision.presented.source_ip,
            "expected": decision.expected,
            "allowed": decision.allowed,
            "answer": decision.answer,
        }
        for decision in decisions
    ]
