"""Recognise permission policies that allow their holder to gain more: known methods of privilege escalation.

``oidc/iam/action_table.py`` has the methods and who published them. They count as far as statements without a condition
show them, and only on all resources of their kind: deployments use them on a few chosen resources every day.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from oidc.iam.action_classes import ESCALATIONS, ActionClass, Row, names
from oidc.iam.action_table import rows
from oidc.iam.document import Document
from oidc.iam.pattern import covers, covers_action, covers_resource, intersect, lowered, matches_any
from oidc.iam.statement import Statement

RUNNERS = names(rows(ActionClass.RUNNER))
"""Actions that start something with a passed role; together with ``iam:PassRole`` the path is complete."""

_MANAGED = {
    "change and pass any role": ["administratoraccess-amplify"],
    "pass any role to a service": ["amazondynamodbfullaccesswithdatapipeline", "amazonelasticmapreducefullaccess"],
    "become any role that trusts the account, and run code as that of any Lambda function": ["poweruseraccess"],
    "become any role that trusts the account": [
        "sagemakerstudioadminiamdefaultexecutionpolicy", "sagemakerstudioadminiampermissiveexecutionpolicy",
        "sagemakerstudiouseriamdefaultexecutionpolicy", "sagemakerstudiouseriampermissiveexecutionpolicy",
    ],
    "let others into the account": [
        "aidevopsagentactionspolicy", "amazoncognitopoweruser", "amazonescognitoaccess",
        "amazonopensearchservicecognitoaccess", "awsrolesanywherefullaccess",
    ],
    "change accounts, limits or sign-in of the organization": [
        "amazoninspector2fullaccess", "amazonsagemakerhyperpodobservabilityadminaccess",
        "awsaccountmanagementfullaccess", "awsgrafanaworkspacepermissionmanagement",
        "awsmanagedaccountuserentitlementaccess", "awsmanagedcontrolpolicymanagementaccess",
        "awsmanagedsettingsadminaccess", "awsorganizationsfullaccess", "awsssodirectoryadministrator",
        "awsssomasteraccountadministrator", "awsssomemberaccountadministrator", "multipartyapprovalfullaccess",
    ],
    "act as any user, and run code as the role of any Lambda function": ["systemadministrator"],
    "run code as the role of any Lambda function": ["awslambda_fullaccess", "datascientist"],
    "run commands on any instance, with its role": ["amazonssmfullaccess"],
    "log in to any development endpoint, with its role": ["awsglueconsolefullaccess"],
    "open any notebook, with its role": ["amazonsagemakerfullaccess"],
}  # fmt: skip
MANAGED = {name: gain for gain, policies in _MANAGED.items() for name in policies}
"""AWS managed policies, in lower case, and the gained access, as this module found them in their documents on
2026-11-28 (https://docs.aws.amazon.com/aws-managed-policy/latest/reference/policy-list.html). Left out are policies for
service roles, and those that only run code or open a shell, except the last five: decision 28."""

_METHODS = tuple((row, frozenset(action.partition(":")[0] for action in row.actions)) for row in rows(*ESCALATIONS))
"""The rows that open a path, and the services of their actions."""

_NAMES = ("x", "some/path/deploy-9")
"""Names of resources that only a pattern for all of a kind matches."""

_OTHER_ACCOUNT = "000000000000"
_VARIABLE = re.compile(r"\$\{[^*?$}]")


@dataclass(frozen=True, slots=True)
class EscalationPath:
    """An action that leads to more access.

    Attributes:
        action: ``iam:PassRole``; a pattern, if a statement allows several actions of the organization.
        row: Its row of the table.
        statement: Index of the statement that allows it.
        runner: An action that runs the passed role, or ``None``.
    """

    action: str
    row: Row
    statement: int
    runner: str | None = None


def escalation_paths(document: Document, *, partition: str, region: str, account: str) -> Iterator[EscalationPath]:
    """Yield the known paths that a rendered document opens by itself, in the order of the table.

    Statements with a condition open no path: people must review them. A Deny without a condition closes the paths that
    it covers.
    """
    plain = [(statement, _services(statement)) for statement in document.statements if not statement.is_conditional]
    for row, services in _METHODS:
        concerned = [statement for statement, named in plain if named is None or named & services]
        if not any(statement.allows for statement in concerned):
            continue
        arns = _arns(row.resource, partition, region, account)
        about = [each for each in concerned if _covers_all(each, arns)]
        for action in row.actions if about else ():
            if action == "ssm:SendCommand" and not _allows_any_command(concerned, partition, region):
                continue
            if (allowed := _allowed(about, action)) is not None:
                runner = _runner(document.statements) if action == "iam:PassRole" else None
                yield EscalationPath(allowed[0], row, allowed[1], runner)


def _services(statement: Statement) -> frozenset[str] | None:
    """Return the services of a statement's actions, or ``None`` if they may be of any service."""
    prefixes = [action.lower().partition(":")[0] for action in statement.values("Action")]
    if statement.has("NotAction") or any("*" in prefix or "?" in prefix for prefix in prefixes):
        return None
    return frozenset(prefixes)


def _arns(resource: str, partition: str, region: str, account: str) -> list[str]:
    """Return ARNs that only a pattern for all resources of a kind matches."""
    service, _, start = resource.partition(":")
    if not start:
        return [f"arn:{partition}:any:{region}:{account}:{name}" for name in _NAMES]
    if service != "iam":
        return [f"arn:{partition}:{service}:{region}:{account}:{start}{name}" for name in _NAMES]
    if start.endswith("/"):
        return [f"arn:{partition}:iam::{account}:{start}{name}" for name in _NAMES]
    return [f"arn:{partition}:iam::{_OTHER_ACCOUNT}:{start}"]


def _covers_all(statement: Statement, arns: list[str]) -> bool:
    """Tell whether a statement covers all ARNs; ``user/${aws:username}`` is one user, and for a role it is none."""
    if statement.allows and not statement.has("NotResource"):
        fixed = tuple(text for text in statement.values("Resource") if _VARIABLE.search(text) is None)
        return all(matches_any(arn, fixed) for arn in arns)
    return all(covers_resource(statement, arn) for arn in arns)


def _allowed(about: Sequence[Statement], action: str) -> tuple[str, int] | None:
    """Return the action that statements allow, and the index of the first that does; ``None`` if one denies it."""
    for statement in about:
        for part, text in _parts(statement, action) if statement.allows else ():
            if not any(each.denies and _covers(each, part) for each in about):
                return text, statement.index
    return None


def _parts(statement: Statement, action: str) -> Iterator[tuple[str, str]]:
    """Yield the parts of an action that a statement applies to, and how the statement names them.

    The part of a pattern may be smaller: ``sso:CreateGroup`` is a part of ``sso:C*``, and ``sso:*`` covers it whole.
    """
    if "*" not in action or statement.has("NotAction"):
        if _covers(statement, action):
            yield action, action
        return
    for text in statement.values("Action"):
        if covers(text.lower(), action.lower()):
            yield action, text
        elif covers(action.lower(), text.lower()):
            yield text, text


def _covers(statement: Statement, action: str) -> bool:
    """Tell whether a statement applies to an action, or to every action that a pattern matches."""
    if "*" not in action:
        return covers_action(statement, action)
    if statement.has("NotAction"):
        return not any(intersect(text, action.lower()) for text in lowered(statement.values("NotAction")))
    return any(covers(text, action.lower()) for text in lowered(statement.values("Action")))


def _allows_any_command(plain: Sequence[Statement], partition: str, region: str) -> bool:
    """Tell whether SendCommand may run a shell script; a command document that only patches gives no access."""
    shell = f"arn:{partition}:ssm:{region}::document/AWS-RunShellScript"
    return any(covers_action(each, "ssm:SendCommand") and covers_resource(each, shell) for each in plain)


def _runner(statements: Sequence[Statement]) -> str | None:
    allowing = [statement for statement in statements if statement.allows]
    return next((runner for runner in RUNNERS if any(covers_action(each, runner) for each in allowing)), None)


_CHANGING = (ActionClass.TRUST, ActionClass.POLICY, ActionClass.LOCKOUT, ActionClass.BOUNDARY)
_ROLES = rows(resource="iam:role/")

TAKEOVER_ACTIONS = names(
    [row for row in _ROLES if row.group is ActionClass.ASSUME]
    + [row for row in _ROLES if row.group in _CHANGING or row.group is ActionClass.TAG]
    + [row for row in _ROLES if row.group is ActionClass.IDENTITY and not row.bounded]
)
"""Assuming a role, and every write to it. ``iam:PassRole`` is left out: it passes a role to a service that the role's
trust policy names, and a deploying role's trust policy names no service. ``iam:CreateRole`` is left out: the role
exists."""

CHANGES = {
    kind: names(row for row in rows(resource=f"iam:{kind}/") if row.group in _CHANGING)
    for kind in ("role", "policy", "oidc-provider")
}
"""Actions by kind of resource that change who may assume a role or what it may do."""


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
