"""How many requests a second are accepted, for each kind of request separately."""

import time
from collections.abc import Hashable
from dataclasses import dataclass, field


@dataclass
class RateLimit:
    """A token bucket for each key: it holds ``burst`` tokens and is refilled steadily; 0 a second means no limit."""

    per_second: float
    burst: float
    _buckets: dict[Hashable, tuple[float, float]] = field(default_factory=dict)  # tokens, and the time of that count

    def allows(self, key: Hashable) -> bool:
        """Takes a token; False if there is none."""
        if not self.per_second:
            return True
        now = time.monotonic()
        tokens, counted = self._buckets.get(key, (self.burst, now))
        tokens = min(self.burst, tokens + (now - counted) * self.per_second)
        self._buckets[key] = (tokens - 1 if tokens >= 1 else tokens), now
        return tokens >= 1
