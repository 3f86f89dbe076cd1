"""What of a plan a stack takes, and a digest of it: equal digests mean that an update has nothing new to do."""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from enum import Enum
from fnmatch import fnmatchcase
from ipaddress import IPv4Network, IPv6Network
from typing import Any

from access.plan import AccessPlan
from config.findings import did_you_mean, one_line
from oidc.errors import UsageError


def taken_accounts(patterns: Collection[str], keys: Collection[str], setting: str) -> frozenset[str]:
    """Return which of the inventory's accounts a stack takes.

    Args:
        patterns: Keys or globs, as the stack config has them.
        keys: Of the inventory's accounts.
        setting: Where they stand: ``stack config accounts``.

    Raises:
        UsageError: A pattern matches none of them.
    """
    for pattern in patterns:
        if not any(fnmatchcase(key, pattern) for key in keys):
            hint = did_you_mean(pattern, keys, f"the inventory has {', '.join(sorted(keys)) or 'none'}")
            raise UsageError(f"{setting}: `{one_line(pattern)[:200]}` is no account of the inventory", do=hint)
    return frozenset(key for key in keys if any(fnmatchcase(key, pattern) for pattern in patterns))


def plan_digest(plan: AccessPlan, settings: Mapping[str, Any]) -> str:
    """Return ``sha256:…`` of everything in a plan, and of the settings of a stack that change what comes of it."""
    text = json.dumps([_plain(plan), _plain(settings)], sort_keys=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _plain(value: object) -> object:
    """Return any value of a plan as JSON has it; a new field of a plan is part of the digest by itself."""
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    if isinstance(value, Enum):
        return _plain(value.value)
    if isinstance(value, (date, IPv4Network, IPv6Network)):
        return str(value)
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    raise TypeError(f"{type(value).__name__} in a plan has no form here")
