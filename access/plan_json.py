"""The AccessPlan as JSON: what ``plan --format json`` prints. Its keys are public."""

from typing import Any

from access.plan import AccessPlan, AccountPlan, OidcProviderPlan, RolePlan, TrustPlan


def plan_json(plan: AccessPlan) -> dict[str, Any]:
    """Return the plan as JSON objects and lists; the order of the inventory's entries makes no difference."""
    return {"accounts": [_account(account) for account in plan.accounts]}


def _account(account: AccountPlan) -> dict[str, Any]:
    return {
        "key": account.key,
        "id": account.id,
        "partition": account.partition.value,
        "region": account.region,
        "oidc_providers": [_oidc_provider(oidc_provider) for oidc_provider in account.oidc_providers],
        "roles": [_role(role) for role in account.roles],
    }


def _oidc_provider(oidc_provider: OidcProviderPlan) -> dict[str, Any]:
    thumbprints = oidc_provider.thumbprints
    return {
        "workspace": oidc_provider.workspace,
        "url": oidc_provider.url,
        "arn": oidc_provider.arn,
        "audiences": list(oidc_provider.audiences),
        "thumbprints": thumbprints if isinstance(thumbprints, str) else list(thumbprints),
        "mode": oidc_provider.mode,
    }


def _role(role: RolePlan) -> dict[str, Any]:
    return {
        "key": role.key,
        "name": role.name,
        "arn": role.arn,
        "path": role.path,
        "description": role.description,
        "owner": role.owner,
        "grade": role.grade.value,
        "trust_policy": role.trust_policy.to_json(),
        "managed_policy_arns": list(role.managed_policy_arns),
        "inline_policies": {name: document.to_json() for name, document in role.inline_policies.items()},
        "permissions_boundary_arn": role.permissions_boundary_arn,
        "max_session_duration": role.max_session_duration,
        "expires": role.expires.isoformat() if role.expires else None,
        "tags": dict(role.tags),
        "trust": [_trust(trust) for trust in role.trust],
    }


def _trust(trust: TrustPlan) -> dict[str, Any]:
    which = {"steps": trust.steps} if trust.environment is None else {"environment": trust.environment}
    return {
        "workspace": trust.workspace,
        "repository": trust.repository,
        **which,
        "subject_pattern": trust.subject_pattern,
        "grade": trust.grade.value,
    }
