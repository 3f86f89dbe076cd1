"""explain --event: whether the inventory's role admits a call that CloudTrail recorded, and why not."""

import json
from dataclasses import dataclass
from typing import Any

import click

from access.explanation.events import RepeatedCall, claims_of_call, recorded_calls
from access.explanation.explain import TokenCall, Verdict, explain
from access.explanation.names import Names
from access.explanation.subjects import subject_in_words
from access.plan import AccessPlan
from config.findings import did_you_mean, one_line
from review.explain import show_answer, show_notes

_REFUSED_BUT_ADMITTED = (
    "AWS refused what the inventory admits: at that time the role was another one, or the OIDC provider was missing, "
    "or a policy of the organization refused the call (`bitbucket-oidc doctor` in the step says which)"
)
_ADMITTED_BUT_REFUSED = (
    "AWS admitted what the inventory refuses: at that time the role was another one, or somebody has changed it "
    "(`pulumi preview` says what)"
)

_FEW = 3
"""So many of the other roles that admit a call are shown."""


@dataclass(frozen=True, slots=True)
class ExplainedCall:
    """A recorded call, and the verdicts of the inventory's roles on it.

    Attributes:
        call: The call.
        verdict: Of the role that it asked for; ``None`` if the inventory has no role with its ARN.
        others: Verdicts of the other roles that admit it.
        notes: What the verdict rests on, and what to do where AWS decided otherwise.
    """

    call: RepeatedCall
    verdict: Verdict | None
    others: tuple[Verdict, ...]
    notes: tuple[str, ...]


def show_events(text: str, plan: AccessPlan, names: Names, output: str) -> None:
    """Print for each recorded call whether the role that it asked for admits it, and which other roles do.

    Raises:
        UsageError: The text has no such call.
    """
    explained = [_explained(call, plan, names) for call in recorded_calls(text)]
    if output == "json":
        click.echo(json.dumps([_json(each, names) for each in explained], indent=2))
        return
    for number, each in enumerate(explained):
        if number:
            click.echo()
        _show(each, plan, names)


def _explained(repeated: RepeatedCall, plan: AccessPlan, names: Names) -> ExplainedCall:
    call = repeated.last
    claims, notes = claims_of_call(call, names)
    verdicts = explain(plan, TokenCall(claims, call.at, call.source_ip, call.vpc_endpoint), names)
    verdict = next((verdict for verdict in verdicts if verdict.arn == call.role_arn), None)
    others = tuple(verdict for verdict in verdicts if verdict.answer.allowed and verdict.arn != call.role_arn)
    if verdict is not None and not verdict.answer.undecided and verdict.answer.allowed == bool(call.error):
        notes = (*notes, _REFUSED_BUT_ADMITTED if call.error else _ADMITTED_BUT_REFUSED)
    return ExplainedCall(repeated, verdict, others, tuple(notes))


def _show(explained: ExplainedCall, plan: AccessPlan, names: Names) -> None:
    call, times = explained.call.last, explained.call.times
    outcome = f"refused: {one_line(call.error)}" if call.error else "credentials given"
    often = f"{times} calls, the last at" if times > 1 else "at"
    click.echo(f"call      {often} {call.at:%Y-%m-%dT%H:%M:%SZ} from {_where(explained)}; {outcome}")
    click.echo(f"subject   {subject_in_words(call.subject, names)}: {one_line(call.subject)}")
    verdict = explained.verdict
    if verdict is not None:
        show_answer(verdict.answer, "  ".join(map(one_line, (verdict.account, verdict.role, verdict.arn))))
    else:
        arns = [role.arn for account in plan.accounts for role in account.roles]
        advice = did_you_mean(call.role_arn, arns, "it belongs to somebody else, or the step names it wrongly")
        click.echo(f"?   {one_line(call.role_arn)}")
        click.echo(f"      the inventory has no role with this ARN; {advice}")
    for other in explained.others[:_FEW]:
        click.echo(f"      another role admits it: {one_line(other.account)}  {one_line(other.role)}  {other.arn}")
    if len(explained.others) > _FEW:
        click.echo(f"      so do {len(explained.others) - _FEW} others (--format json lists them)")
    show_notes(explained.notes)


def _where(explained: ExplainedCall) -> str:
    call = explained.call.last
    through = f" through {one_line(call.vpc_endpoint)}" if call.vpc_endpoint else ""
    return f"{call.source_ip or 'an unknown address'}{through}"


def _json(explained: ExplainedCall, names: Names) -> dict[str, Any]:
    call, verdict = explained.call.last, explained.verdict
    return {
        "role_arn": call.role_arn,
        "step": subject_in_words(call.subject, names),
        "subject": call.subject,
        "calls": explained.call.times,
        "last": f"{call.at:%Y-%m-%dT%H:%M:%SZ}",
        "source_ip": call.source_ip,
        "error": call.error or None,
        "account": verdict.account if verdict else None,
        "role": verdict.role if verdict else None,
        "allowed": verdict.answer.allowed if verdict else None,
        "reasons": [reason.text for reason in verdict.answer.reasons] if verdict else [],
        "other_roles": [other.arn for other in explained.others],
        "notes": list(explained.notes),
    }
