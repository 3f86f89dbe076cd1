"""Translate a trust policy to the inventory, as far as the inventory can express it.

The result admits no token that the policy refuses. A statement is left out if the inventory cannot express its
condition or subject pattern. A replacement, if any, is narrower.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from access.adoption.conditions import Limits, limits_in, plain, shown
from access.evaluation.decide import form_problem
from oidc.arn import PARTITION_NAMES
from oidc.bitbucket import ANY_UUID, ISSUER_HOST, issuer_path
from oidc.iam.document import parse
from oidc.iam.pattern import covers_action
from oidc.iam.statement import Condition, Statement
from oidc.identifiers import BitbucketUuid, WorkspaceSlug

_ACTION = "sts:AssumeRoleWithWebIdentity"
_ISSUER = rf"{re.escape(ISSUER_HOST)}/2\.0/workspaces/((?!\.+/)[a-z0-9_.-]+)/pipelines-config/identity/oidc"
_FEDERATED = re.compile(rf"arn:(?:{PARTITION_NAMES}):iam::([0-9]{{12}}):oidc-provider/{_ISSUER}", re.ASCII)
_UUID = r"\{[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\}"
_REPOSITORY = re.compile(rf"({_UUID})(:?\*|:{re.escape(ANY_UUID)})", re.ASCII)
_ENVIRONMENT = re.compile(rf"({_UUID})\*?:({_UUID})(?::?\*|:{re.escape(ANY_UUID)})", re.ASCII)
_EVERYTHING = frozenset({"*", "*:*", "{*}:*", "{*", f"{ANY_UUID}:*"})
_TEXTS = ("StringLike", "StringEquals")
_WILD = re.compile(r"[*?]")
_VARIABLE = "${"


def workspace_of(arn: object, account: str) -> str | None:
    """Return the workspace of an OIDC provider's ARN in this account: ``acme``; else ``None``."""
    match = _FEDERATED.fullmatch(arn) if isinstance(arn, str) else None
    return match[2] if match is not None and match[1] == account else None


@dataclass(frozen=True, slots=True, order=True)
class ReadLine:
    """One subject pattern of one issuer, with its audiences.

    Attributes:
        workspace: ``acme``.
        repository: UUID; empty for the whole workspace.
        environment: UUID, or empty.
        steps: ``outside_environments``, ``all_including_environments``, or empty.
        audiences: Accepted audiences, sorted; empty if no audience is compared.
    """

    workspace: str
    repository: str
    environment: str
    steps: str
    audiences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReadTrust:
    """The content of a trust policy.

    Attributes:
        lines: Sorted, without duplicates.
        source_ips: Networks as written; empty for everywhere.
        source_vpces: VPC endpoints.
        expires: The last day in UTC, or ``None``.
        notes: Differences from the policy, each a sentence without a full stop.
    """

    lines: tuple[ReadLine, ...]
    source_ips: tuple[str, ...] = ()
    source_vpces: tuple[str, ...] = ()
    expires: date | None = None
    notes: tuple[str, ...] = ()


def read_trust(document: object, account: str) -> ReadTrust:
    """Read a trust policy.

    Args:
        document: The trust policy as parsed JSON, or any other value.
        account: Account of the role; an OIDC provider of another account never matches.
    """
    notes: list[str] = []
    lines_of: dict[tuple[object, ...], list[ReadLine]] = {}
    limits_of: dict[tuple[object, ...], Limits] = {}
    if not isinstance(document, Mapping) or "Statement" not in document:
        return ReadTrust((), notes=("its trust policy cannot be read",))
    raw = document["Statement"]
    listed = enumerate(raw if isinstance(raw, list) else [raw])
    if problem := next(filter(None, (form_problem(document, index, each) for index, each in listed)), None):
        return ReadTrust((), notes=(f"its trust policy cannot be decided: {problem}",))
    statements = parse(document).statements
    if not all(statement.allows for statement in statements):
        return ReadTrust((), notes=("a statement of its trust policy denies, which the inventory cannot express",))
    for statement in statements:
        of_statement: list[str] = []
        read = _statement(statement, account, of_statement)
        if read is None:
            # For an omitted statement only the reason matters.
            notes.append(of_statement[-1])
            continue
        notes += of_statement
        limits, lines = read
        limits_of[limits.key] = limits
        lines_of.setdefault(limits.key, []).extend(lines)
    return _combine(lines_of, limits_of, notes)


