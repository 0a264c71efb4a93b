"""packinfra's own time by function: one pack after another, in one thread, with cProfile.

    python -m benchmarks.profiles publish|unchanged|read '{"target": "host/path", "packs": [...], ...}'

publish: the provider's check and create; unchanged: its check and read of what is published already; read: what the
program does, which reads and validates all packs. The config blob goes up beside the layer, in another thread, which
shows as waiting for a lock.
"""

from __future__ import annotations

import cProfile
import io
import json
import pstats
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.pushers import new_lifecycle, one
from packinfra.packs.catalogue import read_catalogue

LINES = 15


def publish(params: dict[str, Any]) -> Callable[[], object]:
    lifecycle = new_lifecycle()
    return lambda: [one(lifecycle, params, pack, None) for pack in params["packs"]]


def unchanged(params: dict[str, Any]) -> Callable[[], object]:
    lifecycle = new_lifecycle()
    olds = {pack: one(lifecycle, params, pack, None) for pack in params["packs"]}
    return lambda: [one(lifecycle, params, pack, old) for pack, old in olds.items()]


def read(params: dict[str, Any]) -> Callable[[], object]:
    root = Path(params["packs"][0]).parent
    return lambda: read_catalogue(root, [Path(pack).name for pack in params["packs"]])


def profiled(work: Callable[[], object]) -> str:
    """Where most time was spent itself, then where most was spent in all."""
    profile, out = cProfile.Profile(), io.StringIO()
    profile.runcall(work)
    stats = pstats.Stats(profile, stream=out).strip_dirs()
    for key in ("tottime", "cumulative"):
        stats.sort_stats(key).print_stats(LINES)
    return out.getvalue()


if __name__ == "__main__":
    print(profiled({"publish": publish, "unchanged": unchanged, "read": read}[sys.argv[1]](json.loads(sys.argv[2]))))
