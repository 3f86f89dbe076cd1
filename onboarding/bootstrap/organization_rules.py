"""Control policies of an organization that are known to stop deploying roles or pipelines.

Source: https://github.com/aws-samples/data-perimeter-policy-examples, which publishes ``PreventIdPTrustModifications``
(a service control policy) and ``EnforceTrustedOIDCProviders`` (a resource control policy). Its README says that
federated callers have no ``aws:PrincipalOrgID``.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping

from access.adoption.found import FoundControlPolicy
from access.foundation import Foundation
from oidc.iam.document import parse
from oidc.iam.pattern import covers_action, covers_resource, matches_any
from oidc.iam.statement import Statement

_CREATE, _ENTER = "iam:CreateOpenIDConnectProvider", "sts:AssumeRoleWithWebIdentity"
_ORGANIZATION = "aws:principalorgid"


def organization_rules(policies: Iterable[FoundControlPolicy], accounts: Collection[Foundation]) -> Iterator[str]:
    """Yield each rule that may stop us, and what to ask the organization for.

    A rule may not apply to these accounts, or may have an exception that the policy alone does not show.

    Args:
        policies: The attached policies.
        accounts: What the accounts need.
    """
    for policy in policies:
        document = policy.document
        for statement in parse(document).statements if isinstance(document, Mapping) else ():
            if statement.denies:
                rule = _resource_control(statement, accounts) if policy.is_resource_control else None
                rule = rule or (None if policy.is_resource_control else _service_control(statement, accounts))
                if rule is not None:
                    yield f"{_name(policy, statement)} {rule}"


def _name(policy: FoundControlPolicy, statement: Statement) -> str:
    kind = "resource" if policy.is_resource_control else "service"
    sid = ", ".join(statement.values("Sid")) or f"statement {statement.index + 1}"
    return f"{sid} of the {kind} control policy {policy.name} ({policy.id}), attached to {', '.join(policy.targets)},"


def _service_control(statement: Statement, accounts: Collection[Foundation]) -> str | None:
    """Judge only statements that name actions on OIDC providers: many deny everything to somebody else."""
    named = [action for action in statement.values("Action") if "openidconnectprovider" in action.lower()]
    stopped = [
        account
        for account in accounts
        if any(covers_resource(statement, arn) for arn in account.scope.oidc_provider_arns)
        and not _is_excepted(statement, account.deploying_role_arn)
    ]
    if not named or not covers_action(statement, _CREATE) or not stopped:
        return None
    except_ = "a condition ArnNotLike aws:PrincipalArn, or the tag that its condition names"
    return f"denies {_CREATE}, so `up` may end in AccessDenied: ask to except {_roles(stopped)} by {except_}"


def _is_excepted(statement: Statement, role_arn: str) -> bool:
    return any(
        test.key.lower() == "aws:principalarn"
        and test.operator.lower().startswith(("arnnotlike", "arnnotequals", "stringnotlike", "stringnotequals"))
        and matches_any(role_arn, test.values)
        for test in statement.conditions
    )


def _roles(accounts: Collection[Foundation]) -> str:
    arns = sorted(account.deploying_role_arn for account in accounts)
    return arns[0] if len(arns) == 1 else f"{arns[0]} and the other {len(arns) - 1} deploying roles"


def _resource_control(statement: Statement, accounts: Collection[Foundation]) -> str | None:
    if not covers_action(statement, _ENTER):
        return None
    absent = {
        test.key.lower(): {value.lower() for value in test.values}
        for test in statement.conditions
        if test.operator.lower() == "null"
    }
    if any(
        test.key.lower() == _ORGANIZATION and test.operator.lower().startswith("stringnot")
        for test in statement.conditions
    ):
        if "false" in absent.get(_ORGANIZATION, ()):
            return None
        return f"requires aws:PrincipalOrgID, which no pipeline has: ask to leave {_ENTER} out of that statement"
    trusted = {key for key, values in absent.items() if key.endswith(":sub") and values == {"true"}}
    missing = sorted(subject for subject in _subjects(accounts) if subject.lower() not in trusted)
    if not trusted or not missing:
        return None
    return f"admits only the OIDC providers that it lists: ask to add {', '.join(missing)} under Null"


def _subjects(accounts: Collection[Foundation]) -> set[str]:
    """Return the condition keys of the issuers: ``api.bitbucket.org/2.0/workspaces/acme/…/oidc:sub``."""
    arns = {arn for account in accounts for arn in account.scope.oidc_provider_arns}
    return {f"{arn.partition(':oidc-provider/')[2]}:sub" for arn in arns}
