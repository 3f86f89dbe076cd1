"""Prepare emulated accounts as real ones are before the first run: deploying roles, policies, OIDC providers."""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

from access.deploy_policy import DeployedRole, DeployScope, deploy_policies
from access.managed_by import MANAGED_BY
from facts.aws.callers import service_models
from oidc.arn import account_policy_arn
from oidc.errors import SandboxError
from sandbox.emulated_aws.settings import CALM_AGENT

_DEPLOY_POLICY_NAME = "{role}-deploys-{number}"


def give_deploy_policies(iam: Any, role: str, scope: DeployScope) -> None:  # noqa: ANN401 - made at run time
    """Attach the policies that ``deploy-policy`` prints to the deploying role as managed policies; remove all others.

    With them the role may also change and delete roles and OIDC providers of an earlier inventory, which have our tag.
    """
    documents = deploy_policies(scope.with_deployed(_deployed_roles(iam), _deployed_oidc_providers(iam)))
    wanted = [_managed_policy(iam, role, scope, number, document.text) for number, document in enumerate(documents, 1)]
    attached = [policy["PolicyArn"] for policy in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]]
    for arn in wanted:
        if arn not in attached:
            iam.attach_role_policy(RoleName=role, PolicyArn=arn)
    _remove_other_policies(iam, role, [arn for arn in attached if arn not in wanted])


def _managed_policy(iam: Any, role: str, scope: DeployScope, number: int, document: str) -> str:  # noqa: ANN401 - as above
    name = _DEPLOY_POLICY_NAME.format(role=role, number=number)
    arn = account_policy_arn(scope.partition, scope.account, name)
    try:
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    except iam.exceptions.NoSuchEntityException:
        iam.create_policy(PolicyName=name, PolicyDocument=document)
        return arn
    if iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"] != json.loads(document):
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=document, SetAsDefault=True)
        iam.delete_policy_version(PolicyArn=arn, VersionId=version)
    return arn


def _remove_other_policies(iam: Any, role: str, attached: Sequence[str]) -> None:  # noqa: ANN401 - as above
    for arn in attached:
        iam.detach_role_policy(RoleName=role, PolicyArn=arn)
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        iam.delete_role_policy(RoleName=role, PolicyName=name)


def _deployed_roles(iam: Any) -> Iterator[DeployedRole]:  # noqa: ANN401 - as above
    listing = iam.get_paginator("list_roles").paginate()
    for listed in (role for page in listing for role in page["Roles"]):
        role = iam.get_role(RoleName=listed["RoleName"])["Role"]
        if _is_ours(role.get("Tags", [])):
            boundary = role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn", "")
            yield DeployedRole(role["Arn"], role["Path"], boundary, ())


def _deployed_oidc_providers(iam: Any) -> Iterator[str]:  # noqa: ANN401 - as above
    for listed in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]:
        oidc_provider = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=listed["Arn"])
        if _is_ours(oidc_provider.get("Tags", [])):
            yield listed["Arn"]


def _is_ours(tags: Sequence[dict[str, str]]) -> bool:
    return {"Key": "ManagedBy", "Value": MANAGED_BY} in tags


_SESSION_SECONDS = 3600
_NO_FILES = {"profile": None, "config_file": os.devnull, "credentials_file": os.devnull}
_ROOT_SECRET = "test"  # noqa: S105 - of the emulator; every account has the same
_ALLOW_ALL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


@dataclass(frozen=True)
class PreparedOidcProvider:
    """An OIDC provider that the program only refers to and does not create.

    Attributes:
        url: ``https://api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc``.
        arn: Its ARN.
        audiences: Its client ids.
    """

    url: str
    arn: str
    audiences: tuple[str, ...]


@dataclass(frozen=True)
class PreparedAccount:
    """The resources of one account before the first run.

    Attributes:
        id: The account, 12 digits.
        deploy_role_arn: The deploying role, ``arn:aws:iam::222222222222:role/PulumiDeploy``, in the account of its ARN;
            ``None`` for no role.
        external_id: The ``sts:ExternalId`` that the role's trust policy requires, or ``None``.
        trusted_account_id: The account whose principals may assume the role; ``None`` for the role's account.
        policy_arns: Customer-managed policies, used as permissions boundaries or attached policies. Each is in the
            account of its ARN, and allows everything.
        oidc_providers: The OIDC providers in the account.
        deploy_scope: The resources that the inventory deploys there; with ``None`` the deploying role may do nothing.
    """

    id: str
    deploy_role_arn: str | None
    external_id: str | None
    trusted_account_id: str | None
    policy_arns: frozenset[str]
    oidc_providers: tuple[PreparedOidcProvider, ...] = ()
    deploy_scope: DeployScope | None = None


