"""Trust that is wider than named deployment environments: it works, and whoever reads it should know what it means.

AWS sees neither branch nor person, so a trust that names no deployment environment is open to whoever can push a branch
(https://support.atlassian.com/bitbucket-cloud/docs/deploy-on-aws-using-bitbucket-pipelines-openid-connect/).
"""

from collections.abc import Mapping

from config.cross_record.context import Context
from config.models.account import Account
from config.models.role import Role
from config.models.trust import Steps, TrustEntry
from config.yaml_document import Path

PRODUCTION = frozenset({"prod", "production", "prd", "live"})
"""Values of labels, in lower case, that say of an account that it is for production, whatever the label is called."""


def production_label(account: Account) -> str | None:
    """Return the label that says that an account is for production, ``env: prod``, or ``None``."""
    return next((f"{key}: {value}" for key, value in account.labels.items() if value.lower() in PRODUCTION), None)


def check_wide_trust(context: Context) -> None:
    """Report trust from outside named deployment environments; of what is true of one entry, the worst alone."""
    production = {
        key: label for key, account in context.inventory.accounts.items() if (label := production_label(account))
    }
    for key, role in context.inventory.roles.items():
        for index, entry in enumerate(role.trust):
            # A role with a plan role that trusts more than environments has an error already (``pairs``).
            if entry.environments is None and role.plan_role is None and _is_declared(context, entry):
                _report(context, ("roles", key, "trust", index), role, entry, production)


def _is_declared(context: Context, entry: TrustEntry) -> bool:
    """Tell whether the inventory has what is trusted; what it has not, or not in order, has a finding already."""
    workspace = context.inventory.workspaces.get(entry.workspace)
    return workspace is not None and (entry.repository is None or entry.repository_slug in workspace.repositories)


def _report(context: Context, at: Path, role: Role, entry: TrustEntry, production: Mapping[str, str]) -> None:
    whole = entry.dangerously_whole_workspace is not None
    where = (*at, "dangerously_whole_workspace" if whole else "steps")
    who = f"{'workspace' if whole else 'repository'}-wide: {_who(entry)} can assume this role"
    reached = [key for key in context.selector.selected(role) if key in production] if production else []
    if reached:
        others = len(reached) - 1
        accounts = f" and {others} other account{'s' if others > 1 else ''}" if others else ", an account"
        rule = "production-outside-environments"
        message = f"{who} in {reached[0]}{accounts} labelled for production ({production[reached[0]]})"
        instead = "trust named `environments` there, and give other accounts a role of their own"
    elif _accepts_production(context, where):
        return
    elif whole:
        rule, message = "whole-workspace-trust", f"{who}, so whoever can push to any of them can"
        instead = "name repositories and their `environments`"
    else:
        rule, message = "repository-wide-trust", f"{who}, so whoever can push a branch can"
        instead = "trust `environments: […]` that Bitbucket restricts"
    context.report(rule, where, message, f"{instead}, or accept it here: `allow: {{{rule}: WHY}}`")


def _accepts_production(context: Context, at: Path) -> bool:
    """Tell whether accounts are unknown, or at fault, that the entry accepts for production.

    That it is wide for another reason is told when they are known, if it is still true.
    """
    unknown = context.sources.lost or context.names("accounts") != context.inventory.accounts.keys()
    path = context.sources.written(at)
    return bool(unknown) and context.sources.allowances.reason("production-outside-environments", path) is not None


def _who(entry: TrustEntry) -> str:
    if entry.repository is None:
        return f"any step of any repository of {entry.workspace}, those of tomorrow included,"
    if entry.steps is Steps.ALL_INCLUDING_ENVIRONMENTS:
        return f"any step of any branch of {entry.repository}, in whatever deployment environment or none,"
    return f"any step of any branch of {entry.repository} that is in no deployment environment"
