"""How many manifests a second one registry takes (behaviour.md MAN-17)."""

import time
from dataclasses import dataclass, field

from sandbox.ecr.errors import RefusedError


@dataclass
class Pace:
    """A bucket of ``per_second`` tokens, refilled steadily; 0 takes everything."""

    per_second: float
    tokens: float = field(init=False)
    seen: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.tokens = self.per_second

    def take(self) -> None:
        if not self.per_second:
            return
        now = time.monotonic()
        self.tokens = min(self.per_second, self.tokens + (now - self.seen) * self.per_second)
        self.seen = now
        if self.tokens < 1:
            raise RefusedError("ThrottlingException", "Rate exceeded")
        self.tokens -= 1
