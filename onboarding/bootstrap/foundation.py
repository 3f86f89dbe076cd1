"""What one account needs before the program can deploy there, by name."""

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

_READING_SUFFIX = "-reading"
_POLICY_SUFFIX = "-deploys-"


@dataclass(frozen=True, slots=True)
class Foundation:
    """The deploying role, the reading role beside it, and the boundaries of one account.

    Attributes:
        key: Of the account in the inventory.
        scope: What is deployed there; it knows the reading role, so nothing deployed can touch it.
        path: Of both roles and of the deploying role's policies: ``/``.
        deploying_name: ``PulumiDeploy``.
        reading_name: ``PulumiDeploy-reading``.
        external_id: What the deploying role's trust policy asks for as well, or ``None``.
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
        """``arn:aws:iam::222222222222:policy/PulumiDeploy-deploys-*``: all of them, and those that may come."""
        start = f"arn:{self.scope.partition}:iam::{self.scope.account}:policy{self.path}{self.deploying_name}"
        return f"{literally(start)}{_POLICY_SUFFIX}*"


def foundation_of(
    account: AccountPlan, reading_name: str | None = None, deploying_name: str | None = None
) -> Foundation:
    """Return what an account needs.

    Args:
        account: Its plan.
        deploying_name: Of the deploying role, where the inventory names none; a profile leads to it then.
        reading_name: Of the reading role; the deploying role's with ``-reading`` where left out.

    Raises:
        UsageError: The inventory names no deploying role there, or the reading role would have no name of its own.
    """
    arn = account.access.role_arn or (deploying_name and role_arn(account.partition, account.id, "/", deploying_name))
    if arn is None:
        what = f"account {account.key} has no deploying role in the inventory, so none can be made"
        hint = 'write deploy_role: "arn:{{partition}}:iam::{{account_id}}:role/PulumiDeploy" under defaults'
        raise UsageError(what, do=f"{hint}, or give a name by --deploying-role where a profile leads to it")
    path, _, name = arn.partition(":role")[2].rpartition("/")
    reading = reading_name or f"{name}{_READING_SUFFIX}"
    taken = {role.name.lower() for role in account.roles}
    _check_name(account, "deploying", name, taken)
    _check_name(account, "reading", reading, taken | {name.lower()})
    found = Foundation(account.key, DeployScope.of(account), f"{path}/", name, reading, account.access.external_id)
    scope = replace(found.scope, deploying_role_arn=arn, reading_role_arn=found.reading_role_arn)
    return replace(found, scope=scope)


def _check_name(account: AccountPlan, kind: str, name: str, taken: set[str]) -> None:
    if ROLE_NAME.fullmatch(name) is None or name.lower() in taken:
        what = f"account {account.key}: the {kind} role cannot be named {one_line(name)}"
        do = f"give it by --{kind}-role a name of its own, at most 64 letters, digits and _+=,.@-"
        raise UsageError(what, do=do)


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
