"""Compile an inventory into an AccessPlan: a pure function of files and facts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial

from access.checks.attachable_policies import attachable_arns, attachable_globs, check_attachable_policies
from access.checks.deploying_role import check_deploying_roles
from access.checks.guardrails import check_guardrails
from access.checks.locked_accounts import check_locked_account, check_locked_quotas, check_missing_policies
from access.checks.permissions import check_permissions
from access.checks.policy_uses import RolesWithOverrides
from access.checks.roles import check_role
from access.checks.sizes import check_account
from access.deploy_policy import DeployScope
from access.effective_settings import RolePlace
from access.exactness.prove import prove_exact
from access.oidc_providers import check_oidc_providers, oidc_provider_plans
from access.plan import AccessPlan, AccountCredentials, AccountPlan
from access.roles import role_plan
from config.allow import Silenced
from config.findings import Fault, Finding, has_errors
from config.load import Loaded
from config.models.account import Account
from config.models.defaults import Defaults
from config.models.family import family_of
from config.models.inventory import Inventory
from config.models.role import Override, Role
from config.placing import findings_of
from config.rules.unused import check_stale_lock, check_unused
from config.selectors import AccountSelector
from config.variables import render
from oidc.iam.trust_policy import trust_policy
from oidc.identifiers import AccountId


@dataclass(frozen=True, slots=True)
class Compiled:
    """The result of compiling an inventory.

    Attributes:
        plan: The plan, or ``None`` if a finding is an error.
        sound: Accounts with the parts that compile, whatever the findings; used to query AWS and Bitbucket.
        findings: All findings, in file order.
        silenced: Findings that an ``allow`` of the inventory accepts, with the reasons given, in file order.
    """

    plan: AccessPlan | None
    findings: tuple[Finding, ...]
    silenced: tuple[Silenced, ...] = ()
    sound: tuple[AccountPlan, ...] = ()


def compile_plan(loaded: Loaded) -> Compiled:
    """Compile the loaded inventory. A result that IAM would refuse is a finding, too.

    Raises:
        UnprovenPlanError: The plan is not exactly what the inventory declares.
    """
    inventory = loaded.inventory
    selected = _roles_by_account(inventory, AccountSelector(inventory.accounts))
    accounts = [
        _account_plan(loaded, key, account, selected.get(key, {}))
        for key, account in sorted(inventory.accounts.items())
    ]
    faults = [*loaded.faults, *_faults(accounts, selected, loaded)]
    if not has_errors(faults):
        # An entry with an error gets no warnings: whether it is used is unknown.
        faults += [*check_unused(inventory), *check_stale_lock(loaded.without_lock, loaded.lock)]
    placed = findings_of(faults, loaded.sources, is_all=True)
    plan = None if has_errors(placed.findings) else AccessPlan(tuple(accounts))
    if plan is not None:
        prove_exact(plan, loaded.validated, loaded.lock.lock)
    return Compiled(plan, placed.findings, placed.silenced, tuple(accounts))


def without_missing_boundaries(loaded: Loaded) -> Loaded:
    """Return the inventory as if its accounts had the boundaries that the template makes, whatever the lock records."""
    made = {arn for account in compile_plan(loaded).sound for arn in DeployScope.of(account).own_boundary_arns}
    accounts = {
        key: locked.model_copy(update={"missing_policies": tuple(sorted({*locked.missing_policies} - made))})
        for key, locked in loaded.lock.lock.accounts.items()
    }
    lock = loaded.lock.lock.model_copy(update={"accounts": accounts})
    return replace(loaded, lock=replace(loaded.lock, lock=lock))


def _faults(
    accounts: Sequence[AccountPlan], selected: Mapping[str, RolesWithOverrides], loaded: Loaded
) -> Iterator[Fault]:
    """Yield the faults of compiled accounts."""
    for account in accounts:
        yield from _account_faults(account, selected.get(account.key, {}), loaded)
    yield from check_missing_policies(accounts, selected, loaded)
    yield from check_locked_quotas(loaded.inventory.accounts, loaded)
    yield from check_deploying_roles(accounts, selected)
    yield from check_attachable_policies(accounts, selected, loaded)
    yield from check_permissions(accounts, selected, loaded)
    yield from check_guardrails(accounts, selected, loaded)


def _account_faults(plan: AccountPlan, selected: RolesWithOverrides, loaded: Loaded) -> Iterator[Fault]:
    account = loaded.inventory.accounts[plan.key]
    place = RolePlace.of(plan.key, account, loaded.inventory.defaults)
    for role in plan.roles:
        yield from check_role(role, selected[role.key], place, loaded)
    yield from _check_names(plan, loaded)
    yield from check_oidc_providers(plan.key, account, plan.oidc_providers, loaded)
    yield from check_account(plan.key, account, len(plan.roles), plan.oidc_providers)
    yield from check_locked_account(plan, account, loaded)


def _roles_by_account(
    inventory: Inventory, selector: AccountSelector
) -> dict[str, dict[str, tuple[Role, tuple[str, Override] | None]]]:
    by_account: dict[str, dict[str, tuple[Role, tuple[str, Override] | None]]] = {}
    for key, role in sorted(inventory.roles.items()):
        overrides = selector.overrides(role)
        for account in selector.selected(role):
            by_account.setdefault(account, {})[key] = (role, overrides.get(account))
    return by_account


def _account_plan(loaded: Loaded, key: str, account: Account, selected: RolesWithOverrides) -> AccountPlan:
    inventory = loaded.inventory
    place = RolePlace.of(key, account, inventory.defaults)
    # Roles of an account often trust the same steps: equal policies are rendered once.
    policies = lru_cache(maxsize=None)(partial(trust_policy, place.partition, place.id))
    roles = [
        plan
        for role_key, declared in selected.items()
        if (plan := role_plan(role_key, declared, place, loaded, policies)) is not None
    ]
    trusted = {line.workspace for role in roles for line in role.trust}
    return AccountPlan(
        key=key,
        id=AccountId(account.id),
        partition=account.partition,
        region=place.region,
        access=_access(key, account, inventory.defaults, place),
        oidc_providers=oidc_provider_plans(key, account, trusted, loaded),
        roles=tuple(roles),
        previous_keys=account.previous_keys,
        attachable_policies=attachable_arns(place.partition, place.id, attachable_globs(key, account, inventory)[1]),
    )


def _check_names(account: AccountPlan, loaded: Loaded) -> Iterator[Fault]:
    """Yield names that IAM refuses: they must be unique in an account, ignoring case and path."""
    seen: dict[str, str] = {}
    for role in account.roles:
        first = seen.setdefault(role.name.lower(), role.key)
        if first == role.key:
            continue
        at = ("roles", role.key, "name")
        if family_of(first) == family_of(role.key):
            message = f"{first} and {role.key} are both called {role.name} in account {account.key}"
            family = str(loaded.sources.source_path(at)[1])
            template = str(loaded.sources.data["roles"][family].get("name", family))
            hint = _telling_apart(loaded.inventory.roles[first], loaded.inventory.roles[role.key], template)
            yield Fault("role-name-conflict", at, message, hint)
        else:
            message = f"roles.{first} already has the name {role.name} in account {account.key}; IAM ignores case"
            hint = "give one of them another `name:`; another path is not enough"
            yield Fault("role-name-conflict", at, message, hint)


def _telling_apart(first: Role, second: Role, template: str) -> str:
    """Name the variables that distinguish two roles of a family; ``template`` is the template of their names."""
    first_values, second_values = first.item.variables, second.item.variables
    differ = [
        f"{{{{{name}}}}}"
        for name in ("repository_name", "environment")
        if first_values.get(name) != second_values.get(name)
    ]
    missing = [variable for variable in differ if variable not in template]
    if not missing:
        return "remove one of the two from for_each, and declare it as a separate role with another name"
    return f'add {" and ".join(missing)} to `name`: name: "{"-".join([template, *missing])}"'


def _access(key: str, account: Account, defaults: Defaults, place: RolePlace) -> AccountCredentials:
    own = account if account.deploy_role or account.profile else defaults
    deploy_role = own.deploy_role
    if deploy_role is None:
        return AccountCredentials(profile=own.profile)
    arn = render(deploy_role.arn, place.variables("") | {"account": key})
    return AccountCredentials(arn, deploy_role.external_id, deploy_role.session_name, own.profile)
