"""The stack config as frozen values. Pulumi.yaml repeats its keys, types and defaults."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi

from access.digests import AppliedSettings, as_digest, plan_digests, refuse_another_plan
from access.plan import AccessPlan
from access.stacks import taken_accounts
from config.models.rollout import Rollout
from facts.issuer.connect import IssuerConnect, is_on_this_machine
from oidc.errors import UsageError

_REVIEWED_PLAN = "stack config reviewedPlan"


@dataclass(frozen=True, slots=True)
class StackSettings:
    """The settings of a stack.

    Attributes:
        inventory: The inventory, a folder or a file.
        guardrails: The file of the guardrails; ``None`` for the one in the inventory.
        accounts: Keys or globs of the stack's accounts; all others belong to other stacks.
        protect_oidc_providers: Whether the engine refuses to delete OIDC providers.
        issuer_timeout: Seconds for reaching the issuer.
        aws_endpoint: Endpoint of the sandbox, else ``None``.
        issuer_connect: Issuer of the sandbox, else ``None``.
        reviewed_plan: The digest of the reviewed plan, or the empty string.
        take_up: ARNs of roles and OIDC providers of the plan that exist in AWS; the state does not have them yet.
    """

    inventory: Path
    guardrails: Path | None
    accounts: tuple[str, ...]
    protect_oidc_providers: bool
    issuer_timeout: float
    aws_endpoint: str | None
    issuer_connect: IssuerConnect | None
    reviewed_plan: str
    take_up: tuple[str, ...]

    @classmethod
    def of(cls, config: pulumi.Config, folder: Path = Path()) -> "StackSettings":
        """Read the stack config.

        Args:
            config: The stack config.
            folder: The folder that paths in it are relative to; by default the working folder.

        Raises:
            UsageError: A value is invalid.
        """
        endpoint = _text(config, "awsEndpoint", "") or None
        connect = _issuer_connect(_typed(config, "issuerConnect", dict, {}))
        if endpoint and not is_on_this_machine(endpoint):
            raise _wrong("awsEndpoint", f"{endpoint} is not on this machine", "leave it out: only the sandbox uses it")
        if connect and not endpoint:
            # NOTE: intentional: a thumbprint from elsewhere must never reach a real account.
            raise _wrong("issuerConnect", "it needs awsEndpoint", "leave it out: only the sandbox uses it")
        seconds = _typed(config, "issuerTimeoutSeconds", int, 10)
        if not 1 <= seconds <= 300:  # noqa: PLR2004 - a preview should not wait longer
            raise _wrong("issuerTimeoutSeconds", f"it is {seconds}", "choose from 1 to 300")
        return cls(
            inventory=folder / _text(config, "inventory", "inventory"),
            guardrails=folder / named if (named := _text(config, "guardrails", "")) else None,
            accounts=_texts(config, "accounts", ["*"], 'write keys or globs, or ["*"] for all'),
            protect_oidc_providers=_typed(config, "protectOidcProviders", bool, default=False),
            issuer_timeout=float(seconds),
            aws_endpoint=endpoint,
            issuer_connect=connect,
            reviewed_plan=(reviewed := _text(config, "reviewedPlan", "")) and as_digest(reviewed, _REVIEWED_PLAN),
            take_up=_texts(config, "takeUp", [], "write ARNs, or leave it out"),
        )

    def applied(self, rollout: Rollout | None) -> AppliedSettings:
        """Return the settings that the digests include; ``rollout`` is the inventory's, if it is a fleet."""
        return AppliedSettings(
            names_guardrails=self.guardrails is not None,
            protects_oidc_providers=self.protect_oidc_providers,
            issuer_timeout=int(self.issuer_timeout),
            is_sandbox=self.aws_endpoint is not None,
        ).in_fleet(rollout)

    def part_of(self, plan: AccessPlan, rollout: Rollout | None, stack: str) -> tuple[AccessPlan, str]:
        """Return the part of a plan that this stack applies, and its digest.

        Args:
            plan: Of the whole inventory.
            rollout: Of the inventory, if it is a fleet.
            stack: The stack's name.

        Raises:
            UsageError: The stack config names an account that the plan does not have, or the inventory is a fleet and
                has no account with the stack's name.
            UnreviewedPlanError: The stack config names the digest of another plan.
        """
        keys = [account.key for account in plan.accounts]
        is_fleet = rollout is not None
        part = plan.only(taken_accounts(self.accounts, keys, "stack config accounts", stack=stack, is_fleet=is_fleet))
        digest = plan_digests(part, self.applied(rollout)).digest
        refuse_another_plan(digest, self.reviewed_plan)
        return part, digest


def _text(config: pulumi.Config, key: str, default: str) -> str:
    value = config.get(key)
    return default if value is None else value


def _typed(config: pulumi.Config, key: str, kind: type, default: Any) -> Any:  # noqa: ANN401 - JSON of the stack config
    """Read a value of another type than text; Pulumi passes these as JSON."""
    try:
        value = config.get_object(key)
    except (pulumi.ConfigTypeError, ValueError) as error:
        raise _wrong(key, f"it is {config.get(key)}", f"write {_KINDS[kind]}") from error
    if value is None:
        return default
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise _wrong(key, f"it is {config.get(key)}", f"write {_KINDS[kind]}")
    return value


_KINDS = {bool: "true or false", int: "a whole number", list: "a list", dict: "a mapping"}


def _texts(config: pulumi.Config, key: str, default: list[str], write: str) -> tuple[str, ...]:
    value = _typed(config, key, list, default)
    if (not value and default) or not all(isinstance(item, str) for item in value):
        raise _wrong(key, f"it is {value}", write)
    return tuple(value)


def _issuer_connect(value: dict[str, Any]) -> IssuerConnect | None:
    if not value:
        return None
    if value.keys() != {"address", "caFile"} or not all(isinstance(part, str) for part in value.values()):
        raise _wrong("issuerConnect", f"it has {', '.join(sorted(value))}", "write {address: …, caFile: …}")
    return IssuerConnect(value["address"], Path(value["caFile"]))


def _wrong(key: str, what: str, do: str) -> UsageError:
    return UsageError(f"stack config {key}: {what}", do=do)
