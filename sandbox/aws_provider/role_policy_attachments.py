"""``aws:iam/rolePolicyAttachmentsExclusive:RolePolicyAttachmentsExclusive``: exactly these managed policies on a role.

Sources: IAM API reference, AttachRolePolicy, DetachRolePolicy, ListAttachedRolePolicies. As with the official
provider, to delete the resource ends the management of the attachments; it takes none away.
"""

from typing import Any, ClassVar

from botocore.exceptions import ClientError

from sandbox.aws_provider.documents import same_set
from sandbox.aws_provider.missing import is_missing, tolerate_missing
from sandbox.aws_provider.resource_type import Found, Property, ResourceType
from sandbox.engine.values import Properties


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

    def read(self, iam: Any, identity: str, inputs: Properties) -> Found | None:  # noqa: ANN401 - as above
        """Read what is attached, also what others attached."""
        role = identity or str(inputs["roleName"])
        try:
            attached = _attached(iam, role)
        except ClientError as error:
            if is_missing(error):
                return None
            raise
        return Found(role, {"policyArns": list(attached), "roleName": role})

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
