"""Compare the lock of an account with its plan."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from access.checks.deploying_role import check_template
from access.checks.policy_uses import RolesWithOverrides, effective_list
from access.plan import AccountPlan, OidcProviderPlan, RolePlan
from config.findings import Fault
from config.known_names import meant_policy
from config.load import Loaded
from config.lock.models import LockedAccount, LockedOidcProvider, LockedRoleAsFound
from config.models.account import Account
from config.models.scalars import Network
from config.yaml.document import Path

_AGAIN = "`bitbucket-oidc lock --aws`"

_OWNERS = {
    "cloudformation": "CloudFormation manages it",
    "terraform": "Terraform manages it",
    "unknown": "somebody else created it",
}


def account_in_lock(key: str, account: Account, loaded: Loaded) -> LockedAccount | None:
    """Return the lock's entry of an account, unless the key meant another account."""
    locked = loaded.lock.lock.accounts.get(key)
    return locked if locked is not None and locked.id == account.id else None


@dataclass(frozen=True, slots=True)
class _PlannedAccount:
    """An account of the inventory and its planned roles."""

    key: str
    account: Account
    roles: Sequence[RolePlan]

    @property
    def mode_path(self) -> Path:
        """The path of its mode for OIDC providers; without a mode, the path of the account."""
        return ("accounts", self.key, *(["oidc_provider"] if self.account.oidc_provider else []))


def check_locked_account(plan: AccountPlan, account: Account, loaded: Loaded) -> Iterator[Fault]:
    """Yield a fault if facts from AWS prevent the plan from working, or make it give more access than declared."""
    yield from _check_selected(plan, loaded)
    locked = account_in_lock(plan.key, account, loaded)
    for role in plan.roles:
        yield from _check_adopted_as_is(plan.key, role, locked)
    if locked is None:
        return
    if locked.template_digest is not None:
        yield from check_template(plan, locked.template_digest, locked.deploying_role)
    planned = _PlannedAccount(plan.key, account, plan.roles)
    for oidc_provider in plan.oidc_providers:
        answer = locked.oidc_providers.get(oidc_provider.workspace)
        if answer is not None:
            yield from _check_oidc_provider(planned, oidc_provider, answer)
    for role in plan.roles:
        yield from _check_name(plan.key, role, locked)


def _check_selected(plan: AccountPlan, loaded: Loaded) -> Iterator[Fault]:
    """Yield a selected account whose deploying role differs from the one in the reviewed lock."""
    selected = loaded.lock.lock.selected_accounts.get(plan.key)
    listed = loaded.sources.source_path(("accounts", plan.key))[0] == "accounts"
    if listed or selected is None or selected.deploy_role == plan.access.role_arn:
        return
    now, then = plan.access.role_arn or "no role", selected.deploy_role or "none"
    message = f"the plan assumes {now} in {plan.id}, but the lock has {then}"
    yield Fault("lock-mismatch", ("accounts", plan.key), message, f"run {_AGAIN}", of_key=True)


def _check_oidc_provider(
    planned: _PlannedAccount, plan: OidcProviderPlan, answer: LockedOidcProvider
) -> Iterator[Fault]:
    named = f"the OIDC provider of workspace {plan.workspace} in account {planned.key}"
    if answer.state == "absent":
        if plan.mode == "reference":
            message, hint = (
                f"{named} does not exist, and reference does not create it",
                f"write create, or create it yourself and run {_AGAIN}",
            )
            yield Fault("oidc-provider-missing", planned.mode_path, message, hint)
    elif answer.owner is None:
        return  # a hand-written entry only says that one exists
    elif plan.mode == "create":
        if answer.owner in _OWNERS and answer.use is None:
            message = f"{named} already exists: {_OWNERS[answer.owner]}"
            hint = "write auto, adopt or reference: IAM refuses a second OIDC provider for the same issuer"
            yield Fault("oidc-provider-exists", planned.mode_path, message, hint)
        yield from _check_added_audiences(planned, named, plan, answer)
    else:
        yield from _check_audiences(planned, named, plan, answer)


