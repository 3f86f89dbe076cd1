"""Try actions for a role, and compare the emulator's verdicts with the role's permission policies."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from access.plan import AccountPlan, RolePlan
from oidc.arn import parse_iam_arn
from oidc.errors import SandboxError
from oidc.source_addresses import SESSION_POLICY_NAME
from sandbox.emulated_aws.prepare_accounts import RootUsers
from sandbox.proof.callers import SessionCredentials, TokenCallers, is_refusal
from sandbox.proof.origins import CallOrigin, other_origins, taken_origins
from sandbox.proof.permission_cases import (
    NO_SUCH_GROUP,
    NotTried,
    PermissionStatement,
    Trial,
    TrialMethod,
    TriedPermissions,
    statements_of,
)

_PARAMETERS = {"iam:DeleteGroup": {"GroupName": NO_SUCH_GROUP}}


@dataclass(frozen=True, slots=True)
class TriedPermission:
    """One action tried for one role, or the reason why none could be tried.

    Attributes:
        account: The key in the inventory.
        role: The key in the inventory.
        arn: The role's ARN.
        trial: The action, or the reason why none could be tried.
        allowed: The verdict; ``None`` if no action was tried.
        answer: ``allowed``, or the error code or decision; ``None`` if no action was tried.
    """

    account: str
    role: str
    arn: str
    trial: Trial | NotTried
    allowed: bool | None = None
    answer: str | None = None

    @property
    def agrees(self) -> bool:
        """Whether the verdict is as the policies say; true if no action was tried."""
        return isinstance(self.trial, NotTried) or self.trial.expected is self.allowed


class PermissionTrials:
    """Asks the emulated accounts whether a role may do an action.

    Args:
        callers: Calls with the credentials for a token.
        roots: The accounts' root users, which read policy documents and simulate calls.
    """

    def __init__(self, callers: TokenCallers, roots: RootUsers) -> None:
        self._callers = callers
        self._roots = roots
        self._documents: dict[tuple[str, str], Mapping[str, Any] | None] = {}

    def of(
        self, account: AccountPlan, role: RolePlan, credentials: SessionCredentials | None
    ) -> Iterator[TriedPermission]:
        """Yield the actions tried for one role: one that it may do, and one that it may not.

        Args:
            account: The account.
            role: The role.
            credentials: The credentials for the token of a step; ``None`` if no step may assume the role.

        Raises:
            SandboxError: The emulated accounts do not answer, or not with a verdict.
        """
        if credentials is None:
            yield TriedPermission(account.key, role.key, role.arn, NotTried("no step of the inventory got in"))
            return
        permissions = self._permissions(account, role)
        if isinstance(permissions, NotTried):
            yield TriedPermission(account.key, role.key, role.arn, permissions)
            return
        here = taken_origins(role)[0]
        may = _from(here, permissions.allowed_trial())
        for trial in (may, _from(here, permissions.refused_trial()), *_elsewhere(role, may)):
            yield self._tried(account, role, trial, credentials)

    def _tried(
        self, account: AccountPlan, role: RolePlan, trial: Trial | NotTried, credentials: SessionCredentials
    ) -> TriedPermission:
        if isinstance(trial, NotTried):
            return TriedPermission(account.key, role.key, role.arn, trial)
        boundary = role.permissions_boundary_arn
        if trial.expected and boundary is not None and _is_stand_in(boundary):
            trial = replace(trial, reason=f"{trial.reason}; {_short(boundary)} is a stand-in that allows everything")
        answer = self._ask(account.id, role.arn, trial, credentials)
        # An error of another kind comes after authorisation: the call was allowed, and the group does not exist.
        allowed = answer == "allowed" or (trial.method is TrialMethod.CALLED and not is_refusal(answer))
        return TriedPermission(account.key, role.key, role.arn, trial, allowed, answer)

    def _permissions(self, account: AccountPlan, role: RolePlan) -> TriedPermissions | NotTried:
        statements: list[PermissionStatement] = []
        for name, document in role.inline_policies.items():
            if name == SESSION_POLICY_NAME:
                continue  # it restricts the origin of calls alone: see _elsewhere
            statements += statements_of(f"inline policy {name}", document.to_json())
        for arn in role.managed_policy_arns:
            if _is_stand_in(arn):
                return NotTried(f"the document of {_short(arn)} is the account's own; the sandbox has a stand-in")
            read = self._document(account.id, arn)
            if read is None:
                return NotTried(f"the emulator does not know the document of {_short(arn)}")
            statements += statements_of(_short(arn), read)
        if role.permissions_boundary_arn is None:
            return TriedPermissions(account.id, statements)
        boundary = self._document(account.id, role.permissions_boundary_arn)
        if boundary is None:
            return NotTried(f"the emulator does not know the document of {_short(role.permissions_boundary_arn)}")
        return TriedPermissions(account.id, statements, statements_of("its permissions boundary", boundary))

    def _document(self, account_id: str, arn: str) -> Mapping[str, Any] | None:
        """Return the document of a managed policy; ``None`` if the emulator has no document."""
        if (account_id, arn) not in self._documents:
            self._documents[account_id, arn] = self._read_document(self._roots.client(account_id), arn)
        return self._documents[account_id, arn]

    def _read_document(self, iam: Any, arn: str) -> Mapping[str, Any] | None:  # noqa: ANN401 - made at run time
        try:
            version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
            answer: Mapping[str, Any] = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]
        except iam.exceptions.NoSuchEntityException:
            return None
        except (BotoCoreError, ClientError) as error:
            raise SandboxError(f"the emulated IAM does not answer: {error}", do="run it again") from error
        document: Mapping[str, Any] = answer["Document"]
        # AWS-managed policies that the emulator does not know have a document without statements.
        return document if document.get("Statement") else None

    def _ask(self, account_id: str, arn: str, trial: Trial, credentials: SessionCredentials) -> str:
        if trial.method is TrialMethod.CALLED:
            return self._callers.call(credentials, trial.action, trial.origin, **_PARAMETERS.get(trial.action, {}))
        try:
            answer = self._roots.client(account_id).simulate_principal_policy(
                PolicySourceArn=arn,
                ActionNames=[trial.action],
                ResourceArns=[trial.resource],
                ContextEntries=[_context_entry(trial.origin)],
            )
        except (BotoCoreError, ClientError) as error:
            raise SandboxError(f"{trial.action} could not be simulated for {arn}: {error}") from error
        return str(answer["EvaluationResults"][0]["EvalDecision"])


def _context_entry(origin: CallOrigin) -> dict[str, Any]:
    name, kind, value = (
        ("aws:SourceVpce", "string", origin.source_vpce)
        if origin.source_vpce is not None
        else ("aws:SourceIp", "ip", origin.source_ip)
    )
    return {"ContextKeyName": name, "ContextKeyType": kind, "ContextKeyValues": [value]}


def _from(origin: CallOrigin, trial: Trial | NotTried) -> Trial | NotTried:
    return trial if isinstance(trial, NotTried) else replace(trial, origin=origin)


def _elsewhere(role: RolePlan, may: Trial | NotTried) -> Iterator[Trial]:
    """Yield the allowed action from the origins that the role refuses, if its sessions are bound to origins."""
    if SESSION_POLICY_NAME not in role.inline_policies or isinstance(may, NotTried):
        return
    for name, origin in other_origins(role):
        reason = f"{may.reason}, but not from {name}: its session is bound"
        yield replace(may, expected=False, reason=reason, origin=origin)


def _is_stand_in(arn: str) -> bool:
    parts = parse_iam_arn(arn)
    return parts is None or parts.owner != "aws"


def _short(arn: str) -> str:
    """Write a managed policy as the inventory does: ``aws:ReadOnlyAccess``, ``account:team/extra``."""
    parts = parse_iam_arn(arn)
    if parts is None:
        return arn
    return f"{'aws' if parts.owner == 'aws' else 'account'}:{parts.name}"
