"""Read the tokens that a trust policy admits, and its conditions, from its text."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from access.comparison.view import RoleView, TrustView
from oidc.bitbucket import issuer_path
from oidc.iam.document import parse
from oidc.iam.pattern import covers
from oidc.iam.statement import Statement
from oidc.identifiers import WorkspaceSlug

EVERYWHERE = frozenset({"everywhere"})
"""Origins of a call without a limit on addresses."""

_NEVER = "never"


@dataclass(frozen=True, slots=True, order=True)
class Admitted:
    """Admitted tokens: those of one issuer with one audience whose subject matches a pattern."""

    workspace: str
    subject_pattern: str
    audience: str

    def covers(self, other: "Admitted") -> bool:
        """Tell whether every token of ``other`` is one of these."""
        return (self.workspace, self.audience) == (other.workspace, other.audience) and covers(
            self.subject_pattern, other.subject_pattern
        )


@dataclass(frozen=True, slots=True)
class Within:
    """The other conditions.

    Attributes:
        origins: Networks and VPC endpoints that the call to STS may come from; ``EVERYWHERE`` without a limit.
        end: The first instant without access, ``2027-02-01T00:00:00Z``, or ``never``.
        others: Any further conditions, as text; plans of this version have none.
    """

    origins: frozenset[str]
    end: str
    others: frozenset[str]


def admissions(role: RoleView) -> dict[Admitted, Within]:
    """Read the trust policy of a role.

    Several statements for the same tokens, as for networks and for VPC endpoints, are combined: one is enough.

    Raises:
        ValueError: It has a statement in a form that the plan does not write.
    """
    workspaces = {line.workspace for line in role.trust}
    tokens: dict[Admitted, Within] = {}
    for statement in parse(role.trust_policy).statements:
        conditions = {(test.operator, test.name): test.values for test in statement.conditions}
        workspace = next((slug for slug in sorted(workspaces) if (_STRING_LIKE, _key(slug, "sub")) in conditions), None)
        if workspace is None or not _is_for(workspace, statement):
            raise ValueError("a statement of the trust policy admits tokens that no line of `trust` names")
        patterns = conditions.pop((_STRING_LIKE, _key(workspace, "sub")))
        audiences = conditions.pop((_STRING_EQUALS, _key(workspace, "aud")), ())
        if not audiences:
            raise ValueError("a statement of the trust policy compares no audience")
        within = _within(conditions)
        for pattern in patterns:
            for audience in audiences:
                admitted = Admitted(workspace, pattern, audience)
                tokens[admitted] = _combined(tokens[admitted], within) if admitted in tokens else within
    return tokens


def readable_admissions(role: RoleView) -> dict[Admitted, Within] | None:
    """Return the admissions of a role, or ``None`` if AWS has another form of trust policy than the plan writes."""
    try:
        tokens = admissions(role)
        for admitted in tokens:
            line_of(role, admitted)
    except ValueError:
        return None
    return tokens


def line_of(role: RoleView, admitted: Admitted) -> TrustView:
    """Return the line of trust that admits these tokens.

    Raises:
        ValueError: No line admits them.
    """
    for line in role.trust:
        if (line.workspace, line.subject_pattern) == (admitted.workspace, admitted.subject_pattern):
            return line
    raise ValueError(f"the trust policy admits {admitted.subject_pattern}, which no line of `trust` names")


_STRING_LIKE, _STRING_EQUALS = "StringLike", "StringEquals"
_ORIGINS = {("IpAddress", "aws:SourceIp"), (_STRING_EQUALS, "aws:SourceVpce")}
_END = ("DateLessThan", "aws:CurrentTime")


def _is_for(workspace: str, statement: Statement) -> bool:
    issuer = f":oidc-provider/{issuer_path(WorkspaceSlug(workspace))}"
    named = [principal.kind == "Federated" and principal.name.endswith(issuer) for principal in statement.principals]
    action = statement.values("Action")
    is_whole = named == [True] and not statement.malformed
    return is_whole and statement.allows and action == ("sts:AssumeRoleWithWebIdentity",)


def _key(workspace: str, claim: str) -> str:
    return f"{issuer_path(WorkspaceSlug(workspace))}:{claim}"


def _within(conditions: Mapping[tuple[str, str], tuple[str, ...]]) -> Within:
    origins = [values for test, values in conditions.items() if test in _ORIGINS]
    others = {test: values for test, values in conditions.items() if test not in _ORIGINS and test != _END}
    if len(origins) > 1:  # then both must hold, which no plan of this version requires
        others |= {test: conditions[test] for test in conditions if test in _ORIGINS}
        origins = []
    return Within(
        origins=frozenset(origins[0]) if origins else EVERYWHERE,
        end=max(conditions.get(_END, (_NEVER,))),
        others=frozenset(f"{operator} {key} {', '.join(values)}" for (operator, key), values in others.items()),
    )


def _combined(first: Within, second: Within) -> Within:
    origins = EVERYWHERE if EVERYWHERE in (first.origins, second.origins) else first.origins | second.origins
    return Within(origins, max(first.end, second.end), first.others | second.others)


def not_covered(admitted: Iterable[Admitted], by: Iterable[Admitted]) -> list[Admitted]:
    """Return those that admit a token that none of the others admits, sorted."""
    others = list(by)
    known = frozenset(others)
    return [
        tokens
        for tokens in sorted(admitted)
        if tokens not in known and not any(other.covers(tokens) for other in others)
    ]
