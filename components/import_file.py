"""Files for ``pulumi import`` of existing roles: the resources that the program registers, with their ids in AWS.

Format: https://www.pulumi.com/docs/iac/guides/migration/import/#bulk-import-operations. They also declare
components, and AWS providers with their configuration; these exist only in the state.

The CLI creates the AWS providers of a file before its components, and refuses a state without a parent (tested with
3.260). So there are two files, and the first one holds the components of accounts.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from access.adoption.inventory import AdoptedRole
from access.plan import DEFAULT_SESSION_NAME, AccountPlan
from access.update_preview import ATTACHMENTS_TYPE, AWS_PROVIDER_TYPE, INLINE_POLICY_TYPE, ROLE_TYPE
from components import account_access, bitbucket_oidc, pipeline_role
from components.bitbucket_oidc import TOP

Resource = dict[str, Any]
ImportFile = dict[str, list[Resource]]


def import_files(
    roles: Iterable[AdoptedRole], accounts: Iterable[AccountPlan], *, aws_version: str, endpoint: str | None = None
) -> tuple[ImportFile, ImportFile]:
    """Return the files as JSON, in the order in which they are imported.

    Args:
        roles: By account and key of the inventory.
        accounts: Their plans, for the AWS providers.
        aws_version: Version of the AWS provider: ``7.51.1``.
        endpoint: Endpoint of the sandbox, else ``None``.
    """
    plans = {account.key: account for account in accounts}
    by_account: dict[str, list[AdoptedRole]] = {}
    for role in roles:
        by_account.setdefault(role.account, []).append(role)
    components: list[Resource] = [{"type": bitbucket_oidc.TYPE, "name": TOP, "component": True}] if by_account else []
    components += [
        _child(account_access.TYPE, f"account {key}", key, TOP) | {"component": True} for key in sorted(by_account)
    ]
    resources = list(components)
    for key, adopted in sorted(by_account.items()):
        resources.append(_aws_provider(plans[key], aws_version, endpoint))
        for role in adopted:
            resources += _role(role)
    return {"resources": components}, {"resources": resources}


def _child(kind: str, name: str, logical_name: str, parent: str) -> Resource:
    """Return a resource with its unique name in the file, and its logical name in the stack, unique for its type."""
    return {"type": kind, "name": name, "logicalName": logical_name, "parent": parent}


def _role(role: AdoptedRole) -> Iterator[Resource]:
    logical_name, provider = f"{role.account}/{role.key}", {"provider": f"AWS provider {role.account}"}
    component = f"component {logical_name}"
    yield _child(pipeline_role.TYPE, component, logical_name, f"account {role.account}") | {"component": True}
    yield _child(ROLE_TYPE, f"role {logical_name}", logical_name, component) | {"id": role.name, **provider}
    for policy in role.inline_policies:
        name = f"{logical_name}/{policy}"
        inline = _child(INLINE_POLICY_TYPE, f"inline policy {name}", name, component)
        yield inline | {"id": f"{role.name}:{policy}", **provider}
    attachments = _child(ATTACHMENTS_TYPE, f"managed policies {logical_name}", logical_name, component)
    yield attachments | {"id": role.name, **provider}


def _aws_provider(account: AccountPlan, version: str, endpoint: str | None) -> Resource:
    """Configure an AWS provider as the program does, but without default tags: the stack is not known yet.

    A provider's inputs are text, or JSON in a text. In the state that JSON is compact, with sorted keys
    (``config_encoding.go`` of Pulumi's bridge); any other text would show as a change after the import.
    """
    access = account.access
    inputs: dict[str, str] = {
        "region": account.region or account.partition.iam_region,
        "allowedAccountIds": _folded([account.id]),
        # pulumi_aws fills in these two in every program.
        "skipCredentialsValidation": "false",
        "skipRegionValidation": "true",
    }
    if access.profile:
        inputs["profile"] = access.profile
    if access.role_arn:
        assumed = {"roleArn": access.role_arn, "sessionName": access.session_name or DEFAULT_SESSION_NAME}
        external = {"externalId": access.external_id} if access.external_id else {}
        inputs["assumeRoles"] = _folded([assumed | external])
    if endpoint:
        inputs["endpoints"] = _folded([{"iam": endpoint, "sts": endpoint}])
    name = f"AWS provider {account.key}"
    return _child(AWS_PROVIDER_TYPE, name, account.key, f"account {account.key}") | {
        "version": version,
        "inputs": inputs,
    }


def _folded(value: list[Any]) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True)
