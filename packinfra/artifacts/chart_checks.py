"""What Helm would refuse about a chart, or silently read in another way."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping

from packinfra.artifacts.content import bytes_of
from packinfra.artifacts.helm_metadata import Metadata, read_metadata
from packinfra.artifacts.rules import problem
from packinfra.packs.chart import read_chart, subchart_name
from packinfra.packs.contents import PackFile
from packinfra.packs.rules.metadata import REPOSITORY_COMPONENT
from packinfra.packs.rules.rule import Problem
from packinfra.packs.versions import is_version
from packinfra.packs.yamltext import read_yaml
from packinfra.text import listed, quoted

_CHART = "Chart.yaml"
_LONGEST_TAG = 128
_NUMBER = r"(?:0|[1-9]\d*)"
_STRICT = re.compile(rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?", re.ASCII)


def metadata_problems(metadata: Metadata) -> Iterator[Problem]:
    for text, line in metadata.problems:
        yield problem("chart-invalid", text, _CHART, line)
    for reading in metadata.readings:
        message = f"{reading.key} {reading.written} is read as {reading.read}: quote it"
        yield problem("chart-value-not-text", message, _CHART, reading.line)
    if (kind := metadata.text("type")) not in ("", "application", "library"):
        yield problem("chart-invalid", f"its type {quoted(kind)} is neither application nor library", _CHART)
    if not metadata.problems and not metadata.values.get("name"):
        yield problem("chart-invalid", "it has no name", _CHART)
    if not metadata.problems and not metadata.values.get("version"):
        yield problem("chart-invalid", "it has no version", _CHART)
    names = Counter(each.get("alias") or each["name"] for each in metadata.values.get("dependencies") or ())
    if twice := [name for name, count in names.items() if count > 1]:
        yield problem("chart-invalid", f"two dependencies have the same name or alias: {listed(twice)}", _CHART)


def name_and_version_problems(metadata: Metadata) -> Iterator[Problem]:
    name, version = metadata.text("name"), metadata.text("version")
    if name and not REPOSITORY_COMPONENT.fullmatch(name):
        yield problem("chart-name", f"the name {quoted(name)} cannot be part of a repository's name", _CHART)
    if not version:
        return
    if not is_version(version):
        yield problem("chart-version", f"the version {quoted(version)} is not a semantic version", _CHART)
    elif len(version) > _LONGEST_TAG:
        yield problem("chart-version", f"the version has {len(version)} characters; a tag has at most 128", _CHART)
    elif not _STRICT.fullmatch(version):
        yield problem(
            "chart-version-not-strict", f"the version {quoted(version)}: no version constraint will find it", _CHART
        )


def subchart_problems(metadata: Metadata, files: Mapping[str, PackFile]) -> Iterator[Problem]:
    """charts/ contains charts only, and all dependencies."""
    names: set[str] = set()
    folders = {path.split("/")[1] for path in files if path.startswith("charts/") and path.count("/") > 1}
    for folder in sorted(folders):
        chart = files.get(f"charts/{folder}/{_CHART}")
        if chart is None:
            yield problem("chart-subchart-invalid", "it has no Chart.yaml", f"charts/{folder}")
            continue
        text = read_yaml(bytes_of(chart))
        if text.problem:
            message = f"it cannot be read: {text.problem}"
            yield problem("chart-subchart-invalid", message, chart.path, text.line, remedy=f"correct {chart.path}")
        names |= {folder, read_metadata(text.top).text("name")}
    for path in files:
        if path.startswith("charts/") and path.count("/") == 1:
            if path.endswith(".tgz"):
                names.add(subchart_name(path.removeprefix("charts/")))
                archive = read_chart(files[path].open, path)
                if isinstance(archive, str):
                    yield problem("chart-subchart-invalid", archive, path, remedy="run helm dependency build")
                else:
                    names.add(archive.chart.name)
            elif not path.endswith(".prov"):
                yield problem("chart-subchart-invalid", "it is no chart", path)
    wanted = dict.fromkeys(each["name"] for each in metadata.values.get("dependencies") or () if each["name"])
    if missing := [name for name in wanted if name not in names]:
        yield problem("chart-dependency-missing", f"charts/ does not contain {listed(missing)}", _CHART)
