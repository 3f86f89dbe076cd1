"""Run a program of this process for a Pulumi CLI: the SDK's language server, for ``pulumi up --client ADDRESS``.

Source: ``LanguageRuntime`` in ``proto/pulumi/language.proto`` of Pulumi, and ``pulumi.automation._server``, where the
settings of each run are in context variables. So several servers of one process keep their stacks apart.
"""

import asyncio
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

_CANCEL_SECONDS = 5
"""How long the tasks of a run whose CLI has ended are waited for."""


class InlineProgram(LanguageServer):
    """Serves one program.

    Attributes:
        registers: Registers the resources; may be replaced between two runs.
        error: The error that the program raised in its last run; ``None`` if it raised none of this project's errors.
    """

    def __init__(self, registers: Callable[[], None]) -> None:
        self.registers = registers
        self.error: BitbucketOidcError | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        super().__init__(self._run)

    def Run(self, request: Any, context: Any) -> Any:  # noqa: ANN401, N802 - the SDK's own
        """Run the program."""
        self.error = None
        try:
            answer = super().Run(request, context)  # type: ignore[no-untyped-call]  # the SDK's own
        except Exception:  # noqa: BLE001 - the SDK fails while it ends a run whose CLI has ended, and told why
            return language_pb2.RunResponse(bail=True)
        finally:
            self._close_loop()
        # The program's error is already in the log, so the CLI does not report it again.
        return language_pb2.RunResponse(bail=True) if answer.error else answer

    def _close_loop(self) -> None:
        """Cancel what the SDK left of a run whose CLI has ended, else Python prints a traceback for each task."""
        loop, self._loop = self._loop, None
        if loop is None or loop.is_closed():
            return
        loop.set_exception_handler(lambda _loop, _context: None)

        async def cancel() -> None:
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            if tasks:
                await asyncio.wait(tasks, timeout=_CANCEL_SECONDS)

        loop.run_until_complete(cancel())
        loop.close()

    def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
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
