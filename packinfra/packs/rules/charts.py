"""Rules about the Helm charts that pack.json lists."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from packinfra.packs.chart import LFS_POINTER, ChartArchive
from packinfra.packs.contents import METADATA, Contents
from packinfra.packs.rules.rule import HELM, Rule
from packinfra.packs.versions import is_version
from packinfra.packs.violations import RuleViolation
from packinfra.packs.yamltext import child, scalar
from packinfra.text import format_size, quoted

_FILE_VERSION = re.compile(r"v?\d+(?:\.\d+)*(?:[-+_.].*)?", re.ASCII)


def charts(contents: Contents) -> list[ChartArchive]:
    """The listed charts that can be read."""
    return [chart for chart in contents.charts.values() if isinstance(chart, ChartArchive)]


def _unreadable(contents: Contents) -> Iterator[RuleViolation]:
    for path, chart in contents.charts.items():
        if isinstance(chart, str):
            remedy = "git lfs pull" if chart == LFS_POINTER else None
            yield RuleViolation("chart-unreadable", chart, path, remedy=remedy)


def _installable(contents: Contents) -> Iterator[RuleViolation]:
    for each in charts(contents):
        for message, remedy in obstacles(each):
            yield RuleViolation("chart-not-installable", message, each.chart.path, remedy=remedy)


def obstacles(archive: ChartArchive) -> Iterator[tuple[str, str]]:
    """Why Helm cannot install the chart, and what to do about it."""
    name, version = archive.chart.name, archive.chart.version
    again = "correct its Chart.yaml, and run helm package"
    if name != posixpath.basename(name):
        yield f"the name {quoted(name)} in its Chart.yaml is a path", again
    if not version:
        yield "its Chart.yaml has no version", again
    elif not is_version(version):
        yield f"the version {quoted(version)} in its Chart.yaml is not a semantic version", again
    kind = scalar(child(archive.metadata, "type"))
    if kind == "library":
        yield "it is a library chart, which only other charts can use", "list a chart of the type application"
    elif kind not in (None, "", "application"):
        yield f"its type {quoted(kind)} is neither application nor library", again
    missing = [dependency for dependency, _ in archive.dependencies if dependency not in archive.subcharts]
    if missing:
        names = ", ".join(missing[:5]) + (" and more" if len(missing) > 5 else "")
        yield f"it does not contain its dependencies: {names}", "run helm dependency build, then helm package"


def _named(contents: Contents) -> Iterator[RuleViolation]:
    for each in charts(contents):
        path, name, version = each.chart.path, each.chart.name, each.chart.version
        stem = posixpath.basename(path).removesuffix(".tgz").removesuffix(".tar.gz")
        in_name = stem.removeprefix(f"{name}-")
        if in_name == stem or not is_version(version) or not _FILE_VERSION.fullmatch(in_name):
            continue
        if _plain(in_name) != _plain(version):
            message = f"its Chart.yaml says version {version}, its file name {in_name}"
            yield RuleViolation("chart-version-differs", message, path)


def _plain(version: str) -> str:
    """As a file name may have it: without a leading v, and _ for +, as in a registry's tag."""
    return version.removeprefix("v").replace("+", "_")


def _large(contents: Contents) -> Iterator[RuleViolation]:
    for each in charts(contents):
        if each.large:
            message = f"{quoted(each.large[0])} in it is larger than {format_size(5 << 20)}"
            yield RuleViolation("chart-file-large", message, each.chart.path)


def _twice(contents: Contents) -> Iterator[RuleViolation]:
    first: dict[str, str] = {}
    lines = dict(contents.listed("charts"))
    for each in charts(contents):
        path, name = each.chart.path, each.chart.name
        if name in first:
            message = f'"charts" lists two charts named {quoted(name)}: {first[name]} and {path}'
            yield RuleViolation("chart-name-twice", message, METADATA, lines.get(path))
        first.setdefault(name, path)


RULES: tuple[Rule, ...] = (
    Rule(
        "chart-unreadable", "error", "a listed chart is a gzip tar archive with `<chart>/Chart.yaml`, which has a name",
        "Helm can install nothing else", "create it again with helm package", "Helm documentation, Charts", _unreadable,
    ),
    Rule(
        "chart-not-installable", "error",
        "a listed chart has a semantic version, is of the type application, and contains its dependencies",
        "Helm refuses to install other charts", "correct its Chart.yaml, and run helm package", HELM, _installable,
    ),
    Rule(
        "chart-version-differs", "warning", "a chart's file name has the version of its Chart.yaml",
        "Helm installs the version of Chart.yaml, so an older chart may have been renamed",
        "package the chart that you mean, and list it under the name that helm package gives it", HELM, _named,
    ),
    Rule(
        "chart-file-large", "warning", "no file in a chart is larger than 5 MiB",
        "newer Helm refuses it", "move the file out of the chart, or name it in .helmignore",
        "Helm, chart/loader, MaxDecompressedFileSize", _large,
    ),
    Rule(
        "chart-name-twice", "warning", "no two listed charts have the same name",
        "both take their values from the same key in values.yaml", "rename one of them in its Chart.yaml", HELM, _twice,
    ),
)  # fmt: skip
