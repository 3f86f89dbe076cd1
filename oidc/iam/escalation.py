"""Recognise permission policies that allow their holder to gain more: known methods of privilege escalation.

The methods are those that Spencer Gietzen of Rhino Security Labs published
(https://rhinosecuritylabs.com/aws/aws-privilege-escalation-methods-mitigation/), and Gerben Kleijn of Bishop Fox
after him (https://bishopfox.com/blog/privilege-escalation-in-aws), as far as statements without a condition show them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from oidc.iam.document import Document
from oidc.iam.pattern import covers_action, covers_resource
from oidc.iam.statement import Statement


@dataclass(frozen=True, slots=True)
class EscalationMethod:
    """A method of privilege escalation.

    Attributes:
        action: The action that allows it: ``iam:CreateAccessKey``.
        kind: Kind of the affected resources, as in their ARNs: ``user``; with the service in front if it is not IAM.
        gives: The gained access, in words.
    """

    action: str
    kind: str
    gives: str


METHODS = (
    EscalationMethod("iam:CreatePolicyVersion", "policy", "rewrite any managed policy of the account"),
    EscalationMethod("iam:SetDefaultPolicyVersion", "policy", "bring back any earlier version of a managed policy"),
    EscalationMethod("iam:AttachRolePolicy", "role", "attach any managed policy to any role"),
    EscalationMethod("iam:AttachUserPolicy", "user", "attach any managed policy to any user"),
    EscalationMethod("iam:AttachGroupPolicy", "group", "attach any managed policy to any group"),
    EscalationMethod("iam:PutRolePolicy", "role", "write any permission into any role"),
    EscalationMethod("iam:PutUserPolicy", "user", "write any permission into any user"),
    EscalationMethod("iam:PutGroupPolicy", "group", "write any permission into any group"),
    EscalationMethod("iam:AddUserToGroup", "group", "add a user to any group"),
    EscalationMethod("iam:CreateAccessKey", "user", "make access keys of any user"),
    EscalationMethod("iam:CreateLoginProfile", "user", "set a first password for any user"),
    EscalationMethod("iam:UpdateLoginProfile", "user", "change the password of any user"),
    EscalationMethod("iam:UpdateAssumeRolePolicy", "role", "let anybody assume any role"),
    EscalationMethod("iam:PassRole", "role", "hand any role to a service, and act through it"),
    EscalationMethod("sts:AssumeRole", "role", "become any role that trusts the account"),
    EscalationMethod("lambda:UpdateFunctionCode", "lambda:function", "run code as the role of any Lambda function"),
    EscalationMethod("ssm:SendCommand", "ec2:instance", "run commands on any instance, with its role"),
    EscalationMethod("ssm:StartSession", "ec2:instance", "open a shell on any instance, with its role"),
    EscalationMethod("glue:UpdateDevEndpoint", "glue:devEndpoint", "log in to any development endpoint, with its role"),
    EscalationMethod("sagemaker:CreatePresignedNotebookInstanceUrl", "sagemaker:notebook-instance",
        "open any notebook, with its role"),
)  # fmt: skip
"""Each counts only on all resources of its kind: deployments use them on a few chosen resources every day."""

RUNNERS = (
    "lambda:CreateFunction", "ec2:RunInstances", "cloudformation:CreateStack", "ecs:RunTask", "glue:CreateDevEndpoint",
    "glue:CreateJob", "sagemaker:CreateNotebookInstance", "sagemaker:CreateTrainingJob", "codebuild:CreateProject",
    "datapipeline:CreatePipeline", "states:CreateStateMachine", "ssm:StartAutomationExecution",
)  # fmt: skip
"""Actions that start something with a passed role; together with ``iam:PassRole`` the path is complete."""

MANAGED = {
    "administratoraccess-amplify": "change and pass any role",
    "amazonsagemakerfullaccess": "open any notebook, with its role",
    "amazonssmfullaccess": "run commands on any instance, with its role",
    "awsglueconsolefullaccess": "log in to any development endpoint, with its role",
    "awslambda_fullaccess": "run code as the role of any Lambda function",
    "datascientist": "run code as the role of any Lambda function",
    "poweruseraccess": "become any role that trusts the account, and run code as that of any Lambda function",
    "systemadministrator": "run code as the role of any Lambda function",
}
"""AWS managed policies, in lower case, and the gained access; this module found them in their documents
(https://docs.aws.amazon.com/aws-managed-policy/latest/reference/policy-list.html). Policies for service roles and
policies that AWS has withdrawn are left out."""

_NAMES = ("x", "some/path/deploy-9")
"""Names of resources that only a pattern for all of a kind matches."""


@dataclass(frozen=True, slots=True)
class EscalationPath:
    """A method, the index of the statement that allows it, and the action that runs a passed role, or ``None``."""

    method: EscalationMethod
    statement: int
    runner: str | None = None


def escalation_paths(document: Document, *, partition: str, region: str, account: str) -> Iterator[EscalationPath]:
    """Yield the known paths that a rendered document opens by itself, in the order of ``METHODS``.

    Statements with a condition open no path: people must review them. A Deny without a condition closes the paths that
    it covers.
    """
    plain = [statement for statement in document.statements if not statement.is_conditional]
    for method in METHODS:
        arns = [_arn(method.kind, name, partition, region, account) for name in _NAMES]
        about = [each for each in plain if covers_action(each, method.action) and _all(each, arns)]
        if method.action == "ssm:SendCommand" and not _allows_any_command(plain, partition, region):
            continue
        if about and not any(statement.denies for statement in about):
            runner = _runner(document.statements) if method.action == "iam:PassRole" else None
            yield EscalationPath(method, about[0].index, runner)


def _allows_any_command(plain: Sequence[Statement], partition: str, region: str) -> bool:
    """Tell whether SendCommand may run a shell script; a command document that only patches gives no access."""
    shell = f"arn:{partition}:ssm:{region}::document/AWS-RunShellScript"
    return any(covers_action(each, "ssm:SendCommand") and covers_resource(each, shell) for each in plain)


def _all(statement: Statement, arns: list[str]) -> bool:
    """Tell whether a statement covers all ARNs. Only such a Deny closes a path, and only such an Allow opens it."""
    return all(covers_resource(statement, arn) for arn in arns)


def _arn(kind: str, name: str, partition: str, region: str, account: str) -> str:
    service, colon, resource = kind.rpartition(":")
    if not colon:
        return f"arn:{partition}:iam::{account}:{resource}/{name}"
    separator = ":" if service == "lambda" else "/"
    return f"arn:{partition}:{service}:{region}:{account}:{resource}{separator}{name}"


def _runner(statements: Sequence[Statement]) -> str | None:
    allowing = [statement for statement in statements if statement.allows]
    return next((runner for runner in RUNNERS if any(covers_action(each, runner) for each in allowing)), None)


TAKEOVER_ACTIONS = (
    "sts:AssumeRole", "iam:AttachRolePolicy", "iam:DeleteRole", "iam:DeleteRolePermissionsBoundary",
    "iam:DeleteRolePolicy", "iam:DetachRolePolicy", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy",
    "iam:TagRole", "iam:UntagRole", "iam:UpdateAssumeRolePolicy", "iam:UpdateRole",
)  # fmt: skip
"""Assuming a role, and every write to it
(https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html).
``iam:PassRole`` is left out: it passes a role to a service that the role's trust policy names, and a deploying role's
trust policy names no service."""

CHANGES = {
    "role": (
        "iam:UpdateAssumeRolePolicy", "iam:AttachRolePolicy", "iam:DetachRolePolicy", "iam:PutRolePolicy",
        "iam:DeleteRolePolicy", "iam:PutRolePermissionsBoundary", "iam:DeleteRolePermissionsBoundary",
    ),
    "policy": ("iam:CreatePolicyVersion", "iam:SetDefaultPolicyVersion"),
    "oidc-provider": (
        "iam:AddClientIDToOpenIDConnectProvider", "iam:CreateOpenIDConnectProvider",
        "iam:DeleteOpenIDConnectProvider", "iam:RemoveClientIDFromOpenIDConnectProvider",
        "iam:UpdateOpenIDConnectProviderThumbprint",
    ),
}  # fmt: skip
"""Actions by kind of resource that change who may assume a role or what it may do; from the page above."""


def takeover_action(document: Document, role_arn: str) -> str | None:
    """Return the first action of ``TAKEOVER_ACTIONS`` that a document allows on a role, or ``None``.

    Statements with a condition do not count, neither Allow nor Deny: people must review them. A Deny without a
    condition removes the access that another statement allows.
    """
    allowed = first_allowed(document, TAKEOVER_ACTIONS, role_arn)
    return allowed[0] if allowed else None


def first_allowed(document: Document, actions: Sequence[str], arn: str) -> tuple[str, int] | None:
    """Return the first of some actions that a document allows on a resource, and the index of its statement.

    Statements with a condition do not count, as in ``takeover_action``.
    """
    about = [
        statement
        for statement in document.statements
        if not statement.is_conditional and covers_resource(statement, arn)
    ]
    for action in actions if about else ():
        covering = [statement for statement in about if covers_action(statement, action)]
        if covering and all(statement.allows for statement in covering):
            return action, covering[0].index
    return None
