"""Trust: every name in it is declared, once, with a UUID."""

from collections.abc import Iterator, Mapping
from datetime import timedelta

from config.allow import accepted
from config.declared import unknown_environment, unknown_repository, unknown_workspace
from config.findings import Fault
from config.models.account import Account
from config.models.inventory import Inventory
from config.models.role import Role
from config.models.trust import Steps, TrustEntry
from config.models.workspace import Repository
from config.rules.accounts import unlocked
from config.rules.audiences import trusted_audience_faults
from config.rules.context import Context
from config.rules.identity import locked_with_other_capitals
from config.yaml.document import Path


def check_trust(context: Context) -> Iterator[Fault]:
    """Yield unknown names, names without UUID, audiences that are not declared, and entries twice."""
    for key, role in context.inventory.roles.items():
        seen: dict[tuple[object, ...], Path] = {}
        for index, entry in enumerate(role.trust):
            at: Path = ("roles", key, "trust", index)
            if not _is_answered(context.inventory, entry):
                yield from _check_entry(context, at, entry)
            yield from _check_twice(at, entry, seen)


def _is_answered(inventory: Inventory, entry: TrustEntry) -> bool:
    """Tell whether all names of an entry are declared with their UUIDs: a quick check that most entries pass."""
    workspace = inventory.workspaces.get(entry.workspace)
    if workspace is None or workspace.uuid is None or entry.audiences:
        return False
    if entry.repository_slug is None:
        return True
    repository = workspace.repositories.get(entry.repository_slug)
    if repository is None or repository.uuid is None:
        return False
    known = repository.environments
    return all(name in known and known[name].uuid for name in entry.environments or ())


def _check_entry(context: Context, at: Path, entry: TrustEntry) -> Iterator[Fault]:
    slug = entry.workspace
    where = (*at, "repository") if entry.repository else (*at, "dangerously_whole_workspace", "workspace")
    if (problem := unknown_workspace(context.sources.data, slug, where)) is not None:
        yield problem
        return
    workspace = context.inventory.workspaces.get(slug)
    if workspace is None:
        return
    if workspace.uuid is None:
        yield from unlocked(context, ("workspaces", slug), f"workspace {slug}")
    yield from trusted_audience_faults(context, at, entry, workspace)
    name = entry.repository_slug
    if name is None:
        return
    if (problem := unknown_repository(context.sources.data, slug, name, where)) is not None:
        yield problem
    elif name in workspace.repositories:
        yield from _check_repository(context, at, entry, workspace.repositories[name])


def _check_repository(context: Context, at: Path, entry: TrustEntry, repository: Repository) -> Iterator[Fault]:
    declared = ("workspaces", entry.workspace, "repositories", entry.repository_slug or "")
    if repository.uuid is None:
        yield from unlocked(context, declared, f"repository {entry.repository}")
    data, slugs = context.sources.data, (entry.workspace, entry.repository_slug or "")
    for index, name in enumerate(entry.environments or ()):
        where = (*at, "environments", index)
        if (problem := unknown_environment(data, *slugs, name, where)) is not None:
            yield problem
        elif name in repository.environments and repository.environments[name].uuid is None:
            if locked_with_other_capitals(context, *slugs, name) is not None:
                continue  # which is reported where the environment is declared
            yield from unlocked(context, (*declared, "environments", name), f"environment {name} of {entry.repository}")


def _check_twice(at: Path, entry: TrustEntry, seen: dict[tuple[object, ...], Path]) -> Iterator[Fault]:
    base = (entry.workspace, entry.repository_slug, frozenset(entry.audiences))
    for index, name in enumerate(entry.environments or ()):
        here = (*at, "environments", index)
        if (first := seen.setdefault((*base, name), here)) != here:
            message = f"environment {name} of {entry.repository} is trusted already, at"
            yield Fault("duplicate", here, message, "remove one of the two", related=(first,))
    if entry.environments is None and (first := seen.setdefault((*base, entry.steps), at)) != at:
        yield Fault("duplicate", at, "the same trust is already at", "remove one of the two", related=(first,))


def check_whole_workspace(context: Context) -> Iterator[Fault]:
    """Yield trust of a whole workspace that has no last day, or that gives admin access."""
    for key, role in context.inventory.roles.items():
        for index, entry in enumerate(role.trust):
            if entry.dangerously_whole_workspace is not None:
                yield from _check_whole(("roles", key, "trust", index, "dangerously_whole_workspace"), role)


def _check_whole(at: Path, role: Role) -> Iterator[Fault]:
    if role.dangerously_adopted_as_is is not None:
        return  # it ends, and the lock has to record it (access.checks.adopted_as_is)
    if role.expires is None:
        message = "trust of a whole workspace has no last day"
        yield Fault("whole-workspace-expires", at, message, "add `expires: YYYY-MM-DD` to the role")
    if role.dangerously_allow_admin is not None:
        yield whole_workspace_admin(at)


def whole_workspace_admin(at: Path) -> Fault:
    """Return the fault of a role that trusts a whole workspace, at this path, and has admin access."""
    hint = (
        "name the repositories, or give the role narrower permissions; if the role exists already, "
        "`dangerously_adopted_as_is: {reason: WHY, until: YYYY-MM-DD}` keeps it for some time"
    )
    return Fault("whole-workspace-admin", at, "the role trusts a whole workspace, and has admin access", hint)


