"""Provider instances of a run: one for each provider resource, from the program or from the state."""

import asyncio
from collections.abc import Callable, Mapping

from pulumi.provider.experimental.provider import Provider

from fleet.pulumi_cli import urns
from oidc.errors import SandboxError
from sandbox.engine.loopback import check_endpoints, with_endpoints
from sandbox.engine.plugin import Plugin
from sandbox.engine.records import ResourceState
from sandbox.engine.registration import OTHER_ENGINE
from sandbox.engine.store import StateStore
from sandbox.engine.values import UNKNOWN, Properties, contains_unknown

ProviderFactories = Mapping[str, Callable[[], Provider]]
"""A factory of provider instances for each package, such as ``aws``."""


class Plugins:
    """Finds the instance for a provider reference (``URN::ID``), and makes it if necessary.

    Args:
        factories: Make the instances.
        store: The state, for provider resources that the program no longer registers.
        endpoints: The present endpoints of the emulated AWS, for provider resources from the state.
    """

    def __init__(self, factories: ProviderFactories, store: StateStore, endpoints: Mapping[str, str]) -> None:
        self._factories = factories
        self._store = store
        self._endpoints = endpoints
        self._loop = asyncio.new_event_loop()
        self._configured: dict[str, tuple[Plugin, Properties]] = {}

    def close(self) -> None:
        """Close the event loop of the providers."""
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    def make(self, urn: str) -> Plugin:
        """Make an instance that is not configured yet.

        Raises:
            SandboxError: The package has no provider.
        """
        package = urns.resource_type(urn).removeprefix(urns.PROVIDER_TYPE_PREFIX)
        factory = self._factories.get(package)
        if factory is None:
            known = ", ".join(sorted(self._factories))
            raise SandboxError(
                f"{urn}: the built-in engine has no provider for the package {package} (it has: {known})",
                do=OTHER_ENGINE,
            )
        return Plugin(factory(), self._loop)

    def configure(self, urn: str, identity: str, plugin: Plugin, inputs: Properties) -> None:
        """Configure an instance and keep it for the reference ``urn::identity``, unless it has this configuration.

        Raises:
            SandboxError: an endpoint is not on loopback, or the configuration is not known yet.
        """
        given = _configuration(inputs)
        if contains_unknown(given):
            raise SandboxError(
                f"{urn}: its configuration is only known after an update, which the built-in engine does not implement",
                do=f"give it plain values, or {OTHER_ENGINE}",
            )
        if urns.resource_type(urn) == urns.PROVIDER_TYPE_PREFIX + "aws":
            check_endpoints(urn, given)
        key = _key(f"{urn}::{identity}")
        if key in self._configured and self._configured[key][1] == given:
            return
        plugin.configure(urn, given)
        self._configured[key] = plugin, given

    def of(self, urn: str, reference: str) -> Plugin:
        """Return the instance for a resource.

        Args:
            urn: The resource, for the message.
            reference: The reference of its provider resource.

        Raises:
            SandboxError: the resource names no provider resource, or one that is in neither program nor state.
        """
        if not reference:
            package = urns.resource_type(urn).split(":", 1)[0]
            raise SandboxError(
                f"{urn}: it would use the default provider of {package}, which the built-in engine does not have",
                do=f"give the resource, or a parent of it, an explicit provider, or {OTHER_ENGINE}",
            )
        configured = self._configured.get(_key(reference))
        return configured[0] if configured is not None else self._from_state(urn, reference)

    def _from_state(self, urn: str, reference: str) -> Plugin:
        provider_urn, identity = reference.rsplit("::", 1)
        resource = self._in_state(provider_urn, identity)
        if resource is None:
            raise SandboxError(f"{urn}: its provider {reference} is neither in the program nor in the state")
        inputs = with_endpoints(resource.inputs, self._endpoints) if self._endpoints else resource.inputs
        self.configure(provider_urn, identity, self.make(provider_urn), inputs)
        return self._configured[_key(reference)][0]

    def _in_state(self, urn: str, identity: str) -> ResourceState | None:
        number = self._store.live(urn)
        if number is not None and self._store.entries[number].id == identity:
            return self._store.entries[number]
        return next((entry for entry in self._store.entries.values() if (entry.urn, entry.id) == (urn, identity)), None)


def _key(reference: str) -> str:
    """Identify an instance by its id, which stays when the resource is renamed; by its URN before there is an id."""
    urn, identity = reference.rsplit("::", 1)
    return identity if identity not in {"", UNKNOWN} else urn


def _configuration(inputs: Properties) -> Properties:
    """Leave out what the engine itself keeps beside the configuration: the package's version."""
    return {key: value for key, value in inputs.items() if key not in {"version", "__internal"}}
