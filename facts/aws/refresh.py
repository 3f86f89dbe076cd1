"""Make the parts of a new lock that AWS answers: the selected accounts, and what each account has."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import closing, suppress
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
    deploying_role: str | None = None,
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
        deploying_role: Name of the deploying role of accounts that only a profile enters; by default that of the lock.
        accepted: Names ``ACCOUNT/WORKSPACE`` of OIDC providers whose result of `auto` may change.
        on_progress: See ``OnProgress``.
    """
    asked = {plan.key: entered_by(plan, reading_role) for plan in plans if plan.oidc_providers or plan.roles}
    roles = {plan.key: plan.access.role_arn for plan in plans}
    before = {key: locked for key, locked in old.accounts.items() if _is_declared(key, locked, inventory)}
    foundations: dict[str, Foundation] = {}
    for plan in plans:
        name = deploying_role or (before[plan.key].deploying_role if plan.key in before else None)
        with suppress(UsageError):  # nobody names its deploying role, or `bootstrap` refuses the account
            foundations[plan.key] = foundation_of(plan, reading_role, name)
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
    unnamed = [plan for key, plan in asked.items() if key not in foundations]
    notes = list(_entered_by_profile(unnamed) if reading_role is not None else ())
    for outcome in outcomes:
        if isinstance(outcome, Answered):
            key, (facts, found) = outcome.key, outcome.facts
            mode = inventory.accounts[key].oidc_provider or inventory.defaults.oidc_provider
            answer = locked_account(asked[key], mode, facts, before.get(key), accepted=accepted, names=names)
            template = _template(asked[key], foundations.get(key), found, before.get(key))
            accounts[key] = answer.account.model_copy(update=template.facts)
            discrepancies += answer.discrepancies
            notes += [f"account {key}: {text}" for text in (*facts.notes, *template.notes)]
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


def _entered_by_profile(plans: Iterable[AccountPlan]) -> Iterator[str]:
    """Yield a note on accounts for which ``--reading-role`` does nothing, because nobody named their deploying role."""
    keys = sorted(plan.key for plan in plans if plan.access.role_arn is None)
    if keys:
        more = f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
        yield (
            f"{', '.join(keys[:_SHOWN])}{more}: without `deploy_role` the profile decides the role, so --reading-role "
            "has no effect and no template is recorded; add --deploying-role NAME to record it"
        )


_SHOWN = 5


@dataclass(frozen=True, slots=True)
class _Template:
    """What the lock records of an account's template.

    Attributes:
        digest: Its digest; ``None`` if the account has nothing of it.
        deploying_role: The name of its deploying role, if the inventory has none.
        notes: Why it is not recorded, or why that of an earlier run is kept.
    """

    digest: str | None
    deploying_role: str | None
    notes: tuple[str, ...] = ()

    @property
    def facts(self) -> dict[str, str | None]:
        return {"template_digest": self.digest, "deploying_role": self.deploying_role}


def _template(
    plan: AccountPlan, foundation: Foundation | None, found: FoundTemplate | None, before: LockedAccount | None
) -> _Template:
    by_profile = plan.access.role_arn is None
    if foundation is None or found is None:
        digest = before.template_digest if before is not None else None
        name = before.deploying_role if before is not None and by_profile else None
        mend = "let its profile lead to the reading role" if by_profile else "use --reading-role"
        note = f"its template was not read, because the deploying role may not read itself: {mend}"
        is_told = foundation is not None and (digest is not None or by_profile)
        return _Template(digest, name, (note,) if is_told else ())
    name = foundation.deploying_name
    if by_profile and name not in found.roles:
        note = f"it has no role {name}, so no template is recorded: deploy the template, or correct --deploying-role"
        return _Template(None, None, (note,))
    digest = recorded_digest(foundation, found)
    return _Template(digest, name if by_profile and digest is not None else None)


def _is_declared(key: str, locked: LockedAccount, inventory: Inventory) -> bool:
    declared = inventory.accounts.get(key)
    return declared is not None and declared.id == locked.id
