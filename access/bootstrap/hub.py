"""Who may assume the deploying and the reading roles: the hub, by its role and its organization."""

from dataclasses import dataclass
from typing import Any

from oidc.policy_document import PolicyDocument
from oidc.trust_policy import POLICY_VERSION


@dataclass(frozen=True, slots=True)
class Hub:
    """The roles that Pulumi runs as, and those that only look.

    An external id alone says nothing about who calls: it stands in stack configurations and logs. A role's ARN does;
    IAM keeps the role that has it when the trust policy is written, so one that is made anew under the same name is
    not let in (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html).

    Attributes:
        role_arns: ``("arn:aws:iam::999999999999:role/pulumi-runner",)``.
        organization: What ``aws:PrincipalOrgID`` must be, ``o-a1b2c3d4e5``; ``None`` where there is no organization.
        preview_role_arns: Who may assume the reading role alone, as the previews of pull requests do.
    """

    role_arns: tuple[str, ...]
    organization: str | None
    preview_role_arns: tuple[str, ...] = ()

    def deploying_trust(self, external_id: str | None) -> PolicyDocument:
        """Return the trust policy of a deploying role."""
        return self._trust(self.role_arns, external_id)

    def reading_trust(self, external_id: str | None) -> PolicyDocument:
        """Return the trust policy of a reading role."""
        return self._trust((*self.role_arns, *self.preview_role_arns), external_id)

    def _trust(self, arns: tuple[str, ...], external_id: str | None) -> PolicyDocument:
        asked = {"aws:PrincipalOrgID": self.organization, "sts:ExternalId": external_id}
        equal = {key: value for key, value in asked.items() if value is not None}
        statement: dict[str, Any] = {
            "Effect": "Allow",
            "Principal": {"AWS": sorted(set(arns))},
            "Action": "sts:AssumeRole",
        }
        if equal:
            statement["Condition"] = {"StringEquals": equal}
        return PolicyDocument.of({"Version": POLICY_VERSION, "Statement": [statement]})
