"""The roles and boundaries that an account needs before the program can deploy to it, by name."""

from dataclasses import dataclass, replace
from typing import Any

from access.deploy_policy import DeployScope
from access.plan import AccountPlan
from config.findings import one_line
from oidc.arn import role_arn
from oidc.errors import UsageError
from oidc.iam.document import PolicyDocument
from oidc.iam.pattern import literally
from oidc.iam.trust_policy import POLICY_VERSION
from oidc.limits import ROLE_NAME

STACK = "bitbucket-oidc-bootstrap"
"""Name of the CloudFormation stack or StackSet that creates all of this, unless the user chooses another."""

READING_POLICY = "reads"
"""Name of the reading role's inline policy."""

_READING_SUFFIX = "-reading"
_POLICY_SUFFIX = "-deploys-"


@dataclass(frozen=True, slots=True)
class Foundation:
    """The deploying role, the reading role and the boundaries of one account.

    Attributes:
        key: The account's key in the inventory.
        scope: What is deployed to the account. It has the reading role, so that deployed roles cannot change that role.
        path: The path of both roles and of the deploying role's policies: ``/``.
        deploying_name: ``PulumiDeploy``.
        reading_name: ``PulumiDeploy-reading``.
        external_id: The external id that the trust policies require, or ``None``.
    """

    key: str
    scope: DeployScope
    path: str
    deploying_name: str
    reading_name: str
    external_id: str | None

    @property
    def deploying_role_arn(self) -> str:
        """``arn:aws:iam::222222222222:role/PulumiDeploy``."""
        return role_arn(self.scope.partition, self.scope.account, self.path, self.deploying_name)

    @property
    def reading_role_arn(self) -> str:
        """``arn:aws:iam::222222222222:role/PulumiDeploy-reading``."""
        return role_arn(self.scope.partition, self.scope.account, self.path, self.reading_name)

    def policy_name(self, number: int) -> str:
        """Return the name of one of the deploying role's policies: ``PulumiDeploy-deploys-1``."""
        return f"{self.deploying_name}{_POLICY_SUFFIX}{number}"

    @property
    def policy_arns_pattern(self) -> str:
        """``arn:aws:iam::222222222222:policy/PulumiDeploy-deploys-*``: all of them, future ones too."""
        return f"{literally(self._policy_arns_start)}*"

    def is_own_policy(self, arn: str) -> bool:
        """Tell whether a policy is one of the deploying role's policies by its ARN, also a future one."""
        return arn.startswith(self._policy_arns_start)

    @property
    def _policy_arns_start(self) -> str:
        name = f"{self.deploying_name}{_POLICY_SUFFIX}"
        return f"arn:{self.scope.partition}:iam::{self.scope.account}:policy{self.path}{name}"


def foundation_of(
    account: AccountPlan, reading_name: str | None = None, deploying_name: str | None = None
) -> Foundation:
    """Return what an account needs.

    Args:
        account: The plan of the account.
        reading_name: Name of the reading role; by default the deploying role's name with ``-reading``.
        deploying_name: Name of the deploying role, if the inventory has none because a profile leads to it.

    Raises:
        UsageError: The account has no deploying role, or the name of one of the roles is invalid or taken.
    """
    arn = account.access.role_arn or (deploying_name and role_arn(account.partition, account.id, "/", deploying_name))
    if arn is None:
        what = f"account {account.key} has no deploying role in the inventory"
        hint = 'write deploy_role: "arn:{{partition}}:iam::{{account_id}}:role/PulumiDeploy" under defaults'
        raise UsageError(what, do=f"{hint}, or, if a profile leads to the role, give its name with --deploying-role")
    path, _, name = arn.partition(":role")[2].rpartition("/")
    reading = reading_name or f"{name}{_READING_SUFFIX}"
    taken = {role.name.lower() for role in account.roles}
    _check_name(account, "deploying", name, taken)
    _check_name(account, "reading", reading, taken | {name.lower()})
    foundation = Foundation(account.key, DeployScope.of(account), f"{path}/", name, reading, account.access.external_id)
    scope = replace(foundation.scope, deploying_role_arn=arn, reading_role_arn=foundation.reading_role_arn)
    return replace(foundation, scope=scope)


def _check_name(account: AccountPlan, kind: str, name: str, taken: set[str]) -> None:
    if ROLE_NAME.fullmatch(name) is None or name.lower() in taken:
        what = f"account {account.key}: the {kind} role cannot be named {one_line(name)}"
        do = f"give a unique name with --{kind}-role, at most 64 letters, digits and _+=,.@-"
        raise UsageError(what, do=do)


@dataclass(frozen=True, slots=True)
class Hub:
    """The roles that Pulumi runs as, and the roles of previews.

    An external id alone does not identify the caller: stack configurations and logs show it. A role's ARN does. IAM
    stores the id of the role that has the ARN when the trust policy is written, so a role that is created again under
    the same name is not let in
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html).

    Attributes:
        role_arns: ``("arn:aws:iam::999999999999:role/pulumi-runner",)``.
        organization: The required ``aws:PrincipalOrgID``, ``o-a1b2c3d4e5``; ``None`` without an organization.
        preview_role_arns: Roles that may assume only the reading role, for previews of pull requests.
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
        values = {"aws:PrincipalOrgID": self.organization, "sts:ExternalId": external_id}
        equal = {key: value for key, value in values.items() if value is not None}
        statement: dict[str, Any] = {
            "Effect": "Allow",
            "Principal": {"AWS": sorted(set(arns))},
            "Action": "sts:AssumeRole",
        }
        if equal:
            statement["Condition"] = {"StringEquals": equal}
        return PolicyDocument.of({"Version": POLICY_VERSION, "Statement": [statement]})
