"""The time of a fresh interpreter to import packinfra, compared with one that imports nothing."""

from __future__ import annotations

import sys

from benchmarks.measure import interleaved, run
from benchmarks.publish import ROOT
from benchmarks.results import Case

MODULES = (
    "packinfra.packs.pack", "packinfra.settings", "packinfra.oci.client", "pulumi", "packinfra.providers",
    "packinfra.lifecycle.packs.published_pack", "packinfra.resources.published_pack", "packinfra.components.basic_registry",
)  # fmt: skip


def imports(rounds: int) -> Case:
    codes = {"python -c pass": "pass"} | {f"import {module}": f"import {module}" for module in MODULES}

    def timed(code: str) -> dict[str, float]:
        cost = run([sys.executable, "-c", code], cwd=ROOT)
        return {"wall": cost.wall, "cpu": cost.cpu}

    ways = {way: (lambda _, code=code: timed(code)) for way, code in codes.items()}
    return Case("imports", "a fresh interpreter", interleaved(ways, rounds))
