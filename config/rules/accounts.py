"""Accounts: their references, the roles and waves that select them, and the override that applies in each."""

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from math import prod
from typing import Any

from config.declared import some_of, unknown_account, unknown_workspace
from config.findings import Fault, did_you_mean
from config.known_names import meant_region
from config.models.account import Account, AccountsByLabel
from config.models.family import PLAN_SUFFIX, FamilyItem, family_of
from config.models.role import PairedRole, Role
from config.rules.context import Context
from config.selectors import is_glob
from config.variables import render, variables_in
from config.yaml.document import Path
from oidc.arn import parse_iam_arn, partition_of_region
from oidc.state_backend import parse_state_url


def check_accounts(context: Context) -> Iterator[Fault]:
    """Yield contradictions inside an account, with the defaults applied."""
    defaults = context.inventory.defaults
    if defaults.region is not None:
        yield from _check_region(("defaults", "region"), defaults.region)
    state = parse_state_url(defaults.state_backend.url) if defaults.state_backend is not None else None
    if state is not None and state.region is not None:
        yield from _check_region(("defaults", "state_backend", "url"), state.region)
    for key, account in context.inventory.accounts.items():
        at: Path = ("accounts", key)
        for index, slug in enumerate(account.keep_oidc_providers):
            yield from _check_kept(context, (*at, "keep_oidc_providers", index), slug)
        if account.region is not None:
            yield from _check_region((*at, "region"), account.region)
        region = account.region or defaults.region
        if region and (partition := partition_of_region(meant_region(region) or region)) != account.partition:
            where = (*at, "region") if account.region else (*at, "partition")
            message = f"{region} is a region of the partition {partition}, and the account is in {account.partition}"
            yield Fault("partition-region", where, message, "give the account a region of its partition")
        yield from _check_deploy_role(context, at, account)


def _check_region(at: Path, region: str) -> Iterator[Fault]:
    if (meant := meant_region(region)) is not None:
        message = f"{region} is not a known AWS region"
        yield Fault("unknown-region", at, message, f"did you mean `{meant}`?")


def _check_kept(context: Context, at: Path, slug: str) -> Iterator[Fault]:
    if (problem := unknown_workspace(context.sources.data, slug, at)) is not None:
        yield problem
    elif slug in context.inventory.workspaces and context.inventory.workspaces[slug].uuid is None:
        yield from unlocked(context, ("workspaces", slug), f"workspace {slug}")


def _check_deploy_role(context: Context, at: Path, account: Account) -> Iterator[Fault]:
    own = account.deploy_role is not None or account.profile is not None
    deploy_role = account.deploy_role if own else context.inventory.defaults.deploy_role
    if deploy_role is None:
        return
    values = {"account_id": account.id, "partition": account.partition.value, "account": str(at[1]), "role": "x"}
    rendered = render(deploy_role.arn, values | {"region": account.region or "x"})
    arn = parse_iam_arn(rendered)
    if arn and (arn.partition, arn.owner) != (account.partition.value, account.id):
        message = f"{rendered} is not a role of account {account.id} in partition {account.partition}"
        hint = "name a role of this account: with another one, `up` would change another account"
        yield Fault("bad-arn", (*at, "deploy_role") if own else ("defaults", "deploy_role"), message, hint)


def check_organization(context: Context) -> Iterator[Fault]:
    """Yield a role for listing an organization's accounts that is not a role of each account."""
    selection = context.inventory.accounts_from
    if selection is None or selection.organization.role is None:
        return
    at: Path = ("accounts_from", "organization", "role")
    partition, arn = selection.organization.partition.value, selection.organization.role.arn
    if others := variables_in(arn) - {"partition"}:
        message = f"{{{{{min(others)}}}}} is not replaced here: one role lists all accounts"
        yield Fault("bad-variable", at, message, "write the ARN of that role; only {{partition}} is replaced in it")
        return
    parsed = parse_iam_arn(render(arn, {"partition": partition}))
    if parsed is not None and parsed.partition != partition:
        message = f"{arn} is not in {partition}, the partition of the organization"
        yield Fault("bad-arn", at, message, "name a role of that partition, or correct `partition`")


def check_selection(context: Context) -> Iterator[Fault]:
    """Yield undeclared accounts and labels that roles select by, and roles without any account."""
    labels = KnownLabels(context)
    for key, role in context.inventory.roles.items():
        item = role.item if role.for_each is not None else None
        yield from selection_faults(context, labels, ("roles", key, "accounts"), role.accounts, item=item)


def selection_faults(
    context: Context,
    labels: "KnownLabels",
    at: Path,
    selection: tuple[str, ...] | AccountsByLabel,
    *,
    item: FamilyItem | None = None,
    of: str = "role",
) -> Iterator[Fault]:
    """Yield undeclared accounts and labels of a selection, patterns that match nothing, and a selection of nothing.

    Args:
        context: The inventory.
        labels: The labels of its accounts.
        at: The path of the selection.
        selection: Keys and globs, or labels.
        item: Of a role of a family, whose accounts may not exist yet.
        of: What selects them: ``role``, ``wave``.
    """
    known = context.names("accounts")
    broken = known - context.inventory.accounts.keys()
    by_label = isinstance(selection, AccountsByLabel)
    names = selection.exclude if isinstance(selection, AccountsByLabel) else selection
    patterns_at = (*at, "exclude") if by_label else at
    unknown = [(index, name) for index, name in enumerate(names) if not is_glob(name) and name not in known]
    for index, name in unknown:
        yield unknown_account(known, context.inventory.accounts, name, (*patterns_at, index))
    if item is None and not broken:
        yield from _check_globs(context, names, patterns_at, excluded=by_label)
    mislabelled = [
        fault
        for fault in labels.faults((*at, "labels"), selection)
        # The item of a role family may have no account yet.
        if fault.of_key or item is None or not _has_variable(context, fault.path)
    ]
    yield from mislabelled
    if not unknown and not broken and not mislabelled and not context.selector.selected_by(selection):
        suffix = f" for {item}" if item is not None else ""
        yield Fault("selects-no-account", at, f"this selects no account{suffix}", f"name one, or remove the {of}")


