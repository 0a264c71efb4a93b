"""A limit on how often something is done, shared by all threads.

ECR takes 10 manifests a second (ECR service quotas), Palette 10 requests a second (Palette documentation, API rate
limits). Waiting beforehand is cheaper than a 429: that costs a round trip and a pause, and holds one of the provider
host's four threads all the while.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class RateLimiter:
    """A token bucket of `per_second` with room for `burst`. It halves its rate after a 429 and recovers by steps (AIMD)."""

    def __init__(
        self,
        per_second: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        *,
        burst: int = 1,
    ) -> None:
        self._limit = self._rate = per_second
        self._clock, self._sleep, self._burst = clock, sleep, burst
        self._lock = threading.Lock()
        self._next = float("-inf")

    def acquire(self) -> None:
        """Returns when the caller may send."""
        with self._lock:
            now = self._clock()
            turn = max(now - (self._burst - 1) / self._rate, self._next)
            self._next = turn + 1.0 / self._rate
        if turn > now:
            self._sleep(turn - now)

    def throttled(self) -> None:
        with self._lock:
            self._rate = max(self._limit / 16, self._rate / 2)

    def succeeded(self) -> None:
        with self._lock:
            self._rate = min(self._limit, self._rate + self._limit / 20)
