"""Read the OIDC providers and roles of an account, those that let Bitbucket Pipelines in or given ones.

Nothing is written.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from access.adoption.found import FoundAccount, FoundOidcProvider, FoundRole
from access.adoption.statement_reading import workspace_of
from access.managed_by import tags_of
from access.plan import AccountPlan
from facts.aws.callers import Caller
from facts.aws.failures import explained
from oidc.iam.document import parse

_HOST = "bitbucket.org"


def existing_access(caller: Caller, plan: AccountPlan) -> FoundAccount:
    """Read an account; its plan only says which account it is.

    Raises:
        AwsError: The account did not answer.
    """
    return FoundAccount(plan.key, plan.id, plan.partition, tuple(_oidc_providers(caller, plan)), tuple(_roles(caller)))


def _oidc_providers(caller: Caller, plan: AccountPlan) -> Iterator[FoundOidcProvider]:
    iam = caller.client("iam")
    with explained("the list of OIDC providers"):
        arns = [str(listed["Arn"]) for listed in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]]
    for arn in sorted(arn for arn in arns if workspace_of(arn, plan.id) is not None):
        with explained(f"the OIDC provider {arn}"):
            answer = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
            yield FoundOidcProvider(arn, tuple(sorted(answer.get("ClientIDList", []))), tags_of(answer.get("Tags", [])))


def _roles(caller: Caller) -> Iterator[FoundRole]:
    iam = caller.client("iam")
    with explained("the list of roles"):
        listed = [role for page in iam.get_paginator("list_roles").paginate() for role in page["Roles"]]
    for role in listed:
        if _names_bitbucket(role.get("AssumeRolePolicyDocument")):
            yield read_role(iam, str(role["RoleName"]))


def _names_bitbucket(trust_policy: object) -> bool:
    """Tell whether a trust policy is meant for Bitbucket: it names its host as a principal or in a condition key.

    The host counts in any spelling, so that a role that admits nobody by a mistake is reported, too.
    """
    if not isinstance(trust_policy, Mapping):
        return _HOST in str(trust_policy).lower()
    statements = parse(trust_policy).statements
    principals = [principal.name for statement in statements for principal in statement.principals]
    keys = [test.key for statement in statements for test in statement.conditions]
    return any(_HOST in name.lower() for name in (*principals, *keys))


def read_role(iam: Any, name: str) -> FoundRole:  # noqa: ANN401 - botocore makes its clients at run time
    """Read everything of one role: ListRoles leaves out tags and the permissions boundary."""
    with explained(f"the role {name}"):
        role = iam.get_role(RoleName=name)["Role"]
        attached = [
            str(policy["PolicyArn"])
            for page in iam.get_paginator("list_attached_role_policies").paginate(RoleName=name)
            for policy in page["AttachedPolicies"]
        ]
        inline = [
            str(policy)
            for page in iam.get_paginator("list_role_policies").paginate(RoleName=name)
            for policy in page["PolicyNames"]
        ]
        documents = {
            policy: iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"] for policy in sorted(inline)
        }
    return _found_role(role, role, attached, documents)


def _found_role(
    details: Mapping[str, Any],
    listed: Mapping[str, Any],
    managed_policy_arns: Iterable[str],
    inline_policies: Mapping[str, Any],
    created: datetime | None = None,
) -> FoundRole:
    """Return a role from two answers of IAM: one with boundary and tags, one with description and session duration."""
    return FoundRole(
        name=str(details["RoleName"]),
        path=str(details["Path"]),
        trust_policy=details.get("AssumeRolePolicyDocument"),
        description=str(listed.get("Description", "")),
        max_session_duration=int(listed.get("MaxSessionDuration", 3600)),
        permissions_boundary_arn=details.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
        managed_policy_arns=tuple(sorted(managed_policy_arns)),
        inline_policies=inline_policies,
        tags=tags_of(details.get("Tags", [])),
        created=created,
    )


Keeps = Callable[[str, Mapping[str, str]], bool]
"""Told a role's name and tags, says whether the role is kept."""


def account_as_found(caller: Caller, plan: AccountPlan, oidc_providers: Iterable[str], keeps: Keeps) -> FoundAccount:
    """Read some roles and OIDC providers of an account whole, in few calls: two for the roles, one for each provider.

    GetAccountAuthorizationDetails answers with policies, boundary and tags of all roles, but with neither description
    nor session duration, and ListRoles with these two, but with neither boundary nor tags. Sources:
    https://docs.aws.amazon.com/IAM/latest/APIReference/API_RoleDetail.html and
    https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListRoles.html.
    Both give at most 1,000 roles a page; roles that are not kept are dropped page by page.

    Args:
        caller: Entered into the account.
        plan: Says which account it is.
        oidc_providers: ARNs of the providers to read; one that does not exist is left out.
        keeps: Which roles.

    Raises:
        AwsError: The account did not answer.
    """
    iam = caller.client("iam")
    roles = dict(_kept_details(iam, keeps))
    complete = list(_completed(iam, roles)) if roles else []
    providers = (_existing_oidc_provider(iam, arn) for arn in sorted(set(oidc_providers)))
    return FoundAccount(
        plan.key,
        plan.id,
        plan.partition,
        tuple(provider for provider in providers if provider is not None),
        tuple(sorted(complete, key=lambda role: role.name)),
    )


_PAGE = {"PageSize": 1000}
_OUTDATED = (
    "its reading role needs iam:GetAccountAuthorizationDetails: deploy the template of `bitbucket-oidc bootstrap` again"
)


def _kept_details(iam: Any, keeps: Keeps) -> Iterator[tuple[str, Mapping[str, Any]]]:  # noqa: ANN401 - botocore makes its clients at run time
    pages = iam.get_paginator("get_account_authorization_details")
    with explained("the account's roles and their policies", denied=_OUTDATED):
        for page in pages.paginate(Filter=["Role"], PaginationConfig=_PAGE):
            for role in page["RoleDetailList"]:
                if keeps(str(role["RoleName"]), tags_of(role.get("Tags", []))):
                    yield str(role["RoleName"]), role


def _completed(iam: Any, details: Mapping[str, Mapping[str, Any]]) -> Iterator[FoundRole]:  # noqa: ANN401 - as above
    """Yield the roles with what ListRoles tells; a role that is deleted between the two calls is left out."""
    with explained("the list of roles"):
        for page in iam.get_paginator("list_roles").paginate(PaginationConfig=_PAGE):
            for listed in page["Roles"]:
                if (role := details.get(str(listed["RoleName"]))) is not None:
                    attached = [str(policy["PolicyArn"]) for policy in role.get("AttachedManagedPolicies", [])]
                    inline = {
                        str(policy["PolicyName"]): policy["PolicyDocument"] for policy in role.get("RolePolicyList", [])
                    }
                    yield _found_role(role, listed, attached, inline, role["CreateDate"])


def _existing_oidc_provider(iam: Any, arn: str) -> FoundOidcProvider | None:  # noqa: ANN401 - as above
    with explained(f"the OIDC provider {arn}"):
        try:
            answer = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
        except iam.exceptions.NoSuchEntityException:
            return None
        return FoundOidcProvider(
            arn,
            tuple(sorted(map(str, answer.get("ClientIDList", [])))),
            tags_of(answer.get("Tags", [])),
            tuple(map(str, answer.get("ThumbprintList", []))),
            str(answer.get("Url", "")),
        )
