"""How fast packs are read and archived, beside `tar -czf` and beside the compressor alone.

    .venv/bin/python -m benchmarks.packs            under a minute
    .venv/bin/python -m benchmarks.packs --full     220 packs and one of 1 GiB: some minutes

Every way runs in a process of its own, all in turn, several times; medians are printed. Ratios within one table can be
compared, seconds of different machines cannot. The files are in the disk cache. Memory is the largest resident size of
the process, of which Python with everything imported is the larger part; that of tar and gzip is not measured.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import deflate

from benchmarks.corpus import big_pack, many_packs
from packinfra.packs import read_pack, save_archive
from packinfra.packs.archive import LEVEL, MEMBER, PROBE, WHOLE


def tar(pack: Path, out: Path) -> None:
    """What users do today."""
    subprocess.run(["tar", "-czf", out, pack.name], cwd=pack.parent, check=True)


def floor(pack: Path, out: Path) -> None:
    """Only what nobody can leave out: read the bytes, compress them as the format says, write them."""
    files = sorted(path for path in pack.rglob("*") if path.is_file())
    if sum(path.stat().st_size for path in files) <= WHOLE:
        out.write_bytes(deflate.gzip_compress(b"".join(path.read_bytes() for path in files), LEVEL))
        return
    with out.open("wb") as target:
        for path in files:
            with path.open("rb") as source:
                while data := source.read(MEMBER):
                    stored = len(deflate.deflate_compress(data[:PROBE], 1)) > 0.98 * len(data[:PROBE])
                    target.write(deflate.gzip_compress(data, 0 if stored else LEVEL))


def judge(pack: Path, _out: Path) -> None:
    """Reading, all rules, content digest."""
    assert read_pack(pack).content_digest


def archive(pack: Path, out: Path) -> None:
    """All of it: reading, all rules, content digest, archive."""
    read = read_pack(pack)
    assert read.content_digest
    assert not read.errors, read.errors
    save_archive(read, out)


WAYS: dict[str, tuple[str, Callable[[Path, Path], None]]] = {
    "tar": ("tar -czf", tar),
    "floor": ("libdeflate alone", floor),
    "judge": ("packinfra: read, judge, digest", judge),
    "archive": ("packinfra: the same, and archive", archive),
}


def main() -> None:
    parser = argparse.ArgumentParser(description="Measures packinfra.packs.")
    parser.add_argument("--full", action="store_true", help="220 packs and 1 GiB instead of 60 and 96 MiB")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)  # what the processes are started with
    parser.add_argument("packs", nargs="*", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.way:
        print(json.dumps(_measure(WAYS[asked.way][1], [Path(pack) for pack in asked.packs])))
        return
    with tempfile.TemporaryDirectory(prefix="packinfra-bench-") as base:
        many = many_packs(Path(base, "many"), 220 if asked.full else 60)
        _table(f"{len(many)} packs, one after another", many, asked.runs)
        big = big_pack(Path(base, "big"), (1 << 30) if asked.full else (96 << 20))
        _table("one big pack, half of it incompressible", [big], asked.runs)


def _measure(way: Callable[[Path, Path], None], packs: Sequence[Path]) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="packinfra-bench-") as out:
        target = Path(out, "archive.tar.gz")
        begun, written = time.perf_counter(), 0
        for pack in packs:
            way(pack, target)
            written += target.stat().st_size if target.exists() else 0
        seconds = time.perf_counter() - begun
    return {"seconds": seconds, "written": written, "peak": _peak()}


def _peak() -> float:
    """MiB. Linux's ru_maxrss begins with what the process that started this one had, so VmHWM is asked there."""
    if sys.platform == "linux":
        status = Path("/proc/self/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)


def _table(title: str, packs: Sequence[Path], runs: int) -> None:
    files = [path for pack in packs for path in pack.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files)  # which also brings them into the cache
    results: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    for _ in range(runs):
        for way, runs_so_far in results.items():
            command = [sys.executable, "-m", "benchmarks.packs", "--way", way, *map(str, packs)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            runs_so_far.append(json.loads(done.stdout))
    median = {
        way: {key: statistics.median(run[key] for run in found) for key in found[0]} for way, found in results.items()
    }
    print(f"\n{title}: {len(files):,} files, {size / 1e6:.1f} MB; medians of {runs} runs\n")
    print(f"{'':34} {'seconds':>8} {'MB/s':>7} {'times tar':>10} {'of floor':>9} {'size/tar':>9} {'peak MiB':>9}")
    base, least = median["tar"], median["floor"]
    for way, found in median.items():
        speed = size / 1e6 / found["seconds"]
        ratio = f"{found['written'] / base['written']:9.3f}" if found["written"] else f"{'':9}"
        peak = "" if way == "tar" else f"{found['peak']:.0f}"
        print(
            f"{WAYS[way][0]:34} {found['seconds']:8.2f} {speed:7.0f} {base['seconds'] / found['seconds']:9.1f}x "
            f"{least['seconds'] / found['seconds']:9.0%} {ratio} {peak:>9}"
        )


if __name__ == "__main__":
    main()
