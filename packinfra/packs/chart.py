"""Helm chart archives. Read as Helm reads them, as a stream and within a bound, so that no archive can do harm."""

from __future__ import annotations

import io
import posixpath
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import BinaryIO

from packinfra.packs.inflate import AT_ONCE, ArchiveReadError, Stream, unpack_at_once
from packinfra.packs.tar import TarReader
from packinfra.packs.yamltext import TEXT_LIMIT, List, Node, YamlText, child, read_yaml, scalar

UNPACKED_LIMIT = 100 << 20
"""Bytes that are unpacked: as many as Helm unpacks (chart/loader, MaxDecompressedChartSize)."""
FILE_LIMIT = 5 << 20
"""Bytes of one file that newer Helm unpacks (chart/loader, MaxDecompressedFileSize)."""
_CHART_YAML, _VALUES, _REQUIREMENTS = "Chart.yaml", "values.yaml", "requirements.yaml"
_KEPT = (_CHART_YAML, _VALUES, _REQUIREMENTS)
_MOST_SUBCHARTS = 1000
_LFS_POINTER = b"version https://git-lfs.github.com/spec/"


@dataclass(frozen=True)
class Chart:
    """A chart that pack.json lists: its path in the pack, and name and version in its Chart.yaml."""

    path: str
    name: str
    version: str


@dataclass(frozen=True)
class ChartArchive:
    """A chart archive, read.

    Attributes:
        chart: Path, name and version.
        metadata: Its Chart.yaml.
        raw: Its own Chart.yaml, values.yaml and requirements.yaml, as far as it has them.
        subcharts: Names of folders and archives in charts/, without versions.
        large: Files that are larger than FILE_LIMIT.
        opened: Opens the archive again.
    """

    chart: Chart
    metadata: Node | None
    raw: dict[str, bytes]
    subcharts: frozenset[str]
    large: tuple[str, ...]
    opened: Callable[[], BinaryIO] = field(compare=False)

    @cached_property
    def values(self) -> YamlText | None:
        """Its values.yaml; None if it has none."""
        return read_yaml(self.raw[_VALUES]) if _VALUES in self.raw else None

    @cached_property
    def dependencies(self) -> list[tuple[str, str]]:
        """Name and alias of each dependency; without an alias, the name twice."""
        listed = child(self.metadata, "dependencies")
        if listed is None and _REQUIREMENTS in self.raw:
            listed = child(read_yaml(self.raw[_REQUIREMENTS]).top, "dependencies")
        items = listed.items if isinstance(listed, List) else []
        names = ((scalar(child(item, "name")), scalar(child(item, "alias"))) for item in items)
        return [(name, alias or name) for name, alias in names if name]

    def templates(self) -> Iterator[bytes]:
        """The bytes of all templates and schemas, and of archived subcharts; read anew. Raises ArchiveReadError and
        OSError."""
        with self.opened() as file:
            reader = TarReader(Stream(file, UNPACKED_LIMIT))
            for entry in reader:
                path = "/" + _inside(entry.path)
                if entry.kind == "file" and ("/templates/" in path or path.endswith(("/values.schema.json", ".tgz"))):
                    content = b"".join(reader.content())
                    yield content
                    if path.endswith(".tgz") and (data := unpack_at_once(io.BytesIO(content))):
                        yield bytes(data.read(AT_ONCE))


def read_chart(opened: Callable[[], BinaryIO], path: str) -> ChartArchive | str:
    """The chart in the archive, or the reason why it is none. Never raises for the content of the file."""
    try:
        with opened() as file:
            read = _quickly(file)
            if read is None:
                file.seek(0)
                beginning = file.read(len(_LFS_POINTER))
                if is_lfs_pointer(beginning):
                    return LFS_POINTER
                if not beginning:
                    return "it is empty"
                file.seek(0)
                read = _Files(TarReader(Stream(file, UNPACKED_LIMIT)))
    except ArchiveReadError as error:
        return str(error)
    except OSError as error:
        return f"it cannot be read: {error.strerror}"
    if _CHART_YAML not in read.raw:
        hint = "; its paths begin with ./, so Helm does not find it" if read.dotted else ""
        return f"{NO_CHART}{hint}"
    text = read_yaml(read.raw[_CHART_YAML])
    if text.problem:
        return f"its Chart.yaml cannot be read: {text.problem}"
    name = scalar(child(text.top, "name"))
    if not name:
        return "its Chart.yaml has no name"
    chart = Chart(path, name, scalar(child(text.top, "version")) or "")
    return ChartArchive(chart, text.top, read.raw, frozenset(read.subcharts), tuple(read.large), opened)


NO_CHART = "it contains no <chart>/Chart.yaml"
LFS_POINTER = "it is a Git LFS pointer, not the file itself"


def is_lfs_pointer(beginning: bytes) -> bool:
    return beginning.startswith(_LFS_POINTER)


class _Files:
    """The files of interest. All entries are read: if a path is there twice, Helm takes the last."""

    def __init__(self, reader: TarReader) -> None:
        self.raw: dict[str, bytes] = {}
        self.subcharts: set[str] = set()
        self.large: list[str] = []
        self.dotted = False
        for entry in reader:
            if entry.kind != "file":
                continue
            path = _inside(entry.path)
            if path in _KEPT:
                if entry.size > TEXT_LIMIT and path == _CHART_YAML:
                    raise ArchiveReadError(f"its Chart.yaml is larger than {TEXT_LIMIT >> 20} MiB")
                self.raw[path] = b"".join(reader.content()) if entry.size <= TEXT_LIMIT else b""
            elif path.startswith("charts/") and len(self.subcharts) < _MOST_SUBCHARTS:
                self.subcharts.add(subchart_name(path.split("/")[1]))
            if entry.size > FILE_LIMIT:
                self.large.append(path)
            if entry.path.startswith("./") and entry.path.endswith("/Chart.yaml"):
                self.dotted = True


def _inside(path: str) -> str:
    """The path below the archive's top folder. In charts packed on Windows, \\ separates, and Helm reads it so."""
    separator = "\\" if "\\" in path else "/"
    inside = path.partition(separator)[2]
    return posixpath.normpath(inside.replace(separator, "/")) if separator == "\\" or "//" in inside else inside


def subchart_name(name: str) -> str:
    """common for the folder common and the archive common-1.2.3.tgz."""
    if not name.endswith(".tgz"):
        return name
    stem = name.removesuffix(".tgz")
    parts = stem.split("-")
    first = next((n for n, part in enumerate(parts) if n and part.lstrip("v")[:1].isdigit()), len(parts))
    return "-".join(parts[:first])


def _quickly(file: BinaryIO) -> _Files | None:
    """The files of a small archive; None if anything is unusual."""
    data = unpack_at_once(file)
    if data is None:
        return None
    reader = TarReader(data)
    try:
        files = _Files(reader)
    except ArchiveReadError:
        return None
    return files if reader.complete and _CHART_YAML in files.raw else None
