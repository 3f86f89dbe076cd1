"""Deleting: what the program registers no more, what was replaced, or everything."""

from collections.abc import Callable, Container

from sandbox.engine import urns
from sandbox.engine.operations import Operations
from sandbox.engine.records import ResourceState
from sandbox.engine.replacement import refuse_protected
from sandbox.engine.reporting import differing
from sandbox.engine.steps import Operation


def settle_pending(operations: Operations) -> None:
    """Settle what a crash left open and no registration has settled.

    Raises:
        BitbucketOidcError: a resource cannot be read.
    """
    store = operations.store
    for pending, operation in list(store.pending.items()):
        resource = operation.resource
        plugin = operations.plugins.of(resource.urn, resource.provider)
        if operation.type == "creating":
            operations.adopt(plugin, pending, resource)
            continue
        for number in [key for key, one in store.entries.items() if (one.urn, one.id) == (resource.urn, resource.id)]:
            if not store.entries[number].pending_replacement:
                operations.read(plugin, number)
        store.commit(end=[pending])


def remove_unregistered(operations: Operations, registered: Container[str]) -> None:
    """Delete what is in the state and was not registered, and the old resources of replacements.

    Raises:
        SandboxError: a protected resource is among them; nothing is deleted then.
        BitbucketOidcError: one cannot be deleted; those before it are.
    """
    settle_pending(operations)
    _remove(operations, lambda one: one.delete or one.urn not in registered)


def remove_everything(operations: Operations) -> None:
    """Delete all resources.

    Raises:
        SandboxError: a protected resource is among them; nothing is deleted then.
        BitbucketOidcError: one cannot be deleted; those before it are.
    """
    _refuse(operations, lambda _: True)
    settle_pending(operations)
    _remove(operations, lambda _: True)


def _refuse(operations: Operations, goes: Callable[[ResourceState], bool]) -> None:
    # An entry marked as replaced has no say: its URN's live entry carries the protection on.
    refuse_protected((one for one in operations.store.entries.values() if goes(one) and not one.delete), "deleted")


def _remove(operations: Operations, goes: Callable[[ResourceState], bool]) -> None:
    _refuse(operations, goes)
    store = operations.store
    for number in reversed(store.ordered()):
        one = store.entries[number]
        if goes(one):
            operations.delete(number, Operation.DELETE_REPLACED if one.delete else Operation.DELETE)


def refresh_all(operations: Operations) -> None:
    """Bring every resource in the state in line with what AWS has.

    Raises:
        BitbucketOidcError: one cannot be read.
    """
    settle_pending(operations)
    store, report = operations.store, operations.report
    for number in store.ordered():
        old = store.entries[number]
        if not old.custom or urns.is_provider(old.type) or old.pending_replacement:
            continue
        read = operations.read(operations.plugins.of(old.urn, old.provider), number)
        if read is None:
            report.done(old.urn, Operation.FORGET)
            continue
        changes = differing(old.outputs, read.outputs)
        report.done(old.urn, Operation.REFRESH if changes else Operation.SAME, changes)
