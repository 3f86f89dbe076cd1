"""Compute ARNs of IAM. They are never an output of a resource, so policies are complete in a preview.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from oidc.bitbucket import issuer_path
from oidc.identifiers import AccountId, WorkspaceSlug


class Partition(StrEnum):
    """A group of AWS regions with its own IAM (https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html).

    ``aws-eusc`` is the European Sovereign Cloud. Regions and DNS suffixes are those of botocore's ``partitions.json``.
    """

    AWS = "aws"
    AWS_US_GOV = "aws-us-gov"
    AWS_CN = "aws-cn"
    AWS_EUSC = "aws-eusc"

    @property
    def iam_region(self) -> str:
        """The region of IAM's control plane, for calls without a region: for example ``us-east-1``."""
        return {
            "aws": "us-east-1", "aws-us-gov": "us-gov-west-1", "aws-cn": "cn-north-1", "aws-eusc": "eusc-de-east-1",
        }[self.value]  # fmt: skip

    @property
    def dns_suffix(self) -> str:
        """The suffix of its endpoints: ``amazonaws.com``."""
        return {"aws-cn": "amazonaws.com.cn", "aws-eusc": "amazonaws.eu"}.get(self.value, "amazonaws.com")


PARTITION_NAMES = "|".join(partition.value for partition in Partition)
"""All partitions, for a regular expression: ``aws|aws-us-gov|aws-cn|aws-eusc``."""

_PARTITION_OF_REGION = {
    "us-gov-": "aws-us-gov", "cn-": "aws-cn", "eusc-": "aws-eusc",
    "us-iso-": "aws-iso", "us-isob-": "aws-iso-b", "us-isof-": "aws-iso-f", "eu-isoe-": "aws-iso-e",
}  # fmt: skip


def partition_of_region(region: str) -> str:
    """Return the partition of a region by the prefix of its name: ``aws-cn`` for ``cn-north-1``.

    It may be one that this program does not support, such as ``aws-iso``.
    """
    return next((name for prefix, name in _PARTITION_OF_REGION.items() if region.startswith(prefix)), "aws")


def oidc_provider_arn(partition: Partition, account: AccountId, workspace: WorkspaceSlug) -> str:
    """Return ``arn:aws:iam::222222222222:oidc-provider/api.bitbucket.org/2.0/workspaces/acme/…/oidc``."""
    return f"arn:{partition}:iam::{account}:oidc-provider/{issuer_path(workspace)}"


def role_arn(partition: Partition, account: AccountId, path: str, name: str) -> str:
    """Return ``arn:aws:iam::222222222222:role/bitbucket/payments-deploy``; ``path`` begins and ends with a slash."""
    return f"arn:{partition}:iam::{account}:role{path}{name}"


def aws_policy_arn(partition: Partition, path_and_name: str) -> str:
    """Return the ARN of a policy that AWS manages; ``job-function/ViewOnlyAccess`` has its path in front."""
    return f"arn:{partition}:iam::aws:policy/{path_and_name}"


def account_policy_arn(partition: Partition, account: AccountId, path_and_name: str) -> str:
    """Return the ARN of a policy of the account itself, for example of ``team/ci-extra``."""
    return f"arn:{partition}:iam::{account}:policy/{path_and_name}"


@dataclass(frozen=True, slots=True)
class IamArn:
    """The parts of an ARN of IAM: ``arn:aws:iam::222222222222:role/ci/deploy``.

    ``owner`` is an account id, or ``aws`` for policies that AWS manages. ``kind`` is ``role`` or ``policy``. ``name``
    is the path without its first slash, and the name: ``ci/deploy``.
    """

    partition: str
    owner: str
    kind: str
    name: str


_IAM_ARN = re.compile(
    rf"arn:({PARTITION_NAMES}):iam::([0-9]{{12}}|aws):(role|policy)/((?:[!-.0-~]+/)*[A-Za-z0-9_+=,.@-]{{1,128}})",
    re.ASCII,
)


@lru_cache(maxsize=4096)
def parse_iam_arn(text: str) -> IamArn | None:
    """Return the parts of the ARN of a role or a policy, or ``None`` if ``text`` is neither."""
    match = _IAM_ARN.fullmatch(text)
    return IamArn(*match.groups()) if match else None


def policy_in_words(arn: str) -> str:
    """Return the owner and name of a managed policy: ``aws:ReadOnlyAccess``, ``222222222222:team/ci-extra``."""
    return arn.partition(":iam::")[2].replace(":policy/", ":")
