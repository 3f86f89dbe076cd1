"""Read the declarations of the validated inventory and the lock: the steps that get each role in each account.

This reader shares nothing with the compiler: it selects accounts, applies overrides, makes plan roles and takes UUIDs
from the lock by itself. It relies only on the models, and on the family expansion before them. It replaces no variable:
settings that decide who may assume a role must not have variables.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from fnmatch import fnmatchcase
from itertools import chain
from typing import Any, NamedTuple, TypeVar

from access.exactness.call_conditions import CallConditions, steps_by_conditions
from access.exactness.steps import Form, Line, StepSet
from config.lock.models import Lock, LockedEnvironment, LockedRepository, LockedWorkspace
from config.models.account import Account, AccountsByLabel
from config.models.inventory import Inventory
from config.models.role import Override, Role, RoleSettings
from config.models.trust import TrustEntry
from config.models.workspace import Environment, Repository, Workspace
from oidc.errors import UnprovenPlanError

T = TypeVar("T")

REPORT_IT = "this is a defect of this program and not of the inventory: please report it; nothing was applied"


class DeclaredRole(NamedTuple):
    """The properties of a role in an account that decide who may assume it.

    Attributes:
        path: Its path in IAM: ``/bitbucket/``.
        name: Its name in IAM.
        lines: Who may assume it.
        networks: Calls may come from these networks: ``{"203.0.113.0/24"}``.
        endpoints: Or through these VPC endpoints: ``{"vpce-0123456789abcdef0"}``. If both are empty, from everywhere.
        last_day: The last day of access in UTC, or ``None``.
        is_bound: Whether its credentials also work only from these networks and endpoints.
        steps: For each set of conditions on a call, the steps that may assume the role.
    """

    path: str
    name: str
    lines: frozenset[Line]
    networks: frozenset[str]
    endpoints: frozenset[str]
    last_day: date | None
    is_bound: bool
    steps: Mapping[CallConditions, set[StepSet]]


def declared_roles(inventory: Inventory, lock: Lock) -> dict[str, dict[str, DeclaredRole]]:
    """Return the roles of every account, by the keys of both.

    Args:
        inventory: As validated, with families written out; without pairs, and without UUIDs from the lock.
        lock: As read.

    Raises:
        UnprovenPlanError: A name or a UUID is missing, or two overrides match one account. Either is a finding.
    """
    by_account: dict[str, dict[str, DeclaredRole]] = {account: {} for account in inventory.accounts}
    selection, roles = _AccountSelection(inventory.accounts), _Roles(inventory, lock)
    for key, role in inventory.roles.items():
        accounts = selection.of(role.accounts)
        overrides = _by_account(key, role, accounts, selection) if role.overrides else {}
        for single in _single_roles(key, role):
            without_override = roles.of(single, None)
            for account in accounts:
                if single.as_is_until is not None:
                    _check_found(lock, account, single.name)
                override = overrides.get(account)
                by_account[account][single.key] = without_override if override is None else roles.of(single, override)
    return by_account


class _AccountSelection:
    """Select accounts by keys, globs and labels; each pattern and each list is evaluated once."""

    def __init__(self, accounts: Mapping[str, Account]) -> None:
        self._accounts = accounts
        self._like: dict[str, frozenset[str]] = {}
        self._named: dict[tuple[str, ...], frozenset[str]] = {}

    def like(self, pattern: str) -> frozenset[str]:
        if pattern not in self._like:
            is_key = not set("*?[") & set(pattern)
            keys = {pattern} & self._accounts.keys() if is_key else self._accounts
            self._like[pattern] = frozenset(key for key in keys if fnmatchcase(key, pattern))
        return self._like[pattern]

    def of(self, wanted: tuple[str, ...] | AccountsByLabel) -> frozenset[str]:
        if isinstance(wanted, tuple):
            if wanted not in self._named:
                self._named[wanted] = frozenset().union(*map(self.like, wanted))
            return self._named[wanted]
        labelled = {
            key
            for key, account in self._accounts.items()
            if all(account.labels.get(label) == value for label, value in wanted.labels.items())
        }
        return frozenset(labelled.difference(*map(self.like, wanted.exclude)))


def _by_account(key: str, role: Role, accounts: frozenset[str], selection: _AccountSelection) -> dict[str, Override]:
    overrides: dict[str, Override] = {}
    for pattern, override in role.overrides.items():
        for account in selection.like(pattern) & accounts:
            if account in overrides:
                raise UnprovenPlanError(f"two overrides of roles.{key} match account {account}", do=REPORT_IT)
            overrides[account] = override
    return overrides


def _check_found(lock: Lock, account: str, name: str) -> None:
    """Refuse a role that is adopted as is, but that the lock does not have."""
    locked = _known(lock.accounts.get(account), f"what account {account} has")
    _known(locked.roles_as_found.get(name), f"the role {name} of account {account} as it was found")


class _SingleRole(NamedTuple):
    """One role of IAM: the settings above the overrides of its entry, and those below.

    Its whole workspaces are trusted until ``as_is_until`` if it is adopted as is.
    """

    key: str
    name: str
    trust: tuple[TrustEntry, ...]
    above: tuple[RoleSettings, ...]
    below: RoleSettings
    as_is_until: date | None = None


def _single_roles(key: str, role: Role) -> Iterator[_SingleRole]:
    """Yield a role and, for a pair, its plan role, which inherits missing settings from the role."""
    family, bracket, item = key.partition("[")
    name = role.name or family
    as_is = role.dangerously_adopted_as_is
    yield _SingleRole(key, name, role.trust, (), role, as_is.until if as_is is not None else None)
    if role.plan_role is not None:
        plan = role.plan_role
        yield _SingleRole(f"{family}-plan{bracket}{item}", f"{name}-plan", plan.trust, (plan,), role)


class _Roles:
    """Make declared roles; equal trust of several roles is evaluated once."""

    def __init__(self, inventory: Inventory, lock: Lock) -> None:
        self._inventory, self._lock = inventory, lock
        self._lines: dict[tuple[object, ...], frozenset[Line]] = {}
        self._steps: dict[tuple[object, ...], Mapping[CallConditions, set[StepSet]]] = {}

    def of(self, single: _SingleRole, override: Override | None) -> DeclaredRole:
        layers = single.above if override is None else (*single.above, override)

        def effective(setting: str) -> Any:  # noqa: ANN401 - typed by the field
            for layer in layers:
                if setting in layer.model_fields_set:
                    return getattr(layer, setting)
            return getattr(single.below, setting)

        networks = effective("source_ips") or ()
        if networks == "atlassian":
            networks = _known(self._lock.address_ranges.get("atlassian"), "the address ranges of Atlassian").networks
        places = frozenset(map(str, networks)), frozenset(effective("source_vpces") or ())
        last_day = effective("expires")
        trust = (single.as_is_until, *[_identity(entry) for entry in single.trust])
        lines = self._lines.get(trust)
        if lines is None:
            entries = (_lines(entry, self._inventory, self._lock, single.as_is_until) for entry in single.trust)
            lines = self._lines[trust] = frozenset(chain.from_iterable(entries))
        steps = self._steps.get(known := (trust, places, last_day))
        if steps is None:
            steps = self._steps[known] = steps_by_conditions(lines, *places, last_day)
        path = effective("path") or self._inventory.defaults.path
        return DeclaredRole(path, single.name, lines, *places, last_day, bool(effective("bind_session")), steps)


def _identity(entry: TrustEntry) -> tuple[object, ...]:
    """Return all values that decide whom an entry trusts."""
    whole = entry.dangerously_whole_workspace
    return entry.repository, entry.environments, entry.steps, whole and whole.workspace, entry.audiences


def _lines(entry: TrustEntry, inventory: Inventory, lock: Lock, as_is_until: date | None) -> Iterator[Line]:
    """Yield the lines of an entry.

    | the inventory has | the steps are |
    |---|---|
    | ``environments: [production]`` | every step of the repository that deploys to that environment |
    | ``steps: outside_environments`` | every step of the repository that deploys to none |
    | ``steps: all_including_environments`` | every step of the repository |
    | ``dangerously_whole_workspace`` | every step of every repository of the workspace |

    All except the last are also trusted under former slugs of the workspace, each until its own last day. The last has
    a last day, ``as_is_until``, if the role is adopted as is.
    """
    whole = entry.dangerously_whole_workspace
    slug, _, name = (entry.repository or "").partition("/")
    slug = whole.workspace if whole is not None else slug
    workspace = _known(inventory.workspaces.get(slug), f"the workspace {slug}")
    locked = lock.workspaces.get(slug)
    uuid = _uuid(workspace, locked, slug)
    # "Audience" in https://support.atlassian.com/bitbucket-cloud/docs/integrate-pipelines-with-resource-servers-using-oidc/
    audiences = frozenset(entry.audiences or [f"ari:cloud:bitbucket::workspace/{uuid.strip('{}')}"])
    if whole is not None:
        yield Line(slug, None, None, StepSet(Form.ALL), audiences, as_is_until)
        return
    repository = _known(workspace.repositories.get(name), f"the repository {slug}/{name}")
    locked_repository = locked.repositories.get(name) if locked is not None else None
    owner = _uuid(repository, locked_repository, f"{slug}/{name}")
    trusted: list[tuple[str | None, StepSet]] = []
    if entry.steps is not None:
        trusted.append((None, StepSet(_FORMS[entry.steps.value], owner)))
    for called in entry.environments or ():
        what = f"the environment {called} of {slug}/{name}"
        environment = _known(repository.environments.get(called), what)
        locked_environment = locked_repository.environments.get(called) if locked_repository is not None else None
        trusted.append((called, StepSet(Form.IN_ENVIRONMENT, owner, _uuid(environment, locked_environment, what))))
    former = ((old, previous.expires) for old, previous in workspace.previous_slugs.items())
    for issuer, last_day in ((slug, None), *former):
        for called_so, steps in trusted:
            yield Line(issuer, name, called_so, steps, audiences, last_day)


_FORMS = {"outside_environments": Form.OUTSIDE_ENVIRONMENTS, "all_including_environments": Form.ALL}


def _uuid(
    declared: Workspace | Repository | Environment,
    locked: LockedWorkspace | LockedRepository | LockedEnvironment | None,
    what: str,
) -> str:
    """Return the UUID that the inventory has, or else the lock."""
    if declared.uuid is not None:
        return declared.uuid
    return _known(locked.uuid if locked is not None else None, f"the UUID of {what}")


def _known(value: T | None, what: str) -> T:
    if value is None:
        raise UnprovenPlanError(f"neither inventory nor lock has {what}", do=REPORT_IT)
    return value
