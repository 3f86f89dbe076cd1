"""Gap: ministack takes inline policies of any size. In AWS those of one role have 10,240 characters together.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html ("IAM doesn't count white space").
"""

from oidc.limits import INLINE_POLICY_CHARS_PER_ROLE
from sandbox.emulated_aws.front.policy_text import counted_characters
from sandbox.emulated_aws.inner import Inner
from sandbox.emulated_aws.query import Answer, Call, Proceed, RefusalError, Step


def inline_policy_size(inner: Inner) -> Step:
    """Make the step for PutRolePolicy."""

    async def step(call: Call, proceed: Proceed) -> Answer:
        role_name = call.params["RoleName"]
        role = inner.role(call.account, role_name)
        if role is not None:
            documents = {**role["InlinePolicies"], call.params["PolicyName"]: call.params["PolicyDocument"]}
            if sum(map(counted_characters, documents.values())) > INLINE_POLICY_CHARS_PER_ROLE:
                raise RefusalError(
                    "LimitExceeded",
                    f"Maximum policy size of {INLINE_POLICY_CHARS_PER_ROLE} bytes exceeded for role {role_name}",
                    409,
                )
        return await proceed(call)

    return step
