"""results.json -> one PNG for each section. The only thing here that needs matplotlib, so it runs in an environment of its own:

.tools/bench-venv/bin/python benchmarks/plot.py benchmarks/results
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from statistics import median
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.ticker import LogFormatter

COLOURS = {"packinfra": "#1f6f8b"}
OTHERS = ("#b0b7bd", "#d9a441", "#8c6bb1", "#6a9f58", "#c05a4a", "#4a6fc0", "#7a6a50")


def main(folder: Path) -> None:
    cases = json.loads((folder / "results.json").read_text())["cases"]
    for old in folder.glob("*.png"):  # of a run with other sections
        old.unlink()
    for section in dict.fromkeys(case["section"] for case in cases):
        shown = [case for case in cases if case["section"] == section]
        height = sum(len(case["ways"]) + 1 for case in shown)
        figure, axis = plt.subplots(figsize=(9, 0.19 * height + 1.6), layout="constrained")
        _section(axis, section, shown)
        name = re.sub(r"\W+", "-", section.lower())
        figure.savefig(folder / f"{name}.png", dpi=90, metadata={"Software": None})
        plt.close(figure)


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
            axis.annotate(f"{middle:.3g} s", (max(walls), at), (6, 0), textcoords="offset points", va="center", size=7)
            at += 1
        ticks.append((at - (len(case["ways"]) + 1) / 2, case["name"]))
        at += 1
    axis.set_yticks([tick for tick, _ in ticks], [name for _, name in ticks], fontsize=8)
    axis.set_xscale("log")
    axis.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axis.xaxis.set_minor_formatter(LogFormatter(minor_thresholds=(2, 0.5)))
    axis.margins(x=0.12)
    axis.set_ylim(at - 0.5, -1)
    axis.grid(axis="x", which="both", alpha=0.3)
    axis.set_title(f"{title}: wall time in seconds (log)", fontsize=10, loc="left")
    axis.legend(fontsize=7, loc="best")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
