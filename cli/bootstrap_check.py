"""The part of `bitbucket-oidc bootstrap` that compares accounts with the template, and its report."""

import shlex
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import click

from access.adoption.found import FoundTemplate
from access.boundary import control_policies
from access.foundation import STACK, Foundation
from access.plan import AccountPlan
from cli.inventory import loaded, named_guardrails
from cli.lock.accounts import call_settings
from config.findings import one_line, shown
from facts.aws.callers import Caller
from facts.aws.existing_template import existing_template
from facts.aws.organization import attached_control_policies
from facts.aws.refresh import enter_organization, entered_by
from facts.aws.survey import Answered, Failed, ask_each
from oidc.errors import AwsError
from onboarding.bootstrap.check import (
    TemplateDifference,
    TemplateSettings,
    control_policy_difference,
    own_control_policies,
    template_differences,
)
from onboarding.bootstrap.organization_rules import organization_rules


@dataclass(frozen=True, slots=True)
class CheckReport:
    """The result of a check.

    Attributes:
        differences: By account key, of the accounts that answered; empty for an account with the current template.
        failed: Accounts that did not answer.
        organization: How the attached service control policy differs, or ``None``.
        notes: Rules of the organization that may stop the deploying roles or the pipelines, or why they are unknown.
        command: The command that deploys the template: ``bitbucket-oidc bootstrap … --deploy``.
    """

    differences: Mapping[str, tuple[TemplateDifference, ...]]
    failed: tuple[Failed, ...]
    command: str
    organization: TemplateDifference | None = None
    notes: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """3 if an account did not answer, 1 if one or the organization differs, else 0; as ``lock --check``."""
        return 3 if self.failed else int(any(self.differences.values()) or self.organization is not None)

    @property
    def commands(self) -> tuple[str, ...]:
        """The commands that mend all accounts, with an administrator's credentials; none if nothing is to be mended."""
        every = [difference for differences in self.differences.values() for difference in differences]
        if not self.failed and all(difference.command for difference in every):
            return ()
        return (self.command,)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON; the keys are public, and documented in ``docs/reference/commands.md``."""
        return {
            "agrees": self.exit_code == 0,
            "accounts": [
                {
                    "account": key,
                    "differences": [_difference(difference) for difference in differences],
                }
                for key, differences in self.differences.items()
            ],
            "organization": [_difference(self.organization)] if self.organization is not None else [],
            "failed": [{"account": failed.key, "message": shown(str(failed.error))} for failed in self.failed],
            "commands": list(self.commands),
            "notes": [one_line(note) for note in self.notes],
        }

    def show(self) -> None:
        """Print the report for people."""
        for key, differences in self.differences.items():
            click.echo(f"{key}: {'differs from the template' if differences else 'has the current template'}")
            _show(differences)
        if self.organization is not None:
            click.echo("organization: differs from `bootstrap --scp`")
            _show([self.organization])
        for note in self.notes:
            click.echo(f"note: {one_line(note)}", err=True)
        for failed in self.failed:
            click.echo(f"error: account {failed.key}: {one_line(str(failed.error))}", err=True)
        if self.failed:
            why = "an account without the template has no reading role, so it cannot be entered"
            click.echo(f"note: {why}: deploy the template first", err=True)
        if self.commands:
            several = len(self.differences) + len(self.failed) > 1
            ways = "; for several accounts, add --through-role NAME or --through-profiles" if several else ""
            click.echo(f"to mend, with an administrator's credentials{ways}:\n  {self.command}", err=True)
            click.echo("or print the template, and update the StackSet with it (docs/guides/bootstrap.md)", err=True)


def check_accounts(
    plans: Sequence[AccountPlan], accounts: Sequence[Foundation], wanted: TemplateSettings, options: Mapping[str, Any]
) -> CheckReport:
    """Enter each account as its reading role, and compare what it has with the template.

    Args:
        plans: The plans of the accounts.
        accounts: What each account needs.
        wanted: The settings of the template.
        options: The options of the command, by their names.

    Raises:
        UsageError: The endpoint is not on this machine.
    """
    from cli.lock.run import progress  # noqa: PLC0415 - requests and rich take a while to import

    foundations = {foundation.key: foundation for foundation in accounts}

    def ask(caller: Caller, plan: AccountPlan) -> FoundTemplate:
        foundation = foundations[plan.key]
        roles = foundation.deploying_name, foundation.reading_name
        return existing_template(caller, roles, foundation.scope.own_boundary_arns)

    entered = [entered_by(plan, foundations[plan.key].reading_name) for plan in plans]
    done: list[str] = []
    settings = call_settings(options["aws_endpoint"])
    with progress("asking AWS accounts") as on_progress:

        def finished(key: str) -> None:
            done.append(key)
            on_progress(len(done), len(entered))

        outcomes = ask_each(entered, settings, ask, progress=finished)
    answered = {outcome.key: outcome.facts for outcome in outcomes if isinstance(outcome, Answered)}
    differences = {key: template_differences(foundations[key], wanted, found) for key, found in answered.items()}
    failed = tuple(outcome for outcome in outcomes if isinstance(outcome, Failed))
    command = f"{_command(options, _OF_TEMPLATE)} --deploy"
    return CheckReport(differences, failed, command, *_organization(accounts, wanted, options))


def _organization(
    accounts: Sequence[Foundation], wanted: TemplateSettings, options: Mapping[str, Any]
) -> tuple[TemplateDifference | None, tuple[str, ...]]:
    """Return how the SCP differs, and the organization's rules; read as `accounts_from` says, which names who may."""
    selection = loaded(options["inventory"]).inventory.accounts_from
    if selection is None:
        return None, ("control policies of the organization were not read: the inventory has no accounts_from",)
    try:
        with closing(enter_organization(selection.organization, call_settings(options["aws_endpoint"]))) as caller:
            policies = attached_control_policies(caller)
    except AwsError as error:
        return None, (str(error),)
    own = own_control_policies(policies)
    notes = list(organization_rules(policies, accounts))
    if not own:
        notes.append("no service control policy of `bootstrap --scp` is attached: other administrators may change this")
    elif options["chosen"]:
        notes.append("the service control policy was not compared: --account chooses some of its accounts")
    else:
        needed = control_policies(accounts, wanted.administrators, wanted.stack)
        if words := control_policy_difference(needed, own):
            named = ", ".join(f"{policy.name} ({policy.id})" for policy in own)
            command = f"{_command(options, _OF_CONTROL_POLICY)} --scp > scp.json"
            if len(needed) == len(own) == 1:
                update = f"aws organizations update-policy --policy-id {own[0].id} --content file://scp.json"
                command = f"{command} && {update}"
            return TemplateDifference(f"service control policy {named}", words, command), tuple(notes)
    return None, tuple(notes)


