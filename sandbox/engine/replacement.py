"""Replace a resource that must be deleted first; its dependents may have to be deleted before it."""

from collections import deque
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass, field

from fleet.pulumi_cli import urns
from fleet.pulumi_cli.steps import Operation, differing
from oidc.errors import SandboxError
from sandbox.engine.operations import Operations
from sandbox.engine.records import ResourceState
from sandbox.engine.values import UNKNOWN


@dataclass
class Dependents:
    """The dependencies between resources, by the state of the last run.

    A dependent that this run has registered already no longer depends on the resource: it would have had to wait for
    it. So the state of the last run is enough.
    """

    operations: Operations
    _of: dict[str, list[int]] | None = None
    _position: dict[int, int] = field(default_factory=dict)

    def delete_before(self, number: int, registered: Container[str]) -> None:
        """Delete a resource before its replacement is created; first delete the dependents that are replaced too.

        Raises:
            SandboxError: one of them is protected.
            BitbucketOidcError: one of them cannot be deleted.
        """
        going = self._replaced_with(number, registered)
        refuse_protected((self.operations.store.entries[entry] for entry in going), "replaced")
        for entry in reversed(going):
            self.operations.delete(entry, Operation.DELETE_REPLACED, keep_entry=True)

    def _replaced_with(self, root: int, registered: Container[str]) -> list[int]:
        """List the root and its dependents to be replaced, in the order in which they depend on one another."""
        entries = self.operations.store.entries
        replaced = {entries[root].urn: root}
        queue = deque(self._dependents(entries[root].urn))
        seen: set[int] = set()
        while queue:
            number = queue.popleft()
            if number in seen or number not in entries or entries[number].urn in registered:
                continue
            resource = entries[number]
            if resource.delete or resource.pending_replacement:
                continue
            if self._must_go(resource, set(replaced)):
                seen.add(number)
                replaced[resource.urn] = number
                queue.extend(self._dependents(resource.urn))
        return sorted(replaced.values(), key=lambda number: self._position[number])

    def _must_go(self, resource: ResourceState, replaced: set[str]) -> bool:
        """Ask its provider whether unknown values, in place of those of the replaced resources, replace it."""
        if not resource.custom or urns.is_provider(resource.type):
            return False
        touched = {key for key, needs in resource.property_dependencies.items() if replaced.intersection(needs)}
        if not touched.intersection(resource.inputs):
            return False
        inputs = {key: UNKNOWN if key in touched else value for key, value in resource.inputs.items()}
        plugin = self.operations.plugins.of(resource.urn, resource.provider)
        return bool(
            plugin.diff(
                resource.urn, resource.id, (resource.inputs, resource.outputs), inputs, resource.ignore_changes
            ).replaces
        )

    def _dependents(self, urn: str) -> list[int]:
        if self._of is None:
            self._of = {}
            for position, number in enumerate(self.operations.store.ordered()):
                self._position[number] = position
                for needed in self.operations.store.entries[number].needs():
                    self._of.setdefault(needed, []).append(number)
        return self._of.get(urn, [])


def refuse_protected(resources: Iterable[ResourceState], what: str) -> None:
    """Refuse to delete or replace protected resources.

    Raises:
        SandboxError: there is one; all of them are named.
    """
    protected = [resource.urn for resource in resources if resource.protect]
    if protected:
        raise SandboxError(
            f"protected resources would be {what}: {', '.join(protected)}",
            do="to keep an OIDC provider, name its workspace in keep_oidc_providers of the account; to delete it, "
            "set the stack config protectOidcProviders to false, run up, and then remove it",
        )


def settle_pending(operations: Operations) -> None:
    """Settle the pending operations of a crash that no registration has settled.

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
        for number in [
            key for key, entry in store.entries.items() if (entry.urn, entry.id) == (resource.urn, resource.id)
        ]:
            if not store.entries[number].pending_replacement:
                operations.read(plugin, number)
        store.commit(end=[pending])


def remove_unregistered(operations: Operations, registered: Container[str]) -> None:
    """Delete the resources of the state that were not registered, and the old resources of replacements.

    Raises:
        SandboxError: a protected resource is among them; nothing is deleted then.
        BitbucketOidcError: one cannot be deleted; those before it are.
    """
    settle_pending(operations)
    _remove(operations, lambda resource: resource.delete or resource.urn not in registered)


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
    # An entry marked as replaced does not count: the live entry of its URN keeps the protection.
    entries = operations.store.entries.values()
    refuse_protected((entry for entry in entries if goes(entry) and not entry.delete), "deleted")


def _remove(operations: Operations, goes: Callable[[ResourceState], bool]) -> None:
    _refuse(operations, goes)
    store = operations.store
    for number in reversed(store.ordered()):
        resource = store.entries[number]
        if goes(resource):
            operations.delete(number, Operation.DELETE_REPLACED if resource.delete else Operation.DELETE)


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
