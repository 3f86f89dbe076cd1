"""The built-in engine: its operations on one stack."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from fleet.pulumi_cli import urns
from fleet.pulumi_cli.steps import LogMessage, Step, Summary
from oidc.errors import SandboxError
from sandbox.engine.deployment import Deployment
from sandbox.engine.existing import Reading
from sandbox.engine.journal import Journal, fold, open_store
from sandbox.engine.monitor import Log, Monitor
from sandbox.engine.operations import Operations
from sandbox.engine.plugins import Plugins, ProviderFactories
from sandbox.engine.program import Program, run
from sandbox.engine.replacement import Dependents, refresh_all, remove_everything, remove_unregistered
from sandbox.engine.state_file import StateFile, Writer, locked, write_bytes
from sandbox.engine.steps import Reporter
from sandbox.engine.store import StateStore


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _ignore(_event: object) -> None:
    """Do nothing."""


class BuiltinEngine:
    """Runs a Pulumi program without the Pulumi CLI, against emulated AWS accounts.

    Args:
        program: The program and its names.
        state_file: The file of the state; lock, journal and backup are beside it.
        provider_factories: The factory of the provider for each package, such as ``{"aws": SmallAwsProvider}``.
        on_step: Called when a step begins, is done or has failed; may be called from other threads, one at a time.
        on_log: Called with what the program logs.
        endpoints: The present endpoints of the emulated AWS, such as ``{"iam": "http://127.0.0.1:4566", "sts": …}``.
            They replace the endpoints of an earlier run in AWS provider resources from the state. Empty: no change.
        now: The clock.
        write: Writes state and journal.
    """

    def __init__(
        self,
        program: Program,
        state_file: Path,
        provider_factories: ProviderFactories,
        on_step: Callable[[Step], None] = _ignore,
        *,
        on_log: Callable[[LogMessage], None] = _ignore,
        endpoints: Mapping[str, str] | None = None,
        now: Callable[[], datetime] = _utc_now,
        write: Writer = write_bytes,
    ) -> None:
        self._program = program
        self._file = StateFile(state_file, now=now, write=write)
        self._lock = state_file.with_name(state_file.name + ".lock")
        self._factories = provider_factories
        self._on_step = on_step
        self._on_log = on_log
        self._endpoints = endpoints or {}
        self._now = now
        self._write = write

    def up(self, *, refresh: bool = True) -> Summary:
        """Create, update and delete resources as the program requires.

        Args:
            refresh: Read each resource before comparing it, so that changes made outside the stack are reverted.

        Raises:
            BitbucketOidcError: A step failed; the state has all steps before it.
        """
        with locked(self._lock, now=self._now), self._opened(writable=True) as (store, plugins):
            return self._deploy(self._operations(store, plugins, preview=False), refresh=refresh)

    def preview(self, *, refresh: bool = True) -> Summary:
        """Report the steps that ``up`` would do; write nothing.

        Raises:
            BitbucketOidcError: ``up`` would fail too.
        """
        with self._opened(writable=False) as (store, plugins):
            return self._deploy(self._operations(store, plugins, preview=True), refresh=refresh)

    def refresh(self) -> Summary:
        """Update the state from AWS; do not change AWS, and do not run the program.

        Raises:
            BitbucketOidcError: a resource cannot be read.
        """
        with locked(self._lock, now=self._now), self._opened(writable=True) as (store, plugins):
            operations = self._operations(store, plugins, preview=False)
            refresh_all(operations)
            return operations.report.summary(self._deployment(operations, refresh=False).outputs())

    def destroy(self) -> Summary:
        """Delete all resources in the state; do not run the program.

        Raises:
            SandboxError: a resource is protected; nothing is deleted then.
            BitbucketOidcError: a resource cannot be deleted; those before it are.
        """
        with locked(self._lock, now=self._now), self._opened(writable=True) as (store, plugins):
            operations = self._operations(store, plugins, preview=False)
            remove_everything(operations)
            return operations.report.summary({})

    def _deploy(self, operations: Operations, *, refresh: bool) -> Summary:
        deployment = self._deployment(operations, refresh=refresh)
        deployment.reading.everything()
        run(self._program, Monitor(deployment), Log(self._on_log), preview=operations.preview)
        remove_unregistered(operations, deployment.registered)
        return operations.report.summary(deployment.outputs())

    def _deployment(self, operations: Operations, *, refresh: bool) -> Deployment:
        return Deployment(
            self._program.stack, self._program.project, operations, Reading(operations, refresh), Dependents(operations)
        )

    def _operations(self, store: StateStore, plugins: Plugins, *, preview: bool) -> Operations:
        return Operations(store, plugins, Reporter(self._on_step), preview, self._now)

    @contextmanager
    def _opened(self, *, writable: bool) -> Iterator[tuple[StateStore, Plugins]]:
        store, journal = open_store(self._file, writable=writable, write=self._write)
        self._refuse_other_stack(store)
        plugins = Plugins(self._factories, store, self._endpoints)
        try:
            yield store, plugins
        finally:
            plugins.close()
            if journal is not None:
                self._fold(store, journal)

    def _fold(self, store: StateStore, journal: Journal) -> None:
        journal.close()
        if journal.written:
            fold(self._file, store)

    def _refuse_other_stack(self, store: StateStore) -> None:
        mine = (self._program.stack, self._program.project)
        for resource in store.entries.values():
            if urns.parts(resource.urn)[:2] != mine:
                stack, project = urns.parts(resource.urn)[:2]
                raise SandboxError(
                    f"{self._file.path} is the state of {project}/{stack}, not of {mine[1]}/{mine[0]}",
                    do="give this stack a separate state file",
                )
