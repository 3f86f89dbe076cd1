"""The deploying role's permissions in an emulated account: the very policy that ``deploy-policy`` prints.

So every run shows that it suffices. As a platform engineer would, it also lets the role change and remove what an
earlier inventory deployed: the roles and OIDC providers that carry this project's tag.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from access.deploy_policy import DeployedRole, DeployScope, deploy_policies
from access.owners import MANAGED_BY
from oidc.arn import account_policy_arn

_NAME = "{role}-deploys-{number}"


def give_deploy_policies(iam: Any, role: str, scope: DeployScope) -> None:  # noqa: ANN401 - made at run time
    """Attach exactly the deploying role's policies, as managed ones; running it again changes nothing.

    Args:
        iam: Client as root of the account.
        role: Name of the deploying role.
        scope: What the inventory deploys.
    """
    documents = deploy_policies(scope.with_those_there(_roles_there(iam), _oidc_providers_there(iam)))
    wanted = [_managed_policy(iam, role, scope, number, found.text) for number, found in enumerate(documents, 1)]
    attached = [found["PolicyArn"] for found in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]]
    for arn in wanted:
        if arn not in attached:
            iam.attach_role_policy(RoleName=role, PolicyArn=arn)
    _take_away(iam, role, [arn for arn in attached if arn not in wanted])


def _managed_policy(iam: Any, role: str, scope: DeployScope, number: int, document: str) -> str:  # noqa: ANN401 - as above
    name = _NAME.format(role=role, number=number)
    arn = account_policy_arn(scope.partition, scope.account, name)
    try:
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    except iam.exceptions.NoSuchEntityException:
        iam.create_policy(PolicyName=name, PolicyDocument=document)
        return arn
    if iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"] != json.loads(document):
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=document, SetAsDefault=True)
        iam.delete_policy_version(PolicyArn=arn, VersionId=version)
    return arn


def _take_away(iam: Any, role: str, attached: Sequence[str]) -> None:  # noqa: ANN401 - as above
    for arn in attached:
        iam.detach_role_policy(RoleName=role, PolicyArn=arn)
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        iam.delete_role_policy(RoleName=role, PolicyName=name)


def _roles_there(iam: Any) -> Iterator[DeployedRole]:  # noqa: ANN401 - as above
    listing = iam.get_paginator("list_roles").paginate()
    for listed in (role for page in listing for role in page["Roles"]):
        role = iam.get_role(RoleName=listed["RoleName"])["Role"]
        if _is_ours(role.get("Tags", [])):
            boundary = role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn", "")
            yield DeployedRole(role["Arn"], role["Path"], boundary, ())


def _oidc_providers_there(iam: Any) -> Iterator[str]:  # noqa: ANN401 - as above
    for listed in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]:
        found = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=listed["Arn"])
        if _is_ours(found.get("Tags", [])):
            yield listed["Arn"]


def _is_ours(tags: Sequence[dict[str, str]]) -> bool:
    return {"Key": "ManagedBy", "Value": MANAGED_BY} in tags
