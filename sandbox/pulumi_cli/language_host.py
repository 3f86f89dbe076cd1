"""Run a Python program for a Pulumi CLI that has no ``pulumi-language-python``: ``… ENGINE-ADDRESS``.

A separate script, started with the Python of the program, which has Pulumi's SDK. It serves the SDK's language server,
the one of the Automation API. Unlike the real host, it runs the program in the same process.
Source: ``LanguageRuntime`` in ``proto/pulumi/language.proto`` of Pulumi, and ``pulumi.automation._server``.
"""

import os
import runpy
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped]  # its stubs are not a dependency
from pulumi.automation._server import LanguageServer
from pulumi.runtime.proto import language_pb2, language_pb2_grpc

_POLL_SECONDS = 0.5


class LanguageHost(LanguageServer):
    """The SDK's server; each call names the program to run, one at a time."""

    def __init__(self, engine_address: str) -> None:
        super().__init__(lambda: None)
        self._engine_address = engine_address

    def Run(self, request: Any, context: Any) -> Any:  # noqa: ANN401, N802 - the SDK's own
        """Run the program of the request in the folder that it names."""
        program = Path(request.info.program_directory, request.info.entry_point)
        os.chdir(request.pwd)
        sys.argv = [str(program), *request.args]
        request.args[:] = [self._engine_address]  # where the SDK's server looks for it

        def run() -> None:
            runpy.run_path(str(program), run_name="__main__")

        self.program = run
        answer = super().Run(request, context)  # type: ignore[no-untyped-call]  # the SDK's own
        # The program's error is already in the log, so the CLI does not report it again.
        return language_pb2.RunResponse(bail=True) if answer.error else answer


def serve(engine_address: str) -> None:
    """Serve until the CLI ends this process, or has ended itself: a killed CLI ends no other process."""
    server = grpc.server(ThreadPoolExecutor())
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(LanguageHost(engine_address), server)
    port = server.add_insecure_port("127.0.0.1:0")
    parent = os.getppid()
    server.start()
    # The plugin protocol: the port alone, on a separate line, on standard output.
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    with suppress(KeyboardInterrupt):  # how the CLI ends this process
        while os.getppid() == parent:  # a process whose parent has ended gets another one
            server.wait_for_termination(_POLL_SECONDS)


if __name__ == "__main__":
    serve(sys.argv[-1])
