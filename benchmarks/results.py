"""Rows of figures, and how they are written: results.json for programs, results.md for people."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

from benchmarks.measure import Spread

UNITS = {
    "wall": "s", "work": "of it work", "cpu": "CPU s", "peak": "peak MiB", "requests": "requests", "throttled": "throttled", "sent": "sent MB", "written": "written MB", "state": "state kB a pack",
    "provider": "provider MiB", "program": "program MiB",
}  # fmt: skip
"""Figures in the order of a table's columns."""


_READING = """\
Figures are medians, with least and most in brackets, of rounds in which the ways took turns.
"x first": how many times the wall time of its case's first row, and "s over first": how much more; each round by \
round, so that a slow minute of the machine met both."""


@dataclass(frozen=True)
class Case:
    """Measurements of several ways, side by side.

    section: "publish", ...; name: unique within it; ways: who -> figures of each round, in order; size: how many packs,
    for plots
    """

    section: str
    name: str
    ways: Mapping[str, Sequence[Mapping[str, float]]]
    size: int = 0

    def values(self, way: str, figure: str) -> list[float]:
        return [figures[figure] for figures in self.ways[way] if figure in figures]


@dataclass
class Results:
    """Everything of one run. notes: necessary to understand the figures, the machine first; profiles: name
    -> the output of cProfile."""

    cases: list[Case] = field(default_factory=list)
    notes: list[str] = field(default_factory=lambda: [_machine(), *_READING.splitlines()])
    profiles: dict[str, str] = field(default_factory=dict)

    def add(self, *cases: Case) -> None:
        """Keeps them, and prints them at once: a run takes minutes."""
        self.cases += cases
        print(f"\n{table(cases)}", flush=True)

    def write(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        data = {"notes": self.notes, "cases": [asdict(case) for case in self.cases]}
        (folder / "results.json").write_text(json.dumps(data, indent=1) + "\n")
        for name, text in self.profiles.items():
            (folder / f"profile-{name}.txt").write_text(text)
        (folder / "results.md").write_text(self.markdown())

    def markdown(self) -> str:
        parts = ["# Measured", "\n".join(f"- {note}" for note in self.notes)]
        for section in dict.fromkeys(case.section for case in self.cases):
            parts += [f"## {section}", table(case for case in self.cases if case.section == section)]
        return "\n\n".join(parts) + "\n"


def table(cases: Iterable[Case]) -> str:
    """Markdown; each figure is a median, with least and most in brackets."""
    cases = list(cases)
    figures = [f for f in UNITS if any(case.values(way, f) for case in cases for way in case.ways)]
    rows = [["case", "who", *(UNITS[f] for f in figures), "x first", "s over first", "rounds"]]
    rows.append(["---"] * len(rows[0]))
    for case in cases:
        first = case.values(next(iter(case.ways)), "wall")
        for number, way in enumerate(case.ways):
            walls = case.values(way, "wall")
            cells = [str(Spread.of(v)) if (v := case.values(way, figure)) else "" for figure in figures]
            against = [
                str(Spread.of([wall / base for wall, base in zip(walls, first, strict=True)])) if number else "",
                f"{median(wall - base for wall, base in zip(walls, first, strict=True)):+.2f}" if number else "",
            ]
            rows.append(["" if number else case.name, way, *cells, *against, str(len(walls))])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _machine() -> str:
    busy = os.getloadavg()[0]
    return (
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, load {busy:.1f} at the "
        "start. Compare within a row only: seconds of two machines, or of two runs, can't be."
    )
