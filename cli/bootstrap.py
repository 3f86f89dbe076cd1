"""bitbucket-oidc bootstrap: print or deploy the CloudFormation template that accounts need, check it, print an SCP."""

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click
import yaml

from access.boundary import control_policies
from access.compile import compile_plan, without_missing_boundaries
from access.foundation import STACK, Foundation, foundation_of
from access.plan import AccessPlan, AccountPlan
from access.selection import Selection, narrow
from cli.bootstrap_options import administrators_of, check_credentials, check_options, hub_of, stack_name
from cli.extras import require_extra
from cli.inventory import (
    exit_code,
    format_option,
    inventory_argument,
    loaded,
    quiet_option,
    show_briefly,
    strict_option,
)
from cli.selection import complete
from config.findings import one_line
from oidc.errors import UsageError
from oidc.limits import CLOUDFORMATION_BODY_BYTES, SERVICE_CONTROL_POLICY_CHARS
from onboarding.bootstrap.check import TemplateSettings
from onboarding.bootstrap.template import template

_SHOWN = 3


@click.command("bootstrap")
@inventory_argument
@click.option("--account", "chosen", metavar="KEY", multiple=True, shell_complete=complete("account"),
              help="Only these accounts: keys, ids or globs.")  # fmt: skip
@click.option("--hub-role", "hubs", metavar="ARN", multiple=True,
              help="Role that Pulumi runs as; it may assume the deploying and the reading role.")  # fmt: skip
@click.option("--preview-role", "previews", metavar="ARN", multiple=True,
              help="Role of previews; it may assume only the reading role.")  # fmt: skip
@click.option("--organization", metavar="o-…", help="The hub's organization, or `none` if it has no organization.")
@click.option("--deploying-role", metavar="NAME", help="Name of the deploying role for accounts with only a profile.")
@click.option("--reading-role", metavar="NAME",
              help="Name of the reading role.  [default: the deploying role's name with -reading]")  # fmt: skip
@click.option("--existing-boundary", is_flag=True, help="Leave out the boundaries: the accounts already have them.")
@click.option("--scp", is_flag=True, help="Print the service control policy instead of the template.")
@click.option("--administrator", "administrators", metavar="ARN", multiple=True,
              help="With --scp or --check: roles that may change these.  [default: those of StackSets]")  # fmt: skip
@click.option("--stack", metavar="NAME", default=STACK, show_default=True,
              help="Name of the stack or StackSet, which boundary and SCP protect.")  # fmt: skip
@click.option("--check", is_flag=True,
              help="Compare with what the accounts have; end in exit code 1 if anything differs.")  # fmt: skip
@click.option("--deploy", is_flag=True,
              help="Create or update the stack of each account, and change nothing else.")  # fmt: skip
@click.option("--through-role", metavar="NAME",
              help="With --deploy: role of each account to assume, such as OrganizationAccountAccessRole.")  # fmt: skip
@click.option("--through-profiles", is_flag=True, help="With --deploy: enter each account by its `profile`.")
@click.option("--region", metavar="NAME",
              help="With --deploy: the stacks' region.  [default: the account's `region`, else us-east-1]")  # fmt: skip
@click.option("--yes", is_flag=True, help="With --deploy: do not ask.")
@click.option("--aws-endpoint", metavar="URL", help="Endpoint of the sandbox's emulated accounts; loopback only.")
@format_option("yaml", "json")
@strict_option
@quiet_option
def command(
    inventory: Path,
    *,
    chosen: tuple[str, ...],
    output: str,
    scp: bool,
    check: bool,
    deploy: bool,
    strict: bool,
    **options: Any,  # noqa: ANN401 - click's
) -> int:
    """Print the CloudFormation template that accounts need before the first `up`, as a stack or a StackSet.

    It makes the deploying role with the permissions of `deploy-policy`, a reading role for previews, and the
    permissions boundary. --scp prints the service control policy that protects these from everybody else.
    --check enters each account as its reading role, and says whether it has what the template would make now.
    --deploy creates or updates the stack with an administrator's credentials, shows what it does, and asks first.
    """
    check_options(check=check, deploy=deploy, scp=scp, options=options)
    # What the lock says of older templates and missing boundaries, this command mends, or asks the accounts about.
    read = loaded(inventory)
    result = compile_plan(read if options["existing_boundary"] else without_missing_boundaries(read))
    findings = [finding for finding in result.findings if finding.rule != "template-outdated"]
    show_briefly(findings)
    if result.plan is not None:
        names = options["reading_role"], options["deploying_role"]
        stack = stack_name(options["stack"])
        plans = _accounts(result.plan, chosen)
        accounts = [foundation_of(account, *names) for account in plans]
        if scp:
            _print_control_policies(accounts, administrators_of(accounts, options), stack)
        elif check or deploy:
            with_boundaries, administrators = not options["existing_boundary"], administrators_of(accounts, options)
            wanted = TemplateSettings(hub_of(accounts, options), stack, with_boundaries, administrators)
            code = (_check if check else _deploy)(plans, accounts, wanted, output)
            return code or exit_code(findings, strict=strict)
        else:
            with_boundaries = not options["existing_boundary"]
            made = template(accounts, hub_of(accounts, options), stack=stack, with_boundaries=with_boundaries)
            _print_template(accounts, made, output)
    return exit_code(findings, strict=strict)


