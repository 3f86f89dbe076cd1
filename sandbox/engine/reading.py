"""Reading resources before they are compared: what others changed is seen, and what a crash left open is settled."""

from dataclasses import dataclass, field

from oidc.errors import BitbucketOidcError
from sandbox.engine import urns
from sandbox.engine.operations import Operations
from sandbox.engine.plugin import Plugin
from sandbox.engine.reporting import differing


@dataclass
class Reading:
    """What was read in one run.

    Attributes:
        operations: What reads.
        refresh: Whether each resource is read; what a crash left open is settled in any case.
    """

    operations: Operations
    refresh: bool
    _read_by: dict[int, Plugin] = field(default_factory=dict)

    def everything(self) -> None:
        """Read every resource before any is changed, each by its AWS provider of the last run.

        A later read could see what this run itself has done, and an `up` would then do other steps than the preview
        said. What cannot be read so is read when it is registered: its AWS provider may be another by then.
        """
        store, unreadable = self.operations.store, set[str]()
        open_urns = {operation.resource.urn for operation in store.pending.values()}
        for number in store.ordered() if self.refresh else ():
            one = store.entries[number]
            waits = one.delete or one.pending_replacement or one.urn in open_urns
            if not one.custom or urns.is_provider(one.type) or waits or one.provider in unreadable:
                continue
            try:
                plugin = self.operations.plugins.of(one.urn, one.provider)
                self._read(plugin, number)
            except BitbucketOidcError:
                unreadable.add(one.provider)
            else:
                self._read_by[number] = plugin

    def settled(self, urn: str, plugin: Plugin, number: int | None) -> int | None:
        """Settle what a crash left open for a resource that is registered, and read it anew where that is wanted.

        Args:
            urn: The resource.
            plugin: Its AWS provider in this run.
            number: Its entry, ``None`` when there is none.

        Returns:
            Its entry, ``None`` when there is none or it is gone.
        """
        crashed, number = self._after_crash(urn, plugin, number)
        wanted = crashed or (self.refresh and number is not None and self._read_by.get(number) is not plugin)
        if number is None or not wanted or self.operations.store.entries[number].pending_replacement:
            return number
        if crashed:
            # What differs may be what the crashed run did itself.
            return number if self.operations.read(plugin, number) is not None else None
        return self._read(plugin, number)

    def _after_crash(self, urn: str, plugin: Plugin, number: int | None) -> tuple[bool, int | None]:
        store, crashed = self.operations.store, False
        for pending, operation in list(store.pending.items()):
            if operation.resource.urn != urn:
                continue
            crashed = True
            if operation.type == "creating":
                found = self.operations.adopt(plugin, pending, operation.resource)
                number = found if found is not None else number
            else:
                store.commit(end=[pending])
        return crashed, number

    def _read(self, plugin: Plugin, number: int) -> int | None:
        """Read one resource and report what differs, as changed by others; give its entry, ``None`` when it is gone."""
        old = self.operations.store.entries[number]
        read = self.operations.read(plugin, number)
        self.operations.report.found_outside(old.urn, differing(old.outputs, read.outputs) if read else None)
        return number if read is not None else None