_OF_CONTROL_POLICY = {
    "administrators": "--administrator", "deploying_role": "--deploying-role", "reading_role": "--reading-role",
    "stack": "--stack",
}  # fmt: skip
_OF_TEMPLATE = {
    "chosen": "--account", "hubs": "--hub-role", "previews": "--preview-role", "organization": "--organization",
    "deploying_role": "--deploying-role", "reading_role": "--reading-role", "existing_boundary": "--existing-boundary",
    "stack": "--stack", "aws_endpoint": "--aws-endpoint",
}  # fmt: skip


def _command(options: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """Return a command with the given ones of the options that were compared."""
    words = ["bitbucket-oidc", "bootstrap", str(options["inventory"])]
    for name, option in names.items():
        value = options[name]
        if value is True:
            words.append(option)
        elif value and value != (STACK if name == "stack" else None):
            words += [word for text in ([value] if isinstance(value, str) else value) for word in (option, text)]
    if (guardrails := named_guardrails()) is not None:
        words += ["--guardrails", str(guardrails)]
    return shlex.join(words)


def _difference(difference: TemplateDifference) -> dict[str, Any]:
    return {
        "resource": shown(difference.resource),
        "difference": one_line(difference.difference),
        "command": difference.command,
    }


def _show(differences: Sequence[TemplateDifference]) -> None:
    for difference in differences:
        click.echo(f"  {one_line(str(difference))}")
        if difference.command:
            click.echo(f"    to mend it: {one_line(difference.command)}")
