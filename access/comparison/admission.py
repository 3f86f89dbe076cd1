"""Whom a trust policy lets in, and under which conditions, read from its text."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from access.comparison.view import RoleView, TrustView
from oidc.bitbucket import issuer_path
from oidc.iam.pattern import many, matches, statements_of
from oidc.identifiers import WorkspaceSlug

EVERYWHERE = frozenset({"everywhere"})
"""Where a token may be exchanged from when no address is asked for."""

_NEVER = "never"


@dataclass(frozen=True, slots=True, order=True)
class Admitted:
    """Tokens that get in: those of one issuer with one audience whose subject matches a pattern."""

    workspace: str
    subject_pattern: str
    audience: str

    def covers(self, other: "Admitted") -> bool:
        """Tell whether every token of ``other`` is one of these."""
        return (self.workspace, self.audience) == (other.workspace, other.audience) and _covers(
            self.subject_pattern, other.subject_pattern
        )


@dataclass(frozen=True, slots=True)
class Within:
    """What must hold besides.

    Attributes:
        origins: Networks and VPC endpoints that the call to STS may come from; ``EVERYWHERE`` where none is asked for.
        end: The first instant without access, ``2027-02-01T00:00:00Z``, or ``never``.
        others: Any further conditions, as text; plans of this version have none.
    """

    origins: frozenset[str]
    end: str
    others: frozenset[str]


def admissions(role: RoleView) -> dict[Admitted, Within]:
    """Read the trust policy of a role.

    Several statements for the same tokens, as for networks and for VPC endpoints, are taken together: one is enough.

    Raises:
        ValueError: It has a statement of another form than the plan writes.
    """
    workspaces = {line.workspace for line in role.trust}
    found: dict[Admitted, Within] = {}
    for statement in statements_of(role.trust_policy):
        conditions = _conditions(statement)
        workspace = next((slug for slug in sorted(workspaces) if (_STRING_LIKE, _key(slug, "sub")) in conditions), None)
        if workspace is None or not _is_for(workspace, statement):
            raise ValueError("a statement of the trust policy lets in what no line of `trust` names")
        patterns = conditions.pop((_STRING_LIKE, _key(workspace, "sub")))
        audiences = conditions.pop((_STRING_EQUALS, _key(workspace, "aud")), ())
        if not audiences:
            raise ValueError("a statement of the trust policy asks for no audience")
        within = _within(conditions)
        for pattern in patterns:
            for audience in audiences:
                admitted = Admitted(workspace, pattern, audience)
                found[admitted] = _either(found[admitted], within) if admitted in found else within
    return found


def line_of(role: RoleView, admitted: Admitted) -> TrustView:
    """Return the line of trust that lets these tokens in.

    Raises:
        ValueError: None does.
    """
    for line in role.trust:
        if (line.workspace, line.subject_pattern) == (admitted.workspace, admitted.subject_pattern):
            return line
    raise ValueError(f"the trust policy lets in {admitted.subject_pattern}, which no line of `trust` names")


_STRING_LIKE, _STRING_EQUALS = "StringLike", "StringEquals"
_ORIGINS = {("IpAddress", "aws:SourceIp"), (_STRING_EQUALS, "aws:SourceVpce")}
_END = ("DateLessThan", "aws:CurrentTime")


def _is_for(workspace: str, statement: Mapping[str, Any]) -> bool:
    principal = statement.get("Principal")
    federated = principal.get("Federated") if isinstance(principal, Mapping) and len(principal) == 1 else None
    return (statement.get("Effect"), statement.get("Action")) == ("Allow", "sts:AssumeRoleWithWebIdentity") and str(
        federated
    ).endswith(f":oidc-provider/{issuer_path(WorkspaceSlug(workspace))}")


def _key(workspace: str, claim: str) -> str:
    return f"{issuer_path(WorkspaceSlug(workspace))}:{claim}"


def _conditions(statement: Mapping[str, Any]) -> dict[tuple[str, str], tuple[str, ...]]:
    written = statement.get("Condition", {})
    return {
        (operator, key): tuple(map(str, many(values)))
        for operator, tests in (written.items() if isinstance(written, Mapping) else ())
        for key, values in (tests.items() if isinstance(tests, Mapping) else ())
    }


def _within(conditions: Mapping[tuple[str, str], tuple[str, ...]]) -> Within:
    origins = [values for test, values in conditions.items() if test in _ORIGINS]
    others = {test: values for test, values in conditions.items() if test not in _ORIGINS and test != _END}
    if len(origins) > 1:  # both must hold then, which no plan of this version asks for
        others |= {test: conditions[test] for test in conditions if test in _ORIGINS}
        origins = []
    return Within(
        origins=frozenset(origins[0]) if origins else EVERYWHERE,
        end=max(conditions.get(_END, (_NEVER,))),
        others=frozenset(f"{operator} {key} {', '.join(values)}" for (operator, key), values in others.items()),
    )


def _either(one: Within, other: Within) -> Within:
    origins = EVERYWHERE if EVERYWHERE in (one.origins, other.origins) else one.origins | other.origins
    return Within(origins, max(one.end, other.end), one.others | other.others)


def _covers(wide: str, narrow: str) -> bool:
    """Tell whether a pattern matches whatever another does, however long what its stars stand for."""
    if wide == narrow:
        return True
    # A subject has no more than three UUIDs: what is longer only a star can match.
    return all(matches(narrow.replace("*", filled), wide) for filled in ("", "*" * _LONGER))


_LONGER = 200


def not_covered(these: Iterable[Admitted], by: Iterable[Admitted]) -> list[Admitted]:
    """Return those that let in some token that none of the others lets in, sorted."""
    others = list(by)
    known = frozenset(others)
    return [one for one in sorted(these) if one not in known and not any(other.covers(one) for other in others)]
