"""The part of `bitbucket-oidc bootstrap` that deploys the template through CloudFormation, and its report."""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import click

from access.adoption.found import FoundTemplate
from access.foundation import Foundation
from access.plan import AccountCredentials, AccountPlan
from cli.lock.accounts import call_settings
from config.findings import one_line, shown
from facts.aws.callers import AccountClients, Caller, CallSettings
from facts.aws.cloudformation_stack import STACK_SECONDS, CloudFormationStack
from facts.aws.existing_template import existing_template
from facts.aws.survey import Answered, Failed, ask_each
from oidc.arn import role_arn
from oidc.errors import AwsError, UsageError
from onboarding.bootstrap.check import TemplateDifference, TemplateSettings, template_differences
from onboarding.bootstrap.deploy import AccountStep, Action, account_step, drifted, policy_arns, stuck
from onboarding.bootstrap.template import template

SESSION_NAME = "bitbucket-aws-oidc-bootstrap"
"""The name of the role's session in CloudTrail, unless the inventory sets another."""

_SPREADING_PAUSES = (0.0, 1.0, 2.0, 4.0, 8.0)
"""Seconds before each comparison after a deployment: changes of IAM are not visible at once
(https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html, "Changes that I make are not always immediately
visible")."""


@dataclass(frozen=True, slots=True)
class DeployReport:
    """The result of a run.

    Attributes:
        results: By account key, of the accounts that answered.
        failed: Accounts that did not answer.
    """

    results: Mapping[str, AccountStep]
    failed: tuple[Failed, ...]

    @property
    def exit_code(self) -> int:
        """3 if an account did not answer, 1 if one has not the current template, else 0; as ``--check``."""
        return 3 if self.failed else int(not all(step.agrees for step in self.results.values()))

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON; the keys are public, and documented in ``docs/reference/commands.md``."""
        return {
            "agrees": self.exit_code == 0,
            "accounts": [
                {"account": key, "result": step.action.value, "message": one_line(str(step))}
                for key, step in sorted(self.results.items())
            ],
            "failed": [
                {"account": failed.key, "message": shown(str(failed.error))}
                for failed in sorted(self.failed, key=lambda failed: failed.key)
            ],
        }


def deploy_accounts(
    plans: Sequence[AccountPlan],
    accounts: Sequence[Foundation],
    wanted: TemplateSettings,
    options: Mapping[str, Any],
    show: Callable[[str], None],
) -> DeployReport:
    """Show what would be done in each account, ask, and do it.

    Args:
        plans: The plans of the accounts.
        accounts: What each account needs.
        wanted: The settings of the template.
        options: The options of the command, by their names.
        show: Prints the result of an account as soon as it is known.

    Raises:
        UsageError: An option is wrong or missing, or nobody can be asked.
    """
    if not options["yes"] and not sys.stdin.isatty():
        raise UsageError("--deploy asks before it changes accounts, and there is no terminal", do="add --yes")
    settings = call_settings(options["aws_endpoint"])
    entered = [_entered(plan, options, len(plans)) for plan in plans]
    if settings.endpoint is not None:
        click.echo(f"note: {settings.endpoint} stands in for AWS: its CloudFormation is that of an emulator", err=True)
    foundations = {foundation.key: foundation for foundation in accounts}
    deployer = _Deployer(foundations, wanted, options["region"], settings, AccountClients(settings))
    planned = ask_each(entered, settings, deployer.step, callers=deployer.callers)
    failed = [outcome for outcome in planned if isinstance(outcome, Failed)]
    steps = {outcome.key: outcome.facts for outcome in planned if isinstance(outcome, Answered)}
    changing = {key: step for key, step in steps.items() if step.is_planned}
    for key, step in steps.items():
        if not step.is_planned:
            show(_line(key, step))
    for key, step in changing.items():
        click.echo(f"{key}: {one_line(step.text)}", err=True)
        for difference in step.differences:
            click.echo(f"  {one_line(str(difference))}", err=True)
    if changing and (options["yes"] or _confirmed(len(changing))):
        done = _deploy(deployer, [plan for plan in entered if plan.key in changing], changing, show)
        failed += [outcome for outcome in done if isinstance(outcome, Failed)]
        steps |= {outcome.key: outcome.facts for outcome in done if isinstance(outcome, Answered)}
    else:
        steps |= {key: AccountStep(Action.DECLINED, "not deployed") for key in changing}
    return DeployReport({key: step for key, step in steps.items() if not step.is_planned}, tuple(failed))


def _line(key: str, step: AccountStep) -> str:
    return one_line(f"{key}: {step}")


def _entered(plan: AccountPlan, options: Mapping[str, Any], accounts: int) -> AccountPlan:
    """Return the plan of an account with the administrator's credentials instead of the deploying role."""
    session = plan.access.session_name or SESSION_NAME
    if options["through_profiles"]:
        if plan.access.profile is None:
            raise UsageError(f"account {plan.key} has no profile in the inventory", do="leave it out with --account")
        return replace(plan, access=AccountCredentials(session_name=session, profile=plan.access.profile))
    if options["through_role"] is not None:
        arn = role_arn(plan.partition, plan.id, "/", options["through_role"])
        return replace(plan, access=AccountCredentials(role_arn=arn, session_name=session))
    if accounts > 1:
        what = f"--deploy: the credentials of this environment are for one account, and these are {accounts}"
        raise UsageError(what, do="add --account KEY, --through-role NAME or --through-profiles")
    return replace(plan, access=AccountCredentials(session_name=session))