def _check_audiences(
    planned: _PlannedAccount, named: str, plan: OidcProviderPlan, answer: LockedOidcProvider
) -> Iterator[Fault]:
    """Yield audiences that roles accept but an unchanged OIDC provider does not have."""
    wanted = {audience: role.key for role in reversed(planned.roles) for audience in _accepted(role, plan)}
    missing = sorted(wanted.keys() - set(answer.audiences))
    if not missing:
        return
    message = f"{named} does not have the audience {missing[0]}, which role {wanted[missing[0]]} accepts"
    if len(missing) > 1:
        message = f"{message}, and {len(missing) - 1} more"
    hint = f"ask its owner to add the audience, and run {_AGAIN}"
    if answer.unchecked_roles:
        hint = f"first check {_list(answer.unchecked_roles)}, which may accept any of its audiences; then {hint}"
    yield Fault("oidc-provider-audience", planned.mode_path, message, hint)


def _accepted(role: RolePlan, plan: OidcProviderPlan) -> Iterator[str]:
    for line in role.trust:
        if line.workspace == plan.workspace:
            yield from line.audiences


def _check_added_audiences(
    planned: _PlannedAccount, named: str, plan: OidcProviderPlan, answer: LockedOidcProvider
) -> Iterator[Fault]:
    """Yield foreign roles that a new audience of ``up`` would open; each can be accepted by its name."""
    added = sorted(set(plan.audiences) - set(answer.audiences))
    accepted = {name.lower() for name in planned.account.accept_unchecked_roles}
    open_roles = [arn for arn in answer.unchecked_roles if _name(arn).lower() not in accepted]
    if not added or not open_roles:
        return
    message = (
        f"`up` adds the audience {added[0]} to {named}; its tokens may then assume {_list(open_roles)}, which may "
        "check no audience"
    )
    names = ", ".join(f"{_name(arn)}: WHY" for arn in open_roles[:_SHOWN])
    hint = f"make their trust policies compare the audience, or accept them: `accept_unchecked_roles: {{{names}}}`"
    yield Fault("unchecked-audience", ("accounts", planned.key), message, hint, of_key=True)


def _check_name(key: str, role: RolePlan, locked: LockedAccount) -> Iterator[Fault]:
    taken = {name.lower(): arn for name, arn in locked.roles.items()}.get(role.name.lower())
    if taken is not None:
        message = f"account {key} already has a role of that name that this program did not create: {taken}"
        hint = f"give the role another `name:`; if it was imported since, run {_AGAIN} after the next `up`"
        yield Fault("role-name-taken", ("roles", role.key, "name"), message, hint)


def _check_adopted_as_is(key: str, role: RolePlan, locked: LockedAccount | None) -> Iterator[Fault]:
    """Yield a role that is adopted as is, but that the lock does not have, or that would be wider than it was."""
    if role.adopted_as_is is None:
        return
    at: Path = ("roles", role.key, "dangerously_adopted_as_is")
    found = locked.roles_as_found.get(role.name) if locked is not None else None
    if found is None:
        message = (
            f"the lock does not record that account {key} had a role {role.name} with trust of a whole workspace and "
            "admin access before this program managed it"
        )
        hint = f"run {_AGAIN} while the role is as it was; for any other role, name repositories in `trust`"
        yield Fault("adopted-as-is", at, message, hint, of_key=True)
        return
    for message in _wider(role, found):
        hint = "write it as the lock records it, or narrower; or name repositories in `trust`"
        yield Fault("adopted-as-is", at, f"in account {key}, {message}", hint, of_key=True)


