"""packinfra publishing packs, as its provider does it, in a process of its own.

    python -m benchmarks.pushers '{"target": "host/path", "packs": [...], "access": {...}, "records": "file"}'

Each pack goes through the provider's own `check` and `create` (Plan, Publishing), four at once, which is how many
threads the SDK's provider host has. What was published is noted in `records`; where that exists already the packs are
checked against it and the registry is asked for each, which is what `up` and `refresh` do when nothing changed.
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

from packinfra.lifecycle.clients import Clients
from packinfra.lifecycle.packs.plan import Plan
from packinfra.lifecycle.packs.publish import Publishing
from packinfra.lifecycle.packs.state import PublishedVersion

THREADS = 4


def publish(asked: dict[str, Any]) -> None:
    records = Path(asked["records"])
    olds: dict[str, Any] = json.loads(records.read_text()) if records.exists() else {}
    clients = Clients(lambda _: None)
    with ThreadPoolExecutor(THREADS) as pool:
        done = pool.map(lambda folder: (folder, one(clients, asked, folder, olds.get(folder, {}))), asked["packs"])
        records.write_text(json.dumps(dict(done)))


def one(clients: Clients, asked: Mapping[str, Any], folder: str, old: Mapping[str, Any]) -> dict[str, Any]:
    """The resource's outputs. Raises what the provider would."""
    repository, access = f"{asked['target']}/{os.path.basename(folder)}", asked["access"]
    news = {"repository": repository, "sources": [folder], "registryAccess": access}
    plan = Plan(old, news)
    assert not plan.failures, plan.failures
    publishing = Publishing(clients.of(repository, access), {**news, "fileHashes": plan.files}, new=not old)
    done: dict[str, PublishedVersion] = {}
    for version, record in plan.versions.items():
        if old:
            assert publishing.is_there(version, record)
        done[version] = record if old else publishing.publish(version, record)
    return {**news, "fileHashes": plan.files, "versions": {v: r.as_props() for v, r in done.items()}}


if __name__ == "__main__":
    begun = time.perf_counter()
    publish(json.loads(sys.argv[1]))
    print(json.dumps({"work": time.perf_counter() - begun}))
