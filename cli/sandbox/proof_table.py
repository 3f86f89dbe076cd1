"""The tables of a proof: the decisions of inventory, trust evaluator and STS about tokens, side by side."""

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
    """Return a table that counts, over all roles, tokens with the same decisions and the same reason."""
    counted = Counter((_kind(decision), _verdict(decision), decision.answer, _why(decision)) for decision in decisions)
    # Admitted tokens first, then steps of the inventory, then made-up tokens, each in the order of the proof.
    order = sorted(counted, key=lambda row: (row[1] != _YES, row[0] != _STEPS))
    table = _table("evaluator and STS, side by side", "tokens", "presented", "evaluator", "STS", "because")
    for row in order:
        table.add_row(str(counted[row]), *(escape(one_line(cell)) for cell in row))
    return table


def _why(decision: ProofDecision) -> str:
    evaluated = decision.evaluated
    is_allowed = evaluated is not None and evaluated.allowed
    return "the trust policy names it" if is_allowed else decision.reasons[0].in_short


def in_full(decisions: Sequence[ProofDecision]) -> Iterator[Table]:
    """Yield a table for each role, with a row for each token."""
    for arn, of_role in groupby(decisions, key=lambda decision: decision.arn):
        table = _table(escape(arn), "presented", "from", "inventory", "evaluator", "STS", "because")
        for decision in of_role:
            name = f"{decision.presented.name}{MADE_UP if decision.made_up else ''}"
            inventory = _YES if decision.expected else _NO
            why = "\n".join(one_line(reason.text) for reason in decision.reasons)
            cells = (name, str(decision.presented.origin), inventory, _verdict(decision), decision.answer)
            table.add_row(
                *(escape(one_line(cell)) for cell in cells), escape(why), style=None if decision.agrees else "bold red"
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
    """Return the decision of the evaluator as in ``explain``; a dash if the trust policy was not evaluated."""
    evaluated = decision.evaluated
    if evaluated is None:
        return "-"
    return "?" if evaluated.undecided else _YES if evaluated.allowed else _NO


def in_words(decision: ProofDecision) -> str:
    """Return the decisions of inventory, evaluator and STS about a token, as a sentence."""
    verbs = {"yes": "admits it", "no": "refuses it", "?": "does not decide it", "-": "does not evaluate it"}
    inventory = verbs[_YES if decision.expected else _NO]
    why = "; ".join(one_line(reason.text) for reason in decision.reasons)
    return (
        f"{decision.arn}: {one_line(decision.presented.name)} from {decision.presented.origin}: the inventory "
        f"{inventory}, the evaluator {verbs[_verdict(decision)]} ({why}), STS answered {one_line(decision.answer)}"
    )


def show_proof(proof: Proof, *, every: bool = False) -> None:
    """Print for each account which tokens each role admits, the decisions side by side, and each disagreement.

    Args:
        proof: The finished proof.
        every: Whether to print each token for each role; else tokens with the same decisions are counted.
    """
    out = console()
    decisions = proof.decisions
    tried = {arn: list(trials) for arn, trials in groupby(proof.permissions, key=lambda permission: permission.arn)}
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
    for permission in proof.permissions:
        if not permission.agrees:
            out.print(_permission_disagreement(permission), style="bold red", **_PROSE)
    if proof.waited_seconds:
        out.print(f"waited {proof.waited_seconds:.0f} seconds for STS to accept right tokens", **_PROSE)
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
        else f"{disagreements} NOT decided alike by inventory, evaluator and STS"
    )
    steps = len(decisions) - wrong
    return f"roles: {roles}; tokens of the inventory's own steps: {steps}, wrong ones: {wrong}; {verdict}"


def _tried(permissions: list[TriedPermission]) -> str:
    """Return a line for each action tried with a role: ``yes: may s3:PutObject (simulated)``."""
    lines = []
    for permission in permissions:
        trial = permission.trial
        if isinstance(trial, NotTried):
            lines.append(f"not tried: {escape(trial.reason)}")
        else:
            verdict = "yes" if permission.agrees else "[bold red]NO[/]"
            does = "may" if trial.expected else "may not"
            lines.append(f"{verdict}: {does} {escape(trial.action)} ({trial.method.value})")
    return "\n".join(lines)


def _permission_disagreement(permission: TriedPermission) -> str:
    trial = permission.trial
    if isinstance(trial, NotTried):
        return ""
    return (
        f"{permission.arn}: {trial.action} on {trial.resource}, {trial.method.value}: {trial.reason}, "
        f"the emulated AWS answered {permission.answer}"
    )


def _permission_summary(permissions: Sequence[TriedPermission]) -> str:
    tried = [permission for permission in permissions if not isinstance(permission.trial, NotTried)]
    disagreements = sum(not permission.agrees for permission in tried)
    verdict = f"{disagreements} NOT as the policies say" if disagreements else "every one decided as the policies say"
    without = len({permission.arn for permission in permissions} - {permission.arn for permission in tried})
    not_tried = f"; {without} {'role' if without == 1 else 'roles'} not tried" if without else ""
    return f"{len(tried)} permissions tried with the roles' credentials or simulated: {verdict}{not_tried}"


def proof_json(proof: Proof) -> dict[str, Any]:
    """Return the proof as JSON; ``docs/reference/commands.md`` documents the keys, which are public."""
    return {
        "agrees": proof.agrees,
        "decisions": [_decision_json(decision) for decision in proof.decisions],
        "permissions": [_permission_json(permission) for permission in proof.permissions],
        "waited_seconds": proof.waited_seconds,
    }


def _decision_json(decision: ProofDecision) -> dict[str, Any]:
    evaluated = decision.evaluated
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
        "evaluated": None if evaluated is None or evaluated.undecided else evaluated.allowed,
        "reasons": [reason.text for reason in decision.reasons],
        "agrees": decision.agrees,
    }


def _permission_json(permission: TriedPermission) -> dict[str, Any]:
    trial = None if isinstance(permission.trial, NotTried) else permission.trial
    return {
        "account": permission.account,
        "role": permission.role,
        "arn": permission.arn,
        "tried": trial.method.value if trial else None,
        "action": trial.action if trial else None,
        "resource": trial.resource if trial else None,
        "expected": trial.expected if trial else None,
        "allowed": permission.allowed,
        "answer": permission.answer,
        "reason": permission.trial.reason,
    }
