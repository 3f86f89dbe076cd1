"""Trust policies: who may assume a role through AssumeRoleWithWebIdentity.

AWS sees two claims of a Bitbucket token, ``aud`` and ``sub``, and no other: a condition on ``branchName`` or
``repositoryUuid`` never matches (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html,
"Available keys for AWS OIDC federation"). So a statement always has both, and never a set operator or ``…IfExists``,
which hold when the key is missing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from ipaddress import IPv4Network, IPv6Network
from itertools import product
from typing import Any

from oidc.arn import Partition, oidc_provider_arn
from oidc.bitbucket import SubjectPattern, issuer_path
from oidc.iam.document import PolicyDocument
from oidc.identifiers import AccountId, WorkspaceSlug
from oidc.source_addresses import Condition, SourceAddresses

POLICY_VERSION = "2012-10-17"
"""The policy language with policy variables
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_version.html)."""


@dataclass(frozen=True, slots=True)
class TrustedIssuer:
    """The accepted tokens of one issuer with one set of audiences: one statement of a trust policy.

    Attributes:
        workspace: Workspace of the issuer, for example ``acme``.
        audiences: The token's ``aud`` must be one of these, for example
            ``("ari:cloud:bitbucket::workspace/0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11",)``; never empty, sorted.
        subject_patterns: The token's ``sub`` must match one of these; never empty, sorted.
        last_day: The last day in UTC on which this issuer is trusted, or ``None``.
    """

    workspace: WorkspaceSlug
    audiences: tuple[str, ...]
    subject_patterns: tuple[SubjectPattern, ...]
    last_day: date | None = None


@dataclass(frozen=True, slots=True)
class TrustConditions:
    """Further conditions of every statement.

    Attributes:
        source_ips: Addresses that the call to STS may come from; empty for everywhere. They limit only the exchange:
            the credentials may be used from anywhere.
        last_day: The last day of access in UTC, or ``None``. No session starts after it; a running session
            lasts for its full duration.
        source_vpces: VPC endpoints that the call to STS may come through, besides ``source_ips``.
    """

    source_ips: tuple[IPv4Network | IPv6Network, ...] = ()
    last_day: date | None = None
    source_vpces: tuple[str, ...] = ()


def trust_policy(
    partition: Partition, account: AccountId, issuers: Sequence[TrustedIssuer], conditions: TrustConditions
) -> PolicyDocument:
    """Return the trust policy of a role: one statement for each of ``issuers``, in the order given.

    A role that accepts calls from networks and through VPC endpoints has two statements for each issuer.

    Two issuers in one statement would never match (their condition keys differ, and conditions are
    ANDed), and two sets of audiences in one would admit the cross product of audiences and subjects
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-logic-multiple-context-keys-or-values.html).
    """
    addresses = SourceAddresses(conditions.source_ips, conditions.source_vpces).trust_conditions()
    statements = [
        _statement(partition, account, issuer, address, _earlier(issuer.last_day, conditions.last_day))
        for issuer, address in product(issuers, addresses)
    ]
    return PolicyDocument.of({"Version": POLICY_VERSION, "Statement": statements})


def _earlier(first: date | None, second: date | None) -> date | None:
    return min((day for day in (first, second) if day is not None), default=None)


def _statement(
    partition: Partition, account: AccountId, issuer: TrustedIssuer, address: Condition, last_day: date | None
) -> dict[str, Any]:
    prefix = issuer_path(issuer.workspace)
    audiences = list(issuer.audiences)
    audience = {f"{prefix}:aud": audiences[0] if len(audiences) == 1 else audiences}
    condition: Condition = {
        **address,
        "StringEquals": {**audience, **address.get("StringEquals", {})},
        "StringLike": {f"{prefix}:sub": list(issuer.subject_patterns)},
    }
    if last_day is not None:
        condition["DateLessThan"] = {"aws:CurrentTime": end_of_access(last_day)}
    return {
        "Effect": "Allow",
        "Principal": {"Federated": oidc_provider_arn(partition, account, issuer.workspace)},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": condition,
    }


def end_of_access(last_day: date) -> str:
    """Return the first instant without access: for 2027-01-31, ``2027-02-01T00:00:00Z``.

    ISO 8601 in UTC, as the date operators take it
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_Date).
    """
    return f"{(last_day + timedelta(days=1)).isoformat()}T00:00:00Z"
