"""Make the parts of a new lock that AWS answers: the selected accounts, and what each account has."""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

from access.adoption.found import FoundTemplate
from access.explanation.names import Names
from access.foundation import Foundation, foundation_of
from access.plan import AccountCredentials, AccountPlan
from access.template_digest import recorded_digest
from config.findings import Fault
from config.lock.models import Lock, LockedAccount
from config.models.inventory import Inventory
from config.models.organization import Organization
from config.selectors import selected_before, selection_digest
from config.variables import render
from facts.aws.account_facts import AccountFacts, ask_account
from facts.aws.callers import AccountClients, Caller, CallSettings
from facts.aws.existing_template import readable_template
from facts.aws.locked_accounts import accounts_digest, locked_account
from facts.aws.organization import list_accounts, select
from facts.aws.survey import Answered, Failed, ask_each
from oidc.errors import UsageError

OnProgress = Callable[[int, int], None]
"""Called with the number of finished accounts and of all accounts."""


@dataclass(frozen=True, slots=True)
class RefreshedSelection:
    """A lock with the organization's current accounts, and notes on what was left out."""

    lock: Lock
    notes: tuple[str, ...]


def refresh_selection(
    old: Lock, organization: Organization, raw: Mapping[str, Any], listed: Mapping[str, str], settings: CallSettings
) -> RefreshedSelection:
    """Ask the organization which accounts the inventory selects.

    Args:
        old: The present lock.
        organization: The inventory's setting.
        raw: The same setting as raw data.
        listed: Ids of the accounts that the inventory lists, by key.
        settings: The settings for calls to AWS.

    Raises:
        AwsError: The organization could not be read.
    """
    with closing(enter_organization(organization, settings)) as caller:
        accounts = list_accounts(caller, organization)
    before = {number: key for number, (key, _) in selected_before(old).items()}
    selection = select(accounts, organization, listed=listed, before=before)
    answers: dict[Any, str] = {**old.answers, "accounts_from": selection_digest(raw)}
    lock = old.model_copy(update={"selected_accounts": selection.accounts, "answers": answers})
    return RefreshedSelection(lock, selection.notes)


def enter_organization(organization: Organization, settings: CallSettings) -> Caller:
    """Return the caller with the credentials that may read the organization.

    Raises:
        AwsError: There are no credentials, or the role cannot be assumed.
    """
    role = organization.role
    access = AccountCredentials(
        role_arn=render(role.arn, {"partition": organization.partition.value}) if role is not None else None,
        external_id=role.external_id if role is not None else None,
        session_name=role.session_name if role is not None else None,
        profile=organization.profile,
    )
    return AccountClients(settings).enter(access, organization.partition)


@dataclass(frozen=True, slots=True)
class RefreshedAccounts:
    """The result of asking the accounts.

    Attributes:
        lock: The lock with their answers; an account without an answer is unchanged.
        discrepancies: Differences from the lock that are not accepted automatically.
        failed: Accounts that did not answer.
        notes: What could not be read, and is not a failure.
    """

    lock: Lock
    discrepancies: tuple[Fault, ...]
    failed: tuple[Failed, ...]
    notes: tuple[str, ...]


