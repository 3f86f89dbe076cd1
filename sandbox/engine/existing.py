"""Resources that exist in AWS: read before they are compared, imported (``import_``), or only read (``get``).

As in Pulumi's own engine (``ImportStep`` and ``ReadStep`` in ``pkg/resource/deploy/step.go``): an import reads the
resource by its id and puts it into the state as it is in AWS. What the program wants otherwise is then changed as for
any resource, and what it ignores stays. Where a program only reads a resource that the stack managed, and the id is the
same, the resource leaves the stack and stays in AWS.
"""

import copy
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from oidc.errors import BitbucketOidcError, SandboxError
from sandbox.engine import urns
from sandbox.engine.operations import Operations
from sandbox.engine.plugin import Plugin
from sandbox.engine.records import ResourceState
from sandbox.engine.registration import OTHER_ENGINE, Registration
from sandbox.engine.steps import Operation, differing
from sandbox.engine.values import Properties


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


def is_import(goal: Registration, old: ResourceState | None) -> bool:
    """Say whether a registration is to take over a resource: where the state does not have that one already."""
    if not goal.import_id:
        return False
    return old is None or old.external or goal.import_id != (old.import_id or old.id)


def import_resource(
    operations: Operations, plugin: Plugin, wanted: ResourceState, number: int | None, import_id: str
) -> int:
    """Read a resource and put it into the state as it is in AWS; give its entry.

    Args:
        operations: What reports and records.
        plugin: Its provider.
        wanted: Its state as the program wants it, but for what is read.
        number: An entry of the same URN that was only read until now, or ``None``.
        import_id: The id to read it by.

    Raises:
        SandboxError: there is no such resource, or another one has its place in the state.
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
    """Read a resource that the stack does not manage, and take note of it in the state.

    Raises:
        SandboxError: there is no such resource, or the state has another one of its URN that the stack manages.
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
    found = replace(
        wanted,
        id=identity,
        outputs=outputs,
        external=True,
        created=old.created if old else "",
        modified=old.modified if old else "",
    )
    if old is None or (old.inputs, old.outputs) != (found.inputs, found.outputs):
        found = operations.stamped(found)
    operations.store.commit(put={number or operations.store.new_number(): found})
    return found


def _missing(urn: str, identity: str) -> SandboxError:
    return SandboxError(f"{urn}: resource '{identity}' does not exist")


_PART = re.compile(r"""\.?([^.\[\]"]+)|\[(\d+)\]|\["((?:[^"\\]|\\.)*)"\]""")


def with_old_values(new: Properties, old: Properties | None, paths: Sequence[str]) -> Properties:
    """Put the old value of each ignored path into new inputs; what had no value keeps none.

    Args:
        new: The inputs as the program gave them; left as they are.
        old: Those of the last run, ``None`` for a resource that is to be created.
        paths: Property paths, such as ``tags``, ``tags.Team``, ``tags["a.b"]`` or ``statements[0].effect``.

    Raises:
        SandboxError: a path is none, or has a wildcard.
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
        SandboxError: the path is none, or has a wildcard.
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
    head, rest = parts[0], parts[1:]
    if isinstance(head, str) and isinstance(new, dict):
        present = isinstance(old, dict) and head in old
        if rest and head in new:
            _copy(old[head] if isinstance(old, dict) and present else {}, new[head], rest)
        elif isinstance(old, dict) and present and not rest:
            new[head] = copy.deepcopy(old[head])
        elif not rest:
            new.pop(head, None)
    elif isinstance(head, int) and isinstance(new, list) and isinstance(old, list) and head < min(len(old), len(new)):
        if rest:
            _copy(old[head], new[head], rest)
        else:
            new[head] = copy.deepcopy(old[head])
