"""The roles that may reach the state are there: a name that is free could be anybody's tomorrow."""

from config.cross_record.context import Context
from config.findings import did_you_mean
from config.models.family import PLAN_SUFFIX, family_of


def check_roles_of_the_state(context: Context) -> None:
    """Report ``unknown-role`` for a reader or writer of the state that no entry of ``roles`` gives."""
    backend = context.written.defaults.state_backend
    if backend is None:
        return
    known = {family_of(key) for key in context.inventory.roles}
    # What has a fault of its own is no unknown one.
    for key in context.names("roles"):
        known |= {family_of(key)}
        if "plan_role" in context.names("roles", key):
            known.add(f"{family_of(key)}{PLAN_SUFFIX}")
    for kind in ("readers", "writers"):
        for index, key in enumerate(getattr(backend, kind)):
            if key not in known:
                hint = did_you_mean(key, sorted(known), "declare it under roles, or take it out of this list")
                at = ("defaults", "state_backend", kind, index)
                context.report("unknown-role", at, f"there is no role {key}", hint)
