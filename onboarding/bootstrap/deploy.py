"""Decide what `bootstrap --deploy` does in one account, from its stack and from what it has."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from access.adoption.found import FoundTemplate
from access.deploy_policy import deploy_policies
from access.foundation import Foundation
from facts.aws.cloudformation_stack import FoundStack, body_of
from oidc.arn import account_policy_arn
from oidc.limits import CLOUDFORMATION_BODY_BYTES
from onboarding.bootstrap.check import TemplateDifference, TemplateSettings, template_differences
from onboarding.bootstrap.template import BOUNDARY_ID


class Action(StrEnum):
    """What `bootstrap --deploy` does in an account, or has done there."""

    CREATE = "create"
    UPDATE = "update"
    CREATED = "created"
    UPDATED = "updated"
    CURRENT = "current"
    """The account already has the current template."""
    BLOCKED = "blocked"
    """Somebody must do something else first."""
    DECLINED = "declined"
    """The user did not confirm."""


@dataclass(frozen=True, slots=True)
class AccountStep:
    """What `bootstrap --deploy` does in an account, or has done there.

    Attributes:
        action: What is done.
        text: The same as a sentence: ``creates the stack bitbucket-oidc-bootstrap in eu-west-1``.
        do: What somebody must do first; the empty string unless the account is blocked.
        differences: Of what the account has from the template, for an update or a drifted account.
    """

    action: Action
    text: str
    do: str = ""
    differences: tuple[TemplateDifference, ...] = ()

    @property
    def is_planned(self) -> bool:
        """Tell whether it is to change the account."""
        return self.action in {Action.CREATE, Action.UPDATE}

    @property
    def agrees(self) -> bool:
        """Tell whether the account has the current template."""
        return self.action in {Action.CREATED, Action.UPDATED, Action.CURRENT}

    def __str__(self) -> str:
        """Return it in one line, with the first difference of a blocked account."""
        text = self.text
        if self.differences and not self.is_planned:
            others = f" (and {len(self.differences) - 1} more)" if len(self.differences) > 1 else ""
            text += f": {self.differences[0]}{others}"
        return f"{text}; {self.do}" if self.do else text


def account_step(
    foundation: Foundation,
    wanted: TemplateSettings,
    template: Mapping[str, Any],
    *,
    stack: FoundStack | None,
    found: FoundTemplate,
    region: str,
) -> AccountStep:
    """Return what to do in an account.

    Args:
        foundation: What the account needs.
        wanted: The settings of the template.
        template: The template of this account.
        stack: Its stack; ``None`` if there is none.
        found: What the account has of the template's resources, from whichever stack.
        region: The region of the stack.
    """
    if stack is not None and not stack.is_updatable:
        return stuck(wanted.stack, stack, region)
    differences = template_differences(foundation, wanted, found)
    if not differences:
        return AccountStep(Action.CURRENT, f"has the current template{_from_elsewhere(stack, found)}")
    if outside := _outside(foundation, wanted, stack, found):
        return _taken(outside, wanted.stack, found)
    if stack is None:
        where = f"the stack {wanted.stack} in {region}"
        step = AccountStep(Action.CREATE, f"creates {where}: {', '.join(template['Resources'])}")
    elif stack.template == template or all(difference.command for difference in differences):
        return drifted(wanted.stack, region, differences)
    else:
        step = _update(stack, wanted.stack, template, region, differences)
    return _too_large(foundation.key, template) or step


def _too_large(key: str, template: Mapping[str, Any]) -> AccountStep | None:
    if (size := len(body_of(template).encode())) <= CLOUDFORMATION_BODY_BYTES:
        return None
    what = f"its template has {size:,} bytes, and a call allows {CLOUDFORMATION_BODY_BYTES:,}"
    do = f"print it with --account {key}, and deploy it with `aws cloudformation deploy --s3-bucket …`"
    return AccountStep(Action.BLOCKED, what, do)


_NAMES = ("RoleName", "ManagedPolicyName", "Path")
"""Properties whose change replaces a role or a policy, as
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iam-role.html says."""


def _update(
    stack: FoundStack, name: str, template: Mapping[str, Any], region: str, differences: tuple[TemplateDifference, ...]
) -> AccountStep:
    needed = template["Resources"]
    deleted = [resource for resource in stack.resources if resource not in needed]
    boundaries = [stack.resources[resource] for resource in deleted if resource.startswith(BOUNDARY_ID)]
    if boundaries:
        what = f"the update would delete the permissions boundary {', '.join(boundaries)}"
        do = (
            "leave out --existing-boundary, or name the boundary in the inventory; if no role has it any more, deploy "
            "the printed template with `aws cloudformation deploy`"
        )
        return AccountStep(Action.BLOCKED, what, do)
    deployed = stack.template.get("Resources") if isinstance(stack.template, Mapping) else None
    before = deployed if isinstance(deployed, Mapping) else {}
    replaced = [
        resource for resource in before if resource in needed and _named(before[resource]) != _named(needed[resource])
    ]
    losses = {"deletes": deleted, "replaces": replaced}
    told = "".join(f"; {verb} {', '.join(names)}" for verb, names in losses.items() if names)
    return AccountStep(Action.UPDATE, f"updates the stack {name} in {region}{told}", differences=differences)


def _named(resource: object) -> list[object]:
    properties = resource.get("Properties") if isinstance(resource, Mapping) else None
    return [properties.get(name) for name in _NAMES] if isinstance(properties, Mapping) else []


def drifted(stack: str, region: str, differences: tuple[TemplateDifference, ...]) -> AccountStep:
    """Return the step of an account whose stack has the template, and whose resources differ from it.

    An update with the same template changes nothing. A drift-aware change set does
    (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/drift-aware-change-sets.html).
    """
    what = "its stack has the current template, and somebody changed the resources"
    commands = [difference.command for difference in differences if difference.command]
    if len(commands) == len(differences):
        return AccountStep(Action.BLOCKED, what, f"run `{' && '.join(commands)}`", differences)
    names = f"--stack-name {stack} --change-set-name revert-drift --region {region}"
    options = "--use-previous-template --capabilities CAPABILITY_NAMED_IAM --deployment-mode REVERT_DRIFT"
    do = (
        f"run `aws cloudformation create-change-set {names} {options}`, read the change set, "
        f"then run `aws cloudformation execute-change-set {names}`"
    )
    return AccountStep(Action.BLOCKED, what, do, differences)


def _from_elsewhere(stack: FoundStack | None, found: FoundTemplate) -> str:
    if stack is not None:
        return ""
    owner = _owner(found)
    return f", from {f'the stack {owner}' if owner else 'outside of a stack of this name'}"


_STACK_TAG = "aws:cloudformation:stack-id"
"""CloudFormation tags the resources of a stack with its id
(https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-resource-tags.html)."""


def _owner(found: FoundTemplate) -> str | None:
    return next((role.tags[_STACK_TAG] for role in found.roles.values() if _STACK_TAG in role.tags), None)


def policy_arns(foundation: Foundation, wanted: TemplateSettings) -> tuple[str, ...]:
    """Return the ARNs of the policies that the template creates: the deploying role's, and the boundaries."""
    scope = foundation.scope
    names = [foundation.policy_name(number) for number, _ in enumerate(deploy_policies(scope), 1)]
    own = [account_policy_arn(scope.partition, scope.account, f"{foundation.path}{name}".lstrip("/")) for name in names]
    return (*own, *(scope.own_boundary_arns if wanted.with_boundaries else ()))


