"""A Helm chart, from its folder or from the archive that `helm package` made, as `helm push` stores it.

The archive that is made of a folder differs from `helm package`'s, and every Helm reads it: Chart.yaml and archived
subcharts stay as they are, all times are `created`, and the same files give the same bytes on every machine
(docs/artifacts.md). An archive stays as it is, with its .prov, which signs its bytes.
"""

from __future__ import annotations

import hashlib
import io
import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from packinfra import gojson
from packinfra.artifacts.chart_checks import metadata_problems, name_and_version_problems, subchart_problems
from packinfra.artifacts.content import Content, Layer, Parts, bytes_of, in_order, layer_of, read_folder, read_one
from packinfra.artifacts.helm_metadata import Metadata, read_metadata
from packinfra.artifacts.helmignore import IGNORE_FILE, HelmIgnore
from packinfra.artifacts.rules import problem
from packinfra.artifacts.yaml_values import ValueProblemError, plain_value
from packinfra.packs.chart import FILE_LIMIT, UNPACKED_LIMIT, read_chart
from packinfra.packs.contents import PackFile, content_digest
from packinfra.packs.files import LeftOut, sort_key
from packinfra.packs.rules.rule import Problem
from packinfra.packs.unpack import UnpackError, read_files
from packinfra.packs.yamltext import read_yaml
from packinfra.text import format_size, quoted

CONFIG = "application/vnd.cncf.helm.config.v1+json"
LAYER = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
PROVENANCE = "application/vnd.cncf.helm.chart.provenance.v1.prov"
CHART = "Chart.yaml"
_METADATA = re.compile(r"(?:charts/[^/]+/)*(Chart\.yaml|Chart\.lock)")
_SUBCHART = re.compile(r"(?:charts/[^/]+/)*charts/[^/]+\.tgz")
_DEEPEST = 10
"""Levels of archived subcharts that are looked into: an archive can contain itself."""
_REQUIREMENTS = "requirements.yaml"
_IGNORE_LIMIT = 1 << 20
_NO_METADATA = read_metadata(None)


@dataclass(frozen=True)
class ChartContent(Content):
    """A chart. archive: the .tgz, if there is one; provenance: its .prov"""

    metadata: Metadata = field(default=_NO_METADATA, kw_only=True)
    archive: PackFile | None = field(default=None, kw_only=True)
    provenance: PackFile | None = field(default=None, kw_only=True)

    @property
    def noun(self) -> str:
        return "chart"

    @property
    def main_type(self) -> str:
        return LAYER

    @property
    def made(self) -> bool:
        return self.archive is None

    @contextmanager
    def parts(self, created: str) -> Iterator[Parts]:
        if self.archive:
            layers = [layer_of(self.archive, LAYER)]
            if self.provenance:
                layers.append(layer_of(self.provenance, PROVENANCE))
            yield self._parts(layers, created)
            return
        with self.archived(created, LAYER, top=self.name, title=f"{self.name}-{self.version}.tgz") as layer:
            yield self._parts([layer], created)

    def _parts(self, layers: list[Layer], created: str) -> Parts:
        ordered = tuple(sorted(layers, key=lambda layer: layer.digest))  # as helm push does
        return Parts(self.metadata.config, CONFIG, ordered, self.metadata.annotations(created), typed=False)

    def identify(self, archive: BinaryIO) -> str | None:
        return None if self.archive else _digest(self.name, self.version, _unpacked(archive))


def read_chart_source(path: str) -> ChartContent:
    """Never raises for what is at the path."""
    return _read_archive(path) if Path(path).is_file() else _read_folder(path)


def _read_folder(path: str) -> ChartContent:
    folder = Path(path)
    ignore, problems = _ignore(folder)
    read = read_folder(folder, ignore)
    problems += read.problems
    # Helm takes no charts from charts/.x and charts/_x.
    files = tuple(file for file in read.files if not re.match(r"charts/[._]", file.path))
    by_path = {file.path: file for file in files}
    if any(p.rule == "source-missing" for p in problems):
        return ChartContent(path, "", "", "", (), in_order(problems))
    if CHART not in by_path:
        problems.append(_no_metadata(read.left_out))
        return ChartContent(path, "", "", "", files, in_order(problems), left_out=read.left_out)
    metadata, more = _metadata(lambda name: bytes_of(by_path[name]) if name in by_path else b"")
    problems += [*more, *name_and_version_problems(metadata), *subchart_problems(metadata, by_path)]
    problems += _size_problems({file.path: file.size for file in files})
    problems += [
        problem("chart-provenance", "it signs an archive, but the chart is a folder", beside)
        for beside in (f"{path.rstrip('/')}.prov", f"{path.rstrip('/')}.tgz.prov")
        if Path(beside).exists()
    ]
    name, version = metadata.text("name"), tag_of(metadata.text("version"))
    identity = "" if any(p.severity == "error" for p in problems) else _digest(name, version, files)
    return ChartContent(
        path, name, version, identity, files, in_order(problems), metadata=metadata, left_out=read.left_out
    )


