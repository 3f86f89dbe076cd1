"""What of a plan a stack takes, and the digests of it, by which what was reviewed and what is applied are compared."""

import hashlib
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import date
from enum import Enum
from fnmatch import fnmatchcase
from ipaddress import IPv4Network, IPv6Network

from access.plan import AccessPlan
from config.findings import did_you_mean, one_line
from oidc.errors import UnreviewedPlanError, UsageError
from oidc.identifiers import AccountId

_FORMAT = 1
"""Of what is hashed: part of it, so that a version of the program that hashes something else never gives the same."""

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)


_AS_WRITTEN = frozenset({"previous_keys", "source_ips"})
"""Lists of a plan that are as the inventory has them, though their order means nothing."""


@dataclass(frozen=True, slots=True)
class AppliedSettings:
    """What the digests hold of a stack's settings; its accounts and its inventory are in them as plans.

    Attributes:
        names_guardrails: Whether it names the file of the guardrails, so that a run without it fails.
        protects_oidc_providers: Whether the engine refuses to delete OIDC providers.
        issuer_timeout: Seconds for reaching the issuer.
        is_sandbox: Whether it leads to emulated accounts.
    """

    names_guardrails: bool = False
    protects_oidc_providers: bool = False
    issuer_timeout: int = 10
    is_sandbox: bool = False


@dataclass(frozen=True, slots=True)
class AccountDigest:
    """The digest of one account: ``sha256:…`` of its plan, the way into it, and the settings of its stack."""

    key: str
    id: AccountId
    digest: str


@dataclass(frozen=True, slots=True)
class PlanDigests:
    """The digest of a plan, and of each of its accounts, sorted by key."""

    digest: str
    accounts: tuple[AccountDigest, ...]


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


def plan_digests(plan: AccessPlan, settings: AppliedSettings) -> PlanDigests:
    """Return the digests of a plan as a stack with these settings applies it.

    Equal digests mean that the same is applied: they hold every field of the plan, and nothing of the machine, the day,
    the path of the checkout or the order in which the inventory is written. They hold no secret that could not be
    guessed by itself: an external id is hashed together with all else, so somebody who knows all else can try guesses.
    """
    accounts = tuple(
        AccountDigest(account.key, account.id, _sha256("account", _plain(account), _plain(settings)))
        for account in plan.accounts
    )
    return PlanDigests(_sha256("stack", _plain(accounts), _plain(settings)), accounts)


def as_digest(text: str, setting: str) -> str:
    """Return a digest that somebody wrote.

    Args:
        text: ``sha256:`` and 64 hexadecimal digits, lower-case.
        setting: Where it stands: ``stack config reviewedPlan``.

    Raises:
        UsageError: It is something else.
    """
    if _DIGEST.fullmatch(text) is None:
        what = f"{setting}: `{one_line(text)[:100]}` is no digest"
        raise UsageError(what, do="write one as `bitbucket-oidc plan --format digests` shows it: sha256:…")
    return text


def refuse_another_plan(plan: AccessPlan, settings: AppliedSettings, reviewed: str) -> None:
    """Refuse a plan whose digest is not the reviewed one.

    Args:
        plan: What the stack takes.
        settings: Of the stack.
        reviewed: The digest that was reviewed, or the empty string where none is asked for.

    Raises:
        UnreviewedPlanError: The digest of the plan is another one.
    """
    if reviewed and (found := plan_digests(plan, settings).digest) != reviewed:
        raise UnreviewedPlanError(
            f"the plan of this stack is not the reviewed one: stack config reviewedPlan is {reviewed}, "
            f"and the plan has the digest {found}",
            do="review what changed, then set reviewedPlan to the new digest; compare the digests of accounts, which "
            "`bitbucket-oidc plan --format digests` prints, to see where the plan differs",
        )


def _sha256(*parts: object) -> str:
    text = json.dumps([_FORMAT, *parts], sort_keys=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _field(name: str, value: object) -> object:
    return sorted(value) if name in _AS_WRITTEN and isinstance(value, list) else value


def _plain(value: object) -> object:
    """Return any value of a plan as JSON has it; a new field of a plan is part of the digest by itself."""
    if is_dataclass(value):
        return {field.name: _field(field.name, _plain(getattr(value, field.name))) for field in fields(value)}
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
