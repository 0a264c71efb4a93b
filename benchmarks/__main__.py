"""Measures packinfra and today's scripts, and writes benchmarks/results/.

    python -m benchmarks              under ten minutes on two cores
    python -m benchmarks --full       up to 1,000 packs and 1 GiB: about 45 minutes
    python -m benchmarks --only tls   one part

Everything runs in one go, each case's ways in turn, several rounds; figures are medians with least and most. Nothing
here is a test: nothing fails for being slow.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks import engine, publish
from benchmarks.archives import archives
from benchmarks.corpus import big_pack, many_packs
from benchmarks.imports import imports as importing
from benchmarks.layers import layers
from benchmarks.link import measured
from benchmarks.measure import CommandError, run
from benchmarks.paced import paced
from benchmarks.results import Results
from tools.steps import interrupt_on_sigterm

RESULTS = publish.ROOT / "benchmarks" / "results"
PART = publish.ROOT / ".local" / "bench"
MIB = 1 << 20


@dataclass(frozen=True)
class Bench:
    """One run: full or reduced, in a temporary folder. `packs` are made once and shared."""

    full: bool
    folder: Path
    results: Results
    packs: list[Path]

    def fresh(self, part: str, counts: dict[int, int], *, tls: bool = False, slow: bool = False) -> None:
        """counts: how many packs -> rounds"""
        with publish.place(self.folder / part.replace("/", " per "), tls=tls, slow=slow) as where:
            for count, rounds in counts.items():
                self.results.add(publish.fresh(where, f"{publish.counted(count)}, {part}", self.packs[:count], rounds))


def loopback(bench: Bench) -> None:
    bench.fresh("loopback", {1: 5, 20: 5, 220: 3, **({1000: 1} if bench.full else {})})


def tls(bench: Bench) -> None:
    bench.fresh("TLS + password", {20: 5, **({220: 3} if bench.full else {})}, tls=True)


def slow(bench: Bench) -> None:
    rate, round_trip = measured(publish.RATE, publish.ROUND_TRIP)
    bench.results.notes.append(
        f"The slow link is a forwarder on loopback, meant to have {publish.RATE / 1e6:.0f} Mbit/s and "
        f"{publish.ROUND_TRIP * 1e3:.0f} ms; measured in this run: {rate / 1e6:.1f} Mbit/s, {round_trip * 1e3:.1f} ms."
    )
    bench.fresh("100 Mbit/s, 20 ms", {20: 3, 220: 2} if bench.full else {20: 3}, slow=True)


def unchanged(bench: Bench) -> None:
    with publish.place(bench.folder / "unchanged") as where:
        for count in (220, 1000) if bench.full else (220,):
            bench.results.add(publish.unchanged(where, f"{count} packs, loopback", bench.packs[:count], 3))


def big(bench: Bench) -> None:
    size = 1024 if bench.full else 128
    pack = big_pack(bench.folder / "big-pack", size * MIB)
    for part in ("loopback", "100 Mbit/s, 20 ms") if bench.full else ("loopback",):
        with publish.place(bench.folder / "big", slow=part != "loopback") as where:
            rounds = 3 if part == "loopback" else 1
            bench.results.add(
                publish.fresh(where, f"one pack of {size} MiB, {part}", [pack], rounds, (publish.OURS, publish.LOOP))
            )


def archive(bench: Bench) -> None:
    size = 256 if bench.full else 96
    packs = bench.packs[: 220 if bench.full else 60]
    bench.results.add(archives(f"{len(packs)} packs", packs, 3))
    bench.results.add(archives(f"one pack of {size} MiB", [big_pack(bench.folder / "archive", size * MIB)], 3))


def push(bench: Bench) -> None:
    for secure in (False, True) if bench.full else (False,):
        for size in (1, 256, 1024) if bench.full else (1, 256):
            with publish.place(bench.folder / "push", tls=secure) as where:
                bench.results.add(layers(where, size * MIB, 3))


def imports(bench: Bench) -> None:
    bench.results.add(importing(15))


def engine_basic(bench: Bench) -> None:
    for count, rounds in {1: 2, 20: 2, **({220: 2, 1000: 1} if bench.full else {})}.items():
        bench.results.add(*engine.basic(bench.folder / "engine", bench.packs[:count], rounds))


def engine_ecr(bench: Bench) -> None:
    for count, rounds in ({1: 2, 20: 2, 220: 1} if bench.full else {20: 2}).items():
        bench.results.add(*engine.ecr(bench.folder / "engine", bench.packs[:count], rounds, empty=bench.full))


def advice(bench: Bench) -> None:
    count, rounds = (220, 3) if bench.full else (20, 1)
    bench.results.add(engine.advice(bench.folder / "engine", bench.packs[:count], rounds))


def pace(bench: Bench) -> None:
    bench.results.add(paced(bench.folder / "paced", bench.packs[: 220 if bench.full else 60]))


def profile(bench: Bench) -> None:
    with publish.place(bench.folder / "profile") as where:
        large = [big_pack(bench.folder / "profile-pack", 128 * MIB)]
        for name, step, packs in (
            ("publish", "publish", bench.packs[:60]), ("publish-big", "publish", large),
            ("unchanged", "unchanged", bench.packs), ("read", "read", bench.packs),
        ):  # fmt: skip
            command = [sys.executable, "-m", "benchmarks.profiles", step, where.params(f"profile-{name}", packs)]
            bench.results.profiles[name] = run(command, cwd=publish.ROOT, env=where.environment()).output


PARTS: dict[str, Callable[[Bench], None]] = {
    part.__name__: part
    for part in (
        loopback,
        tls,
        slow,
        unchanged,
        big,
        archive,
        push,
        engine_basic,
        engine_ecr,
        advice,
        pace,
        imports,
        profile,
    )
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="everything")
    parser.add_argument("--only", choices=PARTS, help="one part, written to .local/bench/ instead")
    options = parser.parse_args()
    interrupt_on_sigterm()
    begun, results = time.monotonic(), Results()
    folder = PART if options.only else RESULTS
    place, kept = folder.relative_to(publish.ROOT), PART.relative_to(publish.ROOT)
    try:
        with tempfile.TemporaryDirectory(prefix="packinfra-bench-") as base:
            print("generating packs", flush=True)
            bench = Bench(
                options.full, Path(base), results, many_packs(Path(base, "packs"), 1000 if options.full else 220)
            )
            results.notes += [*publish.NOTES.splitlines(), *engine.NOTES.splitlines()]
            for name, part in PARTS.items():
                if options.only in (None, name):
                    started = time.monotonic()
                    part(bench)
                    results.write(PART)
                    print(f"\n{name}: {time.monotonic() - started:.0f} s", flush=True)
    except CommandError as error:
        print(f"\n{error}\n\nnothing was written to {place}; the earlier measurements are in {kept}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"\ninterrupted; nothing was written to {place}; the earlier measurements are in {kept}", file=sys.stderr)
        return 130
    results.write(folder)
    print(f"\n{(time.monotonic() - begun) / 60:.1f} minutes; written to {place}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
