"""What trust evaluator and STS say of the tokens of a proof, side by side."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from rich.markup import escape
from rich.table import Table

from config.findings import one_line
from review.terminal import console
from sandbox.proof.permission_cases import NotTried
from sandbox.proof.prove import Proof, ProofDecision
from sandbox.proof.trials import TriedPermission

_STEPS = "steps of the inventory"


def in_short(decisions: Sequence[ProofDecision]) -> Table:
    """Return a table of tokens that are alike to both, counted over all roles, with the reason that they have."""
    counted = Counter((_kind(one), _verdict(one), one.answer, _why(one)) for one in decisions)
    # Who gets in first, then those of the inventory, then the made up ones, each in the order of their trying.
    order = sorted(counted, key=lambda row: (row[1] != _YES, row[0] != _STEPS))
    table = _table("evaluator and STS, side by side", "tokens", "presented", "evaluator", "STS", "because")
    for row in order:
        table.add_row(str(counted[row]), *(escape(one_line(cell)) for cell in row))
    return table


def _why(decision: ProofDecision) -> str:
    said = decision.evaluated
    return "the trust policy names it" if said is not None and said.allowed else decision.reasons[0].in_short


def in_full(decisions: Sequence[ProofDecision]) -> Iterator[Table]:
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


def _kind(decision: ProofDecision) -> str:
    return f"{decision.presented.name}{MADE_UP}" if decision.made_up else _STEPS


def _verdict(decision: ProofDecision) -> str:
    """Return what the evaluator says, as ``explain`` writes it; a dash where the trust policy is not asked."""
    said = decision.evaluated
    if said is None:
        return "-"
    return "?" if said.undecided else _YES if said.allowed else _NO


def in_words(decision: ProofDecision) -> str:
    """Say who says what of a token where they disagree, or would."""
    verbs = {"yes": "lets it in", "no": "refuses it", "?": "does not decide it", "-": "is not asked"}
    inventory = verbs[_YES if decision.expected else _NO]
    why = "; ".join(one_line(reason.text) for reason in decision.reasons)
    return (
        f"{decision.arn}: {one_line(decision.presented.name)} from {decision.presented.origin}: the inventory "
        f"{inventory}, the evaluator {verbs[_verdict(decision)]} ({why}), STS answered {one_line(decision.answer)}"
    )


def show_proof(proof: Proof, *, every: bool = False) -> None:
    """Print for each account who gets into which role, and evaluator and STS side by side; disagreements in full.

    Args:
        proof: All that was asked.
        every: Whether to print each token presented to each role, and not those that are alike together.
    """
    out = console()
    decisions = proof.decisions
    tried = {arn: list(found) for arn, found in groupby(proof.permissions, key=lambda one: one.arn)}
    for account, of_account in groupby(decisions, key=lambda decision: decision.account):
        table = Table(title=escape(account), title_justify="left", title_style="bold", show_lines=True)
        table.add_column("role", overflow="fold")
        table.add_column("STS lets in", overflow="fold")
        table.add_column("STS refuses", overflow="fold")
        table.add_column("all agree", justify="right")
        table.add_column("may do, may not do", overflow="fold")
        for arn, of_role in groupby(of_account, key=lambda decision: decision.arn):
            table.add_row(*_row(list(of_role)), _tried(tried.get(arn, [])))
        out.print(table)
    for table in in_full(decisions) if every else [in_short(decisions)]:
        out.print(table)
    for decision in decisions:
        if not decision.agrees:
            out.print(in_words(decision), style="bold red", **_PROSE)
    for one in proof.permissions:
        if not one.agrees:
            out.print(_permission_disagreement(one), style="bold red", **_PROSE)
    out.print(_summary(decisions), **_PROSE)
    out.print(_permission_summary(proof.permissions), **_PROSE)


_PROSE: dict[str, Any] = {"highlight": False, "soft_wrap": True, "markup": False}


def _row(decisions: list[ProofDecision]) -> tuple[str, str, str, str]:
    steps = [decision for decision in decisions if not decision.made_up]
    made_up = [decision for decision in decisions if decision.made_up]
    let_in = [
        f"{decision.presented.name}{MADE_UP if decision.made_up else ''}" for decision in decisions if decision.allowed
    ]
    refused = [
        f"{sum(not decision.allowed for decision in steps)} of {len(steps)} steps of the inventory",
        f"{sum(not decision.allowed for decision in made_up)} of {len(made_up)} wrong tokens",
    ]
    disagreements = sum(not decision.agrees for decision in decisions)
    verdict = f"[bold red]NO, {disagreements} of {len(decisions)} differ[/]" if disagreements else "yes"
    name = decisions[0].arn.partition(":role/")[2]
    return (
        escape(name),
        escape("\n".join(map(one_line, dict.fromkeys(let_in))) or "nobody"),
        "\n".join(refused),
        verdict,
    )


def _summary(decisions: Sequence[ProofDecision]) -> str:
    roles = len({decision.arn for decision in decisions})
    wrong = sum(decision.made_up for decision in decisions)
    disagreements = sum(not decision.agrees for decision in decisions)
    verdict = (
        "every one decided as the inventory says, by evaluator and STS alike"
        if not disagreements
        else f"of {disagreements} inventory, evaluator and STS do NOT say the same"
    )
    steps = len(decisions) - wrong
    return f"roles: {roles}; tokens of the inventory's own steps: {steps}, wrong ones: {wrong}; {verdict}"


def _tried(permissions: list[TriedPermission]) -> str:
    """Say what was tried for one role: ``yes, s3:PutObject (simulated) / iam:ListUsers (called)``."""
    lines = []
    for one in permissions:
        if isinstance(one.trial, NotTried):
            lines.append(f"not tried: {escape(one.trial.reason)}")
        else:
            verdict = "yes" if one.agrees else "[bold red]NO[/]"
            does = "may" if one.trial.expected else "may not"
            lines.append(f"{verdict}: {does} {escape(one.trial.action)} ({one.trial.way.value})")
    return "\n".join(lines)


def _permission_disagreement(one: TriedPermission) -> str:
    if isinstance(one.trial, NotTried):
        return ""
    return (
        f"{one.arn}: {one.trial.action} on {one.trial.resource}, {one.trial.way.value}: {one.trial.reason}, "
        f"the emulated AWS answered {one.answer}"
    )


def _permission_summary(permissions: Sequence[TriedPermission]) -> str:
    tried = [one for one in permissions if not isinstance(one.trial, NotTried)]
    disagreements = sum(not one.agrees for one in tried)
    verdict = f"{disagreements} NOT as the policies say" if disagreements else "every one decided as the policies say"
    without = len({one.arn for one in permissions} - {one.arn for one in tried})
    not_tried = f"; {without} {'role' if without == 1 else 'roles'} not tried" if without else ""
    return f"{len(tried)} permissions tried with the roles' credentials or simulated: {verdict}{not_tried}"


def proof_json(proof: Proof) -> dict[str, Any]:
    """Return everything as JSON; the keys are public, and documented in ``docs/reference/commands.md``."""
    return {
        "agrees": proof.agrees,
        "decisions": [_decision_json(decision) for decision in proof.decisions],
        "permissions": [_permission_json(one) for one in proof.permissions],
    }


def _decision_json(decision: ProofDecision) -> dict[str, Any]:
    said = decision.evaluated
    return {
        "account": decision.account,
        "role": decision.role,
        "arn": decision.arn,
        "token": decision.presented.name,
        "made_up": decision.made_up,
        "source_ip": None if decision.presented.origin.source_vpce else decision.presented.origin.source_ip,
        "source_vpce": decision.presented.origin.source_vpce,
        "expected": decision.expected,
        "allowed": decision.allowed,
        "answer": decision.answer,
        "evaluated": None if said is None or said.undecided else said.allowed,
        "reasons": [reason.text for reason in decision.reasons],
        "agrees": decision.agrees,
    }


def _permission_json(one: TriedPermission) -> dict[str, Any]:
    trial = None if isinstance(one.trial, NotTried) else one.trial
    return {
        "account": one.account,
        "role": one.role,
        "arn": one.arn,
        "tried": trial.way.value if trial else None,
        "action": trial.action if trial else None,
        "resource": trial.resource if trial else None,
        "expected": trial.expected if trial else None,
        "allowed": one.allowed,
        "answer": one.answer,
        "reason": one.trial.reason,
    }