def _combine(
    lines_of: Mapping[tuple[object, ...], list[ReadLine]],
    limits_of: Mapping[tuple[object, ...], Limits],
    notes: list[str],
) -> ReadTrust:
    """Combine statements with equal limits, or with networks and VPC endpoints for the same lines.

    In the inventory, limits belong to a role, not to a line. If limits differ, the first limits and their lines are
    kept.
    """
    if not lines_of:
        return ReadTrust((), notes=tuple(notes))
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


def _statement(statement: Statement, account: str, notes: list[str]) -> tuple[Limits, list[ReadLine]] | None:
    federated = [principal.name for principal in statement.principals if principal.kind == "Federated"]
    workspaces = {slug for arn in federated if (slug := workspace_of(arn, account)) is not None}
    if len(workspaces) != 1 or not covers_action(statement, _ACTION):
        notes.append("a statement that is not for the steps of one workspace is left out: make a separate role for it")
        return None
    (workspace,) = workspaces
    if len(statement.principals) > 1:
        notes.append("other principals of a statement are left out: make a separate role for them")
    claims = {claim: f"{issuer_path(WorkspaceSlug(workspace))}:{claim}".lower() for claim in ("sub", "aud")}
    subjects = [test for test in statement.conditions if test.key == claims["sub"]]
    audiences = [test for test in statement.conditions if test.key == claims["aud"]]
    limits = limits_in(test for test in statement.conditions if test.key not in claims.values())
    if statement.malformed:
        limits.inexpressible.append("a condition that cannot be read")
    patterns = _patterns(subjects, limits.inexpressible)
    accepted = _audiences(audiences, limits.inexpressible, notes)
    if limits.inexpressible:
        notes.append(
            f"a statement is left out: the inventory cannot express its condition: {', '.join(limits.inexpressible)}"
        )
        return None
    lines = [line for pattern in patterns for line in _line(workspace, pattern, accepted, notes)]
    return limits, lines


def _holds_variable(values: Iterable[str]) -> bool:
    return any(_VARIABLE in value for value in values)


def _patterns(subjects: list[Condition], inexpressible: list[str]) -> list[tuple[str, bool]]:
    """Return the subject patterns, each with whether it is compared literally; ``*`` if none is compared."""
    if not subjects:
        return [("*", False)]
    test, operator = subjects[0], plain(subjects[0].operator)
    if len(subjects) > 1 or operator not in _TEXTS or _holds_variable(test.values):
        inexpressible.append(shown(test))
        return []
    return [(value, operator == "StringEquals") for value in test.values]


def _audiences(audiences: list[Condition], inexpressible: list[str], notes: list[str]) -> tuple[str, ...]:
    if not audiences:
        notes.append("its trust policy compares no audience: the check of the audience is added")
        return ()
    test = audiences[0]
    literal = test.values and not any(_WILD.search(value) or _VARIABLE in value for value in test.values)
    if len(audiences) > 1 or plain(test.operator) not in _TEXTS or not literal:
        inexpressible.append(shown(test))
        return ()
    if test.operator.lower() not in {name.lower() for name in _TEXTS}:
        notes.append(f"the audience is compared by {test.operator}, in the inventory by StringEquals")
    return tuple(sorted(set(test.values)))


def _line(
    workspace: str, pattern: tuple[str, bool], audiences: tuple[str, ...], notes: list[str]
) -> Iterator[ReadLine]:
    text, literal = pattern
    if literal:
        notes.append(f"the subject {text} is left out: it is compared literally, so it lets in at most one run")
        return
    if text in _EVERYTHING:
        yield ReadLine(workspace, "", "", "", audiences)
    elif match := _ENVIRONMENT.fullmatch(text):
        yield ReadLine(workspace, BitbucketUuid(match[1]), BitbucketUuid(match[2]), "", audiences)
    elif match := _REPOSITORY.fullmatch(text):
        steps = "outside_environments" if match[2].endswith(ANY_UUID) else "all_including_environments"
        yield ReadLine(workspace, BitbucketUuid(match[1]), "", steps, audiences)
    else:
        notes.append(f"the subject pattern {text} is left out: the inventory cannot express it")
