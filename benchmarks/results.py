"""Rows of figures, and how they are written: results.json for programs, results.md for people."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks.measure import Spread, ratio

UNITS = {
    "wall": "s", "work": "of it work", "cpu": "CPU s", "peak": "peak MiB", "requests": "requests", "sent": "sent MB", "state": "state kB",
    "provider": "provider MiB", "program": "program MiB",
}  # fmt: skip
"""Figures in the order of a table's columns."""


@dataclass(frozen=True)
class Case:
    """What was measured side by side.

    section: "publish", ...; name: unique within it; ways: who -> figures of each round, the first is ours; size: how
    many packs, for plots
    """

    section: str
    name: str
    ways: Mapping[str, Sequence[Mapping[str, float]]]
    size: int = 0

    def values(self, way: str, figure: str) -> list[float]:
        return [figures[figure] for figures in self.ways[way] if figure in figures]


@dataclass
class Results:
    """Everything of one run. notes: what a reader of the figures must know, beginning with the machine."""

    cases: list[Case] = field(default_factory=list)
    notes: list[str] = field(default_factory=lambda: [_machine()])

    def add(self, case: Case) -> None:
        """Keeps it, and prints it at once: a run takes minutes."""
        self.cases.append(case)
        print(f"\n{table([case])}", flush=True)

    def write(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "results.json").write_text(json.dumps(asdict(self), indent=1) + "\n")
        (folder / "results.md").write_text(self.markdown())

    def markdown(self) -> str:
        parts = ["# Measured", "\n".join(f"- {note}" for note in self.notes)]
        for section in dict.fromkeys(case.section for case in self.cases):
            parts += [f"## {section}", table(case for case in self.cases if case.section == section)]
        return "\n\n".join(parts) + "\n"


def table(cases: Iterable[Case]) -> str:
    """Markdown. Each figure is a median, with least and most in brackets; "x ours" is the ratio of walls, round by
    round: above 1, the other is slower."""
    cases = list(cases)
    figures = [f for f in UNITS if any(case.values(way, f) for case in cases for way in case.ways)]
    head = ["case", "who", *(UNITS[f] for f in figures), "x ours", "rounds"]
    rows = [head, ["---"] * len(head)]
    for case in cases:
        ours = case.values(next(iter(case.ways)), "wall")
        for number, way in enumerate(case.ways):
            walls = case.values(way, "wall")
            found = [str(Spread.of(v)) if (v := case.values(way, figure)) else "" for figure in figures]
            times = str(ratio(ours, walls)) if number else ""
            rows.append(["" if number else case.name, way, *found, times, str(len(walls))])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _machine() -> str:
    busy = os.getloadavg()[0]
    return (
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, load {busy:.1f} at the "
        "start. Compare within a row only: seconds of two machines, or of two runs, can't be."
    )
