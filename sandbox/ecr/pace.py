"""How many manifests a second one registry takes (behaviour.md MAN-17)."""

import time
from dataclasses import dataclass, field

from sandbox.ecr.errors import RefusedError
from sandbox.ecr.state import Registry


@dataclass
class Pace:
    """A bucket of ``per_second`` tokens for each registry, refilled steadily; 0 takes everything."""

    per_second: float
    _buckets: dict[tuple[str, str], tuple[float, float]] = field(default_factory=dict)  # tokens, as of when

    def take(self, registry: Registry) -> None:
        if not self.per_second:
            return
        now = time.monotonic()
        key = registry.account, registry.region
        tokens, seen = self._buckets.get(key, (self.per_second, now))
        tokens = min(self.per_second, tokens + (now - seen) * self.per_second)
        self._buckets[key] = (tokens - 1 if tokens >= 1 else tokens), now
        if tokens < 1:
            raise RefusedError("ThrottlingException", "Rate exceeded")
