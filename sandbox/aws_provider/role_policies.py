"""``aws:iam/rolePolicy:RolePolicy``: an inline policy of a role.

Sources: IAM API reference, PutRolePolicy, GetRolePolicy, DeleteRolePolicy.
"""

import json
from typing import Any, ClassVar

from botocore.exceptions import ClientError

from sandbox.aws_provider.documents import is_missing, same_document, same_set, tolerate_missing
from sandbox.aws_provider.resource_type import Property, ReadResource, ResourceType
from sandbox.engine.values import Properties


class RolePolicy(ResourceType):
    """An inline policy; its id is ``{role}:{name}``, as with the official provider."""

    properties: ClassVar = {
        "name": Property(replaces=True, required=True),
        "namePrefix": Property(default="", replaces=True),
        "policy": Property(required=True, same=same_document),
        "role": Property(required=True, replaces=True),
    }
    named = True

    def create(self, iam: Any, inputs: Properties) -> str:  # noqa: ANN401 - botocore makes its clients at run time
        """Put the policy into the role."""
        self._put(iam, inputs)
        return f"{inputs['role']}:{inputs['name']}"

    def read(self, iam: Any, identity: str, inputs: Properties) -> ReadResource | None:  # noqa: ANN401 - as above
        """Read the policy."""
        role, name = identity.split(":", 1) if identity else (str(inputs["role"]), str(inputs["name"]))
        try:
            found = iam.get_role_policy(RoleName=role, PolicyName=name)
        except ClientError as error:
            if is_missing(error):
                return None
            raise
        outputs: Properties = {
            "name": found["PolicyName"],
            "namePrefix": inputs.get("namePrefix", ""),
            "policy": json.dumps(found["PolicyDocument"], separators=(",", ":")),
            "role": found["RoleName"],
        }
        return ReadResource(f"{found['RoleName']}:{found['PolicyName']}", outputs)

    def update(self, iam: Any, identity: str, old: Properties, new: Properties) -> None:  # noqa: ANN401, ARG002 - as above
        """Put the policy anew."""
        self._put(iam, new)

    def delete(self, iam: Any, identity: str, outputs: Properties) -> None:  # noqa: ANN401, ARG002 - as above
        """Take the policy out of the role."""
        role, name = identity.split(":", 1)
        with tolerate_missing():
            iam.delete_role_policy(RoleName=role, PolicyName=name)

    @staticmethod
    def _put(iam: Any, inputs: Properties) -> None:  # noqa: ANN401 - as above
        iam.put_role_policy(RoleName=inputs["role"], PolicyName=inputs["name"], PolicyDocument=inputs["policy"])


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
        """Read what is attached, also what others attached."""
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
        # First on, then away, as with the official provider: a role that has as many as its quota allows cannot
        # change all of them in one step, here as there.
        for arn in wanted:
            if arn not in present:
                iam.attach_role_policy(RoleName=role, PolicyArn=arn)
        for arn in present:
            if arn not in wanted:
                with tolerate_missing():
                    iam.detach_role_policy(RoleName=role, PolicyArn=arn)


def _attached(iam: Any, role: str) -> list[str]:  # noqa: ANN401 - as above
    pages = iam.get_paginator("list_attached_role_policies").paginate(RoleName=role)
    return sorted(str(one["PolicyArn"]) for page in pages for one in page["AttachedPolicies"])
