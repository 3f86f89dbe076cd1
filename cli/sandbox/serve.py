"""The output of `sandbox serve`: addresses, and for each role the commands that get a token and assume it."""

import os
import shlex
from dataclasses import asdict, dataclass
from typing import Any

import click

from access.plan import RolePlan, TrustPlan
from access.trust_in_words import trust_in_words
from config.findings import one_line
from oidc.bitbucket import ISSUER_HOST
from oidc.errors import SandboxError
from onboarding.starter import DEPLOYING_ROLE
from sandbox.emulated_aws.new_accounts import (
    ADMINISTRATOR,
    RUNNER,
    NewAccounts,
    prepare_new_accounts,
    runner_profile,
)
from sandbox.emulated_bitbucket.behaviour import SANDBOX_TOKEN
from sandbox.emulator_inputs import AWS_CONFIG, ENGINEER_PROFILE, ambient_accounts, engineer_account
from sandbox.session import Session

TOKEN_FILE = "web-identity-token"  # noqa: S105 - the name of a file
"""The name in the examples of Atlassian and AWS."""

_OTHER_CREDENTIALS = "AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_PROFILE"
"""Variables that SDKs use before a token file (https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html)."""

_REGION = "us-east-1"
"""SDKs need a region: boto3 reads AWS_DEFAULT_REGION, others AWS_REGION. All regions have the same IAM and STS here."""


@dataclass(frozen=True, slots=True)
class RoleCommands:
    """The commands that get into one role as one line of its trust.

    Attributes:
        account: The key of the account.
        role: The key of the role.
        arn: The ARN of the role.
        who: The trusted steps, in words: ``acme/shop, deployment environment production``.
        token_command: Writes the token of such a step into a file; ``None`` if the inventory names no repository.
        assume_command: Assumes the role with that file.
        note: Why AWS refuses or soon will refuse the role, or the empty string.
    """

    account: str
    role: str
    arn: str
    who: str
    token_command: str | None
    assume_command: str
    note: str


def role_commands(session: Session) -> list[RoleCommands]:
    """Return commands for each line of trust of each role."""
    return [
        RoleCommands(
            account.key, role.key, role.arn, trust_in_words(line), _token_command(session, line),
            f"AWS_ROLE_ARN={shlex.quote(role.arn)} aws sts get-caller-identity", _note(role),
        )
        for account in session.subject.plan.accounts
        for role in account.roles
        for line in role.trust
    ]  # fmt: skip


def _token_command(session: Session, line: TrustPlan) -> str | None:
    repositories = session.subject.inventory.workspaces[line.renamed_to or line.workspace].repositories
    repository = line.repository or next(
        (name for name, declared in sorted(repositories.items()) if declared.uuid), None
    )
    if repository is None:
        return None
    command = ["bitbucket-oidc", "sandbox", "token", str(session.subject.path)]
    command += ["--repository", f"{line.workspace}/{repository}"]
    command += ["--environment", line.environment] if line.environment else []
    command += [] if set(line.default_audiences) & set(line.audiences) else ["--audience", line.audiences[0]]
    return f"{shlex.join(command)} > {TOKEN_FILE}"


def _note(role: RolePlan) -> str:
    if places := [*map(str, role.source_ips), *role.source_vpces]:
        return f"refused from this machine: only from {', '.join(places)}"
    if not all(set(line.default_audiences) & set(line.audiences) for line in role.trust if line.default_audiences):
        return "Bitbucket most likely adds the workspace's own audience, and AWS refuses a token with two"
    return f"the last day is {role.expires}" if role.expires else ""


def made_new(session: Session) -> NewAccounts:
    """Prepare the accounts as new ones, before the first `up`, and write a profile for the hub's role.

    Raises:
        SandboxError: There was an `up`, or the accounts cannot be prepared.
    """
    folder = session.subject.folder
    if session.is_up:
        raise SandboxError("an `up` has made these accounts ready, so they are not new", do=f"remove {folder} first")
    accounts = [account.id for account in session.subject.plan.accounts]
    new = prepare_new_accounts(session.endpoint, engineer_account(session.subject.plan), accounts)
    with (folder / AWS_CONFIG).open("a", encoding="utf-8") as config:
        config.write(runner_profile(new.hub_role_arn, ENGINEER_PROFILE))
    return new


def served_json(session: Session, new: NewAccounts | None = None) -> dict[str, Any]:
    """Return all of it as JSON; ``docs/reference/commands.md`` documents the keys, which are public."""
    more = {} if new is None else {"new_accounts": {**asdict(new), "account_role": ADMINISTRATOR}}
    return more | {
        "endpoint": session.endpoint,
        "issuer": {
            "host": ISSUER_HOST,
            "address": session.bitbucket.address,
            "ca_file": str(session.bitbucket.ca_file),
            "urls": [workspace.issuer for workspace in session.bitbucket.workspaces],
        },
        "bitbucket": {
            "api_url": session.bitbucket.api_url,
            "ranges_url": session.bitbucket.ranges_url,
            "access_token": SANDBOX_TOKEN,
        },
        "roles": [asdict(commands) for commands in role_commands(session)] if new is None else [],
    }


