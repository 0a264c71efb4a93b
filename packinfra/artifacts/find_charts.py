"""Finds the charts that a path or glob names."""

from __future__ import annotations

import os
from glob import glob, has_magic
from pathlib import Path

_CHART = "Chart.yaml"


def find_charts(root: Path, pattern: str) -> list[str]:
    """The paths of charts, relative to `root`. Of a glob's matches, folders and .tgz files are charts (with `**`, folders
    that have a Chart.yaml), and what isn't is reported when it is read; a path without wildcards is one."""
    if not has_magic(pattern):
        return [os.path.normpath(pattern)]
    matches = sorted(glob(pattern, root_dir=root, recursive=True), key=os.fsencode)
    return [os.path.normpath(match) for match in matches if _is_chart(root / match, anywhere="**" in pattern)]


def _is_chart(path: Path, *, anywhere: bool) -> bool:
    if path.is_dir():
        return not anywhere or ((path / _CHART).is_file() and not _is_subchart(path))
    return path.name.endswith(".tgz") and not _is_subchart(path)


def _is_subchart(path: Path) -> bool:
    return path.parent.name == "charts" and (path.parent.parent / _CHART).is_file()