def refresh_accounts(
    old: Lock,
    plans: Collection[AccountPlan],
    inventory: Inventory,
    settings: CallSettings,
    *,
    reading_role: str | None = None,
    accepted: Collection[str] = (),
    on_progress: OnProgress = lambda _done, _total: None,
) -> RefreshedAccounts:
    """Ask the accounts with open questions; drop the lock's entries of removed accounts.

    Args:
        old: The present lock.
        plans: The plans of the accounts, independent of the present lock.
        inventory: The inventory with the selected accounts.
        settings: The settings for calls to AWS.
        reading_role: Name of the role to assume instead of each deploying role, with the same account and path.
        accepted: Names ``ACCOUNT/WORKSPACE`` of OIDC providers whose result of `auto` may change.
        on_progress: See ``OnProgress``.
    """
    asked = {plan.key: entered_by(plan, reading_role) for plan in plans if plan.oidc_providers or plan.roles}
    roles = {plan.key: plan.access.role_arn for plan in plans}
    foundations = {plan.key: foundation for plan in plans if (foundation := _foundation(plan, reading_role))}
    before = {key: locked for key, locked in old.accounts.items() if _is_declared(key, locked, inventory)}
    done: list[str] = []

    def progress(key: str) -> None:
        done.append(key)
        on_progress(len(done), len(asked))

    on_progress(0, len(asked))
    names = Names.of(inventory)

    def ask(caller: Caller, plan: AccountPlan) -> tuple[AccountFacts, FoundTemplate | None]:
        foundation = foundations.get(plan.key)
        return ask_account(caller, plan), readable_template(caller, foundation) if foundation is not None else None

    outcomes = ask_each(asked.values(), settings, ask, progress=progress)
    accounts = dict(before)
    discrepancies: list[Fault] = []
    notes = list(_entered_by_profile(asked) if reading_role is not None else ())
    for outcome in outcomes:
        if isinstance(outcome, Answered):
            key, (facts, found) = outcome.key, outcome.facts
            mode = inventory.accounts[key].oidc_provider or inventory.defaults.oidc_provider
            answer = locked_account(asked[key], mode, facts, before.get(key), accepted=accepted, names=names)
            template, note = _template(foundations.get(key), found, before.get(key))
            accounts[key] = answer.account.model_copy(update={"template_digest": template})
            discrepancies += answer.discrepancies
            notes += [f"account {key}: {text}" for text in (*facts.notes, *note)]
    selected = {
        key: account.model_copy(update={"deploy_role": roles.get(key)})
        for key, account in old.selected_accounts.items()
    }
    failed = tuple(outcome for outcome in outcomes if isinstance(outcome, Failed))
    answers: dict[Any, str] = {**old.answers} | ({} if failed else {"accounts": accounts_digest(asked.values())})
    lock = old.model_copy(update={"accounts": accounts, "selected_accounts": selected, "answers": answers})
    return RefreshedAccounts(lock, tuple(discrepancies), failed, tuple(notes))


def entered_by(plan: AccountPlan, reading_role: str | None) -> AccountPlan:
    """Return the plan of an account with the reading role instead of the deploying role, in the same path."""
    arn = plan.access.role_arn
    if reading_role is None or arn is None:
        return plan
    return replace(plan, access=replace(plan.access, role_arn=f"{arn.rpartition('/')[0]}/{reading_role}"))


def _entered_by_profile(asked: Mapping[str, AccountPlan]) -> Iterator[str]:
    """Yield a note on accounts for which ``--reading-role`` does nothing, because the inventory names no other role."""
    keys = sorted(key for key, plan in asked.items() if plan.access.role_arn is None)
    if keys:
        more = f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
        yield (
            f"{', '.join(keys[:_SHOWN])}{more}: without `deploy_role` the profile decides the role, so --reading-role "
            "has no effect and no template is recorded; `bootstrap --check --deploying-role NAME` compares it"
        )


_SHOWN = 5


def _foundation(plan: AccountPlan, reading_role: str | None) -> Foundation | None:
    """Return what the template makes in an account; ``None`` if the inventory names no deploying role for it."""
    try:
        return foundation_of(plan, reading_role)
    except UsageError:
        return None


def _template(
    foundation: Foundation | None, found: FoundTemplate | None, before: LockedAccount | None
) -> tuple[str | None, tuple[str, ...]]:
    """Return the digest of the deployed template, and a note if that of an earlier run is kept."""
    if foundation is not None and found is not None:
        return recorded_digest(foundation, found), ()
    kept = before.template_digest if before is not None else None
    note = "its template was not read, because the deploying role may not read itself: use --reading-role"
    return kept, (note,) if kept is not None and foundation is not None else ()


def _is_declared(key: str, locked: LockedAccount, inventory: Inventory) -> bool:
    declared = inventory.accounts.get(key)
    return declared is not None and declared.id == locked.id
