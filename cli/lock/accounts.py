"""The part of `bitbucket-oidc lock` that asks AWS: the selected accounts, and what each account has."""

from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from access.compile import compile_plan
from cli.inventory import named_guardrails
from config.findings import Finding, did_you_mean, one_line
from config.load import Loaded, load_inventory
from config.lock.models import ACCOUNT, Lock
from facts.aws.callers import CallSettings
from facts.aws.refresh import OnProgress, refresh_accounts, refresh_selection
from facts.issuer.connect import is_on_this_machine
from facts.lock_refresh import Refreshed
from oidc.errors import UsageError
from oidc.limits import ROLE_NAME


@dataclass(frozen=True, slots=True)
class FromAws:
    """The answers of AWS.

    Attributes:
        refreshed: The new lock and the discrepancies, with AWS's answers.
        errors: Errors of the inventory that appear only with the selected accounts; then no account was asked.
        failed: Accounts that did not answer: key and reason.
        notes: What could not be read, and is not a failure.
    """

    refreshed: Refreshed
    errors: tuple[Finding, ...]
    failed: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]


def call_settings(endpoint: str | None) -> CallSettings:
    """Return the settings for calls to AWS; raises UsageError for an endpoint that is not on this machine."""
    if endpoint is not None and not is_on_this_machine(endpoint):
        what = f"--aws-endpoint {one_line(endpoint)} is not on this machine"
        raise UsageError(what, do="remove it: only the sandbox uses it, as http://127.0.0.1:4566")
    return CallSettings(endpoint)


def checked_role_name(option: str, name: str | None) -> str | None:
    """Return the name of a role; raises UsageError for anything else, such as an ARN."""
    if name is not None and ROLE_NAME.fullmatch(name) is None:
        what = f"{option} {one_line(name)} is not the name of a role"
        raise UsageError(what, do="write only the name, without a path")
    return name


def accepted_uses(names: Collection[str], current: Loaded) -> frozenset[str]:
    """Return ``prod/acme`` for ``account:prod/acme``; raises UsageError for an unknown account or workspace."""
    workspaces = {
        slug for key, workspace in current.inventory.workspaces.items() for slug in (key, *workspace.previous_slugs)
    }
    known = {f"{ACCOUNT}{key}/{slug}" for key in current.inventory.accounts for slug in workspaces}
    for name in names:
        if name not in known:
            what = f"--accept {one_line(name)}: the inventory has no such account and workspace"
            raise UsageError(what, do=did_you_mean(name, known, "copy the name from the finding"))
    return frozenset(name.removeprefix(ACCOUNT) for name in names)


def ask_aws(
    inventory: Path,
    current: Loaded,
    refreshed: Refreshed,
    settings: CallSettings,
    *,
    reading_role: str | None,
    deploying_role: str | None,
    accepted: Collection[str],
    blocking: Callable[[Iterable[Finding]], Sequence[Finding]],
    progress: AbstractContextManager[OnProgress],
) -> FromAws:
    """Ask the organization, if the inventory selects accounts from it, and then the accounts.

    Args:
        inventory: The path of the inventory.
        current: The loaded inventory.
        refreshed: The answers of Bitbucket, the issuers and Atlassian.
        settings: The settings for calls to AWS.
        reading_role: Name of the role to assume instead of each deploying role.
        deploying_role: Name of the deploying role of accounts that only a profile enters.
        accepted: Names ``ACCOUNT/WORKSPACE`` of OIDC providers whose result of `auto` may change.
        blocking: Returns the errors that a new lock cannot fix.
        progress: Shows the progress in accounts.

    Raises:
        AwsError: The organization could not be read.
    """
    lock, notes = _with_selection(current, refreshed.lock, settings)
    again = load_inventory(inventory, guardrails=named_guardrails(), lock=lock)
    if errors := blocking(again.findings):
        return FromAws(replace(refreshed, lock=lock), tuple(errors), (), notes)
    with progress as on_progress:
        accounts = refresh_accounts(
            lock,
            compile_plan(again).sound,
            again.inventory,
            settings,
            reading_role=reading_role,
            deploying_role=deploying_role,
            accepted=accepted,
            on_progress=on_progress,
        )
    return FromAws(
        replace(refreshed, lock=accounts.lock, discrepancies=refreshed.discrepancies + accounts.discrepancies),
        (),
        tuple((failed.key, str(failed.error)) for failed in accounts.failed),
        notes + accounts.notes,
    )


def _with_selection(current: Loaded, lock: Lock, settings: CallSettings) -> tuple[Lock, tuple[str, ...]]:
    selection = current.inventory.accounts_from
    if selection is None:
        answers: dict[Any, str] = {part: digest for part, digest in lock.answers.items() if part != "accounts_from"}
        return lock.model_copy(update={"selected_accounts": {}, "answers": answers}), ()
    raw = current.sources.data["accounts_from"]["organization"]
    listed = {
        key: account.id
        for key, account in current.inventory.accounts.items()
        if current.sources.source_path(("accounts", key))[0] == "accounts"
    }
    selected = refresh_selection(lock, selection.organization, raw, listed, settings)
    return selected.lock, selected.notes
