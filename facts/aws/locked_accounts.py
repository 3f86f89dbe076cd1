"""Write the answers of accounts into the lock; the result of ``auto`` changes only with ``--accept``."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from access.adoption.as_found import role_as_found
from access.explanation.names import Names
from access.oidc_providers import former_use, resolved_use, why
from access.plan import AccountPlan
from config.findings import Fault, one_line
from config.lock.models import ACCOUNT, LockedAccount, LockedOidcProvider, LockedQuotas, LockedRoleAsFound
from config.lock.questions import digest
from config.models.account import OidcProviderMode
from facts.aws.account_facts import AccountFacts, OidcProviderFacts


@dataclass(frozen=True, slots=True)
class AccountAnswer:
    """An account's new entry in the lock, and the discrepancies that prevent it."""

    account: LockedAccount
    discrepancies: tuple[Fault, ...]


def locked_account(
    plan: AccountPlan,
    mode: OidcProviderMode,
    facts: AccountFacts,
    before: LockedAccount | None,
    *,
    accepted: Collection[str] = (),
    names: Names,
) -> AccountAnswer:
    """Return the new entry of an account in the lock.

    Args:
        plan: Of the account.
        mode: The inventory's setting for its OIDC providers.
        facts: The answers of the account.
        before: Its entry in the lock; ``None`` if it has no entry, or if the entry is of another account.
        accepted: Names ``ACCOUNT/WORKSPACE`` of OIDC providers whose result of `auto` may change.
        names: Of the inventory.
    """
    seen = before.oidc_providers if before is not None else {}
    oidc_providers: dict[str, LockedOidcProvider] = {}
    discrepancies: list[Fault] = []
    for workspace, answer in facts.oidc_providers.items():
        former = seen.get(workspace)
        oidc_providers[workspace] = _oidc_provider(mode, answer, former)
        name = f"{plan.key}/{workspace}"
        if mode is OidcProviderMode.AUTO and name not in accepted:
            discrepancies += _changed_use(name, answer, former, oidc_providers[workspace])
    account = LockedAccount(
        id=plan.id,
        oidc_providers=oidc_providers,
        roles=dict(facts.taken_names),
        roles_as_found=dict(_roles_as_found(plan, facts, before, names)),
        missing_policies=facts.missing_policies,
    )
    # Not an argument above: models refuse None, since the grammar has no empty values.
    quotas = _quotas(facts.quotas, before.quotas if before is not None else None)
    return AccountAnswer(account.model_copy(update={"quotas": quotas}), tuple(discrepancies))


def _roles_as_found(
    plan: AccountPlan, facts: AccountFacts, before: LockedAccount | None, names: Names
) -> Iterator[tuple[str, LockedRoleAsFound]]:
    records = before.roles_as_found if before is not None else {}
    for name, existing in facts.adopted_as_is.items():
        record = role_as_found(existing, plan.id, plan.partition, names, records.get(name))
        if record is not None:
            yield name, record


def _oidc_provider(
    mode: OidcProviderMode, facts: OidcProviderFacts | None, before: LockedOidcProvider | None
) -> LockedOidcProvider:
    use = resolved_use(mode, facts.owner if facts is not None else None, before)
    locked = LockedOidcProvider(state="absent") if facts is None else _present(facts)
    return locked.model_copy(update={"use": use})


def _present(facts: OidcProviderFacts) -> LockedOidcProvider:
    return LockedOidcProvider(
        state="present",
        owner=facts.owner,
        audiences=facts.audiences,
        thumbprints=facts.thumbprints,
        # A tag with line ends or control characters is not an owner's, and does not fit into the lock.
        tags={key: value for key, value in facts.tags.items() if key.isprintable() and value.isprintable()},
        unchecked_roles=facts.unchecked_roles,
    )


def _changed_use(
    name: str, facts: OidcProviderFacts | None, before: LockedOidcProvider | None, after: LockedOidcProvider
) -> Iterable[Fault]:
    former = former_use(before)
    if former is None or former == after.use:
        return
    key, _, workspace = name.partition("/")
    message = (
        f"oidc_provider: auto means {after.use} for the OIDC provider of workspace {workspace} (was {former}): "
        f"{why(facts.owner if facts is not None else None)}"
    )
    accept = f"run again with --accept {ACCOUNT}{name}"
    hint = f"find out who changed it; write {former} or {after.use} instead of auto, or {accept}"
    yield Fault("auto-changed", ("accounts", key), one_line(message), hint)


def _quotas(answers: Mapping[str, int], before: LockedQuotas | None) -> LockedQuotas | None:
    """Return the quotas in the answers; for the others, the former values."""
    known = (before.model_dump(exclude_none=True) if before is not None else {}) | dict(answers)
    return LockedQuotas(**known) if known else None


def accounts_digest(plans: Iterable[AccountPlan]) -> str:
    """Return the digest of the questions that a lock's ``accounts`` answers: OIDC providers, roles and policies."""
    return digest(
        [
            plan.key,
            plan.id,
            [planned.workspace for planned in plan.oidc_providers],
            sorted({role.name for role in plan.roles}),
            sorted({role.permissions_boundary_arn or "" for role in plan.roles}),
            sorted({arn for role in plan.roles for arn in role.managed_policy_arns}),
            *_adopted(plan),
        ]
        for plan in plans
    )


def _adopted(plan: AccountPlan) -> list[list[str]]:
    """Return the roles adopted as is, for the digest; nothing without such roles, as in older locks."""
    names = sorted(role.name for role in plan.roles if role.adopted_as_is is not None)
    return [names] if names else []
