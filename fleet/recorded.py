"""An account by the state of its stack: the values that the last run wrote, its resources, and its AWS provider."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from access.plan import DEFAULT_SESSION_NAME, AccountPlan
from access.update_preview import (
    ATTACHMENTS_TYPE,
    AWS_PROVIDER_TYPE,
    INLINE_POLICY_TYPE,
    OIDC_PROVIDER_TYPE,
    ROLE_TYPE,
    Loss,
)
from fleet.state import StackState, StateResource
from fleet.values import AccountValues, OidcProviderValues, RoleValues, meaning_of_text
from oidc.arn import role_arn

_SHOWN = 3
"""Names in a sentence; the rest is counted."""

ManagedResource = tuple[str, str, bool]
"""Type, logical name, and whether it is only read."""


@dataclass(frozen=True, slots=True)
class RecordedAccount:
    """An account by the state of its stack.

    Attributes:
        key: The account's key when the last run was: the present one or a previous key.
        values: Of its roles and OIDC providers.
        resources: Its resources.
        account_ids: Those that its AWS provider accepts; empty if the state has no AWS provider of it.
        region: Of its AWS provider, or ``None``.
        access: Role, external id, session name and profile of its AWS provider, by the names of the plan; ``None`` if
            the state does not tell.
        other_accounts: Keys of other accounts in the same state, sorted.
        replaced: Logical names of resources that a replacement has yet to delete, sorted.
    """

    key: str
    values: AccountValues
    resources: frozenset[ManagedResource]
    account_ids: tuple[str, ...] = ()
    region: str | None = None
    access: Mapping[str, str | None] | None = None
    other_accounts: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()


def recorded_account(plan: AccountPlan, state: StackState | None) -> RecordedAccount:
    """Return what the state tells of an account; without a state nothing."""
    resources = [resource for resource in state.resources if _is_managed(resource)] if state else []
    keys = [key for resource in resources if (key := _account_of(resource)) in (plan.key, *plan.previous_keys)]
    key = keys[0] if keys else plan.key
    own = [resource for resource in resources if _account_of(resource) == key]
    kept = [resource for resource in own if not resource.is_deleting]
    provider = next((resource for resource in kept if resource.type == AWS_PROVIDER_TYPE), None)
    return RecordedAccount(
        key,
        _values(kept),
        frozenset((resource.type, _shown_name(resource), resource.is_external) for resource in kept),
        account_ids=tuple(_texts(_parsed_input(provider, "allowedAccountIds"))),
        region=str(provider.inputs.get("region") or "") or None if provider else None,
        access=_access(provider, plan) if provider else None,
        other_accounts=other_accounts(state, key),
        replaced=tuple(sorted(resource.name for resource in own if resource.is_deleting)),
    )


def other_accounts(state: StackState | None, key: str) -> tuple[str, ...]:
    """Return the keys of all accounts but one that a state has resources of, sorted."""
    managed = (resource for resource in state.resources if _is_managed(resource)) if state else ()
    return tuple(sorted({_account_of(resource) for resource in managed} - {key}))


def in_brief(names: Sequence[str]) -> str:
    """Return a list of names, cut: ``a1, a2, a3 and 17 more``."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{', '.join(names[:_SHOWN])}{more}"


def _is_managed(resource: StateResource) -> bool:
    """Tell whether a run would delete a resource that the program does not register: also one of another type."""
    return resource.type == AWS_PROVIDER_TYPE or resource.type.startswith("aws:")


def _shown_name(resource: StateResource) -> str:
    """Return the logical name; it says so if the resource is in no component, as after `pulumi import` by hand."""
    return resource.name if "$" in resource.urn else f"{resource.name} outside of its component"


def _account_of(resource: StateResource) -> str:
    """Return the key in a logical name: ``prod``, ``prod/acme`` or ``prod/shop-deploy/policy``."""
    return resource.name.partition("/")[0]


def _parsed_input(provider: StateResource | None, name: str) -> Any:  # noqa: ANN401 - JSON in a text, as an AWS provider's inputs are
    text = provider.inputs.get(name) if provider else None
    try:
        return json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return None


def _access(provider: StateResource, plan: AccountPlan) -> Mapping[str, str | None] | None:
    """Return the way into the account; a default session name is that of the plan if the plan has none, too."""
    assumed = _parsed_input(provider, "assumeRoles")
    role = assumed[0] if isinstance(assumed, list) and assumed else {}
    if not isinstance(role, dict) or (provider.inputs.get("assumeRoles") and not role):
        return None
    session = role.get("sessionName")
    return {
        "role_arn": role.get("roleArn"),
        "external_id": role.get("externalId"),
        "session_name": plan.access.session_name if session in (None, DEFAULT_SESSION_NAME) else str(session),
        "profile": provider.inputs.get("profile") or None,
    }


