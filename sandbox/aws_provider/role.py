"""A role and its policies: ``aws:iam/role:Role``, ``…:RolePolicy`` and ``…:RolePolicyAttachmentsExclusive``.

Sources: IAM API reference, CreateRole, UpdateRole, UpdateAssumeRolePolicy, PutRolePermissionsBoundary, DeleteRole,
PutRolePolicy, GetRolePolicy, DeleteRolePolicy, AttachRolePolicy, DetachRolePolicy.
Behaviour: tf ``role.go`` (schema, ``resourceRoleRead``, ``resourceRoleUpdate``, ``deleteRole``), ``role_policy.go``,
``role_policy_attachments_exclusive.go`` (``syncAttachments``, ``WithNoOpDelete``); aws ``computed_ids.go``.
The calls are exactly those of the official provider: a deploying role without one of the permissions fails in both.
"""

import json
from datetime import datetime
from typing import Any, ClassVar, cast

from botocore.exceptions import ClientError

from sandbox.aws_provider import tags
from sandbox.aws_provider.resource_type import (
    Property,
    ReadResource,
    ResourceType,
    is_missing,
    same_document,
    same_set,
    tolerate_missing,
)
from sandbox.engine.values import Properties


class RoleResource(ResourceType):
    """A role. Inline and managed policies are separate resources; the inputs that list them here are refused."""

    properties: ClassVar = {
        "assumeRolePolicy": Property(required=True, same=same_document),
        "description": Property(default=""),
        "forceDetachPolicies": Property(default=False),
        "maxSessionDuration": Property(default=3600),
        "name": Property(replaces=True, required=True),
        "namePrefix": Property(default="", replaces=True),
        "path": Property(default="/", replaces=True),
        "permissionsBoundary": Property(default=""),
        "tags": Property(default={}),
        "tagsAll": Property(default={}),
    }
    computed = ("arn", "createDate", "uniqueId")
    named = True
    awaited = True

    def create(self, iam: Any, inputs: Properties) -> str:  # noqa: ANN401 - botocore makes its clients at run time
        """Create the role; its name is its id."""
        wanted = self.wanted(inputs)
        request: dict[str, object] = {
            "RoleName": wanted["name"],
            "Path": wanted["path"],
            "AssumeRolePolicyDocument": wanted["assumeRolePolicy"],
            "MaxSessionDuration": wanted["maxSessionDuration"],
        }
        optional = {"Description": wanted["description"], "PermissionsBoundary": wanted["permissionsBoundary"]}
        request.update({key: value for key, value in optional.items() if value})
        if tags.all_of(wanted):
            request["Tags"] = tags.to_list(wanted)
        return str(iam.create_role(**request)["Role"]["RoleName"])

    def read(self, iam: Any, identity: str, inputs: Properties) -> ReadResource | None:  # noqa: ANN401 - as above
        """Read the role; ``forceDetachPolicies`` is no property of AWS and stays as the inputs have it."""
        try:
            role = iam.get_role(RoleName=identity or str(inputs["name"]))["Role"]
        except ClientError as error:
            if is_missing(error):
                return None
            raise
        # A 404 here is an error, not a deleted role: IAM may show a new role before its policies.
        self._read_policies(iam, role["RoleName"])
        outputs: Properties = {
            "arn": role["Arn"],
            "assumeRolePolicy": json.dumps(role["AssumeRolePolicyDocument"], separators=(",", ":")),
            "createDate": _time(role["CreateDate"]),
            "description": role.get("Description", ""),
            "forceDetachPolicies": inputs.get("forceDetachPolicies", False),
            "maxSessionDuration": role.get("MaxSessionDuration", 3600),
            "name": role["RoleName"],
            "namePrefix": inputs.get("namePrefix", ""),
            "path": role["Path"],
            "permissionsBoundary": role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn", ""),
            "uniqueId": role["RoleId"],
            **tags.to_outputs(role.get("Tags"), inputs),
        }
        return ReadResource(role["RoleName"], outputs)

    def update(self, iam: Any, identity: str, old: Properties, new: Properties) -> None:  # noqa: ANN401 - as above
        """Change the properties that differ, each with its own call."""
        differing, wanted = self.differing(old, new), self.wanted(new)
        if "assumeRolePolicy" in differing:
            iam.update_assume_role_policy(RoleName=identity, PolicyDocument=wanted["assumeRolePolicy"])
        if "description" in differing:
            iam.update_role_description(RoleName=identity, Description=wanted["description"])
        if "maxSessionDuration" in differing:
            iam.update_role(RoleName=identity, MaxSessionDuration=wanted["maxSessionDuration"])
        if "permissionsBoundary" in differing:
            self._update_boundary(iam, identity, str(wanted["permissionsBoundary"]))
        gone, changed = tags.changes(old, wanted)
        if gone:
            iam.untag_role(RoleName=identity, TagKeys=gone)
        if changed:
            iam.tag_role(RoleName=identity, Tags=changed)

    @staticmethod
    def _update_boundary(iam: Any, identity: str, boundary: str) -> None:  # noqa: ANN401 - as above
        if boundary:
            iam.put_role_permissions_boundary(RoleName=identity, PermissionsBoundary=boundary)
        else:
            iam.delete_role_permissions_boundary(RoleName=identity)

    def delete(self, iam: Any, identity: str, outputs: Properties) -> None:  # noqa: ANN401 - as above
        """Delete the role; with ``forceDetachPolicies``, first remove all its policies."""
        with tolerate_missing():
            self._leave_instance_profiles(iam, identity)
            if outputs.get("forceDetachPolicies"):
                self._remove_policies(iam, identity)
            iam.delete_role(RoleName=identity)

    @staticmethod
    def _read_policies(iam: Any, identity: str) -> None:  # noqa: ANN401 - as above
        """Read inline and managed policies, which are outputs of the official provider's role and not of this one."""
        for page in iam.get_paginator("list_role_policies").paginate(RoleName=identity):
            for name in page["PolicyNames"]:
                with tolerate_missing():
                    iam.get_role_policy(RoleName=identity, PolicyName=name)
        for _ in iam.get_paginator("list_attached_role_policies").paginate(RoleName=identity):
            pass

    @staticmethod
    def _leave_instance_profiles(iam: Any, identity: str) -> None:  # noqa: ANN401 - as above
        for page in iam.get_paginator("list_instance_profiles_for_role").paginate(RoleName=identity):
            for profile in page["InstanceProfiles"]:
                with tolerate_missing():
                    iam.remove_role_from_instance_profile(
                        InstanceProfileName=profile["InstanceProfileName"], RoleName=identity
                    )

    @staticmethod
    def _remove_policies(iam: Any, identity: str) -> None:  # noqa: ANN401 - as above
        for page in iam.get_paginator("list_attached_role_policies").paginate(RoleName=identity):
            for attached in page["AttachedPolicies"]:
                with tolerate_missing():
                    iam.detach_role_policy(RoleName=identity, PolicyArn=attached["PolicyArn"])
        for page in iam.get_paginator("list_role_policies").paginate(RoleName=identity):
            for name in page["PolicyNames"]:
                with tolerate_missing():
                    iam.delete_role_policy(RoleName=identity, PolicyName=name)


