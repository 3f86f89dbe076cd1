"""Run a program of this process for a Pulumi CLI: the SDK's language server, for ``pulumi up --client ADDRESS``.

Source: ``LanguageRuntime`` in ``proto/pulumi/language.proto`` of Pulumi, and ``pulumi.automation._server``, where the
settings of each run are in context variables. So several servers of one process keep their stacks apart.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc  # type: ignore[import-untyped]  # its stubs are not a dependency
import pulumi
from pulumi.automation._server import LanguageServer
from pulumi.runtime.proto import language_pb2, language_pb2_grpc

from oidc.errors import BitbucketOidcError

_WORKERS = 4
"""Threads of one server. A run holds one thread to its end; the CLI asks little beside it."""


class InlineProgram(LanguageServer):
    """Serves one program.

    Attributes:
        registers: Registers the resources; may be replaced between two runs.
        error: The error that the program raised in its last run; ``None`` if it raised none of this project's errors.
    """

    def __init__(self, registers: Callable[[], None]) -> None:
        self.registers = registers
        self.error: BitbucketOidcError | None = None
        super().__init__(self._run)

    def Run(self, request: Any, context: Any) -> Any:  # noqa: ANN401, N802 - the SDK's own
        """Run the program."""
        answer = super().Run(request, context)  # type: ignore[no-untyped-call]  # the SDK's own
        # The program's error is already in the log, so the CLI does not report it again.
        return language_pb2.RunResponse(bail=True) if answer.error else answer

    def _run(self) -> None:
        self.error = None
        try:
            self.registers()
        except BitbucketOidcError as error:
            self.error = error
            raise pulumi.RunError(str(error)) from error


@contextmanager
def serving(program: InlineProgram) -> Iterator[str]:
    """Serve a program on loopback during the block; yields the address: ``127.0.0.1:41234``."""
    server = grpc.server(ThreadPoolExecutor(_WORKERS, thread_name_prefix="pulumi-program"))
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(program, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(grace=None)
