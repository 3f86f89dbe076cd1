"""The operations on one resource: create, update, delete, read; each recorded in the state before and after.

In a preview no provider is called that could change anything, and nothing is recorded on disk.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from fleet.pulumi_cli import urns
from fleet.pulumi_cli.steps import Operation, PropertyChange
from oidc.errors import BitbucketOidcError, SandboxError
from sandbox.engine.plugin import PartlyCreatedError, Plugin
from sandbox.engine.plugins import Plugins
from sandbox.engine.records import PendingOperation, ResourceState
from sandbox.engine.registration import refuse_values
from sandbox.engine.steps import Reporter
from sandbox.engine.store import StateStore
from sandbox.engine.values import Properties


@dataclass(frozen=True)
class Operations:
    """What carries operations out.

    Attributes:
        preview: Whether this is a preview.
        now: The time, for ``created`` and ``modified``.
    """

    store: StateStore
    plugins: Plugins
    report: Reporter
    preview: bool
    now: Callable[[], datetime]

    def create(
        self,
        plugin: Plugin,
        wanted: ResourceState,
        operation: Operation,
        *,
        number: int | None = None,
        beside: Mapping[int, ResourceState] | None = None,
        changes: Mapping[str, PropertyChange] | None = None,
    ) -> ResourceState:
        """Create a resource.

        Args:
            plugin: Its provider.
            wanted: Its state, without id and outputs.
            operation: What to call it.
            number: The entry that it takes over, if there is one.
            beside: Entries that change in the same moment: the old resource of a replacement.
            changes: What differs from the resource that it replaces.

        Raises:
            BitbucketOidcError: It was not created; or it was created and could not be read, and the state has it.
        """
        with self.report.step(wanted.urn, operation, changes, wanted.inputs):
            if self.preview:
                created = replace(wanted, outputs=self._previewed_create(plugin, wanted))
                self.store.commit(put={**(beside or {}), number or self.store.new_number(): created})
                return created
            pending = self.store.begin(PendingOperation("creating", wanted))
            try:
                identity, outputs = plugin.create(
                    wanted.urn, wanted.inputs, wanted.custom_timeouts.get("create", 0), preview=False
                )
            except PartlyCreatedError as error:
                partial = replace(wanted, id=error.identity, outputs=error.outputs, init_errors=[error.what])
                number = number or self.store.new_number()
                put = {**(beside or {}), number: self.stamped(partial, created=True)}
                self.store.commit(put=put, end=[pending])
                raise
            except BitbucketOidcError:
                self.store.commit(end=[pending])
                raise
            if not identity:
                raise SandboxError(f"{wanted.urn}: the provider created it but gave no id")
            created = self.stamped(replace(wanted, id=identity, outputs=outputs), created=True)
            put = {**(beside or {}), number or self.store.new_number(): created}
            self.store.commit(put=put, end=[pending])
        refuse_values(outputs, wanted.urn)
        return created

    def _previewed_create(self, plugin: Plugin, wanted: ResourceState) -> Properties:
        if not plugin.supports_preview:
            return wanted.inputs
        return plugin.create(wanted.urn, wanted.inputs, 0, preview=True)[1]

    def update(
        self,
        plugin: Plugin,
        old: ResourceState,
        wanted: ResourceState,
        number: int,
        changes: Mapping[str, PropertyChange],
    ) -> ResourceState:
        """Change a resource in place."""
        with self.report.step(wanted.urn, Operation.UPDATE, changes):
            if self.preview:
                updated = replace(wanted, outputs=self._previewed_update(plugin, old, wanted))
                self.store.commit(put={number: updated})
                return updated
            pending = self.store.begin(PendingOperation("updating", old))
            try:
                timeout = wanted.custom_timeouts.get("update", 0)
                outputs = plugin.update(
                    wanted.urn,
                    old.id,
                    old.outputs,
                    wanted.inputs,
                    timeout,
                    ignored=wanted.ignore_changes,
                    preview=False,
                )
            except BitbucketOidcError:
                self.store.commit(end=[pending])
                raise
            updated = self.stamped(replace(wanted, outputs=outputs))
            self.store.commit(put={number: updated}, end=[pending])
        refuse_values(outputs, wanted.urn)
        return updated

    def _previewed_update(self, plugin: Plugin, old: ResourceState, wanted: ResourceState) -> Properties:
        if not plugin.supports_preview:
            return wanted.inputs
        return plugin.update(
            wanted.urn, old.id, old.outputs, wanted.inputs, 0, ignored=wanted.ignore_changes, preview=True
        )

    def delete(self, number: int, operation: Operation, *, keep_entry: bool = False) -> None:
        """Delete a resource.

        Args:
            number: Its entry.
            operation: What to call it.
            keep_entry: Keep the entry, marked as waiting for its replacement.
        """
        old = self.store.entries[number]
        put = {number: replace(old, pending_replacement=True)} if keep_entry else {}
        drop = [] if keep_entry else [number]
        is_ours = old.custom and not old.external and not urns.is_provider(old.type)
        has_remote = is_ours and not old.pending_replacement
        if has_remote and old.retain_on_delete:
            operation = Operation.DISCARD
        if not has_remote or old.retain_on_delete or self.preview:
            self.store.commit(put=put, drop=drop)
            if not old.pending_replacement and not old.external:
                self.report.done(old.urn, operation, properties=old.inputs)
            return
        with self.report.step(old.urn, operation, properties=old.inputs):
            plugin = self.plugins.of(old.urn, old.provider)
            pending = self.store.begin(PendingOperation("deleting", old))
            try:
                plugin.delete(old.urn, old.id, old.outputs, old.custom_timeouts.get("delete", 0))
            except BitbucketOidcError:
                self.store.commit(end=[pending])
                raise
            self.store.commit(put=put, drop=drop, end=[pending])

    def read(self, plugin: Plugin, number: int) -> ResourceState | None:
        """Bring an entry in line with what AWS has; ``None`` when it is gone there."""
        old = self.store.entries[number]
        identity, inputs, outputs = plugin.read(old.urn, old.id, old.inputs, old.outputs)
        if not identity:
            self.store.commit(drop=[number])
            return None
        read = replace(old, id=identity, inputs=inputs or old.inputs, outputs=outputs, init_errors=[])
        if read != old:
            read = self.stamped(read)
            self.store.commit(put={number: read})
        return read

    def adopt(self, plugin: Plugin, pending: int, wanted: ResourceState) -> int | None:
        """Settle a creation that a crash cut off: take over what it made, if it made it.

        The provider is asked to find the resource by its inputs; the number of its entry is returned.
        """
        identity, inputs, outputs = plugin.read(wanted.urn, "", wanted.inputs, {})
        if not identity:
            self.store.commit(end=[pending])
            return None
        former = self.store.live(wanted.urn)
        adopted = self.stamped(
            replace(wanted, id=identity, inputs=inputs or wanted.inputs, outputs=outputs), created=True
        )
        if former is None or self._same_resource(former, identity):
            number = former or self.store.new_number()
            self.store.commit(put={number: adopted}, end=[pending])
            return number
        number = self.store.new_number()
        replaced = replace(self.store.entries[former], delete=True)
        self.store.commit(put={former: replaced, number: adopted}, end=[pending])
        return number

    def _same_resource(self, number: int, identity: str) -> bool:
        entry = self.store.entries[number]
        return entry.pending_replacement or entry.id == identity

    def stamped(self, resource: ResourceState, *, created: bool = False) -> ResourceState:
        """Set the times of a resource that was just created or changed."""
        time = self.now().isoformat().replace("+00:00", "Z")
        return replace(resource, created=time if created else resource.created, modified=time)
