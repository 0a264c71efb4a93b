"""Publishing to ECR at its pace: 10 manifests a second, which ECR enforces and so does the sandbox."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.measure import run
from benchmarks.publish import OURS, ROOT
from benchmarks.results import Case
from tests.support.ecr import Ecr
from tests.support.sandbox import running_sandbox

RATE = 10
"""PutImage a second (ECR quotas): so many packs take at least a tenth of as many seconds."""
FLOOR = "limit of the rate"


def paced(folder: Path, packs: Sequence[Path]) -> Case:
    with running_sandbox(folder / "sandbox") as sandbox:
        ecr, base = Ecr(sandbox), "bench/spectro-packs/archive"
        hosts = {ecr.create(f"{base}/{pack.name}").partition("/")[0] for pack in packs}
        params = {
            "target": f"{hosts.pop()}/{base}", "packs": [str(pack) for pack in packs], "access": None,
            "records": str(folder / "paced.json"),
        }  # fmt: skip
        command = [sys.executable, "-m", "benchmarks.pushers", json.dumps(params)]
        before = sandbox.mark()
        cost = run(command, cwd=ROOT, env={**os.environ, **sandbox.environment()})
        throttled = sum(request.status == 429 for request in sandbox.requests(since=before))
    ours = cost.figures() | json.loads(cost.output) | {"throttled": throttled}
    return Case("ECR's pace", f"{len(packs)} packs", {OURS: [ours], FLOOR: [{"wall": len(packs) / RATE}]}, len(packs))
