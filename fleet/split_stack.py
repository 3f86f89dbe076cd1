"""Give each account of a stack its own stack: states are exported, taken apart and imported; AWS is not called."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from access.plan import AccountPlan
from fleet.backend import Backend
from fleet.pulumi_cli.stack_states import StackStates
from fleet.split_deployment import Deployment, accounts_of, split
from fleet.state import deployment_of
from oidc.errors import OutsideWorldError, StateError, UsageError


@dataclass(frozen=True, slots=True)
class Move:
    """An account that gets its own stack.

    Attributes:
        stack: The name of the new stack, the account's key: ``prod``.
        deployment: Its part of the state.
        is_done: Whether the stack already has exactly this part, from a run that ended early.
        exists: Whether the backend has the stack, without resources unless the move is done.
    """

    stack: str
    deployment: Deployment
    is_done: bool
    exists: bool

    @property
    def size(self) -> int:
        """Return the number of resources with an id in AWS; AWS providers and components have none."""
        return sum(
            bool(entry.get("custom")) and not entry["type"].startswith("pulumi:")
            for entry in self.deployment.get("resources") or []
        )


@dataclass(frozen=True, slots=True)
class SplitPlan:
    """What a split will do.

    Attributes:
        source: The stack of many accounts.
        moves: One for each account that moves.
        rest: The state that remains in the source, in the form of ``pulumi stack export``.
        rest_accounts: The accounts that remain in it.
        states: The states of all these stacks before, as ``pulumi stack export`` wrote them, by stack.
    """

    source: str
    moves: tuple[Move, ...]
    rest: Mapping[str, Any]
    rest_accounts: tuple[str, ...]
    states: Mapping[str, bytes]


def targets_of(accounts: Sequence[AccountPlan], source: str) -> dict[str, str]:
    """Return the stack for each account by the name of its component: its key or a previous key.

    An account whose key is the name of the source stays there.
    """
    return {
        name: account.key
        for account in accounts
        if account.key != source
        for name in (account.key, *account.previous_keys)
    }


def plan_split(states: StackStates, backend: Backend, source: str, targets: Mapping[str, str]) -> SplitPlan:
    """Export the states, and take that of the source apart. Nothing is changed.

    Args:
        states: The CLI.
        backend: Where the states are, for the locks.
        source: The stack of many accounts.
        targets: As ``targets_of`` returns them.

    Raises:
        UsageError: The source does not exist, has pending operations or none of the accounts; a stack is locked; the
            stack of an account exists with other resources; or a resource would be needed in two stacks.
        OutsideWorldError: The CLI fails, or a state cannot be read.
    """
    exported = _exported(states, backend, source)
    if exported is None:
        raise UsageError(f"there is no stack {source}", do="pulumi stack ls lists the stacks of the backend")
    document = json.loads(exported)
    deployment = document.get("deployment") or {}
    parts = split(deployment, source, targets)
    if not parts.parts:
        accounts = ", ".join(accounts_of(deployment)) or "none"
        raise UsageError(f"stack {source} has none of these accounts; its accounts: {accounts}")
    before, moves = {source: exported}, []
    for stack, part in parts.parts.items():
        state = _exported(states, backend, stack)
        moves.append(_move(stack, part, state))
        before |= {} if state is None else {stack: state}
    return SplitPlan(source, tuple(moves), {**document, "deployment": parts.rest}, parts.rest_accounts, before)


def back_up(plan: SplitPlan, folder: Path) -> None:
    """Write the states before the split into a new folder that only this user may read.

    Raises:
        OutsideWorldError: It exists, or cannot be written.
    """
    try:
        folder.mkdir(mode=0o700, parents=True)
        for stack, state in plan.states.items():
            (folder / f"{stack}.json").write_bytes(state)
    except OSError as error:
        raise OutsideWorldError(f"the backup {folder} cannot be written: {error.strerror}") from error


def run_split(states: StackStates, plan: SplitPlan, backups: Path, on_stack: Callable[[str], None]) -> None:
    """Import each part into its stack, then the rest into the source.

    Until the last import the source has everything. So the same split can be run again after a failure.

    Args:
        states: The CLI.
        plan: As ``plan_split`` returned it.
        backups: The folder of ``back_up``, for the message.
        on_stack: Called with each stack that is done.

    Raises:
        OutsideWorldError: The CLI fails, or somebody changed the source in the meantime.
    """
    try:
        for move in plan.moves:
            if not move.is_done:
                if not move.exists:
                    states.make(move.stack, move.deployment.get("secrets_providers"))
                states.replace(move.stack, {**plan.rest, "deployment": move.deployment})
            on_stack(move.stack)
        now = states.exported(plan.source)
        if now is None or deployment_of(now) != deployment_of(plan.states[plan.source]):
            raise StateError(f"another run has changed stack {plan.source} in the meantime")
        states.replace(plan.source, plan.rest)
        on_stack(plan.source)
    except OutsideWorldError as error:
        do = f"run the same command again: it continues; or go back to {backups}: {'; '.join(_back(plan, backups))}"
        raise type(error)(error.what, do=f"{error.do}; {do}" if error.do else do) from error


def _back(plan: SplitPlan, backups: Path) -> Iterator[str]:
    """Yield the commands that bring back the states before; none of them changes AWS."""
    before = [plan.source, *(move.stack for move in plan.moves if move.exists and not move.is_done)]
    for stack in before:
        yield f"pulumi stack import --stack {stack} --file {backups / stack}.json"
    for move in plan.moves:
        if move.stack not in before:
            yield f"pulumi stack rm --force --preserve-config --yes --stack {move.stack}"


def _exported(states: StackStates, backend: Backend, stack: str) -> bytes | None:
    record = backend.read(stack)
    if record.locks:
        raise UsageError(
            f"stack {stack} is locked by {record.locks[0]}",
            do=f"wait for that run; if it is dead: pulumi cancel --stack {stack}",
        )
    if record.has_empty_attributes:
        backend.mend_attributes(stack)
    return states.exported(stack)


def _move(stack: str, part: Deployment, state: bytes | None) -> Move:
    """Compare the part with the state that its stack has.

    Raises:
        UsageError: The stack has other resources, or pending operations.
    """
    if state is None:
        return Move(stack, part, is_done=False, exists=False)
    existing = deployment_of(state)
    resources = existing.get("resources") or []
    is_empty = not any(entry.get("custom") for entry in resources) and not existing.get("pending_operations")
    plain = deployment_of(json.dumps({"version": 3, "deployment": part}).encode())
    is_done = resources == plain["resources"] and not existing.get("pending_operations")
    if not is_empty and not is_done:
        raise UsageError(
            f"stack {stack} exists and has other resources than the account {stack} of this stack",
            do="compare both with pulumi stack export; remove what belongs to one of them with pulumi state delete",
        )
    return Move(stack, part, is_done=is_done, exists=True)
