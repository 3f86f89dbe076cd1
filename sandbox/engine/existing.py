"""Resources that exist in AWS: read before they are compared, imported (``import_``), or only read (``get``).

As in Pulumi's own engine (``ImportStep`` and ``ReadStep`` in ``pkg/resource/deploy/step.go``), an import reads the
resource by its id and puts it into the state as it is in AWS. Properties that differ from the program are then updated
as for any resource; ignored properties stay. If a program only reads a resource that the stack managed, and the id is
the same, the resource is dropped from the state and stays in AWS.
"""

import copy
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from fleet.pulumi_cli import urns
from fleet.pulumi_cli.steps import Operation, differing
from oidc.errors import BitbucketOidcError, SandboxError
from sandbox.engine.operations import Operations
from sandbox.engine.plugin import Plugin
from sandbox.engine.records import ResourceState
from sandbox.engine.registration import OTHER_ENGINE, Registration
from sandbox.engine.values import Properties


@dataclass
class Reading:
    """The resources read in one run.

    Attributes:
        operations: Reads the resources.
        refresh: Whether each resource is read. Operations that a crash left pending are settled in any case.
    """

    operations: Operations
    refresh: bool
    _read_by: dict[int, Plugin] = field(default_factory=dict)

    def everything(self) -> None:
        """Read every resource before any is changed, each with its AWS provider of the last run.

        A later read could see changes of this run; `up` would then do other steps than its preview showed. A resource
        that cannot be read now is read when it is registered, as its AWS provider may be another one by then.
        """
        store, unreadable = self.operations.store, set[str]()
        open_urns = {operation.resource.urn for operation in store.pending.values()}
        for number in store.ordered() if self.refresh else ():
            resource = store.entries[number]
            waits = resource.delete or resource.pending_replacement or resource.urn in open_urns
            if not resource.custom or urns.is_provider(resource.type) or waits or resource.provider in unreadable:
                continue
            try:
                plugin = self.operations.plugins.of(resource.urn, resource.provider)
                self._read(plugin, number)
            except BitbucketOidcError:
                unreadable.add(resource.provider)
            else:
                self._read_by[number] = plugin

    def settled(self, urn: str, plugin: Plugin, number: int | None) -> int | None:
        """Settle a registered resource's pending operation after a crash; read the resource again on a refresh.

        Args:
            urn: The resource.
            plugin: Its AWS provider in this run.
            number: Its entry; ``None`` if it has no entry.

        Returns:
            Its entry; ``None`` if it has no entry or no longer exists.
        """
        crashed, number = self._after_crash(urn, plugin, number)
        wanted = crashed or (self.refresh and number is not None and self._read_by.get(number) is not plugin)
        if number is None or not wanted or self.operations.store.entries[number].pending_replacement:
            return number
        if crashed:
            # The differences may be changes of the crashed run.
            return number if self.operations.read(plugin, number) is not None else None
        return self._read(plugin, number)

    def _after_crash(self, urn: str, plugin: Plugin, number: int | None) -> tuple[bool, int | None]:
        store, crashed = self.operations.store, False
        for pending, operation in list(store.pending.items()):
            if operation.resource.urn != urn:
                continue
            crashed = True
            if operation.type == "creating":
                adopted = self.operations.adopt(plugin, pending, operation.resource)
                number = adopted if adopted is not None else number
            else:
                store.commit(end=[pending])
        return crashed, number

    def _read(self, plugin: Plugin, number: int) -> int | None:
        """Read one resource, and report differences as changes by others. Return its entry, ``None`` if it is gone."""
        old = self.operations.store.entries[number]
        read = self.operations.read(plugin, number)
        if read is None or not old.init_errors:  # what was never read has not changed
            self.operations.report.found_outside(old.urn, differing(old.outputs, read.outputs) if read else None)
        return number if read is not None else None


def is_import(goal: Registration, old: ResourceState | None) -> bool:
    """Tell whether a registration imports a resource, that is, whether the state does not have that resource yet."""
    if not goal.import_id:
        return False
    return old is None or old.external or goal.import_id != (old.import_id or old.id)


