"""Compute the digests that compare the reviewed plan with the applied one."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import date
from enum import Enum
from ipaddress import IPv4Network, IPv6Network

from access.plan import AccessPlan
from config.findings import one_line
from config.models.rollout import Rollout
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

    def in_fleet(self, rollout: Rollout | None) -> "AppliedSettings":
        """Return the settings with those that all stacks of a fleet share; without a ``rollout``, the same settings.

        A fleet's stack has no stack config by default: ``AppliedSettings().in_fleet(rollout)``.
        """
        if rollout is None:
            return self
        return replace(
            self,
            names_guardrails=self.names_guardrails or rollout.guardrails is not None,
            protects_oidc_providers=self.protects_oidc_providers or rollout.protect_oidc_providers,
        )


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


def refuse_another_plan(digest: str, reviewed: str) -> None:
    """Refuse a plan whose digest is not the reviewed one.

    Args:
        digest: Of the part of the plan that the stack takes.
        reviewed: The reviewed digest, or the empty string if none is required.

    Raises:
        UnreviewedPlanError: The digest of the plan differs.
    """
    if reviewed and digest != reviewed:
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