def _deploy(plans: Sequence[AccountPlan], accounts: Sequence[Foundation], wanted: TemplateSettings, output: str) -> int:
    require_extra("bootstrap --deploy", "aws")
    from cli.bootstrap_deploy import deploy_accounts  # noqa: PLC0415 - botocore takes a while to import

    in_json = output == "json"
    show = partial(click.echo, err=in_json)
    check_credentials(plans[0].partition, click.get_current_context().params)
    report = deploy_accounts(plans, accounts, wanted, click.get_current_context().params, show)
    for failed in report.failed:
        click.echo(f"error: account {failed.key}: {one_line(str(failed.error))}", err=True)
    if in_json:
        click.echo(json.dumps(report.to_json(), indent=2))
    return report.exit_code


def _check(plans: Sequence[AccountPlan], accounts: Sequence[Foundation], wanted: TemplateSettings, output: str) -> int:
    require_extra("bootstrap --check", "aws")
    from cli.bootstrap_check import check_accounts  # noqa: PLC0415 - botocore takes a while to import

    report = check_accounts(plans, accounts, wanted, click.get_current_context().params)
    if output == "json":
        click.echo(json.dumps(report.to_json(), indent=2))
    else:
        report.show()
    return report.exit_code


def _accounts(plan: AccessPlan, chosen: Sequence[str]) -> list[AccountPlan]:
    accounts = list(narrow(plan, Selection(accounts=tuple(chosen))).plan.accounts)
    if not accounts:
        raise UsageError("the inventory has no accounts yet", do="add one under accounts")
    partitions = sorted({account.partition.value for account in accounts})
    if len(partitions) > 1:
        what = f"these accounts are in the partitions {', '.join(partitions)}, which share no organization"
        raise UsageError(what, do="choose the accounts of one partition with --account")
    return accounts


def _print_template(accounts: Sequence[Foundation], made: dict[str, Any], output: str) -> None:
    text = json.dumps(made, indent=2) if output == "json" else _yaml(made)
    click.echo(text.rstrip("\n"))
    _note_limits(accounts, made, len(text.encode()))
    _note_unbounded(accounts)


class _WithoutAliases(yaml.SafeDumper):
    """CloudFormation does not accept YAML aliases."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ANN401, ARG002 - PyYAML's
        """Return True: never write an alias."""
        return True


def _yaml(made: dict[str, Any]) -> str:
    return yaml.dump(made, Dumper=_WithoutAliases, sort_keys=False, width=120)


def _note_limits(accounts: Sequence[Foundation], made: dict[str, Any], size: int) -> None:
    if "Mappings" in made:
        _note(f"these {len(accounts)} accounts differ: the template lists their ids, and fits no other account")
    if size > CLOUDFORMATION_BODY_BYTES:
        what = f"the template has {size:,} bytes; a call allows {CLOUDFORMATION_BODY_BYTES:,}"
        _note(f"{what}: deploy it from a bucket (--template-url, or --s3-bucket of `aws cloudformation deploy`)")


def _note_unbounded(accounts: Sequence[Foundation]) -> None:
    for account in accounts:
        unbounded = sorted(
            role.arn.rpartition("/")[2] for role in account.scope.roles if not role.permissions_boundary_arn
        )
        if unbounded:
            others = " and others" if len(unbounded) > _SHOWN else ""
            what = f"account {account.key}: {', '.join(unbounded[:_SHOWN])}{others} without a permissions boundary"
            why = "whoever has the deploying role can give them any permission"
            _note(f"{what}: {why}; write permissions_boundary: account:NAME under defaults")


def _print_control_policies(accounts: Sequence[Foundation], administrators: Sequence[str], stack: str) -> None:
    documents = [document.to_json() for document in control_policies(accounts, administrators, stack)]
    printed = documents[0] if len(documents) == 1 else documents
    text = json.dumps(printed, indent=2)
    # White space counts towards the size of an SCP, so a text above the limit is printed without it.
    click.echo(text if len(text) <= SERVICE_CONTROL_POLICY_CHARS else json.dumps(printed, separators=(",", ":")))
    if len(documents) > 1:
        _note(
            f"one policy is not enough: make a policy of each of these {len(documents)} documents, and attach them all"
        )


def _note(text: str) -> None:
    click.echo(f"note: {text}", err=True)
