"""One configured provider instance, called with plain values.

Providers are coroutines; the engine calls one at a time, on a private event loop.
"""

import asyncio
import hashlib
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pulumi.provider.experimental.provider import (
    CheckRequest,
    CheckResponse,
    ConfigureRequest,
    CreateRequest,
    DeleteRequest,
    DiffRequest,
    DiffResponse,
    Provider,
    ReadRequest,
    UpdateRequest,
)

from oidc.errors import BitbucketOidcError, SandboxError
from sandbox.engine.values import Properties, from_property_values, to_property_values

Result = TypeVar("Result")


class PartlyCreatedError(SandboxError):
    """A resource was created, but could not be read; the state keeps it, and the next run completes it.

    Pulumi's protocol: ``ErrorResourceInitFailed`` in ``proto/pulumi/provider.proto``.

    Attributes:
        identity: The id of the resource.
        outputs: Its outputs as far as they are known.
    """

    def __init__(self, identity: str, outputs: Properties, reason: str) -> None:
        super().__init__(f"{reason}; AWS has created it and the state keeps it", do="run the same command again")
        self.identity = identity
        self.outputs = outputs


@dataclass(frozen=True)
class Difference:
    """A provider's comparison of old state and new inputs.

    Attributes:
        changes: Whether anything differs.
        replaces: Properties whose change needs a new resource.
        properties: All properties that differ.
        delete_before_replace: Whether old and new cannot exist at the same time.
    """

    changes: bool
    replaces: tuple[str, ...]
    properties: tuple[str, ...]
    delete_before_replace: bool


class Plugin:
    """A provider instance; each method raises ``BitbucketOidcError`` when the provider fails.

    Attributes:
        supports_preview: Whether create and update may be called in a preview; set by ``configure``.
    """

    def __init__(self, provider: Provider, loop: asyncio.AbstractEventLoop) -> None:
        self._provider = provider
        self._loop = loop
        self.supports_preview = False

    def check_config(self, urn: str, old: Properties, new: Properties) -> Properties:
        """Validate the configuration and fill in its defaults."""
        request = CheckRequest(urn, to_property_values(old), to_property_values(new), b"")
        return _checked(urn, self._call(urn, self._provider.check_config(request)), new)

    def diff_config(self, urn: str, identity: str, old: Properties, new: Properties) -> Difference:
        """Compare two configurations."""
        request = DiffRequest(urn, identity, to_property_values(old), to_property_values(new), [])
        return _difference(self._call(urn, self._provider.diff_config(request)), old, new)

    def configure(self, urn: str, inputs: Properties) -> None:
        """Pass the configuration to the provider; call this before the other methods."""
        variables = {f"{urn.rsplit(':', 1)[-1]}:{key}": str(value) for key, value in inputs.items()}
        request = ConfigureRequest(variables, to_property_values(inputs), False, False)  # noqa: FBT003 - the SDK's order
        self.supports_preview = self._call(urn, self._provider.configure(request)).supports_preview

    def check(self, urn: str, old: Properties, new: Properties) -> Properties:
        """Validate inputs and fill in defaults; a name made up by the provider is the same for the same URN."""
        seed = hashlib.sha256(urn.encode()).digest()
        request = CheckRequest(urn, to_property_values(old), to_property_values(new), seed)
        return _checked(urn, self._call(urn, self._provider.check(request)), new)

    def diff(
        self, urn: str, identity: str, old: tuple[Properties, Properties], new: Properties, ignored: list[str]
    ) -> Difference:
        """Compare the present resource with the desired inputs.

        Args:
            urn: The resource.
            identity: Its id.
            old: Inputs and outputs as the state has them.
            new: The inputs wanted.
            ignored: Paths of properties whose changes do not count.
        """
        request = DiffRequest(urn, identity, to_property_values(old[1]), to_property_values(new), ignored)
        return _difference(self._call(urn, self._provider.diff(request)), old[0], new)

    def create(self, urn: str, inputs: Properties, timeout: float, *, preview: bool) -> tuple[str, Properties]:
        """Create a resource; return its id and outputs.

        Raises:
            PartlyCreatedError: It was created, but could not be read.
        """
        request = CreateRequest(urn, to_property_values(inputs), timeout, preview)
        response = self._call(urn, self._provider.create(request))
        return response.resource_id or "", from_property_values(response.properties)

    def read(
        self, urn: str, identity: str, inputs: Properties, outputs: Properties
    ) -> tuple[str, Properties, Properties]:
        """Read the resource; return id, inputs and outputs. An empty id means that it does not exist.

        With an empty ``identity``, the provider finds the resource by its inputs, if it can.
        """
        request = ReadRequest(urn, identity, to_property_values(outputs), to_property_values(inputs))
        response = self._call(urn, self._provider.read(request))
        inputs, outputs = from_property_values(response.inputs), from_property_values(response.properties)
        return response.resource_id or "", inputs, outputs

    def update(
        self,
        urn: str,
        identity: str,
        old: Properties,
        new: Properties,
        timeout: float,
        *,
        preview: bool,
        ignored: Sequence[str] = (),
    ) -> Properties:
        """Change a resource in place, except its ignored properties; return its outputs."""
        olds, news = to_property_values(old), to_property_values(new)
        request = UpdateRequest(urn, identity, olds, news, timeout, list(ignored), preview)
        return from_property_values(self._call(urn, self._provider.update(request)).properties)

    def delete(self, urn: str, identity: str, outputs: Properties, timeout: float) -> None:
        """Delete a resource."""
        request = DeleteRequest(urn, identity, to_property_values(outputs), timeout)
        self._call(urn, self._provider.delete(request))

    def _call(self, urn: str, coroutine: Coroutine[Any, Any, Result]) -> Result:
        try:
            return self._loop.run_until_complete(coroutine)
        except BitbucketOidcError:
            raise
        except Exception as error:
            raise SandboxError(f"{urn}: the provider failed: {type(error).__name__}: {error}") from error


def _checked(urn: str, response: CheckResponse, inputs: Properties) -> Properties:
    if response.failures:
        reasons = "; ".join(f"{failure.property}: {failure.reason}" for failure in response.failures)
        raise SandboxError(f"{urn}: {reasons}")
    return inputs if response.inputs is None else from_property_values(response.inputs)


def _difference(response: DiffResponse, old_inputs: Mapping[str, object], new: Mapping[str, object]) -> Difference:
    properties = tuple(dict.fromkeys([*response.detailed_diff, *response.diffs, *response.replaces]))
    changes = response.changes
    if changes is None:
        # As the CLI does for a provider that does not say: the inputs decide.
        changes = bool(properties) or dict(old_inputs) != dict(new)
        properties = properties or tuple(
            key for key in sorted({*old_inputs, *new}) if old_inputs.get(key) != new.get(key)
        )
    return Difference(changes, tuple(response.replaces), properties, response.delete_before_replace)
