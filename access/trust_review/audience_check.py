"""Tell whether a role that this program does not manage admits tokens of an OIDC provider with any audience."""

from collections.abc import Mapping

from access.trust_review.fault import TrustFault
from access.trust_review.tests_of_condition import Test, tests_of
from oidc.iam.document import parse
from oidc.iam.pattern import covers_action
from oidc.iam.statement import Statement

_ACTION = "sts:AssumeRoleWithWebIdentity"


def may_skip_audience(document: object, oidc_provider_arn: str) -> bool:
    """Tell whether a trust policy admits tokens of an OIDC provider without a test that pins their audience.

    STS refuses a token whose audience is not a client id of the OIDC provider. So a role that tests no audience is as
    wide as that list: it admits every audience added there. A policy that cannot be decided counts as such a role: it
    is not a policy, has an unknown element or names everybody. The role does not count if a test of the condition
    compares the audience with literal values. Denials are ignored.

    Args:
        document: The trust policy as parsed JSON, or any other value.
        oidc_provider_arn: ``arn:aws:iam::222222222222:oidc-provider/api.bitbucket.org/…``.
    """
    if not isinstance(document, Mapping) or not isinstance(document.get("Statement"), Mapping | list):
        return True
    parsed = parse(document)
    return bool(parsed.malformed) or any(_skips(statement, oidc_provider_arn) for statement in parsed.statements)


def _skips(statement: Statement, arn: str) -> bool:
    if statement.denies or not _names(statement, arn):
        return False
    if (statement.has("Action") or statement.has("NotAction")) and not covers_action(statement, _ACTION):
        return False
    issuer = arn.partition(":oidc-provider/")[2].lower()
    return not any(_pins(test, issuer) for test in tests_of(statement, variables=True))


def _names(statement: Statement, arn: str) -> bool:
    """Tell whether the principal is or may be the OIDC provider: it names the ARN, or everybody."""
    if statement.has("NotPrincipal") or any(each.part in ("principals", "principal") for each in statement.malformed):
        return True
    return any(
        principal.name.lower() == arn.lower() or "*" in principal.name
        if principal.kind == "Federated"
        else principal.kind in ("", "*", "AWS") and principal.name == "*"
        for principal in statement.principals
    )


def _pins(test: Test | TrustFault, issuer: str) -> bool:
    """Tell whether a test fails for every audience that it does not name."""
    if isinstance(test, TrustFault) or (test.issuer, test.claim) != (issuer, "aud"):
        return False
    if not test.compares or test.holds_without_key or not test.values:
        return False
    wild = ("*", "?", "${") if test.takes_wildcards else ("${",)
    return not any(mark in value for _, value in test.values for mark in wild)
