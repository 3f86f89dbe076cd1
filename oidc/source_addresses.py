"""Where calls may come from: the networks and VPC endpoints of a role, as conditions of its policies.

A call has either an address or a VPC endpoint, never both: ``aws:SourceIp`` is "included in the request context, except
when the requester uses a VPC endpoint", and ``aws:SourceVpce`` "only if the requester uses a VPC endpoint"
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-network-properties).
"""

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from typing import Any

from oidc.iam.document import PolicyDocument

SESSION_POLICY_NAME = "bitbucket-oidc-source-addresses"
"""The inline policy that binds a role's sessions to its source addresses; no permission policy may be called so."""

Condition = dict[str, dict[str, Any]]
"""The ``Condition`` of a statement: by operator and key, what is compared with."""


@dataclass(frozen=True, slots=True)
class SourceAddresses:
    """The networks and VPC endpoints that calls may come from; neither for everywhere.

    Attributes:
        networks: Public addresses, for example ``203.0.113.0/24``.
        vpc_endpoints: Ids such as ``vpce-0123456789abcdef0``.
    """

    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    vpc_endpoints: tuple[str, ...] = ()

    def trust_conditions(self) -> list[Condition]:
        """Return the conditions of which a call to STS must meet one: each belongs into a statement of its own.

        In one statement both would have to hold, which no call can; and ``…IfExists`` would hold for every call that
        has the other key.
        """
        found: list[Condition] = []
        if self.networks:
            found.append({"IpAddress": {"aws:SourceIp": [str(network) for network in self.networks]}})
        if self.vpc_endpoints:
            found.append({"StringEquals": {"aws:SourceVpce": list(self.vpc_endpoints)}})
        return found or [{}]

    def session_policy(self) -> PolicyDocument:
        """Return the permission policy that denies what is called from anywhere else with a role's credentials.

        - A negated operator holds where its key is missing, so both may stand in one statement: what comes from none
          of the networks and through none of the endpoints is denied
          (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html).
        - What an AWS service calls on the role's behalf (a forward access session) is left alone: it follows a call
          that was let through, and does not carry the endpoint of that call
          (https://docs.aws.amazon.com/IAM/latest/UserGuide/access_forward_access_sessions.html).
        - ``BoolIfExists``, since a call that the role makes itself may not have ``aws:ViaAWSService`` at all (same
          page): by ``Bool`` it would not be denied.
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