def show_served(session: Session, new: NewAccounts | None = None) -> None:
    """Print it as lines to paste into a second shell."""
    ca_file, address = shlex.quote(str(session.bitbucket.ca_file)), session.bitbucket.address
    issuer = session.bitbucket.workspaces[0].issuer
    inventory = shlex.quote(str(session.subject.path))
    lines = [
        "# In a second shell, in this folder, with the command bitbucket-oidc on its PATH:",
        f"unset {_OTHER_CREDENTIALS}",
        f"export AWS_ENDPOINT_URL={session.endpoint} AWS_REGION={_REGION} AWS_DEFAULT_REGION={_REGION}",
        # The AWS CLI caches credentials by role and session name; those of an earlier run are no longer valid.
        f"export AWS_ROLE_SESSION_NAME=sandbox-{os.getpid()}-{session.endpoint.rpartition(':')[2]} NO_PROXY=127.0.0.1",
        f"export AWS_WEB_IDENTITY_TOKEN_FILE=$PWD/{TOKEN_FILE}",
        "",
        f"# The issuer is {ISSUER_HOST} at {address}; its CA is in {ca_file}",
        f"curl --cacert {ca_file} --connect-to {ISSUER_HOST}:443:{address} {issuer}/.well-known/openid-configuration",
        f"openssl s_client -servername {ISSUER_HOST} -showcerts -connect {address} </dev/null",
    ]
    lines += [
        "",
        "# For bitbucket-oidc lock, which asks the emulated Bitbucket:",
        f"export BITBUCKET_API_URL={session.bitbucket.api_url} BITBUCKET_ACCESS_TOKEN={SANDBOX_TOKEN}",
        f"export BITBUCKET_CA_FILE={ca_file} ATLASSIAN_IP_RANGES_URL={session.bitbucket.ranges_url}",
    ]
    lines += _of_roles(session, inventory) if new is None else _of_new_accounts(session, new, inventory)
    click.echo("\n".join(lines))
    click.echo("serving until Ctrl-C", err=True)


def _of_new_accounts(session: Session, new: NewAccounts, inventory: str) -> list[str]:
    hub = f"--hub-role {new.hub_role_arn} --organization {new.organization} --aws-endpoint {session.endpoint}"
    if any(account.access.role_arn is None for account in session.subject.plan.accounts):
        hub = f"--deploying-role {DEPLOYING_ROLE} {hub}"
    deploy = f"bitbucket-oidc bootstrap {inventory} --deploy --through-role {ADMINISTRATOR} {hub}"
    return [
        "",
        f"# The accounts are new. Each has {ADMINISTRATOR}, which makes it ready:",
        f"{_engineer(session)} {deploy}",
        f"{_config(session)} AWS_PROFILE={RUNNER} bitbucket-oidc bootstrap {inventory} --check {hub}",
    ]


def _config(session: Session) -> str:
    """Return the variable with the file that has the profiles of the accounts."""
    return f"AWS_CONFIG_FILE={shlex.quote(str(session.subject.folder / AWS_CONFIG))}"


def _engineer(session: Session) -> str:
    """Return the ambient credentials: SDKs use keys before a token file, but after a profile of the inventory."""
    return f"AWS_ACCESS_KEY_ID={engineer_account(session.subject.plan)} AWS_SECRET_ACCESS_KEY=test"


def _of_accounts(session: Session, inventory: str) -> list[str]:
    ambient = [account.key for account in ambient_accounts(session.subject.plan)]
    if len(ambient) > 1:
        keys = one_line(", ".join(ambient))
        return [
            "# bitbucket-oidc lock --aws and adopt --aws cannot ask these accounts in one run, here or in reality:",
            f"# {keys} have neither deploy_role nor profile, and ambient credentials belong to one account.",
        ]
    engineer = f"{_config(session)} {_engineer(session)}"
    return [
        "# bitbucket-oidc lock --aws and adopt --aws ask the accounts, entered as the inventory says:",
        f"{engineer} bitbucket-oidc lock {inventory} --only accounts --aws-endpoint {session.endpoint}",
        f"{engineer} bitbucket-oidc adopt {inventory} --aws --aws-endpoint {session.endpoint}",
    ]


def _of_roles(session: Session, inventory: str) -> list[str]:
    lines = ["", *_of_accounts(session, inventory)]
    for commands in role_commands(session):
        note = f" ({commands.note})" if commands.note else ""
        lines += ["", one_line(f"# {commands.account}, {commands.role}: {commands.who}{note}")]
        token_command = commands.token_command
        lines += [one_line(token_command) if token_command else "# the inventory names no repository for it"]
        lines += [commands.assume_command]
    return lines
