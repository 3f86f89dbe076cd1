"""Guardrails: what they name is there. One that selects nothing by a slip would protect nothing, quietly."""

from collections.abc import Iterable

from config.declared import unknown_workspace
from config.findings import did_you_mean
from config.models.guardrail_values import WHOLE_FOLDER
from config.models.role import AccountsByLabel
from config.rules.context import Context
from config.selectors import is_glob
from config.yaml.document import Path
from config.yaml.text import is_folder, is_there


def check_guardrails(context: Context) -> None:
    """Report accounts, workspaces, files and folders that guardrails name and that are not there."""
    guardrails = context.inventory.guardrails
    if guardrails is None:
        return
    for key, rule in guardrails.rules.items():
        at: Path = ("guardrails", "rules", key)
        if "accounts" in rule.model_fields_set:
            _check_accounts(context, (*at, "accounts"), rule.accounts)
        if rule.accounts == ():
            message, hint = "this selects no account", "select some, or remove `accounts` for every account"
            context.report("guardrail-selects-nothing", (*at, "accounts"), message, hint)
        _check_repositories(context, (*at, "repositories"), rule.repositories or ())
    for path, folder in guardrails.folders.items():
        at = ("guardrails", "folders", path)
        if not is_folder(context.sources.folder / path):
            _report_path(context, at, f"there is no folder {path} in the inventory")
        _check_accounts(context, (*at, "accounts"), folder.accounts)
        _check_repositories(context, (*at, "repositories"), folder.repositories)
    for index, path in enumerate(guardrails.platform):
        if path != WHOLE_FOLDER and not is_there(context.sources.folder / path):
            _report_path(context, ("guardrails", "platform", index), f"there is no {path} in the inventory")


def _report_path(context: Context, at: Path, message: str) -> None:
    hint = "correct the path, which begins in the inventory folder; or remove it until there is something"
    context.sources.report("guardrail-selects-nothing", at, message, hint, of_key=at[1] == "folders")


def _check_accounts(context: Context, at: Path, wanted: tuple[str, ...] | AccountsByLabel) -> None:
    known = context.names("accounts")
    # An account with a fault of its own may be the one that is meant.
    all_known = known == context.inventory.accounts.keys()
    by_label = isinstance(wanted, AccountsByLabel)
    names: Iterable[str] = wanted.exclude if isinstance(wanted, AccountsByLabel) else wanted
    unknown = False
    for index, name in enumerate(names):
        where = (*at, "exclude", index) if by_label else (*at, index)
        if not is_glob(name) and name not in known:
            unknown = True
            hint = did_you_mean(name, known, f"the accounts are {', '.join(sorted(known)) or 'none yet'}")
            context.report("unknown-account", where, f"there is no account `{name}`", hint)
        elif all_known and not context.selector.matching([name]):
            hint = f"the accounts are {', '.join(sorted(known)) or 'none yet'}"
            effect = ": it leaves out nothing" if by_label else ""
            context.report("guardrail-selects-nothing", where, f"`{name}` matches no account{effect}", hint)
    if isinstance(wanted, AccountsByLabel) and all_known and not unknown and not context.selector.selected_by(wanted):
        labels = ", ".join(f"{key}: {value}" for key, value in sorted(wanted.labels.items()))
        message = f"no account has the labels {labels}"
        hint = "write labels as the accounts have them, or remove this until there is such an account"
        context.report("guardrail-selects-nothing", at, message, hint)


def _check_repositories(context: Context, at: Path, repositories: tuple[str, ...]) -> None:
    for index, pattern in enumerate(repositories):
        if (problem := unknown_workspace(context.sources.data, pattern.partition("/")[0])) is not None:
            context.report(problem.rule, (*at, index), problem.message, problem.hint)
