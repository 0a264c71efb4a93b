"""How fast packs are read and archived, beside `tar -czf` and beside the compressor alone.

python -m benchmarks.archives validate PACK...     one way, in a process of its own
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import deflate

from benchmarks.measure import interleaved, run
from benchmarks.publish import ROOT
from benchmarks.results import Case
from packinfra.packs import read_pack, save_archive
from packinfra.packs.archive import LEVEL, MEMBER, PROBE, WHOLE


def tar(pack: Path, out: Path) -> None:
    """As today's scripts do it."""
    subprocess.run(["tar", "-czf", out, pack.name], cwd=pack.parent, check=True)


def compressor(pack: Path, out: Path) -> None:
    """Only the unavoidable steps: read the bytes, compress them as the format says (big ones on all cores), write
    them."""
    files = sorted(path for path in pack.rglob("*") if path.is_file())
    if sum(path.stat().st_size for path in files) <= WHOLE:
        out.write_bytes(deflate.gzip_compress(b"".join(path.read_bytes() for path in files), LEVEL))
        return
    cores = len(os.sched_getaffinity(0))
    with out.open("wb") as target, ThreadPoolExecutor(cores) as pool:
        for path in files:
            with path.open("rb") as source:
                while batch := [data for _ in range(4 * cores) if (data := source.read(MEMBER))]:
                    target.writelines(pool.map(_member, batch))


def _member(data: bytes) -> bytes:
    stored = len(deflate.deflate_compress(data[:PROBE], 1)) > 0.98 * len(data[:PROBE])
    return bytes(deflate.gzip_compress(data, 0 if stored else LEVEL))


def validate(pack: Path, _out: Path) -> None:
    """Reading, all rules, content digest."""
    assert read_pack(pack).content_digest


def archive(pack: Path, out: Path) -> None:
    """All of it: reading, all rules, content digest, archive."""
    read = read_pack(pack)
    assert read.content_digest
    assert not read.errors, read.errors
    save_archive(read, out)


WAYS: dict[str, tuple[str, Callable[[Path, Path], None]]] = {
    "archive": ("packinfra: read, validate, archive", archive),
    "validate": ("packinfra: read and validate only", validate),
    "compressor": ("libdeflate alone", compressor),
    "tar": ("tar -czf", tar),
}


def archives(name: str, packs: Sequence[Path], rounds: int) -> Case:
    """One pack after another; the files are in the disk cache."""

    def timed(way: str) -> dict[str, float]:
        cost = run([sys.executable, "-m", "benchmarks.archives", way, *packs], cwd=ROOT)
        figures: dict[str, float] = {"wall": cost.wall, "cpu": cost.cpu, **json.loads(cost.output)}
        return figures if way == "tar" else figures | {"peak": cost.peak}  # of tar and gzip it would be Python's

    ways = {title: (lambda _, way=way: timed(way)) for way, (title, _) in WAYS.items()}
    return Case("archive", name, interleaved(ways, rounds), size=len(packs))


def _all(way: Callable[[Path, Path], None], packs: Sequence[Path]) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="packinfra-bench-") as out:
        target, written, begun = Path(out, "archive.tar.gz"), 0, time.perf_counter()
        for pack in packs:
            way(pack, target)
            written += target.stat().st_size if target.exists() else 0
        return {"work": time.perf_counter() - begun, **({"written": written / 1e6} if written else {})}


if __name__ == "__main__":
    print(json.dumps(_all(WAYS[sys.argv[1]][1], [Path(pack) for pack in sys.argv[2:]])))
