"""Faults of trust policies, and the rules that they break. The ids are public, as those of inventories are."""

from dataclasses import dataclass
from typing import Literal

from config.findings import one_line
from config.yaml.document import Path, show_path


@dataclass(frozen=True, slots=True)
class TrustRule:
    """A rule for trust policies: its level, and what it asks for in one sentence."""

    level: Literal["error", "warning"]
    asks: str


TRUST_RULES: dict[str, TrustRule] = {
    "json-syntax": TrustRule("error", "The file is one JSON document, each key once."),
    "bad-trust-policy": TrustRule("error", "A trust policy follows IAM's grammar."),
    "wrong-action": TrustRule("error", "A statement for tokens is about sts:AssumeRoleWithWebIdentity."),
    "wrong-issuer": TrustRule("error", "The OIDC provider is that of the workspace's issuer, character by character."),
    "other-account": TrustRule("error", "The OIDC provider is one of the role's own account."),
    "two-issuers": TrustRule("error", "One statement names one issuer, in its principal and in its condition keys."),
    "everybody": TrustRule("error", "The principal is an OIDC provider, not everybody."),
    "other-principal": TrustRule("warning", "Nobody but pipelines may assume the role."),
    "denial": TrustRule("warning", "What may assume the role is said by what is allowed."),
    "no-audience": TrustRule("error", "The audience is compared."),
    "other-audience": TrustRule("warning", "The audience is the workspace's own, or one that steps ask for."),
    "wrong-audience": TrustRule("error", "An audience is written as Bitbucket writes it."),
    "no-repository": TrustRule("error", "The subject is compared, and names a repository by its UUID."),
    "wrong-subject": TrustRule("error", "A subject pattern matches subjects that Bitbucket issues."),
    "policy-variable": TrustRule("error", "Subject and audience are compared with values that stand in the policy."),
    "wildcard-under-equals": TrustRule("error", "Patterns with wildcards are compared by StringLike."),
    "one-run": TrustRule("error", "The end of a subject pattern is a wildcard: the step's UUID is new at every run."),
    "open-end": TrustRule("warning", "A UUID in a subject pattern has its braces, and a colon follows it."),
    "void-check": TrustRule("error", "No condition holds because its key is missing, or of all but a few values."),
    "set-operator": TrustRule("warning", "Set operators are for keys with several values."),
    "dead-key": TrustRule("error", "Conditions compare keys that AWS has for Bitbucket's tokens."),
}
"""In the order of a statement."""


@dataclass(frozen=True, slots=True)
class TrustFault:
    """What is wrong with a trust policy.

    Attributes:
        rule: One of ``TRUST_RULES``.
        at: Where in the document: ``("Statement", 0, "Condition", "StringLike")``.
        message: What is wrong.
        hint: What to write instead.
        of_key: Whether the last key of ``at`` is at fault, not its value.
        matches_nothing: Whether it says that the value or key at ``at`` matches nothing.
        suggested: What may be written in place of the value, each without a finding of its own: subjects under
            StringLike, audiences under StringEquals, ARNs of OIDC providers. More than one where only the author knows
            what was meant.
    """

    rule: str
    at: Path
    message: str
    hint: str
    of_key: bool = False
    matches_nothing: bool = False
    suggested: tuple[str, ...] = ()

    @property
    def level(self) -> Literal["error", "warning"]:
        """The level of the rule."""
        return TRUST_RULES[self.rule].level

    @property
    def path(self) -> str:
        """Keys from the top of the policy: ``Statement[0].Condition.StringLike``."""
        return one_line(show_path(self.at))

    def line(self, place: str) -> str:
        """Return ``place: level[rule] path: what is wrong; what to do``."""
        where = f"{self.path}: " if self.at else ""
        return f"{one_line(place)}: {self.level}[{self.rule}] {where}{one_line(self.message)}; {one_line(self.hint)}"
