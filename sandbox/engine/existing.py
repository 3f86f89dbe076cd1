"""Resources that exist already: those that the stack takes over (``import_``), and those that it only reads.

As in Pulumi's own engine (``ImportStep`` and ``ReadStep`` in ``pkg/resource/deploy/step.go``): an import reads the
resource by its id and puts it into the state as it is there; what the program wants otherwise is then changed as of
any resource, and what it ignores stays. A read of a resource that the stack managed lets go of it, and deletes
nothing, where both have the same id.
"""

from dataclasses import replace

from oidc.errors import SandboxError
from sandbox.engine.operations import Operations
from sandbox.engine.plugin import Plugin
from sandbox.engine.records import ResourceState
from sandbox.engine.registration import Registration
from sandbox.engine.steps import Operation


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
            do="give the imported resource another logical name, or run this with the Pulumi CLI",
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
            "built-in engine does not implement"
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
