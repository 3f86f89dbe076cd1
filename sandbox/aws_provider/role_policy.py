"""``aws:iam/rolePolicy:RolePolicy``: an inline policy of a role.

Sources: IAM API reference, PutRolePolicy, GetRolePolicy, DeleteRolePolicy.
"""

import json
from typing import Any, ClassVar

from botocore.exceptions import ClientError

from sandbox.aws_provider.documents import same_document
from sandbox.aws_provider.missing import is_missing, tolerate_missing
from sandbox.aws_provider.resource_type import Found, Property, ResourceType
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

    def read(self, iam: Any, identity: str, inputs: Properties) -> Found | None:  # noqa: ANN401 - as above
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
        return Found(f"{found['RoleName']}:{found['PolicyName']}", outputs)

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
