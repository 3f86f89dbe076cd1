"""Compare managed policies, actions and trust with a guardrail."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from access.plan import TrustPlan
from config.models.guardrails import GuardrailRule
from config.rules.areas import path_matches
from config.yaml.characters import unusual_letters
from oidc.arn import parse_iam_arn
from oidc.bitbucket import Grade, widest
from oidc.iam.document import PolicyDocument
from oidc.iam.pattern import covered_by_one, intersect, lowered, matches
from oidc.iam.statement import Statement


def shown_policy(arn: str, account_id: str) -> str:
    """Return the inventory's name of a managed policy: ``aws:ReadOnlyAccess``, ``account:team/x``, or the ARN."""
    parsed = parse_iam_arn(arn)
    if parsed is None or parsed.owner not in ("aws", account_id):
        return arn
    return f"{'aws' if parsed.owner == 'aws' else 'account'}:{arn.partition(':policy/')[2]}"


def is_allowed(name: str, patterns: tuple[str, ...]) -> bool:
    """Tell whether a managed policy, ``account:team/x``, is allowed; case counts."""
    return any(matches(name, pattern) for pattern in patterns)


def allows_only(patterns: tuple[str, ...], none: str) -> str:
    """Say what a guardrail allows: ``allows only s3:* and ecr:*``, or ``allows`` and ``none`` without patterns."""
    return f"allows only {' and '.join(patterns)}" if patterns else f"allows {none}"


def forbidden_by(name: str, patterns: tuple[str, ...]) -> str | None:
    """Return the first pattern that forbids a managed policy, by its name with or without path, ignoring case.

    IAM's names are unique ignoring case (https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreatePolicy.html), so
    another spelling can only mean the same policy or a missing one.
    """
    owner, _, path = name.lower().partition(":")
    spellings = (f"{owner}:{path}", f"{owner}:{path.rpartition('/')[2]}")
    return next((pattern for pattern in patterns if any(matches(text, pattern.lower()) for text in spellings)), None)


@dataclass(frozen=True, slots=True)
class ActionBreach:
    """A forbidden action in a document: the statement's position, what it allows, and the guardrail's key and limit."""

    statement: int
    allows: str
    limit_key: str
    limit: str


@lru_cache(maxsize=4096)
def action_breach(
    document: PolicyDocument, allowed: tuple[str, ...] | None, forbidden: tuple[str, ...]
) -> ActionBreach | None:
    """Return the first breach of a guardrail in a document, or ``None``.

    Only actions count, not resources and conditions. An Allow statement must not allow any part of a forbidden action,
    nor any action besides the allowed ones. A Deny removes nothing, because somebody may delete it later. The result
    is cached for each document, since many roles share one.

    Args:
        document: The rendered document.
        allowed: Patterns; each action must be covered by one of them. ``None`` for no limit.
        forbidden: Patterns that no action may overlap.
    """
    for statement in document.parsed.statements:
        if not statement.denies:
            for allows, limit_key, limit in _faults(statement, allowed, forbidden):
                return ActionBreach(statement.index, allows, limit_key, limit)
    return None


def _faults(
    statement: Statement, allowed: tuple[str, ...] | None, forbidden: tuple[str, ...]
) -> Iterator[tuple[str, str, str]]:
    low_forbidden = lowered(forbidden)
    low_allowed = None if allowed is None else lowered(allowed)
    only = allows_only(allowed or (), "no action")
    if statement.has("NotAction"):
        left_out = lowered(statement.values("NotAction"))
        allows = f"all but {' and '.join(statement.values('NotAction'))}, by NotAction"
        for pattern, low in zip(forbidden, low_forbidden, strict=True):
            if not _is_covered(low, left_out):
                yield allows, "forbidden_actions", f"forbids {pattern}"
        if low_allowed is not None and not _is_covered("*", low_allowed):
            yield allows, "allowed_actions", only
        return
    for action in statement.values("Action"):
        for pattern, low in zip(forbidden, low_forbidden, strict=True):
            if len(action) > _LONGEST or intersect(low, action.lower()):
                yield _shown(action), "forbidden_actions", f"forbids {pattern}"
        if low_allowed is not None and not _is_covered(action.lower(), low_allowed):
            yield _shown(action), "allowed_actions", only


_LONGEST = 256
"""Characters, far more than any action has (https://docs.aws.amazon.com/service-authorization/latest/reference/).

A longer pattern is refused unread, so that no pattern slows down the check."""


def _shown(action: str) -> str:
    return action if len(action) <= _LONGEST else f"{action[:30]}…, which is longer than any action,"


def _is_covered(inner: str, outers: tuple[str, ...]) -> bool:
    return len(inner) <= _LONGEST and covered_by_one(inner, [outer for outer in outers if len(outer) <= _LONGEST])


@dataclass(frozen=True, slots=True)
class TrustBreach:
    """A line of trust that a guardrail forbids.

    Attributes:
        key: Key of the trust entry: ``environments``.
        limit_key: The key of the guardrail: ``environments``.
        actual: ``acme/shop is trusted outside of deployment environments``.
        limit: ``allows only steps that deploy to production``.
        hint: What to do.
    """

    key: str
    limit_key: str
    actual: str
    limit: str
    hint: str


def trust_breach(rule: GuardrailRule, line: TrustPlan) -> TrustBreach | None:
    """Return the first breach of a line of trust, or ``None``."""
    whole = line.repository is None
    name = f"{line.workspace}/{line.repository}"
    trusted = f"the whole workspace {line.workspace} is trusted" if whole else f"{name} is trusted"
    wide_key = "dangerously_whole_workspace" if whole else "steps"
    limit = Grade(rule.widest_trust) if rule.widest_trust else None
    if rule.repositories is not None and (whole or not path_matches(name, rule.repositories)):
        key = "dangerously_whole_workspace" if whole else "repository"
        required = f"allows only {' or '.join(rule.repositories)}"
        return TrustBreach(key, "repositories", trusted, required, _hint("trust one of these repositories"))
    if rule.environments is not None and line.environment not in rule.environments:
        hint = _hint("trust `environments: […]` with these names")
        required = f"allows only steps that deploy to {' or '.join(rule.environments)}"
        if line.environment is None:
            outside = trusted if whole else f"{trusted} outside of deployment environments"
            return TrustBreach(wide_key, "environments", outside, required, hint)
        actual = f"environment {line.environment}{unusual_letters(line.environment)} of {name} is trusted"
        return TrustBreach("environments", "environments", actual, required, hint)
    if limit is not None and widest([line.grade, limit]) is not limit:
        hint = _hint("trust a `repository` with `environments: […]`")
        actual, required = f"trust is {line.grade.value}", f"allows {limit.value} at the widest"
        return TrustBreach(wide_key, "widest_trust", actual, required, hint)
    return None


def _hint(do: str) -> str:
    return f"{do}, or ask the platform team to change the guardrail"
