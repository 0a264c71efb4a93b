"""results.json -> results.png. The only thing here that needs matplotlib, so it runs in an environment of its own:

.tools/bench-venv/bin/python benchmarks/plot.py benchmarks/results
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from statistics import median
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt

COLOURS = {"packinfra": "#1f6f8b"}
OTHERS = ("#b0b7bd", "#d9a441", "#8c6bb1", "#6a9f58")


def main(folder: Path) -> None:
    cases = json.loads((folder / "results.json").read_text())["cases"]
    sections = list(dict.fromkeys(case["section"] for case in cases))
    heights = [sum(len(case["ways"]) + 1 for case in cases if case["section"] == section) for section in sections]
    figure, axes = plt.subplots(
        len(sections), 1, figsize=(10, 0.19 * sum(heights) + 0.9 * len(sections)), height_ratios=heights,
        layout="constrained", squeeze=False,
    )  # fmt: skip
    for axis, section in zip(axes[:, 0], sections, strict=True):
        _section(axis, section, [case for case in cases if case["section"] == section])
    figure.savefig(folder / "results.png", dpi=110)


def _section(axis: Any, title: str, cases: list[dict[str, Any]]) -> None:
    """A dot for each way of each case: the median of its wall times, and a line from the least to the most. No bars:
    on a logarithmic scale their length would say nothing."""
    ways = list(dict.fromkeys(way for case in cases for way in case["ways"]))
    colours = {way: COLOURS.get(way, OTHERS[number % len(OTHERS)]) for number, way in enumerate(ways)}
    at, ticks = 0.0, []
    for case in cases:
        for way, rounds in case["ways"].items():
            walls = [figures["wall"] for figures in rounds]
            middle = median(walls)
            label = way if way not in axis.get_legend_handles_labels()[1] else None
            axis.hlines(at, min(walls), max(walls), color=colours[way], linewidth=2)
            axis.plot(middle, at, "o", color=colours[way], label=label)
            axis.text(max(walls) * 1.05, at, f"{middle:.3g} s", va="center", fontsize=7)
            at += 1
        ticks.append((at - (len(case["ways"]) + 1) / 2, case["name"]))
        at += 1
    axis.set_yticks([tick for tick, _ in ticks], [name for _, name in ticks], fontsize=8)
    axis.set_xscale("log")
    axis.margins(x=0.12)
    axis.set_ylim(at - 0.5, -1)
    axis.grid(axis="x", which="both", alpha=0.3)
    axis.set_title(f"{title}: wall time in seconds (log)", fontsize=10, loc="left")
    axis.legend(fontsize=7, loc="best")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
