"""Logical names that a component had before, so that an engine finds in its state what it made under them.

Children follow by themselves: their names begin with that of their parent, and an engine that finds a parent under an
earlier name looks for its children under that name, too
(https://www.pulumi.com/docs/iac/concepts/options/aliases/).
"""

from collections.abc import Sequence

import pulumi


def previous_names(prefix: str, keys: Sequence[str]) -> list["pulumi.Input[str | pulumi.Alias]"] | None:
    """Return the aliases for keys of the inventory that are no more, or ``None`` for none.

    Args:
        prefix: What stands before the key in the logical name: ``prod/`` for a role.
        keys: ``["payments"]``.
    """
    return [pulumi.Alias(name=f"{prefix}{key}") for key in keys] or None
