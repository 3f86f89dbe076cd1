"""Whether a role of somebody else lets in tokens of an OIDC provider whatever audience they carry."""

from collections.abc import Mapping

from access.trust_review.fault import TrustFault
from access.trust_review.tests_of_condition import Test, tests_of
from oidc.iam.document import parse
from oidc.iam.pattern import covers_action
from oidc.iam.statement import Statement

_ACTION = "sts:AssumeRoleWithWebIdentity"


def may_skip_audience(document: object, oidc_provider_arn: str) -> bool:
    """Tell whether a trust policy lets in tokens of an OIDC provider without a test that pins their audience.

    STS refuses a token whose audience is none of the OIDC provider's client ids, so a role that tests no audience is
    as wide as that list: an audience that is added there is admitted here. What cannot be judged is not ruled out:
    whatever is no policy, has an element that is not known here or names everybody counts as such a role, unless one
    test of its condition compares the audience with literal values. Denials narrow nothing here.

    Args:
        document: The trust policy as parsed JSON, or whatever stands in its place.
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
    """Tell whether the principal is, or may be, the OIDC provider: by its ARN, or as one of everybody."""
    if statement.has("NotPrincipal") or any(each.part in ("principals", "principal") for each in statement.malformed):
        return True
    return any(
        principal.name.lower() == arn.lower() or "*" in principal.name
        if principal.kind == "Federated"
        else principal.kind in ("", "*", "AWS") and principal.name == "*"
        for principal in statement.principals
    )


def _pins(test: Test | TrustFault, issuer: str) -> bool:
    """Tell whether a test fails for every audience but the ones that it names."""
    if isinstance(test, TrustFault) or (test.issuer, test.claim) != (issuer, "aud"):
        return False
    if not test.compares or test.holds_without_key or not test.values:
        return False
    wild = ("*", "?", "${") if test.takes_wildcards else ("${",)
    return not any(mark in value for _, value in test.values for mark in wild)
