"""The policies that roles name and their documents; the last days of roles; the roles that reach the state."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from config.findings import Fault, did_you_mean
from config.known_names import SERVICE_LINKED, meant_policy
from config.models.family import PLAN_SUFFIX, family_of
from config.policy.conditions import value_faults
from config.policy.effect import contradiction_faults, denied_faults
from config.policy.names import action_faults, condition_key_faults
from config.policy.policy_variables import variable_faults
from config.policy.reference import PolicyReference
from config.policy.resources import arn_faults, resource_faults
from config.rules.context import Context
from config.yaml.document import Path
from oidc import limits
from oidc.iam.document import parse
from oidc.iam.statement import Statement
from oidc.source_addresses import SESSION_POLICY_NAME

SOON = timedelta(days=14)
"""How long before a last day the warning begins."""


def check_references(context: Context) -> Iterator[Fault]:
    """Yield undeclared inline policies, and policies that one role has twice."""
    declared = context.names("permission_policies")
    for path, settings in context.settings():
        seen: set[object] = set()
        for index, name in enumerate(settings.inline_policies):
            at = (*path, "inline_policies", index)
            if name not in declared:
                hint = did_you_mean(name, declared, "declare it under `permission_policies`")
                yield Fault("unknown-permission-policy", at, f"there is no permission policy `{name}`", hint)
            yield from _check_twice(at, name, seen)
        for index, policy in enumerate(settings.managed_policies):
            yield from _check_twice((*path, "managed_policies", index), policy, seen)


def check_managed_policies(context: Context) -> Iterator[Fault]:
    """Yield misspelt names of policies that AWS manages, and policies that IAM attaches to no role of the inventory.

    A policy that is missing by the lock has the finding ``missing-policy``.
    """
    locked = context.lock.lock.accounts.values()
    missing = {arn.partition("::aws:policy/")[2] for account in locked for arn in account.missing_policies}
    for at, policy in _named_policies(context):
        if policy.name_of_aws not in missing:
            yield from managed_policy_faults(at, policy)


def _named_policies(context: Context) -> Iterator[tuple[Path, PolicyReference]]:
    boundary = context.inventory.defaults.permissions_boundary
    if boundary is not None:
        yield ("defaults", "permissions_boundary"), boundary
    for path, settings in context.settings():
        for index, policy in enumerate(settings.managed_policies):
            yield (*path, "managed_policies", index), policy
        if settings.permissions_boundary is not None:
            yield (*path, "permissions_boundary"), settings.permissions_boundary


def managed_policy_faults(at: Path, policy: PolicyReference) -> Iterator[Fault]:
    """Yield a misspelt name of a policy that AWS manages, and one that IAM attaches to no role of the inventory."""
    name = policy.name_of_aws
    if name is None:
        return
    meant = meant_policy(name)
    if (meant or name).startswith(SERVICE_LINKED):
        message = f"AWS manages {(meant or name)} for service-linked roles, and IAM attaches it to no other role"
        yield Fault("service-linked-policy", at, message, "remove it, or name another policy")
    elif meant is not None:
        yield misspelt_policy(at, policy, meant)


def misspelt_policy(at: Path, policy: PolicyReference, meant: str) -> Fault:
    """Return the fault of a policy that misspells one that AWS manages, ``job-function/ViewOnlyAccess``."""
    message = f"{policy} is not a known AWS managed policy"
    right = str(policy).removesuffix(policy.name_of_aws or "") + meant
    return Fault("unknown-managed-policy", at, message, f"did you mean `{right}`?")


def check_names(context: Context) -> Iterator[Fault]:
    """Yield names of permission policies that an inline policy of a role cannot have."""
    for name in context.inventory.permission_policies:
        at: Path = ("permission_policies", name)
        if name.lower() == SESSION_POLICY_NAME:
            message = f"{name} is reserved: this program gives it to the inline policy of `bind_session`"
            yield Fault("reserved-name", at, message, "give it another name", of_key=True)
        elif limits.POLICY_NAME.fullmatch(name) is None:
            message = f"the name has {len(name)} characters, and IAM accepts 128 for an inline policy"
            yield Fault("bad-name", at, message, "shorten it", of_key=True)


def check_last_days(context: Context) -> Iterator[Fault]:
    """Yield roles past their last day, and those that will soon be."""
    for path, settings in context.settings():
        if settings.expires is not None:
            yield from last_day_faults(
                context, (*path, "expires"), settings.expires,
                ends="no step can assume the role after it", over="remove the role, or give it another day",
            )  # fmt: skip

    for key, role in context.inventory.roles.items():
        if (as_is := role.dangerously_adopted_as_is) is not None:
            yield from last_day_faults(
                context, ("roles", key, "dangerously_adopted_as_is", "until"), as_is.until,
                ends="its whole workspaces are not trusted after it",
                over="remove the whole workspaces from `trust`; name the repositories that still need the role",
            )  # fmt: skip


def last_day_faults(context: Context, at: Path, last_day: date, *, ends: str, over: str) -> Iterator[Fault]:
    """Yield a last day that is past or near.

    Args:
        context: Has today's date.
        at: The path of the day.
        last_day: In UTC.
        ends: Describes what is no longer possible after it.
        over: The advice once it is past.
    """
    left = last_day - context.today
    if left < timedelta(0):
        yield Fault("expired", at, f"the last day of access was {last_day}", over)
    elif left <= SOON:
        when = {0: "today", 1: "tomorrow"}.get(left.days, f"in {left.days} days")
        message = f"the last day of access is {last_day} (UTC), {when}: {ends}"
        hint = "give it another day, or let it end and accept this: `allow: {expires-soon: WHY}`"
        yield Fault("expires-soon", at, message, hint)


def _check_twice(at: Path, policy: object, seen: set[object]) -> Iterator[Fault]:
    if policy in seen:
        yield Fault("duplicate", at, "the same policy is listed above", "remove one of the two")
    seen.add(policy)


def check_documents(context: Context) -> Iterator[Fault]:
    """Yield faults inside documents; each document once, for any number of roles and accounts."""
    for name, policy in context.inventory.permission_policies.items():
        for fault in document_faults(policy.document or {}):
            yield replace(fault, path=("permission_policies", name, "document", *fault.path))


def document_faults(document: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield the faults of a document that IAM's grammar accepts; paths begin inside the document."""
    parsed = parse(document)
    for statement in parsed.statements:
        yield from _statement_faults(statement)
    yield from denied_faults(parsed)


