"""The part of `bitbucket-oidc bootstrap` that compares accounts with the template, and its report."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import click

from access.adoption.found import FoundTemplate
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
from onboarding.bootstrap.check import TemplateDifference, Wanted, template_differences
from onboarding.bootstrap.organization_rules import organization_rules


@dataclass(frozen=True, slots=True)
class CheckReport:
    """The result of a check.

    Attributes:
        differences: By account key, of the accounts that answered; empty for an account with the current template.
        failed: Accounts that did not answer.
        stack: Name of the stack.
        notes: Rules of the organization that may stop the deploying roles or the pipelines, or why they are unknown.
        command: The command that prints the template: ``bitbucket-oidc bootstrap … > bootstrap.yaml``.
    """

    differences: Mapping[str, tuple[TemplateDifference, ...]]
    failed: tuple[Failed, ...]
    stack: str
    command: str
    notes: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """3 if an account did not answer, 1 if one differs, else 0; as ``lock --check``."""
        return 3 if self.failed else int(any(self.differences.values()))

    @property
    def commands(self) -> tuple[str, ...]:
        """The commands that mend all accounts, with an administrator's credentials; none if nothing is to be mended."""
        every = [difference for differences in self.differences.values() for difference in differences]
        if not self.failed and all(difference.command for difference in every):
            return ()
        deploy = f"aws cloudformation deploy --stack-name {self.stack} --template-file bootstrap.yaml"
        return self.command, f"{deploy} --capabilities CAPABILITY_NAMED_IAM"

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON; the keys are public, and documented in ``docs/reference/commands.md``."""
        return {
            "agrees": self.exit_code == 0,
            "accounts": [
                {
                    "account": key,
                    "differences": [
                        {
                            "resource": shown(difference.resource),
                            "difference": one_line(difference.difference),
                            "command": difference.command,
                        }
                        for difference in differences
                    ],
                }
                for key, differences in self.differences.items()
            ],
            "failed": [{"account": failed.key, "message": shown(str(failed.error))} for failed in self.failed],
            "commands": list(self.commands),
            "notes": [one_line(note) for note in self.notes],
        }

    def show(self) -> None:
        """Print the report for people."""
        for key, differences in self.differences.items():
            click.echo(f"{key}: {'differs from the template' if differences else 'has the current template'}")
            for difference in differences:
                click.echo(f"  {one_line(str(difference))}")
                if difference.command:
                    click.echo(f"    to mend it: {one_line(difference.command)}")
        for note in self.notes:
            click.echo(f"note: {one_line(note)}", err=True)
        for failed in self.failed:
            click.echo(f"error: account {failed.key}: {one_line(str(failed.error))}", err=True)
        if self.failed:
            why = "an account without the template has no reading role, so it cannot be entered"
            click.echo(f"note: {why}: deploy the template first", err=True)
        if self.commands:
            first, second = self.commands
            click.echo(f"to mend:\n  {first}\n  {second}", err=True)
            click.echo("or update the StackSet with that template (docs/guides/bootstrap.md, Deploy it)", err=True)


def check_accounts(
    plans: Sequence[AccountPlan], accounts: Sequence[Foundation], wanted: Wanted, options: Mapping[str, Any]
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
    return CheckReport(differences, failed, wanted.stack, _template_command(options), tuple(_notes(accounts, options)))


def _notes(accounts: Sequence[Foundation], options: Mapping[str, Any]) -> Iterator[str]:
    """Yield the organization's rules, read as `accounts_from` says; without it, nobody says who may read them."""
    selection = loaded(options["inventory"]).inventory.accounts_from
    if selection is None:
        yield "control policies of the organization were not read: the inventory has no accounts_from"
        return
    try:
        with closing(enter_organization(selection.organization, call_settings(options["aws_endpoint"]))) as caller:
            yield from organization_rules(attached_control_policies(caller), accounts)
    except AwsError as error:
        yield str(error)


_NAMED = {"organization": "--organization", "deploying_role": "--deploying-role", "reading_role": "--reading-role"}
_REPEATED = {"chosen": "--account", "hubs": "--hub-role", "previews": "--preview-role"}


def _template_command(options: Mapping[str, Any]) -> str:
    """Return the command that prints the template which was compared."""
    words = ["bitbucket-oidc", "bootstrap", str(options["inventory"])]
    words += [word for name, option in _REPEATED.items() for value in options[name] for word in (option, value)]
    words += [word for name, option in _NAMED.items() if options[name] for word in (option, options[name])]
    words += ["--existing-boundary"] if options["existing_boundary"] else []
    words += ["--stack", options["stack"]] if options["stack"] != STACK else []
    if (guardrails := named_guardrails()) is not None:
        words += ["--guardrails", str(guardrails)]
    return f"{shlex.join(words)} > bootstrap.yaml"
