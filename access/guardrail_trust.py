"""Which trust a guardrail lets a role have."""

from dataclasses import dataclass

from access.plan import TrustPlan
from config.cross_record.delegation import matches
from config.findings import unusual_letters
from config.models.guardrails import GuardrailRule
from oidc.subject import Grade, widest


@dataclass(frozen=True, slots=True)
class TrustFault:
    """A line of trust that a guardrail does not let stand.

    Attributes:
        key: Of the trust entry: ``environments``.
        asked_by: The key of the guardrail.
        found: ``acme/shop is trusted outside of deployment environments``.
        asked: ``allows steps that deploy to production alone``.
        hint: What to do.
    """

    key: str
    asked_by: str
    found: str
    asked: str
    hint: str


def trust_fault(rule: GuardrailRule, line: TrustPlan) -> TrustFault | None:
    """Return what is wrong with a line of trust, the first of it, or ``None``."""
    whole = line.repository is None
    name = f"{line.workspace}/{line.repository}"
    trusted = f"the whole workspace {line.workspace} is trusted" if whole else f"{name} is trusted"
    wide_key = "dangerously_whole_workspace" if whole else "steps"
    limit = Grade(rule.widest_trust) if rule.widest_trust else None
    if rule.repositories is not None and (whole or not matches(name, rule.repositories)):
        key = "dangerously_whole_workspace" if whole else "repository"
        asked = f"allows {' or '.join(rule.repositories)} alone"
        return TrustFault(key, "repositories", trusted, asked, _hint("trust such a repository"))
    if rule.environments is not None and line.environment not in rule.environments:
        hint = _hint("trust `environments: […]` of these names")
        asked = f"allows steps that deploy to {' or '.join(rule.environments)} alone"
        if line.environment is None:
            outside = trusted if whole else f"{trusted} outside of deployment environments"
            return TrustFault(wide_key, "environments", outside, asked, hint)
        found = f"environment {line.environment}{unusual_letters(line.environment)} of {name} is trusted"
        return TrustFault("environments", "environments", found, asked, hint)
    if limit is not None and widest([line.grade, limit]) is not limit:
        hint = _hint("name what is trusted: `repository` with `environments: […]`")
        found, asked = f"trust is {line.grade.value}", f"allows {limit.value} at the widest"
        return TrustFault(wide_key, "widest_trust", found, asked, hint)
    return None


def _hint(do: str) -> str:
    return f"{do}, or have the guardrail changed by the platform team"
