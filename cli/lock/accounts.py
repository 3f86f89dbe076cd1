"""The part of `bitbucket-oidc lock` that asks AWS: which accounts are selected, and what each account holds."""

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
    """What came of asking AWS.

    Attributes:
        refreshed: With what AWS answered.
        in_the_way: Errors of the inventory that only show with the accounts that are selected; then none was asked.
        failed: Accounts that did not answer, by key, each with why.
        notes: What could not be read and is no failure.
    """

    refreshed: Refreshed
    in_the_way: tuple[Finding, ...]
    failed: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]


def call_settings(endpoint: str | None) -> CallSettings:
    """Return how AWS is called; raises UsageError for an endpoint that is not on this machine."""
    if endpoint is not None and not is_on_this_machine(endpoint):
        what = f"--aws-endpoint {one_line(endpoint)} is not on this machine"
        raise UsageError(what, do="leave it out: only the sandbox uses it, as http://127.0.0.1:4566")
    return CallSettings(endpoint)


def checked_role_name(name: str | None) -> str | None:
    """Return the name of a role; raises UsageError for anything else, such as an ARN."""
    if name is not None and ROLE_NAME.fullmatch(name) is None:
        what = f"--reading-role {one_line(name)} is not the name of a role"
        raise UsageError(what, do="write only the name; the role has the path of each deploying role")
    return name


def accepted_uses(names: Collection[str], found: Loaded) -> frozenset[str]:
    """Return ``prod/acme`` for ``account:prod/acme``; raises UsageError for what the inventory does not have."""
    workspaces = {slug for key, one in found.inventory.workspaces.items() for slug in (key, *one.previous_slugs)}
    known = {f"{ACCOUNT}{key}/{slug}" for key in found.inventory.accounts for slug in workspaces}
    for name in names:
        if name not in known:
            what = f"--accept {one_line(name)}: the inventory has no such account and workspace"
            raise UsageError(what, do=did_you_mean(name, known, "write it as the finding does"))
    return frozenset(name.removeprefix(ACCOUNT) for name in names)


def ask_aws(
    inventory: Path,
    found: Loaded,
    refreshed: Refreshed,
    settings: CallSettings,
    *,
    reading_role: str | None,
    accepted: Collection[str],
    in_the_way: Callable[[Iterable[Finding]], Sequence[Finding]],
    progress: AbstractContextManager[OnProgress],
) -> FromAws:
    """Ask the organization, if accounts are selected there, and then the accounts.

    Args:
        inventory: Its path.
        found: As loaded.
        refreshed: What the other parts of the world answered.
        settings: How AWS is called.
        reading_role: Name of the role to assume in place of each deploying role.
        accepted: Names ``ACCOUNT/WORKSPACE`` of which `auto` may come to something else.
        in_the_way: Gives the findings that no lock can put right.
        progress: Gives what is told how many of how many accounts are done.

    Raises:
        AwsError: The organization could not be asked.
    """
    lock, notes = _with_selection(found, refreshed.lock, settings)
    again = load_inventory(inventory, guardrails=named_guardrails(), lock=lock)
    if wrong := in_the_way(again.findings):
        return FromAws(replace(refreshed, lock=lock), tuple(wrong), (), notes)
    with progress as on_progress:
        asked = refresh_accounts(
            lock,
            compile_plan(again).sound,
            again.inventory,
            settings,
            reading_role=reading_role,
            accepted=accepted,
            on_progress=on_progress,
        )
    return FromAws(
        Refreshed(asked.lock, refreshed.discrepancies + asked.discrepancies, refreshed.uuids),
        (),
        tuple((failed.key, str(failed.error)) for failed in asked.failed),
        notes + asked.notes,
    )


def _with_selection(found: Loaded, lock: Lock, settings: CallSettings) -> tuple[Lock, tuple[str, ...]]:
    selection = found.inventory.accounts_from
    if selection is None:
        answers: dict[Any, str] = {part: one for part, one in lock.answers.items() if part != "accounts_from"}
        return lock.model_copy(update={"selected_accounts": {}, "answers": answers}), ()
    written = found.sources.data["accounts_from"]["organization"]
    listed = {
        key: account.id
        for key, account in found.inventory.accounts.items()
        if found.sources.source_path(("accounts", key))[0] == "accounts"
    }
    selected = refresh_selection(lock, selection.organization, written, listed, settings)
    return selected.lock, selected.notes
