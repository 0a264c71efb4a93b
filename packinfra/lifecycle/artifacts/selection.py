"""The charts, policies and artifacts of a program or stack file: found, read and validated, every problem at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from packinfra.artifacts.content import Content, errors_in
from packinfra.artifacts.files import ArtifactFile
from packinfra.artifacts.find_charts import find_charts
from packinfra.artifacts.sources import ArtifactSource, ConftestPolicy, Files, HelmChart, OpaBundle
from packinfra.errors import PackinfraError
from packinfra.settings import ArtifactSettings, ChartSettings, FileSettings, PolicySettings
from packinfra.settings.artifacts import ARTIFACTS, CHARTS, POLICIES
from packinfra.settings.stack import PartialSettings
from packinfra.text import plural

Entry = ChartSettings | PolicySettings | ArtifactSettings


class ArtifactError(PackinfraError):
    """Charts, policies or artifacts cannot be published. `str()` is the full report."""


class SelectedVersion(NamedTuple):
    """A version, and the entry of the settings that names it."""

    source: ArtifactSource
    content: Content
    settings: Entry


class SelectedArtifacts(NamedTuple):
    """Path of each repository below the base path -> its versions, the last of which has the settings that apply; the paths
    of those to remove."""

    artifacts: Mapping[str, Sequence[SelectedVersion]]
    removed: Sequence[str]


class _Wanted(NamedTuple):
    """name: "" = the chart's own"""

    family: str
    name: str
    source: ArtifactSource
    settings: Entry


def select_artifacts(settings: PartialSettings, *, ecr: bool) -> SelectedArtifacts:
    """Paths are relative to the working folder. ecr: the registry is ECR. Raises ArtifactError with every problem."""
    problems, found = list[str](), dict[str, list[SelectedVersion]]()
    for wanted in (*_charts(settings.charts, problems), *_policies(settings.policies), *_files(settings.artifacts)):
        content = wanted.source.read()
        if errors := errors_in(content, ecr=ecr):
            title = f"{content.noun} {content.source}" + (f" ({wanted.name} {content.version})" if wanted.name else "")
            problems.append("\n".join([f"{title}:", *(f"  {problem}" for problem in errors)]))
        else:
            path = f"{wanted.family}/{wanted.name or content.name}"
            found.setdefault(path, []).append(SelectedVersion(wanted.source, content, wanted.settings))
    problems += [*_twice(found), *_removed_but_there(found, settings.removed_artifacts)]
    if problems:
        raise ArtifactError("\n".join(problems) + "\nNothing was published.")
    return SelectedArtifacts(dict(sorted(found.items())), settings.removed_artifacts)


def _charts(entries: Sequence[ChartSettings], problems: list[str]) -> Iterator[_Wanted]:
    found: dict[str, ChartSettings] = {}
    for entry in entries:
        paths = find_charts(Path.cwd(), entry.path)
        if not paths:
            problems.append(
                f'charts: "{entry.path}" matches no chart below {Path.cwd()}\n'
                '      -> correct "packinfra:charts" in the stack file, or check out the charts'
            )
        found.update(dict.fromkeys(paths, entry))  # if several entries match a chart, the last one applies
    for path, entry in found.items():
        yield _Wanted(CHARTS, "", HelmChart(path), entry)


def _policies(entries: Sequence[PolicySettings]) -> Iterator[_Wanted]:
    for entry in entries:
        kind = OpaBundle if entry.format == "opa" else ConftestPolicy
        yield _Wanted(POLICIES, entry.name, kind(entry.path, entry.version), entry)


def _files(entries: Sequence[ArtifactSettings]) -> Iterator[_Wanted]:
    for entry in entries:
        source = Files(
            entry.version,
            [_file(file) for file in entry.files],
            _file(entry.config) if entry.config else None,
            entry.artifact_type or "",
            dict(entry.annotations),
            entry.image_spec,
        )
        yield _Wanted(ARTIFACTS, entry.name, source, entry)


def _file(file: FileSettings) -> ArtifactFile:
    return ArtifactFile(file.path, file.media_type, file.title)


def _twice(found: Mapping[str, Sequence[SelectedVersion]]) -> Iterator[str]:
    for path, versions in found.items():
        sources: dict[str, list[str]] = {}
        for each in versions:
            sources.setdefault(each.content.version, []).append(each.content.source)
        for version, names in sources.items():
            if len(names) > 1:
                times = plural(len(names), "time")
                yield f"{path} {version} is there {times}: {', '.join(names)}\n      -> keep one of them"


def _removed_but_there(found: Mapping[str, Sequence[SelectedVersion]], removed: Sequence[str]) -> Iterator[str]:
    for path in removed:
        if path in found:
            yield (
                f"{path} is in removedArtifacts, but {found[path][0].content.source} holds it\n"
                "      -> remove the entry of one of the two"
            )
