"""One run: compare the program's registrations with the state, and apply the differences."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from fleet.pulumi_cli import urns
from fleet.pulumi_cli.steps import Operation, differing
from oidc.errors import SandboxError
from sandbox.engine.existing import Reading, import_resource, is_import, read_resource, with_old_values
from sandbox.engine.identity import Alias, Identity
from sandbox.engine.loopback import only_moved
from sandbox.engine.operations import Operations
from sandbox.engine.plugin import Difference, Plugin
from sandbox.engine.records import ResourceState
from sandbox.engine.registration import OTHER_ENGINE, ReadRequest, Registration, refuse_values
from sandbox.engine.replacement import Dependents, refuse_protected
from sandbox.engine.steps import property_changes
from sandbox.engine.values import UNKNOWN, Properties


@dataclass
class Deployment:
    """The program's registrations so far, compared with the state.

    Attributes:
        stack, project: The names in every URN.
        operations: Carries out the steps.
        reading: Reads each resource before it is compared.
        registered: The URNs of this run.
        moved: The earlier URN of each renamed resource, by its URN of this run.
    """

    stack: str
    project: str
    operations: Operations
    reading: Reading
    dependents: Dependents
    registered: dict[str, None] = field(default_factory=dict)
    moved: dict[str, str] = field(default_factory=dict)

    def register(self, goal: Registration) -> ResourceState:
        """Create or change one resource as the program requires; return its new state.

        Raises:
            BitbucketOidcError: This failed; the resource is unchanged, or the state records its changes.
        """
        identity = Identity(self.stack, self.project, goal.parent, goal.type, goal.name)
        if identity.urn in self.registered:
            raise SandboxError(f"two resources have the URN {identity.urn}", do="give one of them another logical name")
        number = self._former(identity, goal.aliases)
        self.registered[identity.urn] = None
        if not goal.custom:
            return self._component(identity.urn, goal, number)
        if urns.is_provider(goal.type):
            return self._provider(identity.urn, goal, number)
        return self._custom(identity.urn, goal, number)

    def read(self, request: ReadRequest) -> ResourceState:
        """Read an existing resource that the stack does not manage; return its state.

        Raises:
            BitbucketOidcError: it cannot be read, or does not exist.
        """
        identity = Identity(self.stack, self.project, request.parent, request.type, request.name)
        urn = identity.urn
        if urn in self.registered:
            raise SandboxError(f"two resources have the URN {urn}", do="give one of them another logical name")
        number = self.operations.store.live(urn)
        if number is None:
            number = self._former(identity, ())
        self.registered[urn] = None
        wanted = ResourceState(
            urn=urn,
            type=request.type,
            custom=True,
            id=request.id,
            inputs=request.inputs,
            parent=request.parent,
            dependencies=list(request.dependencies),
            provider=request.provider,
            aliases=[self.moved[urn]] if urn in self.moved else [],
        )
        plugin = self.operations.plugins.of(urn, request.provider)
        resource = read_resource(self.operations, plugin, wanted, number)
        refuse_values(resource.outputs, urn)
        return resource

    def register_outputs(self, urn: str, outputs: Properties) -> None:
        """Keep the outputs of a component, or of the stack.

        Raises:
            SandboxError: nothing of that URN was registered, or an output is of a kind that the state does not keep.
        """
        number = self.operations.store.live(urn)
        if number is None or urn not in self.registered:
            raise SandboxError(f"outputs were given for {urn}, which is not registered")
        refuse_values(outputs, urn)
        self.operations.store.commit(put={number: replace(self.operations.store.entries[number], outputs=outputs)})

    def outputs(self) -> Properties:
        """Return the stack's outputs."""
        urn = urns.make(self.stack, self.project, "", urns.STACK_TYPE, f"{self.project}-{self.stack}")
        number = self.operations.store.live(urn)
        return self.operations.store.entries[number].outputs if number is not None else {}

    def _former(self, identity: Identity, aliases: Sequence[Alias]) -> int | None:
        """Find the entry of the last run: under today's URN, or under an earlier one."""
        store = self.operations.store
        number = store.live(identity.urn)
        if number is not None:
            return number
        for earlier in identity.earlier_urns(aliases, self.moved):
            number = store.live(earlier)
            if number is not None and earlier not in self.registered:
                self.moved[identity.urn] = earlier
                return number
        return None

    def _wanted(self, urn: str, goal: Registration, old: ResourceState | None, inputs: Properties) -> ResourceState:
        return ResourceState(
            urn=urn,
            type=goal.type,
            custom=goal.custom,
            id=old.id if old else "",
            inputs=inputs,
            outputs=old.outputs if old else {},
            parent=goal.parent,
            protect=self._protected(goal),
            dependencies=list(goal.dependencies),
            provider=goal.provider,
            property_dependencies={key: list(urns_needed) for key, urns_needed in goal.property_dependencies.items()},
            additional_secret_outputs=list(goal.additional_secret_outputs),
            custom_timeouts=goal.custom_timeouts,
            retain_on_delete=goal.retain_on_delete,
            import_id=goal.import_id,
            aliases=[self.moved[urn]] if urn in self.moved else [],
            ignore_changes=list(goal.ignore_changes),
            created=old.created if old else "",
            modified=old.modified if old else "",
        )

    def _protected(self, goal: Registration) -> bool:
        if goal.protect is not None:
            return goal.protect
        parent = self.operations.store.live(goal.parent)
        return parent is not None and self.operations.store.entries[parent].protect

    def _component(self, urn: str, goal: Registration, number: int | None) -> ResourceState:
        store, report = self.operations.store, self.operations.report
        old = store.entries[number] if number is not None else None
        _same_kind(urn, goal, old)
        wanted = self._wanted(urn, goal, old, goal.inputs)
        if old is None:
            report.done(urn, Operation.CREATE)
            wanted = self.operations.stamped(wanted, created=True)
        elif old.inputs != goal.inputs:
            report.done(urn, Operation.UPDATE, differing(old.inputs, goal.inputs))
            wanted = self.operations.stamped(wanted)
        else:
            report.done(urn, Operation.SAME)
        store.commit(put={number or store.new_number(): wanted})
        return wanted

    def _provider(self, urn: str, goal: Registration, number: int | None) -> ResourceState:
        store, report, plugins = self.operations.store, self.operations.report, self.operations.plugins
        old = store.entries[number] if number is not None else None
        _same_kind(urn, goal, old)
        plugin = plugins.make(urn)
        inputs = plugin.check_config(urn, old.inputs if old else {}, goal.inputs)
        if goal.version:
            # The key under which Pulumi itself keeps it: pkg/resource/deploy/providers/registry.go, SetProviderVersion.
            inputs = {**inputs, "version": goal.version, "__internal": {}}
        wanted = replace(
            self._wanted(urn, goal, old, inputs), outputs={k: v for k, v in inputs.items() if k != "__internal"}
        )
        if old is None:
            wanted = self.operations.stamped(replace(wanted, id=self._new_id()), created=True)
            report.done(urn, Operation.CREATE)
        elif not only_moved(old.inputs, inputs):
            changes = differing(old.inputs, inputs)
            if plugin.diff_config(urn, old.id, old.inputs, inputs).replaces:
                raise SandboxError(
                    f"{urn}: its provider wants to be replaced, which the built-in engine does not implement",
                    do=OTHER_ENGINE,
                )
            wanted = self.operations.stamped(wanted)
            report.done(urn, Operation.UPDATE, changes)
        else:
            report.done(urn, Operation.SAME)
        plugins.configure(urn, wanted.id, plugin, inputs)
        store.commit(put={number or store.new_number(): wanted})
        return wanted

    def _new_id(self) -> str:
        return UNKNOWN if self.operations.preview else str(uuid.uuid4())

    def _custom(self, urn: str, goal: Registration, number: int | None) -> ResourceState:
        operations = self.operations
        plugin = operations.plugins.of(urn, goal.provider)
        number = self.reading.settled(urn, plugin, number)
        old = operations.store.entries[number] if number is not None else None
        _same_kind(urn, goal, old)
        if is_import(goal, old):
            wanted = self._wanted(urn, goal, None, goal.inputs)
            number = import_resource(operations, plugin, wanted, number, goal.import_id)
            old = operations.store.entries[number]
        elif old is not None and old.external:
            # A resource that was only read keeps its owner; the program now requires a managed one instead.
            operations.store.commit(drop=[number] if number is not None else [])
            old = number = None
        inputs = with_old_values(goal.inputs, old.inputs if old else None, goal.ignore_changes)
        inputs = plugin.check(urn, old.inputs if old else {}, inputs)
        refuse_values(inputs, urn)
        wanted = self._wanted(urn, goal, old, inputs)
        if old is None or number is None:
            return operations.create(plugin, _fresh(wanted), Operation.CREATE)
        difference = plugin.diff(urn, old.id, (old.inputs, old.outputs), inputs, list(goal.ignore_changes))
        if old.pending_replacement:
            changes = property_changes(difference.properties, old, inputs, difference.replaces)
            return operations.create(plugin, _fresh(wanted), Operation.REPLACE, number=number, changes=changes)
        if difference.replaces:
            return self._replace(plugin, goal, wanted, number, difference)
        if difference.changes or old.init_errors:
            return operations.update(plugin, old, wanted, number, property_changes(difference.properties, old, inputs))
        operations.store.commit(put={number: wanted})
        operations.report.done(urn, Operation.SAME)
        return wanted

    def _replace(
        self, plugin: Plugin, goal: Registration, wanted: ResourceState, number: int, difference: Difference
    ) -> ResourceState:
        operations = self.operations
        old = operations.store.entries[number]
        refuse_protected([old], "replaced")
        changes = property_changes(difference.properties, old, wanted.inputs, difference.replaces)
        first = difference.delete_before_replace if goal.delete_before_replace is None else goal.delete_before_replace
        if first:
            self.dependents.delete_before(number, self.registered)
            return operations.create(plugin, _fresh(wanted), Operation.REPLACE, number=number, changes=changes)
        beside = {number: replace(old, delete=True)}
        return operations.create(plugin, _fresh(wanted), Operation.REPLACE, beside=beside, changes=changes)


def _fresh(wanted: ResourceState) -> ResourceState:
    return replace(wanted, id="", outputs={}, created="", modified="")


def _same_kind(urn: str, goal: Registration, old: ResourceState | None) -> None:
    if old is not None and old.custom != goal.custom:
        raise SandboxError(f"{urn} was a {'resource' if old.custom else 'component'} and no longer is; rename it")
