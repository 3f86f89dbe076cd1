"""The hourly limit of requests to Bitbucket: wait for it, and tell how long it delays."""

import threading
from collections import deque
from collections.abc import Callable, Mapping

from facts.http import Clock

ANONYMOUS_PER_HOUR, KNOWN_PER_HOUR, _MOST_PER_HOUR = 60, 1_000, 10_000
_SPARED = 0.9
"""The share of the limit to use: other programs may use the same credentials."""
_HOUR = 3600.0


class HourlyPace:
    """Delays each request until the hourly limit allows it, for any number of threads.

    Source: https://support.atlassian.com/bitbucket-cloud/docs/api-request-limits/: 60 requests without credentials,
    1,000 with credentials, up to 10,000 with access tokens of large workspaces; the headers ``X-RateLimit-Limit`` and
    ``X-RateLimit-NearLimit`` give the limit. The hour is a rolling one.

    Args:
        per_hour: The initial limit.
        clock: For waiting.
        on_wait: Called with the seconds that a request waits.
    """

    def __init__(self, per_hour: int, clock: Clock, on_wait: Callable[[float], None]) -> None:
        self._per_hour = per_hour
        self._clock = clock
        self._on_wait = on_wait
        self._sent: deque[float] = deque()
        self._is_near = False
        self._turn = threading.Lock()  # held by the one request that waits
        self._state = threading.Lock()  # never held during a wait

    def wait(self) -> None:
        """Wait until the limit allows one more request."""
        with self._turn:
            seconds = self.seconds_for(1)
            if seconds > 0:
                self._on_wait(seconds)
                self._clock.sleep(seconds)
            with self._state:
                self._sent.append(self._clock.now())

    def hear(self, headers: Mapping[str, str]) -> None:
        """Read the limit, and whether it is near, from an answer."""
        limit = headers.get("X-RateLimit-Limit", "")
        with self._state:
            if limit.isascii() and limit.isdigit() and len(limit) <= len(str(_MOST_PER_HOUR)) and int(limit):
                self._per_hour = min(int(limit), _MOST_PER_HOUR)
            self._is_near = headers.get("X-RateLimit-NearLimit", "").strip().lower() == "true"

    def seconds_for(self, requests: int) -> float:
        """Return the seconds after which the limit allows the last of this many further requests."""
        with self._state:
            now = self._clock.now()
            while self._sent and now - self._sent[0] >= _HOUR:
                self._sent.popleft()
            room = max(1, int(self._per_hour * _SPARED))
            # A request may go an hour after the one that is ``room`` places before it.
            hours = (requests - 1) // room + 1
            place = len(self._sent) + requests - 1 - hours * room
            allowed = self._sent[place] + hours * _HOUR if place >= 0 else now + (hours - 1) * _HOUR
            seconds = max(0.0, allowed - now)
            if self._is_near:
                # Bitbucket does not tell the remaining number, so requests go at the limit's average pace.
                gap = _HOUR / self._per_hour
                last = self._sent[-1] if self._sent else now - gap
                seconds = max(seconds, last + requests * gap - now)
            return seconds
