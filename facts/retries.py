"""When a request that failed is worth another try, and how long to wait before it."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

TRANSIENT_STATUSES = frozenset({429, 500, 502, 503, 504})
"""Answers that another try may change.

Sources: https://www.rfc-editor.org/rfc/rfc6585#section-4 and https://www.rfc-editor.org/rfc/rfc9110#section-15.6.
"""

PAUSES = (0.5, 1.5)
"""Seconds before the second and the third try, which is the last one."""

LONGEST_RETRY_AFTER = 5.0
"""Seconds; whoever asks for more of them is not asked again in this run."""


@dataclass(frozen=True)
class Clock:
    """Time as it passes for one fetch; a test gives another one.

    Attributes:
        now: Seconds since any moment, never going back.
        sleep: Waits for so many seconds.
    """

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


REAL_TIME = Clock()


def pause_for_status(status: int, headers: Mapping[str, str], pause: float) -> float | None:
    """Return the seconds to wait after an answer, or ``None`` if it is final.

    Args:
        status: Of the answer.
        headers: Of the answer. ``Retry-After`` in seconds is honoured; in its form of a date it is not looked at
            (https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3).
        pause: The seconds to wait where the answer names none.
    """
    if status not in TRANSIENT_STATUSES:
        return None
    asked = headers.get("Retry-After", "").strip()
    if not (asked.isascii() and asked.isdigit()):
        return pause
    # More digits than a small number has are never small; so a hostile number is not even read.
    seconds = float(asked) if len(asked) <= len("1000") else float("inf")
    return max(seconds, pause) if seconds <= LONGEST_RETRY_AFTER else None
