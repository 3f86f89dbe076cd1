"""How fast Bitbucket is asked: under the hourly limit of whoever asks, whatever the number of threads.

Source: https://support.atlassian.com/bitbucket-cloud/docs/api-request-limits/: a rolling hour; 60 requests of somebody
unknown, 1,000 of somebody known, up to 10,000 for access tokens of large workspaces, which the headers
``X-RateLimit-Limit`` and ``X-RateLimit-NearLimit`` tell.
"""

import threading
from collections import deque
from collections.abc import Callable, Mapping

from facts.http import Clock

ANONYMOUS_PER_HOUR, KNOWN_PER_HOUR = 60, 1_000
_MOST_PER_HOUR = 10_000
_SPARED = 0.9
"""Of the limit: other programs may ask with the same credentials."""
_HOUR = 3600.0


class Pace:
    """Lets requests go, each when the rolling hour has room for it.

    Args:
        per_hour: The limit to begin with.
        clock: For waiting.
        on_wait: Is told how many seconds a request waits, where that is more than a moment.
    """

    def __init__(self, per_hour: int, clock: Clock, on_wait: Callable[[float], None]) -> None:
        self._per_hour = per_hour
        self._clock = clock
        self._on_wait = on_wait
        self._sent: deque[float] = deque()
        self._is_near = False
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Wait until one more request may go."""
        with self._lock:
            seconds = self._seconds()
            if seconds > 0:
                self._on_wait(seconds)
                self._clock.sleep(seconds)
            self._sent.append(self._clock.now())

    def hear(self, headers: Mapping[str, str]) -> None:
        """Learn from an answer what the limit is, and whether it is near."""
        limit = headers.get("X-RateLimit-Limit", "")
        with self._lock:
            if limit.isascii() and limit.isdigit() and len(limit) <= len(str(_MOST_PER_HOUR)) and int(limit):
                self._per_hour = min(int(limit), _MOST_PER_HOUR)
            self._is_near = headers.get("X-RateLimit-NearLimit", "").strip().lower() == "true"

    def _seconds(self) -> float:
        now = self._clock.now()
        while self._sent and now - self._sent[0] >= _HOUR:
            self._sent.popleft()
        room = max(1, int(self._per_hour * _SPARED))
        if len(self._sent) >= room:
            return self._sent[len(self._sent) - room] + _HOUR - now
        if self._is_near and self._sent:
            # What is left is not told: as slow as the limit itself is never too fast.
            return max(0.0, self._sent[-1] + _HOUR / self._per_hour - now)
        return 0.0
