"""Permissions: what a role names is declared, and admin access says why."""

from collections.abc import Iterator

from config.cross_record.context import Context
from config.findings import did_you_mean
from config.models.role import RoleSettings
from config.policy_reference import PolicyReference
from config.variables import VARIABLES, render_all
from config.yaml_document import Path
from oidc.admin_access import admin_statement, is_admin_managed_policy
from oidc.arn import Partition, aws_policy_arn

_SAMPLE = dict.fromkeys(VARIABLES, "x") | {"account_id": "000000000000", "partition": "aws", "region": "us-east-1"}
"""What variables stand for when a document's reach is judged: no variable can hold a wildcard."""


def check_references(context: Context) -> None:
    """Report inline policies that nobody declares, and policies that one role has twice; roles past their last day."""
    written = context.written("permission_policies")
    for path, _, settings in context.settings():
        seen: set[object] = set()
        for index, name in enumerate(settings.inline_policies):
            at = (*path, "inline_policies", index)
            if name not in written:
                hint = did_you_mean(name, written, "declare it under `permission_policies`")
                context.report("unknown-permission-policy", at, f"there is no permission policy `{name}`", hint)
            _check_twice(context, at, name, seen)
        for index, policy in enumerate(settings.managed_policies):
            _check_twice(context, (*path, "managed_policies", index), policy, seen)
        if settings.expires is not None and settings.expires < context.today:
            message = f"the last day of access was {settings.expires}"
            context.report("expired", (*path, "expires"), message, "remove the role, or give it another day")


def _check_twice(context: Context, at: Path, found: object, seen: set[object]) -> None:
    if found in seen:
        context.report("duplicate", at, "the same policy stands above", "remove one of the two")
    seen.add(found)


def check_admin_access(context: Context) -> None:
    """Report admin access that does not say why, in a role and in each of its overrides."""
    admin_policies = {
        name
        for name, policy in context.inventory.permission_policies.items()
        if policy.document is not None
        and admin_statement(render_all(policy.document, _SAMPLE), partition="aws", account=_SAMPLE["account_id"])
        is not None
    }
    for path, role, settings in context.settings():
        if role.dangerously_allow_admin is not None:
            continue
        for at, name in _admin(path, settings, admin_policies):
            hint = 'narrow it, or say why on the role: dangerously_allow_admin: "…"'
            context.report("admin-access", at, f"{name} gives admin access", hint)


def _admin(path: Path, settings: RoleSettings, admin_policies: set[str]) -> Iterator[tuple[Path, str]]:
    for index, reference in enumerate(settings.managed_policies):
        if is_admin_managed_policy(_sample_arn(reference)):
            yield (*path, "managed_policies", index), reference.name
    for index, name in enumerate(settings.inline_policies):
        if name in admin_policies:
            yield (*path, "inline_policies", index), name


def _sample_arn(reference: PolicyReference) -> str:
    return aws_policy_arn(Partition.AWS, reference.name) if reference.owner == "aws" else reference.name
