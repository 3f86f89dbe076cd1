"""The provider as a plugin process of the Pulumi CLI: ``python -m sandbox.aws_provider [OPTION] ENGINE-ADDRESS``.

With ``--as-platform-engineer``, ambient credentials are valid for all accounts, as in the built-in engine's sandbox
runs. The SDK's server adds a traceback to every error; here an error of this project reaches the user as a sentence.
"""

import asyncio
import contextlib
import os
import sys
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from typing import Any

import grpc  # type: ignore[import-untyped]  # its stubs are not a dependency
from pulumi.provider.experimental.provider import Provider
from pulumi.provider.experimental.server import ProviderServicer
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc, status_pb2

from oidc.errors import BitbucketOidcError
from sandbox.aws_provider.account import connect, connect_as_platform_engineer
from sandbox.aws_provider.provider import SmallAwsProvider
from sandbox.engine.plugin import PartlyCreatedError
from sandbox.engine.values import to_struct

_AS_PLATFORM_ENGINEER = "--as-platform-engineer"
_POLL_SECONDS = 0.5
_METHODS = ("CheckConfig", "DiffConfig", "Configure", "Check", "Diff", "Create", "Read", "Update", "Delete")


class _ReadServicer(ProviderServicer):
    """The SDK's servicer with two other answers. For a resource that does not exist: one without properties.

    Only that answer tells the CLI that the resource does not exist. The SDK answers with empty properties, so that an
    import or a read of a missing resource would succeed.
    """

    async def Read(self, request: Any, context: Any) -> Any:  # noqa: ANN401, N802 - the SDK's own
        response = await super().Read(request, context)
        return response if response.id else provider_pb2.ReadResponse()

    async def DiffConfig(self, request: Any, context: Any) -> Any:  # noqa: ANN401, N802 - the SDK's own
        """Answer whether the configuration differs; the SDK writes its truth value in place of the enumeration's."""
        response = await super().DiffConfig(request, context)
        kinds = provider_pb2.DiffResponse
        response.changes = kinds.DIFF_SOME if response.diffs else kinds.DIFF_NONE
        return response


class Servicer(_ReadServicer):
    """The SDK's servicer, with errors as sentences."""


def _details(error: object) -> tuple[tuple[str, bytes], ...]:
    """Return the metadata by which the CLI keeps a created resource that could not be read.

    Source: ``resourceStateAndError`` in ``sdk/go/common/resource/plugin/provider_plugin.go`` of Pulumi.
    """
    if not isinstance(error, PartlyCreatedError):
        return ()
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=str(error))
    status.details.add().Pack(
        provider_pb2.ErrorResourceInitFailed(
            id=error.identity, properties=to_struct(error.outputs), reasons=[str(error)]
        )
    )
    return (("grpc-status-details-bin", status.SerializeToString()),)


def _in_sentences(method: str) -> Callable[..., Awaitable[Any]]:
    async def call(self: Servicer, request: object, context: grpc.aio.ServicerContext[Any, Any]) -> object:
        try:
            return await getattr(_ReadServicer, method)(self, request, context)
        except Exception as error:
            # The SDK raises its own error while it handles ours, so ours is the context of that error.
            cause = error.__context__
            ours = error if isinstance(error, BitbucketOidcError) else cause
            text = str(ours) if isinstance(ours, BitbucketOidcError) else str(error)
            await context.abort(grpc.StatusCode.UNKNOWN, text, _details(ours))
            raise

    return call


for _method in _METHODS:
    setattr(Servicer, _method, _in_sentences(_method))


def serve(provider: Provider, arguments: list[str], plugin_version: str) -> None:
    """Serve until the CLI ends this process, or has ended itself: a killed CLI ends no other process.

    Args:
        provider: What to serve.
        arguments: The command line; its first one is the address of the CLI's engine.
        plugin_version: The version of ``pulumi_aws`` that the provider stands in for.
    """
    engine_address = next((argument for argument in arguments if not argument.startswith("-")), "")

    async def run() -> None:
        server = grpc.aio.server()
        servicer = Servicer(arguments, plugin_version, provider, engine_address)
        provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        # The plugin protocol: the port alone, on a separate line, on standard output.
        sys.stdout.write(f"{port}\n")
        sys.stdout.flush()
        parent = os.getppid()
        try:
            while os.getppid() == parent:  # a process whose parent has ended gets another one
                await server.wait_for_termination(_POLL_SECONDS)
        finally:
            await server.stop(None)

    asyncio.run(run())


if __name__ == "__main__":
    arguments = [argument for argument in sys.argv[1:] if argument != _AS_PLATFORM_ENGINEER]
    connector = connect_as_platform_engineer if _AS_PLATFORM_ENGINEER in sys.argv else connect
    with contextlib.suppress(KeyboardInterrupt):
        serve(SmallAwsProvider(connect=connector), arguments, version("pulumi-aws"))
