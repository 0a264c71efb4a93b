"""What a test may order of the stand-in; ``sandbox/control.py`` is the way to it."""

from dataclasses import dataclass, fields
from typing import Any


@dataclass
class Orders:
    rate: float = 10.0  # requests a second to /v1/registries, and to /v1/packs; 0 = no limit (PAL-8)
    burst: float = 50.0
    page: int = 50  # the most a page may hold (PAL-56)
    role_seconds: float = 0.0  # how long after Palette's first try a role cannot be assumed (PAL-50)
    stale_seconds: float = 0.2  # after 202, before the status speaks of the new run (PAL-37)
    sync_seconds: float = 0.3  # what a run takes at least
    visible_seconds: float = 0.0  # after the end of a run, before the lookup knows its packs (PAL-51)
    hangs: bool = False  # no run ends
    fails: str = ""  # the message with which every run fails
    in_use: str = ""  # the cluster profile because of which no registry can be deleted (PAL-31)
    empty_lookup: bool = False  # a pack that is not indexed is 200 without tags, not 404 (PAL-53)

    def take(self, wishes: Any) -> None:
        """Raises ValueError or TypeError with a readable reason, and then takes nothing."""
        if not isinstance(wishes, dict):
            raise TypeError("orders are a JSON object")
        kinds = {item.name: type(item.default) for item in fields(self)}
        for name, value in wishes.items():
            if name not in kinds:
                raise ValueError(f"there is no order {name}; there are {', '.join(kinds)}")
            wanted = (int, float) if kinds[name] is float else kinds[name]
            if not isinstance(value, wanted) or (isinstance(value, bool) and kinds[name] is not bool):
                raise TypeError(f"{name}={value!r} is no {kinds[name].__name__}")
        vars(self).update(wishes)
