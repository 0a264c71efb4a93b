"""One push of one layer into a fresh repository: packinfra, oras-py and crane against distribution's registry.

    .venv/bin/python -m benchmarks.push            1 MiB and 256 MiB, under a minute
    .venv/bin/python -m benchmarks.push --full     1 GiB too, more rounds

Each push is a process of its own, start-up included (a Python starts in about 0.3 s, which is all of the 1 MiB case).
Rounds are interleaved, figures are medians, "x" compares with packinfra. crane pushes an OCI layout that holds the
blobs already, so nobody compresses anything. oras-py is missing where there is TLS and a password: it sends large
bodies without them first, and fails (oras-py#226).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.pushers import CREATED
from packinfra.oci.credentials import PASSWORD as PASSWORD_NAME
from packinfra.oci.credentials import USERNAME
from packinfra.oci.manifest import CONFIG, Manifest, pack_manifest
from tests.support.registry import BIN, PASSWORD, USER, RealRegistry, real_registry

MIB = 1 << 20
ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Cost:
    wall: float
    cpu: float
    peak: float
    requests: float


def measured(command: list[str], registry: RealRegistry) -> Cost:
    """peak in MiB. Polled, since the kernel's own ru_maxrss begins with the parent's."""
    environment = {**os.environ, "DOCKER_CONFIG": str(registry.log.parent)}
    if registry.ca_file:
        environment |= {"SSL_CERT_FILE": registry.ca_file, "REQUESTS_CA_BUNDLE": registry.ca_file}
        environment |= {USERNAME: USER, PASSWORD_NAME: PASSWORD}
    before, begun = len(registry.requests), time.monotonic()
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    peak = 0
    while True:
        try:
            status = Path(f"/proc/{process.pid}/status").read_text()
            peak = max(peak, *(int(kib) for kib in re.findall(r"VmHWM:\s+(\d+)", status)), 0)
        except OSError:
            pass
        done, code, usage = os.wait4(process.pid, os.WNOHANG)
        if done:
            break
        time.sleep(0.002)
    wall = time.monotonic() - begun
    process.returncode = code
    assert code == 0, f"{command} failed"
    return Cost(wall, usage.ru_utime + usage.ru_stime, peak / 1024, len(registry.requests) - before)


def layer_of(folder: Path, size: int) -> tuple[Path, str]:
    """Incompressible, beginning like a gzip file."""
    path, digest = folder / "layer.tar.gz", hashlib.sha256()
    with path.open("wb") as out:
        for number in range(size // MIB):
            block = (b"\x1f\x8b\x08\x00" if number == 0 else b"") + os.urandom(MIB - (4 if number == 0 else 0))
            out.write(block)
            digest.update(block)
    return path, f"sha256:{digest.hexdigest()}"


def layout_of(folder: Path, layer: Path, manifest: Manifest) -> Path:
    """What crane pushes: an OCI image layout."""
    blobs = folder / "layout/blobs/sha256"
    blobs.mkdir(parents=True)
    os.link(layer, blobs / manifest.layers[0].digest.partition(":")[2])
    (blobs / manifest.config.digest.partition(":")[2]).write_bytes(CONFIG)
    (blobs / manifest.digest.partition(":")[2]).write_bytes(manifest.body)
    (folder / "layout/oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    described = {"mediaType": manifest.media_type, "digest": manifest.digest, "size": len(manifest.body)}
    (folder / "layout/index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [described]}))
    return folder / "layout"


def compare(size: int, rounds: int, *, tls: bool) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        layer, digest = layer_of(folder, size)
        layout = layout_of(folder, layer, pack_manifest("layer.tar.gz", digest, size, CREATED))
        with real_registry(folder / "registry", tls=tls) as registry:
            if tls:
                registry.crane("auth", "login", registry.host, "-u", USER, "-p", PASSWORD)
            python = [sys.executable, "-m", "benchmarks.pushers"]
            pushers: dict[str, Callable[[str], list[str]]] = {
                "packinfra": lambda name: [*python, "packinfra", registry.host, name, str(layer), digest],
                "oras-py": lambda name: [*python, "oras-py", registry.host, name, str(layer), digest],
                "crane": lambda name: [
                    str(BIN / "crane"), "push", str(layout), f"{registry.host}/{name}:1.0.0",
                    *([] if tls else ["--insecure"]),
                ],
            }  # fmt: skip
            if tls:
                del pushers["oras-py"]
            costs: dict[str, list[Cost]] = {who: [] for who in pushers}
            for number in range(rounds):
                for who, command in pushers.items():
                    costs[who].append(measured(command(f"{who}/round-{number}"), registry))
    ours = middle(costs["packinfra"])
    print(f"\n{size // MIB} MiB, {'TLS and password' if tls else 'plain'}, {rounds} rounds")
    print(f"{'':12}{'wall':>9}{'':7}{'cpu':>9}{'':7}{'peak':>9}{'':7}{'requests':>9}")
    for who, all_costs in costs.items():
        cost = middle(all_costs)
        print(
            f"{who:12}{cost.wall:>7.2f} s{cost.wall / ours.wall:>5.1f} x{cost.cpu:>7.2f} s{cost.cpu / ours.cpu:>5.1f} x"
            f"{cost.peak:>5.0f} MiB{cost.peak / ours.peak:>5.1f} x{cost.requests:>9.0f}"
        )


def middle(costs: list[Cost]) -> Cost:
    fields = zip(*((c.wall, c.cpu, c.peak, c.requests) for c in costs), strict=True)
    return Cost(*(median(values) for values in fields))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="1 GiB too, five rounds each")
    full = parser.parse_args().full
    for size in (1, 256, 1024) if full else (1, 256):
        for tls in (False, True):
            compare(size * MIB, 5 if full else 3, tls=tls)


if __name__ == "__main__":
    main()
