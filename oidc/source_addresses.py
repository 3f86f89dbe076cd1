"""Limit the source addresses of calls: networks and VPC endpoints of a role, as conditions of its policies.

A call has either an address or a VPC endpoint, never both: ``aws:SourceIp`` is "included in the request context, except
when the requester uses a VPC endpoint", and ``aws:SourceVpce`` "only if the requester uses a VPC endpoint"
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-network-properties).
"""

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from typing import Any

from oidc.iam.document import PolicyDocument

SESSION_POLICY_NAME = "bitbucket-oidc-source-addresses"
"""Name of the inline policy that limits a role's sessions to its source addresses; reserved for it."""

Condition = dict[str, dict[str, Any]]
"""The ``Condition`` of a statement: the compared values by operator and key."""


@dataclass(frozen=True, slots=True)
class SourceAddresses:
    """The networks and VPC endpoints that calls may come from; without both, calls may come from anywhere.

    Attributes:
        networks: Public addresses, for example ``203.0.113.0/24``.
        vpc_endpoints: Ids such as ``vpce-0123456789abcdef0``.
    """

    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    vpc_endpoints: tuple[str, ...] = ()

    def trust_conditions(self) -> list[Condition]:
        """Return the conditions for a call to STS, one for each statement: the call must meet one of them.

        In one statement both conditions would have to hold, which is impossible. ``…IfExists`` would hold for every
        call that has the other key.
        """
        conditions: list[Condition] = []
        if self.networks:
            conditions.append({"IpAddress": {"aws:SourceIp": [str(network) for network in self.networks]}})
        if self.vpc_endpoints:
            conditions.append({"StringEquals": {"aws:SourceVpce": list(self.vpc_endpoints)}})
        return conditions or [{}]

    def session_policy(self) -> PolicyDocument:
        """Return the permission policy that denies calls from anywhere else with a role's credentials.

        - A negated operator holds if its key is missing, so one statement can have both. It denies a call that comes
          from none of the networks and through none of the endpoints
          (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html).
        - Calls by an AWS service for the role (a forward access session) are not denied. They follow an allowed call
          and do not carry the endpoint of that call
          (https://docs.aws.amazon.com/IAM/latest/UserGuide/access_forward_access_sessions.html).
        - The operator is ``BoolIfExists``, because a direct call of the role may lack ``aws:ViaAWSService`` (same
          page). ``Bool`` would not deny such a call.
        """
        condition: Condition = {"BoolIfExists": {"aws:ViaAWSService": "false"}}
        if self.networks:
            condition["NotIpAddress"] = {"aws:SourceIp": [str(network) for network in self.networks]}
        if self.vpc_endpoints:
            condition["StringNotEquals"] = {"aws:SourceVpce": list(self.vpc_endpoints)}
        statement = {
            "Sid": "DenyElsewhere", "Effect": "Deny", "Action": "*", "Resource": "*", "Condition": condition,
        }  # fmt: skip
        return PolicyDocument.of({"Version": "2012-10-17", "Statement": [statement]})