def _has_variable(context: Context, path: Path) -> bool:
    """Tell whether the value at a path is written with a variable."""
    value: Any = context.sources.data
    for part in context.sources.source_path(path):
        value = value[part]
    return "{{" in value


def _check_globs(context: Context, names: Sequence[str], patterns_at: Path, *, excluded: bool) -> Iterator[Fault]:
    """Yield globs that match no account: an account to exclude would be selected."""
    if not excluded and len(names) == 1:
        return  # then nothing is selected, which is reported once
    for index, name in enumerate(names):
        if is_glob(name) and not context.selector.matching([name]):
            effect = "excludes nothing" if excluded else "selects nothing"
            hint = "correct it to match the keys of accounts, or remove it"
            yield Fault("selects-no-account", (*patterns_at, index), f"`{name}` matches no account: it {effect}", hint)


class KnownLabels:
    """The labels that accounts have: the values by key."""

    def __init__(self, context: Context) -> None:
        self._values: dict[str, set[str]] = {}
        for account in context.inventory.accounts.values():
            for key, value in account.labels.items():
                self._values.setdefault(key, set()).add(value)
        # An account that has a fault, or that a broken lock has selected, may have the label.
        selected = context.inventory.accounts_from is not None and context.lock.is_broken
        is_known = context.names("accounts") == context.inventory.accounts.keys() and not selected
        self._is_all = is_known and bool(context.inventory.accounts)

    def faults(self, at: Path, selection: tuple[str, ...] | AccountsByLabel) -> Iterator[Fault]:
        """Yield each label of a selection that no account has, at the path of its labels."""
        if not self._is_all or not isinstance(selection, AccountsByLabel):
            return
        for key, value in selection.labels.items():
            values = self._values.get(key)
            if values is None:
                hint = did_you_mean(key, self._values, f"the labels of accounts are {some_of(self._values, key)}")
                yield Fault("unknown-label", (*at, key), f"no account has the label `{key}`", hint, of_key=True)
            elif value not in values:
                hint = did_you_mean(value, values, f"its values are {some_of(values, value)}")
                yield Fault("unknown-label", (*at, key), f"no account has the label `{key}: {value}`", hint)


def check_overrides(context: Context) -> Iterator[Fault]:
    """Yield overrides that apply nowhere, and accounts that two of them match."""
    broken = context.names("accounts") - context.inventory.accounts.keys()
    of_families = _accounts_of_families(context)
    for key, role in context.inventory.roles.items():
        if not role.overrides:
            continue
        selected = of_families.get(family_of(key), set()) or set(context.selector.selected(role))
        taken: dict[str, str] = {}
        for pattern in role.overrides:
            at: Path = ("roles", key, "overrides", pattern)
            matched = context.selector.matching([pattern]) & selected
            # The override may mean an account that has a fault.
            maybe = is_glob(pattern) and any(fnmatchcase(name, pattern) for name in broken)
            if (
                not matched
                and not maybe
                and _is_whole(context, key, role)
                and (pattern in context.inventory.accounts or pattern not in broken)
            ):
                hint = did_you_mean(pattern, selected, f"the role is for {some_of(selected, pattern)}")
                message = f"the role is for no account `{pattern}`, so this override never applies"
                yield Fault("unknown-account", at, message, hint)
            for account in sorted(matched & taken.keys()):
                message = f"`{taken[account]}` matches {account} too"
                yield Fault("override-conflict", at, message, "let only one override match each account")
            taken |= dict.fromkeys(matched - taken.keys(), pattern)


def _accounts_of_families(context: Context) -> dict[str, set[str]]:
    """Return the accounts of all roles of each family with overrides: an override may apply to some roles only."""
    accounts: dict[str, set[str]] = {}
    for key, role in context.inventory.roles.items():
        if role.overrides and role.for_each is not None:
            accounts.setdefault(family_of(key), set()).update(context.selector.selected(role))
    return accounts


def _is_whole(context: Context, key: str, role: Role) -> bool:
    """Tell whether all roles of a family are present: a role with a fault is left out, together with its accounts."""
    if role.for_each is None:
        return True
    family = family_of(key)
    over = context.sources.data["roles"][family.removesuffix(PLAN_SUFFIX) if isinstance(role, PairedRole) else family]
    items = prod(len(items) for items in over["for_each"].values())
    return items == sum(family_of(other) == family for other in context.inventory.roles)


def unlocked(context: Context, at: Path, what: str) -> Iterator[Fault]:
    """Yield each required UUID that neither the inventory nor the lock has.

    A broken lock might have it, so the lock's findings come first.
    """
    if context.lock.is_broken:
        return
    message = f"{what} has no UUID, neither here nor in the lock"
    yield Fault("needs-lock", at, message, "write its UUID, or run `bitbucket-oidc lock`")
