"""Helm chart archives. Read as Helm reads them, as a stream and within a bound, so that no archive can do harm."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from packinfra.packs.inflate import ArchiveReadError, Stream, unpack_at_once
from packinfra.packs.tar import TarReader
from packinfra.packs.yamltext import TEXT_LIMIT, child, read_yaml, scalar

UNPACKED_LIMIT = 100 << 20
"""Bytes that are unpacked: as many as Helm unpacks (chart/loader, MaxDecompressedChartSize)."""


@dataclass(frozen=True)
class Chart:
    """A chart that pack.json lists: its path in the pack, and name and version in its Chart.yaml."""

    path: str
    name: str
    version: str


def read_chart(opened: Callable[[], BinaryIO], path: str) -> Chart | str:
    """The chart in the archive, or the reason why it is none. Never raises for the content of the file."""
    try:
        with opened() as file:
            chart_yaml = _quickly(file)
            if chart_yaml is None:
                file.seek(0)
                chart_yaml = _chart_yaml(TarReader(Stream(file, UNPACKED_LIMIT)))
    except ArchiveReadError as error:
        return str(error)
    except OSError as error:
        return f"it cannot be read: {error.strerror}"
    if chart_yaml is None:
        return "it contains no <chart>/Chart.yaml"
    text = read_yaml(chart_yaml)
    if text.problem:
        return f"its Chart.yaml cannot be read: {text.problem}"
    name = scalar(child(text.top, "name"))
    if not name:
        return "its Chart.yaml has no name"
    return Chart(path, name, scalar(child(text.top, "version")) or "")


def _quickly(file: BinaryIO) -> bytes | None:
    """The Chart.yaml of a small archive; None if anything is unusual."""
    data = unpack_at_once(file)
    if data is None:
        return None
    archive = TarReader(data)
    try:
        chart_yaml = _chart_yaml(archive)
    except ArchiveReadError:
        return None
    return chart_yaml if archive.complete else None


def _chart_yaml(archive: TarReader) -> bytes | None:
    """The chart's own Chart.yaml. All entries are read: if there are several, Helm takes the last."""
    found = None
    for entry in archive:
        if entry.kind == "file" and entry.path.removeprefix("./").partition("/")[2] == "Chart.yaml":
            if entry.size > TEXT_LIMIT:
                raise ArchiveReadError(f"its Chart.yaml is larger than {TEXT_LIMIT >> 20} MiB")
            found = b"".join(archive.content())
    return found
