"""What a test may override in the stand-in; ``sandbox/control.py`` is the interface to it."""

from dataclasses import dataclass, fields
from typing import Any


@dataclass
class Overrides:
    rate: float = 10.0  # requests a second to /v1/registries, and to each other group; 0 = no limit (PAL-8)
    burst: float = 50.0
    page: int = 50  # the most items of a page (PAL-56)
    role_seconds: float = 0.0  # how long after Palette's first attempt a role cannot be assumed (PAL-50)
    stale_seconds: float = 0.2  # after 202, before the status is that of the new run (PAL-37)
    sync_seconds: float = 0.3  # the shortest run
    visible_seconds: float = 0.0  # after the end of a run, before the lookup has its packs (PAL-51)
    hangs: bool = False  # no run ends
    fails: str = ""  # the message with which every run fails
    in_use: str = ""  # the cluster profile because of which no registry can be deleted (PAL-31)
    empty_lookup: bool = False  # a pack that is not indexed is 200 without tags, not 404 (PAL-53)

    token_seconds: float = 900.0  # how long a JWT is accepted (PAL-105)
    ignores_variables: bool = False  # POST of a cluster profile ignores its variables (PAL-99)
    partial_values: bool = False  # a layer's values may lack parameters (PAL-95)
    strict_publish: bool = False  # publishing without a draft is an error (PAL-86)
    deletes_in_use: bool = False  # a profile that clusters use can be deleted (PAL-89)
    reorders: bool = False  # YAML comes back sorted (PAL-78)

    def update(self, params: Any) -> None:
        """Raises ValueError or TypeError with a readable reason, and then changes nothing."""
        if not isinstance(params, dict):
            raise TypeError("overrides are a JSON object")
        types = {item.name: type(item.default) for item in fields(self)}
        for name, value in params.items():
            if name not in types:
                raise ValueError(f"there is no override {name}; there are {', '.join(types)}")
            accepted = (int, float) if types[name] is float else types[name]
            if not isinstance(value, accepted) or (isinstance(value, bool) and types[name] is not bool):
                raise TypeError(f"{name}={value!r} is not of type {types[name].__name__}")
        vars(self).update(params)
