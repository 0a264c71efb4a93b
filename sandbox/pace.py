"""How many requests a second are taken, each kind of them counted for itself."""

import time
from collections.abc import Hashable
from dataclasses import dataclass, field


@dataclass
class Pace:
    """A bucket of ``burst`` tokens for each key, refilled steadily; 0 a second takes everything."""

    per_second: float
    burst: float
    _buckets: dict[Hashable, tuple[float, float]] = field(default_factory=dict)  # tokens, as of when

    def takes(self, key: Hashable) -> bool:
        if not self.per_second:
            return True
        now = time.monotonic()
        tokens, seen = self._buckets.get(key, (self.burst, now))
        tokens = min(self.burst, tokens + (now - seen) * self.per_second)
        self._buckets[key] = (tokens - 1 if tokens >= 1 else tokens), now
        return tokens >= 1
