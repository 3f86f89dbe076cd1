"""bitbucket-oidc deploy-policy: the permission policy of deploying roles, or of roles that only read."""

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from access.deploy_policy import DeployScope, deploy_policies, organization_policy, reading_policy
from access.plan import AccountPlan
from cli.inventory import compiled, exit_code, inventory_argument, loaded, quiet_option, show_briefly, strict_option
from cli.selection import complete
from config.findings import Finding, did_you_mean, has_errors
from oidc.errors import UsageError
from oidc.iam.document import PolicyDocument
from oidc.identifiers import AccountId

Policies = Mapping[str, tuple[PolicyDocument, ...]]
"""Documents by account key; several if one document would exceed the limit of IAM."""


@click.command("deploy-policy")
@inventory_argument
@click.option("--account", metavar="KEY", shell_complete=complete("account"), help="Print only this account's policy.")
@click.option(
    "--reading", is_flag=True, help="Print the policy of a role that only reads, for previews and `lock --aws`."
)
@click.option(
    "--organization", is_flag=True, help="Print the policy for listing the accounts that `accounts_from` selects."
)
@strict_option
@quiet_option
def command(inventory: Path, account: str | None, *, reading: bool, organization: bool, strict: bool) -> int:
    """Print the permission policy that the deploying role of each account needs for this inventory, as JSON.

    The JSON is keyed by account; with --account it is the document alone. If a document would exceed the limit of IAM,
    it is a list of documents: attach all of them.
    """
    if organization:
        if account is not None or reading:
            raise click.UsageError("--organization cannot be combined with --account or --reading")
        click.echo(json.dumps(organization_policy().to_json(), indent=2))
        return 0
    policies, findings = _reading(inventory) if reading else _deploying(inventory)
    show_briefly(findings)
    if not has_errors(findings):
        printed: Any = {key: _printed(documents) for key, documents in policies.items()}
        if account is not None:
            _check_key(account, policies)
            printed = printed[account]
        click.echo(json.dumps(printed, indent=2, ensure_ascii=False))
    return exit_code(findings, strict=strict)


def _deploying(inventory: Path) -> tuple[Policies, Sequence[Finding]]:
    result = compiled(inventory)
    accounts: tuple[AccountPlan, ...] = result.plan.accounts if result.plan is not None else ()
    return {account.key: deploy_policies(DeployScope.of(account)) for account in accounts}, result.findings


def _reading(inventory: Path) -> tuple[Policies, Sequence[Finding]]:
    """Return the policies of reading roles; they depend on the accounts alone.

    A missing lock is no error here: a reading role writes it.
    """
    result = loaded(inventory)
    policies = {
        key: (reading_policy(account.partition, AccountId(account.id)),)
        for key, account in sorted(result.inventory.accounts.items())
    }
    return policies, [finding for finding in result.findings if finding.rule != "needs-lock"]


def _printed(documents: tuple[PolicyDocument, ...]) -> dict[str, Any] | list[dict[str, Any]]:
    printed = [document.to_json() for document in documents]
    return printed[0] if len(printed) == 1 else printed


def _check_key(key: str, known: Collection[str]) -> None:
    if key not in known:
        otherwise = f"the accounts are {', '.join(known) or 'none yet'}"
        raise UsageError(f"--account: there is no account `{key}`", do=did_you_mean(key, known, otherwise))
