"""What emulated accounts hold, and what a plan says they should: two sides of one comparison, in the same shape.

Read as each account's root through IAM's own calls, by no code that makes anything; what the sandbox prepares
(deploying roles, OIDC providers that are only referenced) is left out.
"""

import json
from typing import Any

from access.managed_by import default_tags
from access.plan import AccessPlan, AccountPlan
from oidc.iam.difference import elements_of
from oidc.iam.document import parse
from sandbox.emulated_aws.prepare_accounts import RootUsers

OURS = default_tags("bitbucket-aws-oidc/sandbox")
Held = dict[str, Any]


def held(endpoint: str, plan: AccessPlan) -> dict[str, Held]:
    """Return what the accounts of a plan hold, by key."""
    users = RootUsers(endpoint)
    try:
        return {account.key: _held(users.client(account.id), account) for account in plan.accounts}
    finally:
        users.close()


def planned(plan: AccessPlan) -> dict[str, Held]:
    """Return what the accounts of a plan should hold, by key."""
    return {account.key: _planned(account) for account in plan.accounts}


def nothing(plan: AccessPlan) -> dict[str, Held]:
    """Return what the accounts should hold when everything is destroyed."""
    return {account.key: {"roles": {}, "oidc_providers": {}} for account in plan.accounts}


def meaning(document: Any) -> list[Any]:
    """Return a policy document so that two that mean the same are equal."""
    parsed = json.loads(document) if isinstance(document, str) else document
    return sorted(elements_of(parse(parsed)), key=lambda one: json.dumps(one, sort_keys=True))


def _held(iam: Any, account: AccountPlan) -> Held:
    prepared = {found.arn for found in account.oidc_providers if found.mode != "create"}
    roles = [
        role
        for page in iam.get_paginator("list_roles").paginate()
        for role in page["Roles"]
        if role["Arn"] != account.access.role_arn
    ]
    arns = [one["Arn"] for one in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]]
    return {
        "roles": {role["RoleName"]: _role(iam, role["RoleName"]) for role in roles},
        "oidc_providers": {arn: _oidc_provider(iam, arn) for arn in arns if arn not in prepared},
    }


def _role(iam: Any, name: str) -> Held:
    role = iam.get_role(RoleName=name)["Role"]
    attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    inline = iam.list_role_policies(RoleName=name)["PolicyNames"]
    return {
        "arn": role["Arn"],
        "trust": meaning(role["AssumeRolePolicyDocument"]),
        "description": role.get("Description", ""),
        "duration": role["MaxSessionDuration"],
        "boundary": role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
        "tags": {tag["Key"]: tag["Value"] for tag in role.get("Tags", [])},
        "managed": sorted(one["PolicyArn"] for one in attached),
        "inline": {
            one: meaning(iam.get_role_policy(RoleName=name, PolicyName=one)["PolicyDocument"]) for one in inline
        },
    }


def _oidc_provider(iam: Any, arn: str) -> Held:
    found = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    return {
        "audiences": sorted(found["ClientIDList"]),
        "tags": {tag["Key"]: tag["Value"] for tag in found.get("Tags", [])},
    }


def _planned(account: AccountPlan) -> Held:
    return {
        "roles": {
            role.name: {
                "arn": role.arn,
                "trust": meaning(role.trust_policy.text),
                "description": role.description or "",
                "duration": role.max_session_duration,
                "boundary": role.permissions_boundary_arn,
                "tags": {**OURS, **role.tags},
                "managed": sorted(role.managed_policy_arns),
                "inline": {name: meaning(document.text) for name, document in role.inline_policies.items()},
            }
            for role in account.roles
        },
        "oidc_providers": {
            found.arn: {"audiences": sorted(found.audiences), "tags": {**OURS, **found.tags}}
            for found in account.oidc_providers
            if found.mode == "create"
        },
    }