def _confirmed(accounts: int) -> bool:
    return click.confirm(f"Deploy to {'this account' if accounts == 1 else f'these {accounts} accounts'}?", err=True)


def _deploy(
    deployer: "_Deployer", plans: Sequence[AccountPlan], steps: Mapping[str, AccountStep], show: Callable[[str], None]
) -> tuple[Answered[AccountStep] | Failed, ...]:
    results: dict[str, AccountStep] = {}

    def deploy(caller: Caller, plan: AccountPlan) -> AccountStep:
        results[plan.key] = deployer.deployed(caller, plan, steps[plan.key])
        return results[plan.key]

    def finished(key: str) -> None:
        if key in results:
            show(_line(key, results[key]))

    try:
        return ask_each(
            plans,
            deployer.settings,
            deploy,
            progress=finished,
            seconds=2 * STACK_SECONDS,
            callers=deployer.callers,
        )
    except KeyboardInterrupt:
        click.echo("note: CloudFormation goes on with the stacks that it has started", err=True)
        raise


@dataclass(frozen=True, slots=True)
class _Deployer:
    """Reads and deploys one account after the other, in several threads.

    Attributes:
        foundations: What each account needs, by key.
        wanted: The settings of the template.
        region: ``--region``, or ``None``.
        settings: The settings for calls to AWS.
        callers: The callers of the accounts, which ask each profile once.
    """

    foundations: Mapping[str, Foundation]
    wanted: TemplateSettings
    region: str | None
    settings: CallSettings
    callers: AccountClients

    def step(self, caller: Caller, plan: AccountPlan) -> AccountStep:
        """Return what to do in an account; nothing is changed."""
        foundation, stacks = self.foundations[plan.key], self._stacks(caller, plan)
        stack = stacks.find()
        found = self._found(caller, foundation)
        return account_step(
            foundation, self.wanted, self._template(foundation), stack=stack, found=found, region=stacks.region
        )

    def deployed(self, caller: Caller, plan: AccountPlan, step: AccountStep) -> AccountStep:
        """Create or update the stack of an account, and compare what it has then."""
        foundation, stacks = self.foundations[plan.key], self._stacks(caller, plan)
        made = self._template(foundation)
        stack = stacks.create(made) if step.action is Action.CREATE else stacks.update(made)
        if stack is not None and not stack.is_done:
            return stuck(self.wanted.stack, stack, stacks.region)
        if differences := self._remaining(caller, foundation):
            return drifted(self.wanted.stack, stacks.region, differences)
        if stack is None:
            return AccountStep(Action.CURRENT, "has the current template")
        action = Action.CREATED if step.action is Action.CREATE else Action.UPDATED
        return AccountStep(action, f"{action.value} the stack {self.wanted.stack}: has the current template")

    def _remaining(self, caller: Caller, foundation: Foundation) -> tuple[TemplateDifference, ...]:
        """Return the differences that remain after a deployment.

        Raises:
            AwsError: The account did not answer each time.
        """
        differences: tuple[TemplateDifference, ...] = ()
        failure: AwsError | None = None
        for pause in _SPREADING_PAUSES:
            time.sleep(pause)
            try:
                found = self._found(caller, foundation)
            except AwsError as error:  # a new role may also be unknown for a moment
                failure = error
                continue
            failure, differences = None, template_differences(foundation, self.wanted, found)
            # A policy that somebody attached stays, however long it takes.
            if all(difference.command for difference in differences):
                break
        if failure is not None:
            raise AwsError(f"the stack is deployed, and was not compared: {failure.what}", do=failure.do) from failure
        return differences

    def _found(self, caller: Caller, foundation: Foundation) -> FoundTemplate:
        roles = foundation.deploying_name, foundation.reading_name
        return existing_template(caller, roles, policy_arns(foundation, self.wanted))

    def _stacks(self, caller: Caller, plan: AccountPlan) -> CloudFormationStack:
        return CloudFormationStack(caller, self.wanted.stack, self.region or plan.region or plan.partition.iam_region)

    def _template(self, foundation: Foundation) -> dict[str, Any]:
        wanted = self.wanted
        return template([foundation], wanted.hub, stack=wanted.stack, with_boundaries=wanted.with_boundaries)
