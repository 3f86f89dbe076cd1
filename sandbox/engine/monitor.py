"""What the Pulumi SDK talks to: a resource monitor and an engine, as objects in this process.

The methods have the names of the gRPC services in ``resource.proto`` and ``engine.proto`` of Pulumi, since the SDK
calls them by those. The SDK calls from several threads; one lock lets one registration through at a time.
"""

import threading
from collections.abc import Callable
from typing import NoReturn, TypeVar

from pulumi.runtime.proto import engine_pb2, resource_pb2

from fleet.pulumi_cli.steps import LogMessage
from oidc.errors import SandboxError
from sandbox.engine.deployment import Deployment
from sandbox.engine.registration import OTHER_ENGINE, parse, parse_read
from sandbox.engine.values import UNKNOWN, Empty, from_struct, to_struct

Result = TypeVar("Result")

FEATURES = (
    resource_pb2.RESOURCE_MONITOR_FEATURE_SECRETS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_REFERENCES,
    resource_pb2.RESOURCE_MONITOR_FEATURE_ALIAS_SPECS,
    # Announced so that the SDK sends them, and this engine can refuse them in its own words.
    resource_pb2.RESOURCE_MONITOR_FEATURE_DELETED_WITH,
    resource_pb2.RESOURCE_MONITOR_FEATURE_REPLACE_WITH,
    resource_pb2.RESOURCE_MONITOR_FEATURE_REPLACEMENT_TRIGGER,
)
"""What the SDK may use. Secrets are announced because the SDK would send them in the clear otherwise."""


class Monitor:
    """The service ``ResourceMonitor``.

    Attributes:
        failure: The first failure; every registration after it is refused, so that nothing builds on it.
    """

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._lock = threading.Lock()
        self.failure: BaseException | None = None

    def GetDeploymentInfo(self, _request: Empty) -> resource_pb2.DeploymentInfo:  # noqa: N802 - gRPC's name
        """Return the features of this monitor."""
        return resource_pb2.DeploymentInfo(supportedFeatures=FEATURES)

    def RegisterResource(  # noqa: N802 - gRPC's name
        self, request: resource_pb2.RegisterResourceRequest
    ) -> resource_pb2.RegisterResourceResponse:
        """Register one resource and carry out what that takes."""

        def register() -> resource_pb2.RegisterResourceResponse:
            state = self._deployment.register(parse(request))
            identity = "" if state.id == UNKNOWN else state.id
            outputs = {**state.outputs} if request.custom else {}
            return resource_pb2.RegisterResourceResponse(urn=state.urn, id=identity, object=to_struct(outputs))

        return self._one_at_a_time(register)

    def RegisterResourceOutputs(  # noqa: N802 - gRPC's name
        self, request: resource_pb2.RegisterResourceOutputsRequest
    ) -> Empty:
        """Keep the outputs of a component or of the stack."""

        def register() -> Empty:
            self._deployment.register_outputs(request.urn, from_struct(request.outputs))
            return Empty()

        return self._one_at_a_time(register)

    def SignalAndWaitForShutdown(self, _request: Empty) -> Empty:  # noqa: N802 - gRPC's name
        """Return at once: every registration is complete before its answer."""
        return Empty()

    def Invoke(self, request: resource_pb2.ResourceInvokeRequest) -> resource_pb2.ResourceInvokeResponse:  # noqa: N802 - gRPC's name
        """Refuse a provider function."""
        return self._one_at_a_time(lambda: _refuse(f"the provider function {request.tok}"))

    def Call(self, request: resource_pb2.ResourceCallRequest) -> resource_pb2.ResourceInvokeResponse:  # noqa: N802 - gRPC's name
        """Refuse a method of a remote component."""
        return self._one_at_a_time(lambda: _refuse(f"the method {request.tok}"))

    def ReadResource(self, request: resource_pb2.ReadResourceRequest) -> resource_pb2.ReadResourceResponse:  # noqa: N802 - gRPC's name
        """Read an existing resource, as for ``Resource.get``."""

        def read() -> resource_pb2.ReadResourceResponse:
            state = self._deployment.read(parse_read(request))
            return resource_pb2.ReadResourceResponse(urn=state.urn, id=state.id, properties=to_struct(state.outputs))

        return self._one_at_a_time(read)

    def ExistsResource(self, request: resource_pb2.ExistsResourceRequest) -> resource_pb2.ExistsResourceResponse:  # noqa: N802 - gRPC's name
        """Refuse the question whether a resource exists."""
        return self._one_at_a_time(lambda: _refuse(f"asking whether a resource exists ({request.type})"))

    def RegisterPackage(self, request: resource_pb2.RegisterPackageRequest) -> resource_pb2.RegisterPackageResponse:  # noqa: N802 - gRPC's name
        """Refuse a parameterized package."""
        return self._one_at_a_time(lambda: _refuse(f"the parameterized package {request.name}"))

    def _one_at_a_time(self, action: Callable[[], Result]) -> Result:
        with self._lock:
            if self.failure is not None:
                raise SandboxError("an earlier step failed")
            try:
                return action()
            except BaseException as error:
                self.failure = error
                raise


def _refuse(what: str) -> NoReturn:
    raise SandboxError(f"the built-in engine does not implement {what}", do=OTHER_ENGINE)


class Log:
    """The service ``Engine``, of which the SDK uses the log.

    Attributes:
        first_error: The first message of severity error; as with the CLI, a run that logs one has failed.
    """

    def __init__(self, on_log: Callable[[LogMessage], None]) -> None:
        self._on_log = on_log
        self.first_error: LogMessage | None = None

    def Log(self, request: engine_pb2.LogRequest) -> Empty:  # noqa: N802 - gRPC's name
        """Hand a message on."""
        severity = engine_pb2.LogSeverity.Name(request.severity).lower()
        message = LogMessage(severity, request.message, request.urn)
        if severity == "error" and self.first_error is None:
            self.first_error = message
        if severity != "debug":
            self._on_log(message)
        return Empty()

    def RequirePulumiVersion(  # noqa: N802 - gRPC's name
        self, request: engine_pb2.RequirePulumiVersionRequest
    ) -> engine_pb2.RequirePulumiVersionResponse:
        """Refuse: there is no CLI whose version could be compared."""
        raise SandboxError(
            f"the program requires the Pulumi CLI {request.pulumi_version_range}; this is the built-in engine",
            do=OTHER_ENGINE,
        )