def planned_resources(plan: AccountPlan) -> frozenset[ManagedResource]:
    """Return the resources that the program registers for an account, as `components` do."""
    if not plan.roles and not plan.oidc_providers:
        return frozenset()
    resources: set[ManagedResource] = {(AWS_PROVIDER_TYPE, plan.key, False)}
    for provider in plan.oidc_providers:
        resources.add((OIDC_PROVIDER_TYPE, f"{plan.key}/{provider.workspace}", provider.mode == "reference"))
    for role in plan.roles:
        name = f"{plan.key}/{role.key}"
        resources |= {(ROLE_TYPE, name, False), (ATTACHMENTS_TYPE, name, False)}
        resources |= {(INLINE_POLICY_TYPE, f"{name}/{policy}", False) for policy in role.inline_policies}
    return frozenset(resources)


def other_resources(planned: AccountPlan, recorded: RecordedAccount) -> Iterator[str]:
    """Yield what the state has beyond the plan and lacks of it; an empty state lacks everything, which is no news.

    Both sides are compared under the account's key in the state: ``previous_keys`` rename all its resources at once.
    """
    if not recorded.resources:
        return
    wanted = planned_resources(replace(planned, key=recorded.key))
    for verb, resources in (("lacks", wanted - recorded.resources), ("has also", recorded.resources - wanted)):
        if resources:
            names = sorted({name for _, name, _ in resources})
            yield f"the state {verb} {in_brief(names)}"


def loss_of(plan: AccountPlan, recorded: RecordedAccount) -> Loss:
    """Return the roles and OIDC providers that ``up`` deletes or replaces; ``previous_keys`` keep a role.

    A new name or path replaces a role. A provider that was adopted or only read is dropped from the state, not deleted,
    and so is one that the stack created and that is a reference now.
    """
    planned = {key: role for role in plan.roles for key in (role.key, *role.previous_keys)}
    lost = []
    for values in recorded.values.roles.values():
        role = planned.get(values.key)
        if role is None or (role.name, role.path) != (values.name, values.path):
            lost.append(role_arn(plan.partition, plan.id, values.path, values.name))
    kept = {provider.arn for provider in plan.oidc_providers}
    providers = [
        arn for arn, values in recorded.values.oidc_providers.items() if values.mode == "create" and arn not in kept
    ]
    return Loss(len(recorded.values.roles), tuple(sorted(lost)), tuple(sorted(providers)))


def _values(resources: Iterable[StateResource]) -> AccountValues:
    listed = list(resources)
    inline: dict[str, dict[str, str]] = {}
    for resource in _of_type(listed, INLINE_POLICY_TYPE):
        document = meaning_of_text(str(resource.inputs.get("policy", "")))
        inline.setdefault(str(resource.inputs.get("role", "")), {})[str(resource.inputs.get("name", ""))] = document
    attached = {
        str(resource.inputs.get("roleName", "")): _texts(resource.inputs.get("policyArns"))
        for resource in _of_type(listed, ATTACHMENTS_TYPE)
    }
    roles = {}
    for resource in _of_type(listed, ROLE_TYPE):
        name = str(resource.inputs.get("name") or resource.id)
        roles[name.lower()] = _recorded_role(resource, name, inline.get(name, {}), attached.get(name))
    providers = {resource.id: _recorded_oidc_provider(resource) for resource in _of_type(listed, OIDC_PROVIDER_TYPE)}
    return AccountValues(roles, providers)


def _of_type(resources: Iterable[StateResource], kind: str) -> Iterator[StateResource]:
    return (resource for resource in resources if resource.type == kind)


def _recorded_role(
    resource: StateResource, name: str, inline: Mapping[str, str], attached: list[str] | None
) -> RoleValues:
    inputs = resource.inputs
    duration = inputs.get("maxSessionDuration")
    return RoleValues(
        key=resource.name.partition("/")[2],
        name=name,
        path=str(inputs.get("path") or "/"),
        trust_policy=meaning_of_text(str(inputs.get("assumeRolePolicy", ""))),
        inline_policies=inline,
        managed_policy_arns=tuple(sorted(set(attached))) if attached is not None else None,
        permissions_boundary_arn=str(inputs.get("permissionsBoundary") or ""),
        max_session_duration=int(duration) if isinstance(duration, int | float) else 3600,
        description=str(inputs.get("description") or ""),
        tags=_recorded_tags(resource),
    )


def _recorded_oidc_provider(resource: StateResource) -> OidcProviderValues:
    if resource.is_external or resource.retains_on_delete:
        return OidcProviderValues(resource.id, "reference" if resource.is_external else "adopt")
    thumbprints = resource.inputs.get("thumbprintLists")
    return OidcProviderValues(
        resource.id,
        "create",
        tuple(sorted(set(_texts(resource.inputs.get("clientIdLists"))))),
        tuple(_texts(thumbprints)) if isinstance(thumbprints, list) else None,
        _recorded_tags(resource),
    )


_DEFAULTS = "__defaults"
"""A key that Pulumi's bridge adds to mappings in a state; it lists properties that a provider filled in."""


def _recorded_tags(resource: StateResource) -> dict[str, str]:
    tags = resource.inputs.get("tagsAll") or resource.outputs.get("tagsAll") or resource.inputs.get("tags")
    items = tags.items() if isinstance(tags, Mapping) else ()
    return {str(key): str(value) for key, value in items if key != _DEFAULTS}


def _texts(value: Any) -> list[str]:  # noqa: ANN401 - parsed JSON
    return list(map(str, value)) if isinstance(value, list) else []