PRODUCTION = frozenset({"prod", "production", "prd", "live"})
"""Label values, in lower case, that mark an account as production, under any label name."""


def production_label(account: Account) -> str | None:
    """Return the label that marks an account as production, ``env: prod``, or ``None``."""
    return next((f"{key}: {value}" for key, value in account.labels.items() if value.lower() in PRODUCTION), None)


def check_wide_trust(context: Context) -> Iterator[Fault]:
    """Yield trust of steps outside named deployment environments; for each entry only the worst finding."""
    production = {
        key: label for key, account in context.inventory.accounts.items() if (label := production_label(account))
    }
    for key, role in context.inventory.roles.items():
        for index, entry in enumerate(role.trust):
            # A role with a plan role that trusts more than environments has an error already (``pairs``).
            if entry.environments is None and role.plan_role is None and _is_declared(context, entry):
                yield from _wide_trust(context, ("roles", key, "trust", index), role, entry, production)


def _is_declared(context: Context, entry: TrustEntry) -> bool:
    """Tell whether the inventory has everything that is trusted; anything missing or faulty has a finding already."""
    workspace = context.inventory.workspaces.get(entry.workspace)
    return workspace is not None and (entry.repository is None or entry.repository_slug in workspace.repositories)


def _wide_trust(
    context: Context, at: Path, role: Role, entry: TrustEntry, production: Mapping[str, str]
) -> Iterator[Fault]:
    whole = entry.dangerously_whole_workspace is not None
    where = (*at, "dangerously_whole_workspace" if whole else "steps")
    who = f"{'workspace' if whole else 'repository'}-wide: {_who(entry)} can assume this role"
    reached = [key for key in context.selector.selected(role) if key in production] if production else []
    if reached:
        others = len(reached) - 1
        accounts = f" and {others} other account{'s' if others > 1 else ''}" if others else ", an account"
        rule = "production-outside-environments"
        message = f"{who} in {reached[0]}{accounts} labelled for production ({production[reached[0]]})"
        instead = "trust named `environments` there, and declare another role for the other accounts"
    elif _accepts_production(context, where):
        return
    elif whole:
        rule, message = "whole-workspace-trust", f"{who}, so whoever can push to any of them can"
        instead = "name repositories and their `environments`"
    else:
        rule, message = "repository-wide-trust", f"{who}, so whoever can push a branch can"
        instead = "trust `environments: […]` that Bitbucket restricts"
    yield Fault(rule, where, message, f"{instead}, or accept it here: `allow: {{{rule}: WHY}}`")


def _accepts_production(context: Context, at: Path) -> bool:
    """Tell whether the entry accepts production while some accounts are unknown or faulty.

    Other reasons why the entry is wide are reported once these accounts are known.
    """
    unknown = context.is_incomplete or context.names("accounts") != context.inventory.accounts.keys()
    path = context.sources.source_path(at)
    return unknown and accepted(context.sources.data, "production-outside-environments", path) is not None


def _who(entry: TrustEntry) -> str:
    if entry.repository is None:
        return f"any step of any repository of {entry.workspace}, future ones included,"
    if entry.steps is Steps.ALL_INCLUDING_ENVIRONMENTS:
        return f"any step of any branch of {entry.repository}, in any deployment environment or none,"
    return f"any step of any branch of {entry.repository} that is in no deployment environment"


def check_pairs(context: Context) -> Iterator[Fault]:
    """Yield a role with a plan role that trusts steps outside deployment environments itself."""
    for key, role in context.inventory.roles.items():
        if role.plan_role is None:
            continue
        for index, entry in enumerate(role.trust):
            at: Path = ("roles", key, "trust", index)
            if entry.steps is not None:
                yield from _pair((*at, "steps"), f"steps {entry.steps.value}")
            elif entry.dangerously_whole_workspace is not None:
                yield from _pair((*at, "dangerously_whole_workspace"), "a whole workspace")


def _pair(at: Path, who: str) -> Iterator[Fault]:
    message = f"{who} may assume this role itself, so any branch gets its permissions, with or without the plan role"
    yield Fault("pair-not-bound", at, message, "trust `environments: […]` here, and other steps under plan_role alone")


TRUSTED_FOR = timedelta(days=180)
"""How long a review of the restrictions counts: PCI DSS 4.0 asks for access reviews every six months (7.2.4)."""

_ELSEWHERE = timedelta(days=1)
"""In the reviewer's time zone it may be tomorrow already."""


def check_restrictions(context: Context) -> Iterator[Fault]:
    """Yield reviews of deployment restrictions that are too old, or dated in the future."""
    for slug, workspace in context.inventory.workspaces.items():
        for name, repository in workspace.repositories.items():
            for environment, declared in repository.environments.items():
                if (day := declared.restrictions_checked) is None:
                    continue
                at: Path = ("workspaces", slug, "repositories", name, "environments", environment)
                if day > context.today + _ELSEWHERE:
                    message, hint = f"{day} is in the future", "write the day on which somebody checked"
                    yield Fault("bad-value", (*at, "restrictions_checked"), message, hint)
                elif (age := context.today - day) > TRUSTED_FOR:
                    message = f"nobody has checked the deployment restrictions of {environment} for {age.days} days"
                    hint = f"check them in Bitbucket (Repository settings → Deployments), and write {context.today}"
                    yield Fault("restrictions-check-old", (*at, "restrictions_checked"), message, hint)