def import_resource(
    operations: Operations, plugin: Plugin, wanted: ResourceState, number: int | None, import_id: str
) -> int:
    """Read a resource, put it into the state as it is in AWS, and return its entry.

    Args:
        operations: Reports and records the import.
        plugin: Its provider.
        wanted: The program's desired state, without the values that are read.
        number: The entry of the same URN, if earlier runs only read the resource; else ``None``.
        import_id: The id to read it by.

    Raises:
        SandboxError: The resource does not exist, or the state has another one in its place.
    """
    old = operations.store.entries[number] if number is not None else None
    if old is not None and not old.external:
        raise SandboxError(
            f"{wanted.urn} is {old.id} in the state, and the program imports {import_id}: the built-in engine does not "
            "replace the one by the other",
            do=f"give the imported resource another logical name, or {OTHER_ENGINE}",
        )
    with operations.report.step(wanted.urn, Operation.IMPORT):
        identity, inputs, outputs = plugin.read(wanted.urn, import_id, {}, {})
        if not identity:
            raise _missing(wanted.urn, import_id)
        number = number or operations.store.new_number()
        imported = replace(wanted, id=identity, import_id=import_id, inputs=inputs, outputs=outputs, external=False)
        operations.store.commit(put={number: operations.stamped(imported, created=True)})
    return number


def read_resource(operations: Operations, plugin: Plugin, wanted: ResourceState, number: int | None) -> ResourceState:
    """Read a resource that the stack does not manage, and record it in the state.

    Raises:
        SandboxError: The resource does not exist, or the stack manages another one with its URN.
    """
    old = operations.store.entries[number] if number is not None else None
    if old is not None and not old.external and old.id != wanted.id:
        raise SandboxError(
            f"{wanted.urn} is {old.id} in the state, and the program reads {wanted.id} in its place, which the "
            "built-in engine does not implement",
            do=OTHER_ENGINE,
        )
    identity, _, outputs = plugin.read(wanted.urn, wanted.id, wanted.inputs, wanted.inputs)
    if not identity:
        raise _missing(wanted.urn, wanted.id)
    resource = replace(
        wanted,
        id=identity,
        outputs=outputs,
        external=True,
        created=old.created if old else "",
        modified=old.modified if old else "",
    )
    if old is None or (old.inputs, old.outputs) != (resource.inputs, resource.outputs):
        resource = operations.stamped(resource)
    operations.store.commit(put={number or operations.store.new_number(): resource})
    return resource


def _missing(urn: str, identity: str) -> SandboxError:
    return SandboxError(f"{urn}: resource '{identity}' does not exist")


_PART = re.compile(r"""\.?([^.\[\]"]+)|\[(\d+)\]|\["((?:[^"\\]|\\.)*)"\]""")


def with_old_values(new: Properties, old: Properties | None, paths: Sequence[str]) -> Properties:
    """Put the old value of each ignored path into new inputs; a path without an old value gets no value.

    Args:
        new: The inputs of the program; not changed.
        old: The inputs of the last run; ``None`` for a resource to create.
        paths: Property paths, such as ``tags``, ``tags.Team``, ``tags["a.b"]`` or ``statements[0].effect``.

    Raises:
        SandboxError: A path is not a property path, or has a wildcard.
    """
    if old is None or not paths:
        return new
    result = copy.deepcopy(new)
    for path in paths:
        _copy(old, result, parse_path(path))
    return result


def parse_path(path: str) -> list[str | int]:
    """Split a property path into keys and indices.

    Raises:
        SandboxError: It is not a property path, or has a wildcard.
    """
    parts: list[str | int] = []
    at = 0
    while at < len(path):
        match = _PART.match(path, at)
        if match is None or "*" in match[0]:
            raise SandboxError(
                f"ignoreChanges: the built-in engine does not know the property path {path!r}",
                do=f"write it as tags.Team or statements[0].effect, or {OTHER_ENGINE}",
            )
        key, index, quoted = match.groups()
        parts.append(int(index) if index is not None else key if key is not None else re.sub(r"\\(.)", r"\1", quoted))
        at = match.end()
    return parts


def _copy(old: object, new: object, parts: list[str | int]) -> None:
    head, below = parts[0], parts[1:]
    if isinstance(head, str) and isinstance(new, dict):
        present = isinstance(old, dict) and head in old
        if below and head in new:
            _copy(old[head] if isinstance(old, dict) and present else {}, new[head], below)
        elif isinstance(old, dict) and present and not below:
            new[head] = copy.deepcopy(old[head])
        elif not below:
            new.pop(head, None)
    elif isinstance(head, int) and isinstance(new, list) and isinstance(old, list) and head < min(len(old), len(new)):
        if below:
            _copy(old[head], new[head], below)
        else:
            new[head] = copy.deepcopy(old[head])