def _outside(
    foundation: Foundation, wanted: TemplateSettings, stack: FoundStack | None, found: FoundTemplate
) -> tuple[str, ...]:
    """Return the resources of the template that exist, and that the stack does not have: CloudFormation would fail."""
    existing = (*found.roles, *(arn for arn in policy_arns(foundation, wanted) if arn in found.policies))
    return tuple(name for name in existing if stack is None or name not in stack.resources.values())


def _taken(names: tuple[str, ...], stack: str, found: FoundTemplate) -> AccountStep:
    what = f"{', '.join(names)} {'exists' if len(names) == 1 else 'exist'} outside of the stack {stack}"
    owner = _owner(found)
    if owner is not None:
        do = f"deploy the printed template to the stack that has them, {owner}, or to its StackSet"
        return AccountStep(Action.BLOCKED, what, do)
    do = (
        "CloudFormation takes over nothing: delete them if nothing uses them, or choose other names "
        "(deploy_role, --reading-role), or keep your boundary with --existing-boundary"
    )
    return AccountStep(Action.BLOCKED, what, do)


_RUN_AGAIN = "then run this command again"
_DELETE = "aws cloudformation delete-stack"
_EVENTS = "aws cloudformation describe-stack-events"
_WHAT_TO_DO = {
    "REVIEW_IN_PROGRESS": ("execute or delete its change set: to delete it, run", _DELETE),
    "ROLLBACK_COMPLETE": ("it has no resources: run", _DELETE),
    "ROLLBACK_FAILED": ("mend the reason, and run", _DELETE),
    "CREATE_FAILED": ("mend the reason, and run", _DELETE),
    "DELETE_FAILED": ("mend the reason, and run", _DELETE),
    "UPDATE_FAILED": ("mend the reason, and run", "aws cloudformation rollback-stack"),
    "UPDATE_ROLLBACK_COMPLETE": ("CloudFormation undid the update: mend the reason; it is also in", _EVENTS),
    "UPDATE_ROLLBACK_FAILED": ("mend the reason, and run", "aws cloudformation continue-update-rollback"),
}
"""By state of the stack, from
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/troubleshooting.html."""


def stuck(name: str, stack: FoundStack, region: str) -> AccountStep:
    """Return the step of an account whose stack cannot be updated, or whose last operation failed."""
    what = f"its stack {name} is {stack.status}" + (f": {stack.failure}" if stack.failure else "")
    if stack.is_in_progress:
        return AccountStep(Action.BLOCKED, what, f"wait until it is finished, {_RUN_AGAIN}")
    first, command = _WHAT_TO_DO.get(stack.status, ("look at its events:", _EVENTS))
    return AccountStep(Action.BLOCKED, what, f"{first} `{command} --stack-name {name} --region {region}`, {_RUN_AGAIN}")
