"""A bound on the whole time of something whose parts are bounded only one by one, or not at all."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def within(seconds: float, work: Callable[[], T]) -> T:
    """Return what ``work`` returns, or raise what it raises, after at most this many seconds.

    A timeout of a socket bounds each of its operations, not all of them: a host that sends one byte now and then, or a
    slow name server, holds up its caller for as long as it likes. So the work runs in a thread of its own, which is
    left behind when it takes too long and holds up neither the caller nor the end of the process.

    Raises:
        TimeoutError: The time is over.
    """
    result: Future[T] = Future()

    def run() -> None:
        try:
            result.set_result(work())
        except BaseException as error:  # noqa: BLE001 - raised again by the caller's thread
            result.set_exception(error)

    threading.Thread(target=run, name="time-limited", daemon=True).start()
    return result.result(timeout=seconds)
