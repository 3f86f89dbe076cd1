"""The child process: ``python -m sandbox.emulated_aws.server --folder FOLDER --settings FILE``.

It serves on 127.0.0.1, on the port of its last run if that is free, so that a stored endpoint stays valid; else on a
port that the kernel chooses. When it is ready, it writes one line to stdout, ``{"port": 40123, "forgot": false}``.
``forgot`` says that the previous run did not shut down cleanly, so that its state is lost. It logs to stderr. SIGTERM,
SIGINT and the end of stdin stop it cleanly, with its state saved. So if its parent is killed, it ends without losing
its state. POSIX only.
"""

import argparse
import asyncio
import json
import os
import signal
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

from filelock import FileLock, Timeout
from hypercorn.asyncio import serve
from hypercorn.config import Config

from oidc.errors import SandboxError
from sandbox.emulated_aws.front import put_in_front
from sandbox.emulated_aws.front.authorisation import Application, Message, Receive, Scope, Send
from sandbox.emulated_aws.inner import Inner
from sandbox.emulated_aws.settings import (
    RUNNING_MARKER,
    STATE_FOLDER,
    TEMPORARY_FOLDER,
    EmulatorSettings,
    clean_environment,
)

CALLS_FILE = "calls.json"
"""The file in the emulator's folder with the number of authorised calls of a run that has ended, by action."""

_LOCK = "lock"
_PORT = "port"
_LOCK_SECONDS = 10.0


def main(arguments: list[str] | None = None) -> int:
    """Run until a request to stop; return the exit code, 0 after a clean shutdown."""
    options = _parse(arguments)
    try:
        folder = options.folder.resolve()
        settings = EmulatorSettings.from_json(options.settings.read_text()) if options.settings else EmulatorSettings()
        _prepare(folder, settings.more_services)
        with _exclusive(folder):
            return _run(folder, settings, front=not options.without_front)
    except (SandboxError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox.emulated_aws.server", description="Emulated AWS accounts.")
    parser.add_argument("--folder", type=Path, required=True, help="where state and temporary files are kept")
    parser.add_argument("--settings", type=Path, help="JSON file: where issuers are served, quotas of accounts")
    parser.add_argument("--without-front", action="store_true", help="serve ministack as it is, to compare")
    return parser.parse_args(arguments)


def _prepare(folder: Path, more_services: Sequence[str]) -> None:
    os.umask(0o077)  # the state is for its owner alone
    for name in (STATE_FOLDER, TEMPORARY_FOLDER):
        (folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)
    environment = clean_environment(folder, os.environ, more_services)
    os.environ.clear()
    os.environ.update(environment)


@contextmanager
def _exclusive(folder: Path) -> Iterator[None]:
    """Hold the folder for this process alone; the operating system frees it when the process ends.

    It waits a while, since a process that was killed with its parent needs a moment to save.
    """
    try:
        held = FileLock(folder / _LOCK, timeout=_LOCK_SECONDS).acquire()
    except Timeout as error:
        what = f"emulated AWS accounts already run with the folder {folder}"
        raise SandboxError(what, do="stop them, or use another folder") from error
    with held:
        yield


def _run(folder: Path, settings: EmulatorSettings, *, front: bool) -> int:
    listener = _listen(folder / _PORT)
    port: int = listener.getsockname()[1]
    os.environ["GATEWAY_PORT"] = str(port)
    inner = Inner()
    counts: Counter[str] = Counter()
    application: Application = put_in_front(inner, settings, counts) if front else inner.asgi
    marker, saved = folder / RUNNING_MARKER, folder / STATE_FOLDER / "iam.json"
    forgot, started = marker.exists(), time.time()
    _check_readable(saved)

    def ready() -> None:
        marker.touch()
        sys.stdout.write(json.dumps({"port": port, "forgot": forgot}) + "\n")
        sys.stdout.flush()

    asyncio.run(_serve(_announcing(application, ready), listener.detach()))
    (folder / CALLS_FILE).write_text(json.dumps(counts), encoding="utf-8")
    if not saved.exists() or saved.stat().st_mtime < started:
        raise SandboxError("the state of the emulated AWS accounts could not be saved", do="see the log above")
    marker.unlink()
    return 0


def _listen(remembered: Path) -> socket.socket:
    """Bind the port in the file, or a free port if that one is taken; keep the number in the file."""
    try:
        listener = socket.create_server(("127.0.0.1", int(remembered.read_text())))
    except (OSError, ValueError, OverflowError):
        listener = socket.create_server(("127.0.0.1", 0))
        remembered.write_text(f"{listener.getsockname()[1]}\n")
    return listener


def _check_readable(saved: Path) -> None:
    """Refuse a broken state file; ministack would ignore it with a line in its log."""
    try:
        if saved.exists():
            json.loads(saved.read_text())
    except ValueError as error:
        what = f"the state of the emulated AWS accounts in {saved} cannot be read: {error}"
        raise SandboxError(what, do="remove the folder; the next run creates everything again") from error


async def _serve(application: Application, listening: int) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    Thread(target=_stop_at_end_of_input, args=(loop, stop), daemon=True).start()
    config = Config()
    config.bind = [f"fd://{listening}"]  # hypercorn closes it
    config.loglevel = "WARNING"
    config.keep_alive_timeout = 75.0  # as ministack does, so that SDKs keep their connections
    config.graceful_timeout = 1.0
    framework: Any = application
    await serve(framework, config, shutdown_trigger=stop.wait)


def _stop_at_end_of_input(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    """Read stdin to its end. In a thread, since an event loop cannot wait for every kind of file."""
    while os.read(sys.stdin.fileno(), 4096):
        pass
    loop.call_soon_threadsafe(stop.set)


def _announcing(inner: Application, ready: Callable[[], None]) -> Application:
    """Wrap an ASGI application: call ``ready`` after its start, when clients may connect."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        async def announce(message: Message) -> None:
            await send(message)
            if message["type"] == "lifespan.startup.complete":
                ready()

        await inner(scope, receive, announce if scope["type"] == "lifespan" else send)

    return application


if __name__ == "__main__":
    sys.exit(main())
