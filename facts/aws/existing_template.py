"""Read what an account has of the template of ``bootstrap``: two roles, their policies, the boundaries."""

from collections.abc import Iterable
from typing import Any

from botocore.exceptions import ClientError

from access.adoption.found import FoundRole, FoundTemplate
from access.foundation import Foundation
from facts.aws.callers import Caller
from facts.aws.existing_access import read_role
from facts.aws.failures import DENIED, code_of, explained
from oidc.arn import parse_iam_arn
from oidc.errors import AwsError

_ENTER = "enter the account as its reading role: the deploying role may not read itself"


def existing_template(caller: Caller, roles: Iterable[str], boundaries: Iterable[str]) -> FoundTemplate:
    """Read the roles of these names with their policies, and the boundaries with these ARNs.

    Raises:
        AwsError: The account did not answer, or the caller may not read the roles.
    """
    iam = caller.client("iam")
    existing = {name: role for name in sorted(set(roles)) if (role := _role(iam, name)) is not None}
    attached = {arn for role in existing.values() for arn in role.managed_policy_arns if _is_of_account(arn)}
    documents: dict[str, object] = {}
    unreadable: list[str] = []
    for arn in sorted({*boundaries, *attached}):
        with explained(f"the policy {arn}"):
            try:
                version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
                answer = iam.get_policy_version(PolicyArn=arn, VersionId=version)
                documents[arn] = answer["PolicyVersion"]["Document"]
            except iam.exceptions.NoSuchEntityException:
                continue
            except ClientError as error:
                # A reading role of an older template has no iam:GetPolicyVersion.
                if code_of(error) not in DENIED or error.operation_name != "GetPolicyVersion":
                    raise
                unreadable.append(arn)
    return FoundTemplate(existing, documents, tuple(unreadable))


def readable_template(caller: Caller, foundation: Foundation) -> FoundTemplate | None:
    """Read the template of an account, or return ``None`` to a caller that may not read its roles.

    A deploying role is denied to read itself.

    Raises:
        AwsError: The account did not answer.
    """
    roles = foundation.deploying_name, foundation.reading_name
    try:
        return existing_template(caller, roles, foundation.scope.own_boundary_arns)
    except AwsError as error:
        if isinstance(error.__cause__, ClientError) and code_of(error.__cause__) in DENIED:
            return None
        raise


def _role(iam: Any, name: str) -> FoundRole | None:  # noqa: ANN401 - botocore makes its clients at run time
    with explained(f"the role {name}", denied=_ENTER):
        try:
            iam.get_role(RoleName=name)
        except iam.exceptions.NoSuchEntityException:
            return None
    return read_role(iam, name)


def _is_of_account(arn: str) -> bool:
    parts = parse_iam_arn(arn)
    return parts is not None and parts.owner != "aws"
