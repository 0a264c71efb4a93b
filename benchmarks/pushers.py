"""packinfra publishing packs, as its provider does it, in a process of its own.

    python -m benchmarks.pushers '{"target": "host/path", "packs": [...], "access": {...}, "records": "file"}'

Each pack goes through the provider's own `check` and `create`, four at once, which is how many threads the SDK's
provider host has. The published versions are written to `records`; if that exists already, the packs are compared with it
and the registry is queried for each, which is what `up` and `refresh` do when nothing changed.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from packinfra.host.log import EngineLog
from packinfra.lifecycle.packs.published_pack import PublishedPackLifecycle
from packinfra.lifecycle.run import Run

THREADS = 4


def publish(params: dict[str, Any]) -> None:
    records = Path(params["records"])
    olds: dict[str, Any] = json.loads(records.read_text()) if records.exists() else {}
    lifecycle = new_lifecycle()
    with ThreadPoolExecutor(THREADS) as pool:
        done = pool.map(lambda folder: (folder, one(lifecycle, params, folder, olds.get(folder))), params["packs"])
        records.write_text(json.dumps(dict(done)))


def new_lifecycle() -> PublishedPackLifecycle:
    return PublishedPackLifecycle(Run(EngineLog), lambda _: None)


def one(
    lifecycle: PublishedPackLifecycle, params: Mapping[str, Any], folder: str, old: Mapping[str, Any] | None
) -> dict[str, Any]:
    """The resource's inputs and outputs. Raises the provider's errors."""
    repository = f"{params['target']}/{os.path.basename(folder)}"
    news = {"repository": repository, "sources": [folder], "registryAccess": params["access"]}
    outcome = lifecycle.check(old["inputs"] if old else {}, news)
    assert not outcome.problems, outcome.problems
    if not old:
        return {"inputs": outcome.inputs, "outputs": lifecycle.create(outcome.inputs).outputs}
    read = lifecycle.read(repository, old["outputs"])
    assert read
    assert read.outputs == old["outputs"]
    return {"inputs": outcome.inputs, "outputs": read.outputs}


if __name__ == "__main__":
    begun = time.perf_counter()
    publish(json.loads(sys.argv[1]))
    print(json.dumps({"work": time.perf_counter() - begun}))
