"""Select the accounts of a stack; compute the digests that compare the reviewed plan with the applied one."""

import hashlib
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import date
from enum import Enum, StrEnum
from fnmatch import fnmatchcase
from ipaddress import IPv4Network, IPv6Network

from access.comparison.stack_file_changes import changed_keys
from access.plan import AccessPlan
from config.findings import did_you_mean, one_line
from config.project_file import PROJECT
from config.stack_file import StackFile
from oidc.errors import UnreviewedPlanError, UsageError
from oidc.identifiers import AccountId

_FORMAT = 2
"""Version of the hashed form. It is hashed too, so a program that hashes another form gives another digest."""

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)

_UNORDERED = frozenset({"previous_keys", "source_ips"})
"""Lists that a plan keeps in the order of the inventory, although the order means nothing."""

_SCALARS = frozenset({str, int, float, bool, type(None)})


@dataclass(frozen=True, slots=True)
class AppliedSettings:
    """The settings of a stack that the digests include. The digests include its accounts and inventory as plans.

    Attributes:
        names_guardrails: Whether it names the file of the guardrails, so that a run without it fails.
        protects_oidc_providers: Whether the engine refuses to delete OIDC providers.
        issuer_timeout: Seconds for reaching the issuer.
        is_sandbox: Whether its accounts are emulated.
    """

    names_guardrails: bool = False
    protects_oidc_providers: bool = False
    issuer_timeout: int = 10
    is_sandbox: bool = False


@dataclass(frozen=True, slots=True)
class AccountDigest:
    """The digest of one account: ``sha256:…`` of its plan, its AWS profile or role, and the settings of its stack."""

    key: str
    id: AccountId
    digest: str


@dataclass(frozen=True, slots=True)
class PlanDigests:
    """The digest of a plan, and of each of its accounts, sorted by key."""

    digest: str
    accounts: tuple[AccountDigest, ...]


def taken_accounts(patterns: Collection[str], keys: Collection[str], setting: str) -> frozenset[str]:
    """Return the accounts of the inventory that a stack takes.

    Args:
        patterns: Keys or globs, as the stack config has them.
        keys: Of the inventory's accounts.
        setting: The setting that has the patterns: ``stack config accounts``.

    Raises:
        UsageError: A pattern matches no account.
    """
    for pattern in patterns:
        if not any(fnmatchcase(key, pattern) for key in keys):
            hint = did_you_mean(pattern, keys, f"the inventory has {', '.join(sorted(keys)) or 'none'}")
            raise UsageError(f"{setting}: `{one_line(pattern)[:200]}` is not an account of the inventory", do=hint)
    return frozenset(key for key in keys if any(fnmatchcase(key, pattern) for pattern in patterns))


def plan_digests(plan: AccessPlan, settings: AppliedSettings) -> PlanDigests:
    """Return the digests of a plan as a stack with these settings applies it.

    Equal digests mean equal deployments. A digest includes every field of the plan. It does not depend on the machine,
    the day, the path of the checkout or the order of the inventory. An external id is hashed together with all other
    fields, so only somebody who knows all other fields can try guesses.
    """
    accounts = tuple(
        AccountDigest(account.key, account.id, _sha256("account", _plain(account), _plain(settings)))
        for account in plan.accounts
    )
    return PlanDigests(_sha256("stack", _plain(accounts), _plain(settings)), accounts)


def as_digest(text: str, setting: str) -> str:
    """Return the digest in a text, else raise.

    Args:
        text: ``sha256:`` and 64 hexadecimal digits, lower-case.
        setting: The setting that has the digest: ``stack config reviewedPlan``.

    Raises:
        UsageError: The text has another form.
    """
    if _DIGEST.fullmatch(text) is None:
        what = f"{setting}: `{one_line(text)[:100]}` is not a digest"
        raise UsageError(what, do="write one as `bitbucket-oidc plan --format digests` shows it: sha256:…")
    return text


def refuse_another_plan(plan: AccessPlan, settings: AppliedSettings, reviewed: str) -> None:
    """Refuse a plan whose digest is not the reviewed one.

    Args:
        plan: The part that the stack takes.
        settings: Of the stack.
        reviewed: The reviewed digest, or the empty string if none is required.

    Raises:
        UnreviewedPlanError: The digest of the plan differs.
    """
    if reviewed and (digest := plan_digests(plan, settings).digest) != reviewed:
        raise UnreviewedPlanError(
            f"the plan of this stack is not the reviewed one: stack config reviewedPlan is {reviewed}, "
            f"and the plan has the digest {digest}",
            do="review what changed, then set reviewedPlan to the new digest; compare the digests of accounts, which "
            "`bitbucket-oidc plan --format digests` prints, to see where the plan differs",
        )


