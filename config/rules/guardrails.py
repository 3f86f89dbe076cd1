"""Guardrails: everything that they name exists. One that selects nothing by mistake would protect nothing."""

from collections.abc import Iterable, Iterator

from config.declared import accounts_in_words, unknown_account, unknown_workspace
from config.findings import Fault
from config.known_names import meant_policy
from config.models.account import AccountsByLabel
from config.models.guardrail_values import WHOLE_FOLDER
from config.models.guardrails import GuardrailRule
from config.policy.reference import PolicyReference
from config.rules.accounts import KnownLabels
from config.rules.context import Context
from config.rules.permissions import managed_policy_faults, misspelt_policy
from config.selectors import is_glob
from config.yaml.document import Path
from config.yaml.text import exists, is_folder


def check_guardrails(context: Context) -> Iterator[Fault]:
    """Yield accounts, workspaces, files and folders that guardrails name and that do not exist."""
    guardrails = context.inventory.guardrails
    if guardrails is None:
        return
    for key, rule in guardrails.rules.items():
        at: Path = ("guardrails", "rules", key)
        if "accounts" in rule.model_fields_set:
            yield from _check_accounts(context, (*at, "accounts"), rule.accounts)
        if rule.accounts == ():
            message, hint = "this selects no account", "select some, or remove `accounts` for every account"
            yield Fault("guardrail-selects-nothing", (*at, "accounts"), message, hint)
        yield from _check_repositories(context, (*at, "repositories"), rule.repositories or ())
        yield from _check_policies(at, rule)
    for path, folder in guardrails.folders.items():
        at = ("guardrails", "folders", path)
        if not is_folder(context.sources.folder / path):
            yield from _path_fault(at, f"there is no folder {path} in the inventory")
        yield from _check_accounts(context, (*at, "accounts"), folder.accounts)
        yield from _check_repositories(context, (*at, "repositories"), folder.repositories)
    for index, path in enumerate(guardrails.platform):
        if path != WHOLE_FOLDER and not exists(context.sources.folder / path):
            yield from _path_fault(("guardrails", "platform", index), f"there is no {path} in the inventory")


def _check_policies(at: Path, rule: GuardrailRule) -> Iterator[Fault]:
    """Yield misspelt names of policies that AWS manages; `forbidden_managed_policies` takes any case, and no path."""
    for index, boundary in enumerate(rule.permissions_boundary or ()):
        yield from managed_policy_faults((*at, "permissions_boundary", index), boundary)
    for key in ("allowed_managed_policies", "forbidden_managed_policies"):
        for index, glob in enumerate(getattr(rule, key) or ()):
            owner, _, name = glob.partition(":")
            meant = meant_policy(name) if owner == "aws" and not is_glob(name) else None
            if meant is None:
                continue
            is_named = name.lower() in (meant.lower(), meant.lower().rpartition("/")[2])
            if key == "allowed_managed_policies" or not is_named:
                yield misspelt_policy((*at, key, index), PolicyReference("aws", name), meant)


def _path_fault(at: Path, message: str) -> Iterator[Fault]:
    hint = "correct the path, which is relative to the inventory folder; or remove it until it exists"
    yield Fault("guardrail-selects-nothing", at, message, hint, of_key=at[1] == "folders")


def _check_accounts(context: Context, at: Path, selection: tuple[str, ...] | AccountsByLabel) -> Iterator[Fault]:
    known = context.names("accounts")
    # An account that has a fault may be the intended one.
    all_known = known == context.inventory.accounts.keys()
    by_label = isinstance(selection, AccountsByLabel)
    names: Iterable[str] = selection.exclude if isinstance(selection, AccountsByLabel) else selection
    unknown = False
    for index, name in enumerate(names):
        where = (*at, "exclude", index) if by_label else (*at, index)
        if not is_glob(name) and name not in known:
            unknown = True
            yield unknown_account(known, context.inventory.accounts, name, where)
        elif all_known and not context.selector.matching([name]):
            effect = ": it excludes nothing" if by_label else ""
            message = f"`{name}` matches no account{effect}"
            yield Fault("guardrail-selects-nothing", where, message, accounts_in_words(known, name))
    mislabelled = list(KnownLabels(context).faults((*at, "labels"), selection))
    yield from mislabelled
    if (
        isinstance(selection, AccountsByLabel)
        and all_known
        and not (unknown or mislabelled or context.selector.selected_by(selection))
    ):
        labels = ", ".join(f"{key}: {value}" for key, value in sorted(selection.labels.items()))
        message = f"no account has the labels {labels}"
        hint = "write labels that an account has, or remove this until an account has them"
        yield Fault("guardrail-selects-nothing", at, message, hint)


def _check_repositories(context: Context, at: Path, repositories: tuple[str, ...]) -> Iterator[Fault]:
    for index, pattern in enumerate(repositories):
        workspace = pattern.partition("/")[0]
        if (problem := unknown_workspace(context.sources.data, workspace, (*at, index))) is not None:
            yield problem