class RootUsers:
    """botocore clients with the credentials of the emulated accounts' root users.

    They ignore the user's configuration, variables and proxies, and meet no weather. One object keeps its clients.
    """

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._session = Session(session_vars={name: (None, None, value, None) for name, value in _NO_FILES.items()})
        self._session.register_component("data_loader", service_models())
        self._clients: dict[tuple[str, str], Any] = {}

    def client(self, account_id: str, service: str = "iam") -> Any:  # noqa: ANN401 - made at run time
        """Return the client of ``iam`` or ``sts`` with the root credentials of an account."""
        if (account_id, service) not in self._clients:
            self._clients[account_id, service] = self._session.create_client(
                service,
                region_name="us-east-1",
                endpoint_url=self._endpoint,
                aws_access_key_id=account_id,
                aws_secret_access_key=_ROOT_SECRET,
                config=Config(
                    retries={"max_attempts": 0},
                    user_agent_extra=CALM_AGENT,
                    proxies={"http": None},
                    parameter_validation=False,  # the emulator refuses what AWS refuses
                    use_fips_endpoint=False,
                    use_dualstack_endpoint=False,
                    connect_timeout=5,
                    read_timeout=30,
                ),
            )
        return self._clients[account_id, service]

    def close(self) -> None:
        """Close the connections of all clients."""
        for client in self._clients.values():
            client.close()


def prepare_accounts(endpoint: str, accounts: Sequence[PreparedAccount]) -> None:
    """Create missing resources and correct those that differ; a second call changes nothing.

    Args:
        endpoint: The endpoint of the emulated accounts, ``http://127.0.0.1:PORT``. The calls use root credentials.
        accounts: The resources of each account.

    Raises:
        SandboxError: The emulator refuses or does not answer, or an ARN is not that of a role or policy in partition
            ``aws``.
    """
    with closing(RootUsers(endpoint)) as roots:
        for account in accounts:
            try:
                for arn in sorted(account.policy_arns):
                    _make_policy(roots, arn)
                for oidc_provider in account.oidc_providers:
                    _make_oidc_provider(roots, account.id, oidc_provider)
                if account.deploy_role_arn is not None:
                    _make_deploy_role(roots, account, account.deploy_role_arn)
            except (BotoCoreError, ClientError) as error:
                what = f"account {account.id} of the emulated AWS could not be prepared: {error}"
                raise SandboxError(what, do="check the ARNs of its deploying role, boundaries and policies") from error


def _make_policy(roots: RootUsers, arn: str) -> None:
    account_id, path, name = _split(arn, "policy")
    iam = roots.client(account_id)
    try:
        iam.get_policy(PolicyArn=arn)
    except iam.exceptions.NoSuchEntityException:
        iam.create_policy(PolicyName=name, Path=path, PolicyDocument=json.dumps(_ALLOW_ALL))


def _make_oidc_provider(roots: RootUsers, account_id: str, wanted: PreparedOidcProvider) -> None:
    iam = roots.client(account_id)
    try:
        present = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=wanted.arn)
    except iam.exceptions.NoSuchEntityException:
        iam.create_open_id_connect_provider(Url=wanted.url, ClientIDList=list(wanted.audiences))
        return
    for audience in sorted(set(wanted.audiences) - set(present["ClientIDList"])):
        iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=wanted.arn, ClientID=audience)


def _make_deploy_role(roots: RootUsers, account: PreparedAccount, arn: str) -> None:
    account_id, path, name = _split(arn, "role")
    iam = roots.client(account_id)
    trust = json.dumps(_trust_policy(account.trusted_account_id or account_id, account.external_id))
    try:
        role = iam.get_role(RoleName=name)["Role"]
    except iam.exceptions.NoSuchEntityException:
        iam.create_role(RoleName=name, Path=path, AssumeRolePolicyDocument=trust, MaxSessionDuration=_SESSION_SECONDS)
    else:
        if role["Arn"] != arn:
            what = f"the account has the role {role['Arn']}, which has the same name as {arn}"
            raise SandboxError(what, do="give the deploying role the same path everywhere")
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=trust)
    if account.deploy_scope is not None:
        give_deploy_policies(iam, name, account.deploy_scope)


def _trust_policy(trusted_account_id: str, external_id: str | None) -> dict[str, Any]:
    """Return the usual cross-account trust policy.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_common-scenarios_third-party.html
    """
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{trusted_account_id}:root"},
        "Action": "sts:AssumeRole",
    }
    if external_id is not None:
        statement["Condition"] = {"StringEquals": {"sts:ExternalId": external_id}}
    return {"Version": "2012-10-17", "Statement": [statement]}


def _split(arn: str, kind: str) -> tuple[str, str, str]:
    """Return account id, path and name of ``arn:aws:iam::222222222222:role/path/name``."""
    start, _, path_and_name = arn.partition(f":{kind}/")
    account_id = start.removeprefix("arn:aws:iam::")
    path, _, name = f"/{path_and_name}".rpartition("/")
    if not (start.startswith("arn:aws:iam::") and len(account_id) == 12 and account_id.isdecimal() and name):  # noqa: PLR2004 - digits of an account id
        what = f"{arn} is not the ARN of a {kind} in an account of partition aws"
        raise SandboxError(what, do="accounts of other partitions cannot run in the sandbox")
    return account_id, f"{path}/", name
