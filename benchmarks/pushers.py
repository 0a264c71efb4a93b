"""packinfra publishing packs, as its provider does it, in a process of its own.

    python -m benchmarks.pushers '{"target": "host/path", "packs": [...], "connection": {...}, "records": "file"}'

Each pack goes through the provider's own `check` and `create` (Plan, Publishing), four at once, which is how many
threads the SDK's provider host has. What was published is noted in `records`; where that exists already the packs are
checked against it and the registry is asked for each, which is what `up` and `refresh` do when nothing changed.
"""

from __future__ import annotations

import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from packinfra.resources.clients import Clients
from packinfra.resources.plan import Plan
from packinfra.resources.publishing import Publishing
from packinfra.resources.versions import PublishedVersion

THREADS = 4


def publish(asked: dict[str, Any], threads: int = THREADS) -> dict[str, Any]:
    """Folder -> the resource's outputs. Raises what the provider would."""
    clients = Clients(lambda _: None)
    records = Path(asked["records"])
    olds: dict[str, Any] = json.loads(records.read_text()) if records.exists() else {}

    def one(folder: str) -> tuple[str, dict[str, Any]]:
        old = olds.get(folder, {})
        repository = f"{asked['target']}/{os.path.basename(folder)}"
        news = {"repository": repository, "sources": [folder], "connection": asked["connection"]}
        plan = Plan(old, news)
        assert not plan.failures, plan.failures
        publishing = Publishing(clients.of(repository, asked["connection"]), {**news, "files": plan.files})
        done: dict[str, PublishedVersion] = {}
        for version, record in plan.versions.items():
            if old:
                assert publishing.is_there(version, record)
            done[version] = record if old else publishing.publish(version, record)
        return folder, {**news, "files": plan.files, "versions": {v: r.as_props() for v, r in done.items()}}

    with ThreadPoolExecutor(threads) as pool:
        found = dict(pool.map(one, asked["packs"]))
    records.write_text(json.dumps(found))
    return found


if __name__ == "__main__":
    begun = time.perf_counter()
    publish(json.loads(sys.argv[1]))
    print(json.dumps({"work": time.perf_counter() - begun}))
