"""bitbucket-oidc deploy-policy: what the deploying role of each account needs, and no more."""

import json
from pathlib import Path
from typing import Any

import click

from access.deploy_policy import DeployScope, deploy_policies
from access.plan import AccessPlan, AccountPlan
from cli.finding_lines import show_findings
from cli.inventory import compiled, exit_code, inventory_argument, strict_option
from config.findings import did_you_mean
from oidc.errors import UsageError


@click.command("deploy-policy")
@inventory_argument
@click.option("--account", metavar="KEY", help="The policy of this account alone.")
@strict_option
def command(inventory: Path, account: str | None, *, strict: bool) -> int:
    """Print the permission policy that the deploying role of each account needs for this inventory, as JSON.

    By account key; with --account the document alone. Where one document would be longer than IAM takes, a list of
    documents stands in its place, to be attached together.
    """
    found = compiled(inventory)
    show_findings(found.findings)
    if found.plan is not None:
        printed = _by_account(found.plan) if account is None else _policy(_account(found.plan, account))
        click.echo(json.dumps(printed, indent=2, ensure_ascii=False))
    return exit_code(found.findings, strict=strict)


def _by_account(plan: AccessPlan) -> dict[str, Any]:
    return {account.key: _policy(account) for account in plan.accounts}


def _policy(account: AccountPlan) -> dict[str, Any] | list[dict[str, Any]]:
    documents = [document.to_json() for document in deploy_policies(DeployScope.of(account))]
    return documents[0] if len(documents) == 1 else documents


def _account(plan: AccessPlan, key: str) -> AccountPlan:
    for account in plan.accounts:
        if account.key == key:
            return account
    known = [account.key for account in plan.accounts]
    otherwise = f"the accounts are {', '.join(known) or 'none yet'}"
    raise UsageError(f"--account: there is no account `{key}`", do=did_you_mean(key, known, otherwise))