def _time(value: object) -> str:
    return cast("datetime", value).strftime("%Y-%m-%dT%H:%M:%SZ")


class RolePolicy(ResourceType):
    """An inline policy; its id is ``{role}:{name}``, as with the official provider."""

    properties: ClassVar = {
        "name": Property(replaces=True, required=True),
        "namePrefix": Property(default="", replaces=True),
        "policy": Property(required=True, same=same_document),
        "role": Property(required=True, replaces=True),
    }
    named = True
    awaited = True

    def create(self, iam: Any, inputs: Properties) -> str:  # noqa: ANN401 - botocore makes its clients at run time
        """Put the policy into the role."""
        iam.put_role_policy(RoleName=inputs["role"], PolicyName=inputs["name"], PolicyDocument=inputs["policy"])
        return f"{inputs['role']}:{inputs['name']}"

    def read(self, iam: Any, identity: str, inputs: Properties) -> ReadResource | None:  # noqa: ANN401 - as above
        """Read the policy."""
        role, name = identity.split(":", 1) if identity else (str(inputs["role"]), str(inputs["name"]))
        try:
            policy = iam.get_role_policy(RoleName=role, PolicyName=name)
        except ClientError as error:
            if is_missing(error):
                return None
            raise
        outputs: Properties = {
            "name": policy["PolicyName"],
            "namePrefix": inputs.get("namePrefix", ""),
            "policy": json.dumps(policy["PolicyDocument"], separators=(",", ":")),
            "role": policy["RoleName"],
        }
        return ReadResource(f"{policy['RoleName']}:{policy['PolicyName']}", outputs)

    def update(self, iam: Any, identity: str, old: Properties, new: Properties) -> None:  # noqa: ANN401, ARG002 - as above
        """Put the new policy."""
        self.create(iam, new)

    def delete(self, iam: Any, identity: str, outputs: Properties) -> None:  # noqa: ANN401, ARG002 - as above
        """Delete the policy from the role."""
        role, name = identity.split(":", 1)
        with tolerate_missing():
            iam.delete_role_policy(RoleName=role, PolicyName=name)


class RolePolicyAttachmentsExclusive(ResourceType):
    """The managed policies of a role, all of them; its id is the role's name."""

    properties: ClassVar = {
        "policyArns": Property(required=True, same=same_set),
        "roleName": Property(required=True, replaces=True),
    }

    def create(self, iam: Any, inputs: Properties) -> str:  # noqa: ANN401 - botocore makes its clients at run time
        """Attach and detach until the role has exactly these policies."""
        role = str(inputs["roleName"])
        self._set(iam, role, inputs)
        return role

    def read(self, iam: Any, identity: str, inputs: Properties) -> ReadResource | None:  # noqa: ANN401 - as above
        """Read all attached policies, also those that others attached."""
        role = identity or str(inputs["roleName"])
        try:
            attached = _attached(iam, role)
        except ClientError as error:
            if is_missing(error):
                return None
            raise
        return ReadResource(role, {"policyArns": list(attached), "roleName": role})

    def update(self, iam: Any, identity: str, old: Properties, new: Properties) -> None:  # noqa: ANN401, ARG002 - as above
        """Attach and detach until the role has exactly these policies."""
        self._set(iam, identity, new)

    def delete(self, iam: Any, identity: str, outputs: Properties) -> None:  # noqa: ANN401 - as above
        """Leave the attachments as they are."""

    @staticmethod
    def _set(iam: Any, role: str, inputs: Properties) -> None:  # noqa: ANN401 - as above
        given = inputs["policyArns"]
        wanted = sorted(map(str, given)) if isinstance(given, list) else []
        present = _attached(iam, role)
        # Attach first, as the official provider does: a role that has reached its quota cannot change all in one step.
        for arn in wanted:
            if arn not in present:
                iam.attach_role_policy(RoleName=role, PolicyArn=arn)
        for arn in present:
            if arn not in wanted:
                with tolerate_missing():
                    iam.detach_role_policy(RoleName=role, PolicyArn=arn)


def _attached(iam: Any, role: str) -> list[str]:  # noqa: ANN401 - as above
    pages = iam.get_paginator("list_attached_role_policies").paginate(RoleName=role)
    return sorted(str(policy["PolicyArn"]) for page in pages for policy in page["AttachedPolicies"])
