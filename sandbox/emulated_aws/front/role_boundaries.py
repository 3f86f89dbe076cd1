"""Gap: ministack refuses an AWS-managed policy as a permissions boundary when it does not have its document.

As for attached policies, every well-formed ``arn:aws:iam::aws:policy/…`` is taken for one that exists. A document that
is not known allows nothing, so within such a boundary nothing is allowed.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html ("You can use an AWS managed
policy or a customer managed policy to set the boundary").
"""

from sandbox.emulated_aws.front.role_managed_policies import POLICY_ARN
from sandbox.emulated_aws.inner import Inner
from sandbox.emulated_aws.query import Answer, Call, Proceed, Step


def boundaries(inner: Inner) -> Step:
    """Make the step for CreateRole and PutRolePermissionsBoundary."""

    async def step(call: Call, proceed: Proceed) -> Answer:
        arn = call.params.get("PermissionsBoundary", "")
        match = POLICY_ARN.fullmatch(arn)
        if match is not None and match[1] == "aws":
            inner.know_aws_managed_policy(arn)
        return await proceed(call)

    return step
