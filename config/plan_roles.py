"""Make the plan role of every role that has ``plan_role``: its own settings, and those of its role for the others."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet

from config.findings import Fault
from config.models.family import PLAN_SUFFIX, family_of, plan_key
from config.models.inventory import Inventory
from config.models.role import Override, PairedRole, PlanRole, Role, RoleSettings

_WRITTEN_OUT = frozenset({"description", "managed_policies", "inline_policies"})
"""Settings that a plan role never takes from its role or from the role's overrides: they grant permissions."""


def with_plan_roles(inventory: Inventory, taken: AbstractSet[str]) -> Inventory:
    """Return the inventory with the plan role of every pair, except one whose key is ``taken``."""
    if all(role.plan_role is None for role in inventory.roles.values()):
        return inventory
    roles: dict[str, Role] = {}
    for key, role in inventory.roles.items():
        roles[key] = role
        if role.plan_role is not None and family_of(plan_key(key)) not in taken:
            roles[plan_key(key)] = _plan_role(key, role, role.plan_role)
    return inventory.model_copy(update={"roles": roles})


def own_settings(inventory: Inventory, taken: AbstractSet[str]) -> dict[str, AbstractSet[str]]:
    """Return, by key of every plan role, the settings that its ``plan_role`` sets."""
    return {
        plan_key(key): role.plan_role.model_fields_set | _WRITTEN_OUT
        for key, role in inventory.roles.items()
        if role.plan_role is not None and family_of(plan_key(key)) not in taken
    }


def taken_faults(inventory: Inventory, taken: AbstractSet[str]) -> Iterator[Fault]:
    """Yield plan roles whose key another role has."""
    for key, role in inventory.roles.items():
        family = family_of(plan_key(key))
        if role.plan_role is not None and family in taken:
            message, hint = (
                f"the plan role has the key `{family}`, and so has the role at",
                "give that role another key",
            )
            related = (("roles", family),)
            yield Fault("duplicate", ("roles", key, "plan_role"), message, hint, of_key=True, related=related)


def _plan_role(key: str, role: Role, plan: PlanRole) -> PairedRole:
    own = plan.model_fields_set | _WRITTEN_OUT
    settings = {name: getattr(plan if name in own else role, name) for name in RoleSettings.model_fields}
    return PairedRole.model_construct(
        **settings,
        name=f"{role.name or family_of(key)}{PLAN_SUFFIX}",
        previous_keys=tuple(f"{previous}{PLAN_SUFFIX}" for previous in role.previous_keys),
        accounts=role.accounts,
        trust=plan.trust,
        for_each=role.for_each,
        overrides={pattern: _without(override, own) for pattern, override in role.overrides.items()},
    )


def _without(override: Override, own: set[str] | frozenset[str]) -> Override:
    """Return the settings of a role's override that also apply to the plan role: those that it does not set itself."""
    kept = override.model_fields_set - own
    return Override.model_construct(_fields_set=kept, **{name: getattr(override, name) for name in kept})