def _statement_faults(statement: Statement) -> Iterator[Fault]:
    yield from action_faults(statement)
    variables = list(variable_faults(statement))
    yield from variables
    arns = [] if variables else list(arn_faults(statement))
    yield from arns
    if not variables and not arns:
        yield from resource_faults(statement)
    yield from condition_key_faults(statement)
    values = list(value_faults(statement))
    yield from values
    if not values:
        yield from contradiction_faults(statement)


def check_roles_of_the_state(context: Context) -> Iterator[Fault]:
    """Yield ``unknown-role`` for a reader or writer of the state that is not declared."""
    backend = context.without_lock.defaults.state_backend
    if backend is None:
        return
    known = {family_of(key) for key in context.inventory.roles}
    # A role with a fault is not unknown.
    for key in context.names("roles"):
        known |= {family_of(key)}
        if "plan_role" in context.names("roles", key):
            known.add(f"{family_of(key)}{PLAN_SUFFIX}")
    for kind in ("readers", "writers"):
        for index, key in enumerate(getattr(backend, kind)):
            if key not in known:
                hint = did_you_mean(key, sorted(known), "declare it under roles, or remove it from this list")
                at = ("defaults", "state_backend", kind, index)
                yield Fault("unknown-role", at, f"there is no role {key}", hint)
