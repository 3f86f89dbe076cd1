"""Translate one statement of a trust policy to the inventory, as far as the inventory can express it.

A statement is left out if it lets in nobody, or if the inventory cannot express its condition. A value that lets in
nobody by default is left out, too. A replacement, if any, is narrower.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from access.adoption.conditions import Limits, limits_in, plain, shown
from access.adoption.judgement import Judgement
from oidc.arn import PARTITION_NAMES
from oidc.bitbucket import ANY_UUID, ISSUER_HOST, issuer_path
from oidc.iam.pattern import covers_action
from oidc.iam.statement import Condition, Place, Statement
from oidc.identifiers import BitbucketUuid, WorkspaceSlug, accepted_spelling

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
    # Tokens have the slug of the workspace in their issuer, never its UUID.
    is_right = match is not None and match[1] == account and accepted_spelling(match[2]) is None
    return match[2] if match is not None and is_right else None


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
class ReadStatement:
    """The content of one statement.

    Attributes:
        limits: Its limits.
        lines: Empty if it is left out.
        notes: Differences from the statement, or why it is left out.
    """

    limits: Limits
    lines: tuple[ReadLine, ...]
    notes: tuple[str, ...]


def read_statement(statement: Statement, account: str, judgement: Judgement) -> ReadStatement:
    """Read one statement of a trust policy that allows.

    Args:
        statement: Its form is known.
        account: Account of the role; an OIDC provider of another account never matches.
        judgement: Of the statement.
    """
    if judgement.refused:
        return _left_out(f"no token of Bitbucket matches a statement: {'; '.join(judgement.refused)}")
    federated = [principal.name for principal in statement.principals if principal.kind == "Federated"]
    workspaces = {slug for arn in federated if (slug := workspace_of(arn, account)) is not None}
    if len(workspaces) != 1 or not covers_action(statement, _ACTION):
        return _left_out(
            "a statement that is not for the steps of one workspace is left out: make a separate role for it"
        )
    notes: list[str] = []
    (workspace,) = workspaces
    if len(statement.principals) > 1:
        notes.append("other principals of a statement are left out: make a separate role for them")
    claims = {claim: f"{issuer_path(WorkspaceSlug(workspace))}:{claim}".lower() for claim in ("sub", "aud")}
    subjects = [test for test in statement.conditions if test.key == claims["sub"]]
    audiences = [test for test in statement.conditions if test.key == claims["aud"]]
    limits = limits_in(test for test in statement.conditions if test.key not in claims.values())
    if statement.malformed:
        limits.inexpressible.append("a condition that cannot be read")
    wrong: list[str] = []
    patterns = _patterns(subjects, limits.inexpressible, judgement.wrong_values, wrong)
    wrong_audiences: list[str] = []
    accepted = _audiences(audiences, limits.inexpressible, judgement.wrong_values, notes, wrong_audiences)
    if limits.inexpressible:
        return _left_out(
            f"a statement is left out: the inventory cannot express its condition: {', '.join(limits.inexpressible)}"
        )
    if audiences and not accepted:
        return _left_out(*wrong_audiences)
    lines = tuple(line for pattern in patterns for line in _line(workspace, pattern, accepted, wrong))
    return ReadStatement(limits, lines, (*notes, *wrong_audiences, *wrong) if lines else tuple(wrong))


def _left_out(*notes: str) -> ReadStatement:
    return ReadStatement(Limits(), (), notes)


def _kept(test: Condition, wrong_values: Mapping[Place, str], what: str, notes: list[str]) -> list[str]:
    """Return the values of a test that tokens have by default, and note the others."""
    values = [(value, wrong_values.get(test.place_of(index))) for index, value in enumerate(test.values)]
    notes += [f"{what} is left out: {message}" for _, message in values if message is not None]
    return [value for value, message in values if message is None]


def _holds_variable(values: Iterable[str]) -> bool:
    return any(_VARIABLE in value for value in values)


def _patterns(
    subjects: list[Condition], inexpressible: list[str], wrong_values: Mapping[Place, str], notes: list[str]
) -> list[tuple[str, bool]]:
    """Return the subject patterns, each with whether it is compared literally; ``*`` if none is compared."""
    if not subjects:
        return [("*", False)]
    test, operator = subjects[0], plain(subjects[0].operator)
    if len(subjects) > 1 or operator not in _TEXTS or _holds_variable(test.values):
        inexpressible.append(shown(test))
        return []
    return [(value, operator == "StringEquals") for value in _kept(test, wrong_values, "a subject", notes)]


def _audiences(
    audiences: list[Condition],
    inexpressible: list[str],
    wrong_values: Mapping[Place, str],
    notes: list[str],
    wrong: list[str],
) -> tuple[str, ...]:
    if not audiences:
        notes.append("its trust policy compares no audience: the check of the audience is added")
        return ()
    test = audiences[0]
    values = _kept(test, wrong_values, "an audience", wrong)
    literal = test.values and not any(_WILD.search(value) or _VARIABLE in value for value in values)
    if len(audiences) > 1 or plain(test.operator) not in _TEXTS or not literal:
        inexpressible.append(shown(test))
        return ()
    if test.operator.lower() not in {name.lower() for name in _TEXTS}:
        notes.append(f"the audience is compared by {test.operator}, in the inventory by StringEquals")
    return tuple(sorted(set(values)))


def _line(
    workspace: str, pattern: tuple[str, bool], audiences: tuple[str, ...], notes: list[str]
) -> Iterator[ReadLine]:
    text, literal = pattern
    if literal:
        notes.append(f"the subject {text} is left out: it is compared literally, so it lets in at most one run")
        return
    if (line := read_pattern(workspace, text, audiences)) is not None:
        yield line
    else:
        notes.append(f"the subject pattern {text} is left out: the inventory cannot express it")


def read_pattern(workspace: str, pattern: str, audiences: tuple[str, ...] = ()) -> ReadLine | None:
    """Return the line that a subject pattern stands for; ``None`` if the inventory cannot express it."""
    if pattern in _EVERYTHING:
        return ReadLine(workspace, "", "", "", audiences)
    if match := _ENVIRONMENT.fullmatch(pattern):
        return ReadLine(workspace, BitbucketUuid(match[1]), BitbucketUuid(match[2]), "", audiences)
    if match := _REPOSITORY.fullmatch(pattern):
        steps = "outside_environments" if match[2].endswith(ANY_UUID) else "all_including_environments"
        return ReadLine(workspace, BitbucketUuid(match[1]), "", steps, audiences)
    return None
