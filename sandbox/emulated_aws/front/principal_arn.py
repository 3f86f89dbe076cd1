"""Gap: to ministack ``aws:PrincipalArn`` of a role's session is the ARN of the session; in AWS it is that of the role.

"IAM role - The request context contains the ARN of the role that was assumed", path included:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html. So a statement that leaves a
role out by this key leaves out nobody here.
"""

import re
from collections.abc import Callable

from sandbox.emulated_aws.inner import Inner

_SESSION = re.compile(r"arn:aws:sts::([0-9]{12}):assumed-role/([^/]+)/.+")


def principal_arn(inner: Inner) -> Callable[[str], str]:
    """Return what makes the value of the key of a caller's ARN: for a session the ARN of its role, else the same."""

    def arn_of(caller: str) -> str:
        match = _SESSION.fullmatch(caller)
        role = inner.role(match[1], match[2]) if match else None
        return caller if role is None else str(role["Arn"])

    return arn_of
