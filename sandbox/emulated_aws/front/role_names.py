"""Gap: ministack holds ``Deploy`` and ``deploy`` apart, and any number of roles. In AWS they are one name, and counted.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html ("Names of users, groups, roles,
policies, … must be unique within the account and aren't distinguished by case"; roles in an AWS account).
"""

from sandbox.emulated_aws.inner import Inner
from sandbox.emulated_aws.query import Answer, Call, Proceed, RefusalError, Step
from sandbox.emulated_aws.settings import Settings


def role_names(inner: Inner, settings: Settings) -> Step:
    """Make the step for CreateRole."""

    async def step(call: Call, proceed: Proceed) -> Answer:
        name = call.params["RoleName"]
        taken = [existing.lower() for existing in inner.role_names()]
        if name.lower() in taken:
            raise RefusalError("EntityAlreadyExists", f"Role with name {name} already exists.", 409)
        quota = settings.quotas_of(call.account).roles_per_account
        if len(taken) >= quota:
            raise RefusalError("LimitExceeded", f"Cannot exceed quota for RolesPerAccount: {quota}", 409)
        return await proceed(call)

    return step