def _wider(role: RolePlan, found: LockedRoleAsFound) -> Iterator[str]:
    """Yield how a role differs from the one that was found, or lets in more than that one did, or may do more."""
    if role.arn != found.arn:
        yield f"this is the role {role.arn}, and the role that was found is {found.arn}"
    if found.permissions_boundary not in (None, role.permissions_boundary_arn):
        yield f"the role that was found had the permissions boundary {found.permissions_boundary}"
    for line in role.trust:
        if line.repository is not None:
            continue
        if line.workspace not in found.whole_workspaces:
            yield f"the role that was found did not trust the whole workspace {line.workspace}"
        elif found.audiences and (further := sorted(set(line.audiences) - set(found.audiences))):
            yield f"the role that was found did not accept the audience {further[0]}"
    if not found.source_ips and not found.source_vpces:
        return
    if not role.source_ips and not role.source_vpces:
        places = ", ".join([*map(str, found.source_ips), *found.source_vpces])
        yield f"the role that was found could be assumed only from {places}"
    networks = [
        network for network in role.source_ips if not any(_is_within(network, each) for each in found.source_ips)
    ]
    endpoints = sorted(set(role.source_vpces) - set(found.source_vpces))
    for place in [*map(str, networks), *endpoints]:
        yield f"the role that was found could not be assumed from {place}"


def _is_within(inner: Network, outer: Network) -> bool:
    first, last = inner.network_address, inner.broadcast_address
    return inner.version == outer.version and first in outer and last in outer


def check_missing_policies(
    accounts: Iterable[AccountPlan], selected: Mapping[str, RolesWithOverrides], loaded: Loaded
) -> Iterator[Fault]:
    """Yield policies that accounts lack by the lock: each once for its place in the inventory, with all accounts."""
    arns: dict[tuple[Path, str], dict[str, str]] = {}
    for plan in accounts:
        locked = account_in_lock(plan.key, loaded.inventory.accounts[plan.key], loaded)
        missing = set(locked.missing_policies if locked is not None else ())
        for role in plan.roles if missing else ():
            for at, arn in _missing(role, missing, selected[plan.key]):
                arns.setdefault((at, arn.partition(":policy/")[2]), {}).setdefault(plan.key, arn)
    for (at, name), by_account in arns.items():
        (key, arn), *others = by_account.items()
        also = f"; it is also missing in {_list([other for other, _ in others])}" if others else ""
        create = "let `bitbucket-oidc bootstrap` create it" if at[-1] == _BOUNDARY else "create it in the account"
        meant = meant_policy(name) if arn.partition(":policy/")[0].endswith("::aws") else None
        hint = f"correct its name, or {create} and run {_AGAIN}" if meant is None else f"did you mean `aws:{meant}`?"
        yield Fault("missing-policy", at, f"account {key} has no policy {arn}{also}", hint)


def _missing(role: RolePlan, missing: set[str], selected: RolesWithOverrides) -> Iterator[tuple[Path, str]]:
    """Yield the place and the ARN of a role's first missing managed policy, and of its missing boundary."""
    declared, override = selected[role.key]
    if gone := sorted(missing & set(role.managed_policy_arns)):
        yield effective_list(role.key, "managed_policies", declared, override)[0], gone[0]
    if role.permissions_boundary_arn in missing:
        at, own = effective_list(role.key, _BOUNDARY, declared, override)
        yield at if own is not None else ("defaults", _BOUNDARY), str(role.permissions_boundary_arn)


def _name(arn: str) -> str:
    return arn.rpartition("/")[2]


_BOUNDARY = "permissions_boundary"
_SHOWN = 5


def _list(arns: Sequence[str]) -> str:
    shown = ", ".join(arns[:_SHOWN])
    return shown if len(arns) <= _SHOWN else f"{shown} and {len(arns) - _SHOWN} more"


def check_locked_quotas(accounts: Mapping[str, Account], loaded: Loaded) -> Iterator[Fault]:
    """Yield quotas that are raised in the inventory but not in AWS."""
    for key, account in accounts.items():
        locked = account_in_lock(key, account, loaded)
        quotas_in_aws = (
            locked.quotas.model_dump(exclude_none=True) if locked is not None and locked.quotas is not None else {}
        )
        for name in sorted(account.quotas.model_fields_set & quotas_in_aws.keys()):
            quota = getattr(account.quotas, name)
            if quota > quotas_in_aws[name]:
                message = f"{quota} here, but AWS has {quotas_in_aws[name]} for this account"
                hint = f"have it raised and run {_AGAIN}, or remove it to use the quota from AWS"
                yield Fault("quota-mismatch", ("accounts", key, "quotas", name), message, hint)