def _sha256(*parts: object) -> str:
    text = json.dumps([_FORMAT, *parts], sort_keys=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _field(name: str, value: object) -> object:
    return sorted(value) if name in _UNORDERED and isinstance(value, list) else value


def _plain(value: object) -> object:
    """Return any value of a plan as JSON. The digest includes a new field of the plan automatically."""
    if type(value) in _SCALARS:
        return value
    if is_dataclass(value):
        return {field.name: _field(field.name, _plain(getattr(value, field.name))) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    if isinstance(value, Enum):
        return _plain(value.value)
    if isinstance(value, (str, date, IPv4Network, IPv6Network)):
        return str(value)
    raise TypeError(f"{type(value).__name__} in a plan has no form here")


_PIN = f"config {PROJECT}:reviewedPlan"
"""The reviewed digest. It does not change the deployment; it changes whenever the deployment does."""


class TakenStackChange(StrEnum):
    """What a change does to a stack."""

    CHANGED = "changed"
    UNCHANGED = "unchanged"
    ADDED = "added"
    REMOVED = "removed"
    """Its file is gone. Its resources stay, and ``up`` takes the defaults."""
    NOT_COMPARED = "not-compared"
    """No comparison is possible: no revision was named, or the inventory of that revision does not compile."""


@dataclass(frozen=True, slots=True)
class TakenStack:
    """The part of the plan that a stack takes, before or after the change.

    Attributes:
        file: Its stack file.
        digest: Of its part of the plan, or ``None`` without a plan.
        accounts: Keys of the accounts that it takes, sorted.
        fault: A sentence that says why the plan is missing, or the empty string.
        account_digests: Of those accounts.
    """

    file: StackFile
    digest: str | None
    accounts: tuple[str, ...]
    fault: str = ""
    account_digests: tuple[AccountDigest, ...] = ()


@dataclass(frozen=True, slots=True)
class StackChange:
    """What a change does to one stack.

    Attributes:
        stack: Its name.
        change: What the change does to it.
        now: The part it takes now; with the defaults if its file is removed.
        base: The part it took before; ``None`` if the stack is new or nothing is compared.
        keys: Keys that differ in its stack file: ``secretsprovider``, ``config aws:region``; sorted, without the
            reviewed digest.
    """

    stack: str
    change: TakenStackChange
    now: TakenStack | None
    base: TakenStack | None
    keys: tuple[str, ...] = ()


def take(file: StackFile, plan: AccessPlan) -> TakenStack:
    """Return the part of a plan that a stack takes.

    Raises:
        UsageError: It names an account that is not in the plan, or has an invalid setting.
    """
    keys = taken_accounts(file.accounts, [account.key for account in plan.accounts], f"{file.file}: accounts")
    settings = AppliedSettings(
        names_guardrails=file.guardrails is not None,
        protects_oidc_providers=file.protect_oidc_providers,
        issuer_timeout=file.issuer_timeout,
        is_sandbox=file.is_sandbox,
    )
    digests = plan_digests(plan.only(keys), settings)
    return TakenStack(file, digests.digest, tuple(sorted(keys)), account_digests=digests.accounts)


def stack_changes(now: Mapping[str, TakenStack], base: Mapping[str, TakenStack] | None) -> tuple[StackChange, ...]:
    """Compare stacks by their names, sorted; with no ``base`` none of them is compared."""
    names = sorted(now.keys() | (base or {}).keys())
    return tuple(_changed(name, now.get(name), base) for name in names)


def _changed(name: str, now: TakenStack | None, base: Mapping[str, TakenStack] | None) -> StackChange:
    before = (base or {}).get(name)
    differing = changed_keys(before.file.parts, now.file.parts) if before and now else ()
    keys = tuple(key for key in differing if key != _PIN)
    if now is None or now.file.is_removed:
        change = TakenStackChange.REMOVED
    elif base is not None and before is None:
        change = TakenStackChange.ADDED
    elif before is None or before.digest is None:
        change = TakenStackChange.NOT_COMPARED
    else:
        change = TakenStackChange.UNCHANGED if now.digest == before.digest and not keys else TakenStackChange.CHANGED
    return StackChange(name, change, now, before, keys)
