"""Permissions: what a role names is declared, once, and not past its day."""

from config.cross_record.context import Context
from config.findings import did_you_mean
from config.yaml_document import Path


def check_references(context: Context) -> None:
    """Report inline policies that nobody declares, and policies that one role has twice; roles past their last day."""
    written = context.names("permission_policies")
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
