"""Values of one account, written so that they are right in any: by what CloudFormation knows about where it runs.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/pseudo-parameter-reference.html
"""

import re
from typing import Any

from oidc.arn import Partition
from oidc.identifiers import AccountId


def with_pseudo_parameters(value: Any, partition: Partition, account: AccountId) -> Any:  # noqa: ANN401 - JSON
    """Replace the account's id wherever it stands, and the partition where an ARN begins.

    In that account the result comes to ``value`` again; so where two accounts give the same one, it is right in both.
    """
    if isinstance(value, dict):
        return {key: with_pseudo_parameters(found, partition, account) for key, found in value.items()}
    if isinstance(value, list):
        return [with_pseudo_parameters(found, partition, account) for found in value]
    return _text(value, partition, account) if isinstance(value, str) else value


def _text(value: str, partition: Partition, account: AccountId) -> Any:  # noqa: ANN401 - text, or a function of CloudFormation
    # What is a variable of IAM already, `${*}`, is written `${!*}` for Fn::Sub
    # (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference-sub.html).
    escaped = value.replace("${", "${!")
    found = re.sub(rf"^arn:{partition}:", "arn:${AWS::Partition}:", escaped)
    found = found.replace(account, "${AWS::AccountId}")
    return value if found == escaped else {"Fn::Sub": found}