def _read_archive(path: str) -> ChartContent:
    archive = read_one(Path(path), posixpath.basename(path))
    if isinstance(archive, Problem):
        return ChartContent(path, "", "", "", (), (archive,))
    chart = read_chart(archive.open, path)
    if isinstance(chart, str):
        return ChartContent(path, "", "", "", (archive,), (problem("chart-archive-unreadable", chart),))
    metadata, problems = _metadata(chart.raw.get)
    problems += [*name_and_version_problems(metadata)]
    missing = [name for name, _ in chart.dependencies if name not in chart.subcharts]
    if missing:
        problems.append(problem("chart-dependency-missing", f"charts/ does not contain {', '.join(missing)}"))
    problems += [
        problem("chart-large", f"{quoted(large)} in it is larger than {format_size(FILE_LIMIT)}")
        for large in chart.large
    ]
    name, version, provenance = metadata.text("name"), tag_of(metadata.text("version")), None
    if Path(f"{path}.prov").exists():
        read = read_one(Path(f"{path}.prov"), posixpath.basename(f"{path}.prov"))
        if isinstance(read, Problem):
            problems.append(read)
        else:
            provenance = read
            if not _signs(read, archive):
                message = f"it does not name the sha256 of {posixpath.basename(path)}, {archive.sha256}"
                problems.append(problem("chart-provenance", message, f"{path}.prov"))
    files = (archive, *([provenance] if provenance else []))
    return ChartContent(
        path, name, version, content_digest(name, version, files), files, in_order(problems), metadata=metadata,
        archive=archive, provenance=provenance,
    )  # fmt: skip


def tag_of(version: str) -> str:
    """A tag has no `+`; Helm writes `_` for it."""
    return version.replace("+", "_")


def _ignore(folder: Path) -> tuple[HelmIgnore, list[Problem]]:
    try:
        with open(folder / IGNORE_FILE, "rb") as file:
            raw = file.read(_IGNORE_LIMIT + 1)
    except OSError:  # there is none; or reading the folder reports it
        return HelmIgnore(), []
    if len(raw) > _IGNORE_LIMIT:
        return HelmIgnore(), [problem("chart-ignore-invalid", "it is larger than 1 MiB", IGNORE_FILE)]
    ignore = HelmIgnore(raw.decode("utf-8", "replace"))
    return ignore, [problem("chart-ignore-invalid", text, IGNORE_FILE, line) for text, line in ignore.problems]


def _no_metadata(left_out: Iterable[LeftOut]) -> Problem:
    if by := next((each.by for each in left_out if each.path == CHART), ""):
        message = f"the folder's Chart.yaml is left out ({by})"
        return problem("chart-invalid", message, CHART, remedy=f"correct {IGNORE_FILE}: Helm needs the file")
    return problem("chart-invalid", "the folder has no Chart.yaml", CHART, remedy="name the chart's folder")


def _metadata(read: Callable[[str], bytes | None]) -> tuple[Metadata, list[Problem]]:
    chart, requirements = read_yaml(read(CHART) or b""), read_yaml(read(_REQUIREMENTS) or b"")
    problems = [
        problem("chart-invalid", f"it cannot be read: {text.problem}", name, text.line, remedy=f"correct {name}")
        for name, text in ((CHART, chart), (_REQUIREMENTS, requirements))
        if text.problem
    ]
    metadata = read_metadata(chart.top, requirements.top)
    return metadata, [*problems, *([] if problems else metadata_problems(metadata))]


def _size_problems(sizes: Mapping[str, int]) -> Iterator[Problem]:
    for path, size in sizes.items():
        if size > FILE_LIMIT:
            yield problem("chart-large", f"it is larger than {format_size(FILE_LIMIT)}: {format_size(size)}", path)
    if (total := sum(sizes.values())) > UNPACKED_LIMIT:
        yield problem("chart-large", f"the chart has {format_size(total)}, more than {format_size(UNPACKED_LIMIT)}")


def _signs(provenance: PackFile, archive: PackFile) -> bool:
    return f"sha256:{archive.sha256}".encode() in bytes_of(provenance)


def _digest(name: str, version: str, files: tuple[PackFile, ...]) -> str:
    """The identity of a chart, which `helm package` doesn't change: all its files, with archived subcharts unpacked; of
    Chart.yaml and Chart.lock, which are written anew, what Helm reads."""
    return content_digest(name, version, sorted(map(_normal, _flat(files)), key=lambda file: sort_key(file.path)))


def _flat(
    files: Iterable[PackFile], above: str = "", deep: int = 0, left: list[int] | None = None
) -> Iterator[PackFile]:
    """The files, and those of archived subcharts, in place of these. left: bytes that may still be unpacked, in all"""
    left = left if left is not None else [UNPACKED_LIMIT]
    for file in files:
        path = above + file.path
        inside = _subchart(file, left) if deep < _DEEPEST and _SUBCHART.fullmatch(path) else None
        if inside is None:
            yield replace(file, path=path)
            continue
        chart = next((bytes_of(each) for each in inside if each.path == CHART), b"")
        name = read_metadata(read_yaml(chart).top).text("name") or file.path.rpartition("/")[2]
        yield from _flat(inside, f"{path.rpartition('/')[0]}/{name}/", deep + 1, left)


def _subchart(archive: PackFile, left: list[int]) -> tuple[PackFile, ...] | None:
    """The files of an archived subchart; None if it can't be read: then its own bytes count."""
    try:
        inside = _unpacked(io.BytesIO(bytes_of(archive)), left[0])
    except UnpackError:
        return None
    left[0] -= sum(file.size for file in inside)
    return inside


def _unpacked(archive: BinaryIO, limit: int = UNPACKED_LIMIT) -> tuple[PackFile, ...]:
    """Raises UnpackError."""
    files = read_files(archive, limit, keep=lambda path: bool(_METADATA.fullmatch(path) or path.endswith(".tgz")))
    return tuple(replace(file, executable=False) for file in files)


def _normal(file: PackFile) -> PackFile:
    match = _METADATA.fullmatch(file.path)
    if not match:
        return file
    raw = bytes_of(file)
    if match[1] == CHART:
        meaning = read_metadata(read_yaml(raw).top).config
    else:
        try:
            meaning = gojson.encode(_sorted(plain_value(read_yaml(raw).top)))
        except ValueProblemError:
            meaning = raw
    return replace(file, sha256=hashlib.sha256(meaning).hexdigest())


def _sorted(value: object) -> object:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value
