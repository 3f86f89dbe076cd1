"""Pairs: a role with a ``plan_role`` becomes two roles, as they could have been written one by one."""

from config.declared import names
from config.models.family import PLAN_SUFFIX, family_of, plan_key
from config.models.inventory import Inventory
from config.models.role import Override, PairedRole, PlanRole, Role, RoleSettings
from config.origins import Origins
from config.sources import Sources

_WRITTEN_OUT = frozenset({"description", "managed_policies", "inline_policies"})
"""Settings that a plan role never takes from its role, nor from an override of it: they say what the role may do."""


def with_plan_roles(inventory: Inventory, sources: Sources, origins: Origins) -> Inventory:
    """Return the inventory with the second role of every pair; one whose key is taken is reported and left out."""
    if all(role.plan_role is None for role in inventory.roles.values()):
        return inventory
    roles: dict[str, Role] = {}
    for key, role in inventory.roles.items():
        roles[key] = role
        if role.plan_role is not None and not _is_taken(plan_key(key), key, sources):
            roles[plan_key(key)] = _plan_role(key, role, role.plan_role)
            own = role.plan_role.model_fields_set | _WRITTEN_OUT
            origins.plan_roles[plan_key(key)] = frozenset(own)
    return inventory.model_copy(update={"roles": roles})


def _is_taken(plan: str, key: str, sources: Sources) -> bool:
    written = family_of(plan)
    if written not in names(sources.data, "roles"):
        return False
    place = sources.place(("roles", written), of_key=True)
    message = f"the plan role has the key `{written}`, and so has the role at {place.file}:{place.line}"
    sources.report("duplicate", ("roles", key, "plan_role"), message, "give that role another key", of_key=True)
    return True


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
    """Return what an override of the role replaces in the plan role too: nothing that the plan role says itself."""
    held = override.model_fields_set - own
    return Override.model_construct(_fields_set=held, **{name: getattr(override, name) for name in held})
