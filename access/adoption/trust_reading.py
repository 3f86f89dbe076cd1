"""Translate a trust policy to the inventory, as far as the inventory can express it.

The result admits no token that the policy refuses.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date

from access.adoption.conditions import Limits
from access.adoption.judgement import judgements
from access.adoption.statement_reading import ReadLine, ReadStatement, read_statement
from access.evaluation.decide import form_problem
from access.explanation.names import Names
from oidc.iam.document import parse


@dataclass(frozen=True, slots=True)
class ReadTrust:
    """The content of a trust policy.

    Attributes:
        lines: Sorted, without duplicates.
        source_ips: Networks as written; empty for everywhere.
        source_vpces: VPC endpoints.
        expires: The last day in UTC, or ``None``.
        notes: Differences from the policy, each a sentence without a full stop.
        previous: Former slugs of workspaces that it trusts, for the same lines; each with its last day, or ``None``.
    """

    lines: tuple[ReadLine, ...]
    source_ips: tuple[str, ...] = ()
    source_vpces: tuple[str, ...] = ()
    expires: date | None = None
    notes: tuple[str, ...] = ()
    previous: tuple[tuple[str, date | None], ...] = ()


def read_trust(document: object, account: str, names: Names, present: Mapping[str, str]) -> ReadTrust:
    """Read a trust policy.

    Args:
        document: The trust policy as parsed JSON, or any other value.
        account: Account of the role; an OIDC provider of another account never matches.
        names: Names of the inventory, with the UUIDs of its workspaces.
        present: The present slug of each former slug.
    """
    statements = read_statements(document, account, names)
    notes = [note for statement in statements for note in statement.notes]
    of_former: dict[str, list[ReadStatement]] = {}
    current: list[ReadStatement] = []
    for statement in statements:
        slugs = {line.workspace for line in statement.lines if line.workspace in present}
        (of_former.setdefault(slugs.pop(), []) if slugs else current).append(statement)
    trust = _combine(current, notes)
    for former, of_slug in sorted(of_former.items()):
        trust = _with_former(trust, former, present[former], _combine(of_slug, []))
    return trust


def read_statements(document: object, account: str, names: Names) -> list[ReadStatement]:
    """Read each statement of a trust policy by itself; one without lines if the policy as a whole is left out."""
    problem = _problem(document)
    if problem or not isinstance(document, Mapping):
        return [ReadStatement(Limits(), (), (problem,))]
    judged = judgements(document, account, names)
    return [read_statement(statement, account, judged[statement.index]) for statement in parse(document).statements]


def _problem(document: object) -> str:
    """Return why a trust policy is left out as a whole; empty if it is not."""
    if not isinstance(document, Mapping) or "Statement" not in document:
        return "its trust policy cannot be read"
    raw = document["Statement"]
    listed = enumerate(raw if isinstance(raw, list) else [raw])
    if problem := next(filter(None, (form_problem(document, index, each) for index, each in listed)), None):
        return f"its trust policy cannot be decided: {problem}"
    if not all(statement.allows for statement in parse(document).statements):
        return "a statement of its trust policy denies, which the inventory cannot express"
    return ""


def _combine(statements: Iterable[ReadStatement], notes: list[str]) -> ReadTrust:
    """Combine statements with equal limits, or with networks and VPC endpoints for the same lines.

    In the inventory, limits belong to a role, not to a line. If limits differ, the first limits and their lines are
    kept.
    """
    lines_of: dict[tuple[object, ...], list[ReadLine]] = {}
    limits_of: dict[tuple[object, ...], Limits] = {}
    for statement in statements:
        if statement.lines:
            limits_of[statement.limits.key] = statement.limits
            lines_of.setdefault(statement.limits.key, []).extend(statement.lines)
    if not lines_of:
        return ReadTrust((), notes=tuple(dict.fromkeys(notes)))
    (first_key, lines), *others = lines_of.items()
    limits = limits_of[first_key]
    source_ips, source_vpces = limits.source_ips, limits.source_vpces
    for key, other_lines in others:
        other = limits_of[key]
        either = bool(source_ips) != bool(other.source_ips) and bool(source_vpces) != bool(other.source_vpces)
        if either and other.expires == limits.expires and sorted(set(other_lines)) == sorted(set(lines)):
            source_ips, source_vpces = source_ips or other.source_ips, source_vpces or other.source_vpces
        else:
            notes.append(
                "statements with other source addresses or another last day are left out: a role has one set of each"
            )
    return ReadTrust(tuple(sorted(set(lines))), source_ips, source_vpces, limits.expires, tuple(dict.fromkeys(notes)))


def _with_former(trust: ReadTrust, former: str, present: str, of_former: ReadTrust) -> ReadTrust:
    """Add the trust of a former slug, which `previous_slugs` gives for all lines of the present slug, and no others."""
    own = {line for line in trust.lines if line.workspace == present}
    same = {replace(line, workspace=present) for line in of_former.lines}
    if own and own <= same and (trust.source_ips, trust.source_vpces) == (of_former.source_ips, of_former.source_vpces):
        notes = (
            () if own == same else (f"subjects that it trusts under {former}, but not under {present}, are left out",)
        )
        # The last day of the role ends both.
        last_day = of_former.expires if of_former.expires != trust.expires else None
        previous = (*trust.previous, (former, last_day))
        return replace(trust, previous=previous, notes=(*trust.notes, *notes))
    why = f"it differs from its trust of {present}" if own else f"the role does not trust {present}"
    note = f"its trust of {former}, a former slug of {present}, is left out: {why}"
    return replace(trust, notes=(*trust.notes, note))
