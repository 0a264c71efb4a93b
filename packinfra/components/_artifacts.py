"""The charts, policies and other artifacts of both registry components: all read and validated first, then one
PublishedArtifact for each repository."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pulumi

from packinfra.artifacts.content import Content, errors_in
from packinfra.artifacts.files import ArtifactFile
from packinfra.artifacts.find_charts import find_charts
from packinfra.artifacts.sources import ArtifactSource, ConftestPolicy, Files, HelmChart, OpaBundle
from packinfra.lifecycle.publishing.state import FOREIGN, by_version
from packinfra.lifecycle.registry_access import RegistryAccess
from packinfra.resources.published_artifact import PublishedArtifact
from packinfra.resources.published_names import VersionsOfName
from packinfra.settings import (
    ArtifactSettings,
    ChartSettings,
    FileSettings,
    PolicySettings,
    SettingsError,
    load_artifacts,
)
from packinfra.settings.artifacts import ARTIFACTS, CHARTS, POLICIES
from packinfra.text import plural

ChartsArgument = str | Sequence[str | ChartSettings | Mapping[str, Any]]
PoliciesArgument = Sequence[PolicySettings | Mapping[str, Any]]
ArtifactsArgument = Sequence[ArtifactSettings | Mapping[str, Any]]
_Entry = ChartSettings | PolicySettings | ArtifactSettings


class _Version(NamedTuple):
    """path: of its repository, below the base path"""

    path: str
    source: ArtifactSource
    content: Content
    settings: _Entry


class SelectedArtifacts(NamedTuple):
    """Path of each repository below the base path -> its versions; the paths of those to remove."""

    artifacts: Mapping[str, Sequence[_Version]]
    removed: Sequence[str]

    def names(self) -> dict[str, VersionsOfName]:
        """For PublishedNames."""
        return {
            path: VersionsOfName(
                sorted((version.content.version for version in versions), key=by_version),
                versions[-1].settings.unpublish,
                _keep(versions[-1].settings),
            )
            for path, versions in self.artifacts.items()
        }


@dataclass(frozen=True)
class PublishedArtifacts:
    """resources: path -> resource"""

    resources: Mapping[str, PublishedArtifact]

    async def existing(self) -> dict[str, PublishedArtifact]:
        """Without those that `pulumi up --target` doesn't create: see publish() in _packs.py."""
        return {path: each for path, each in self.resources.items() if await each.versions.is_known()}

    def output(self) -> pulumi.Output[dict[str, dict[str, Any]]]:
        """Path -> repository, and version -> manifest digest."""

        async def resources() -> set[pulumi.Resource]:
            return {*(await self.existing()).values()}

        async def find() -> dict[str, dict[str, Any]]:
            return {
                path: {
                    "repository": await resource.repository.future(),
                    "versions": {
                        version: record["manifestDigest"]
                        for version, record in sorted((await resource.versions.future() or {}).items())
                    },
                }
                for path, resource in (await self.existing()).items()
            }

        return pulumi.Output(resources(), asyncio.ensure_future(find()), _known())

    async def digests(self, selected: SelectedArtifacts, base_path: str) -> dict[str, dict[str, list[str]]]:
        """For RemovalCheck: repository -> the digests that destroy removes, and those that it leaves."""
        found: dict[str, dict[str, list[str]]] = {}
        for path, resource in (await self.existing()).items():
            goes, stays = list[str](), list[str]()
            keeps_adopted = not selected.artifacts[path][-1].settings.delete_adopted
            for record in (await resource.versions.future() or {}).values():
                adopted = record.get("codec") == FOREIGN and keeps_adopted
                (stays if adopted else goes).append(record["manifestDigest"])
            found[f"{base_path}/{path}"] = {"goes": sorted(goes), "stays": sorted(stays)}
        return found


def artifacts_or_error(
    charts: ChartsArgument,
    policies: PoliciesArgument,
    artifacts: ArtifactsArgument,
    removed: Sequence[str],
    *,
    ecr: bool,
) -> SelectedArtifacts:
    """All of the program, read and validated; or one RunError with every problem of every one. ecr: the registry is ECR"""
    try:
        settings = load_artifacts([charts] if isinstance(charts, str) else charts, policies, artifacts, removed)
    except SettingsError as error:
        raise pulumi.RunError(str(error)) from None
    problems, found = list[str](), dict[str, list[_Version]]()
    wanted = [*_charts(settings.charts, problems), *_policies(settings.policies), *_files(settings.artifacts)]
    for family, name, source, entry in wanted:
        content = source.read()
        if errors := errors_in(content, ecr=ecr):
            title = f"{content.noun} {content.source}" + (f" ({name} {content.version})" if name else "")
            problems.append("\n".join([f"{title}:", *(f"  {problem}" for problem in errors)]))
        else:
            path = f"{family}/{name or content.name}"
            found.setdefault(path, []).append(_Version(path, source, content, entry))
    problems += [*_twice(found), *_removed_but_there(found, settings.removed_artifacts)]
    if problems:
        raise pulumi.RunError("\n".join(problems) + "\nNothing was published.")
    return SelectedArtifacts(dict(sorted(found.items())), settings.removed_artifacts)


def publish_artifacts(
    name: str,
    selected: SelectedArtifacts,
    repositories: Mapping[str, pulumi.Input[str]],
    opts: Callable[[], pulumi.ResourceOptions],
    *,
    registry_access: RegistryAccess | None = None,
) -> PublishedArtifacts:
    """One PublishedArtifact for each path, in its repository ("host/path") of `repositories`."""
    published: dict[str, PublishedArtifact] = {}
    for path, versions in selected.artifacts.items():
        settings = versions[-1].settings
        published[path] = PublishedArtifact(
            f"{name}-{path}",
            repository=repositories[path],
            sources=[version.source for version in versions],
            overwrite=settings.overwrite,
            unpublish=settings.unpublish,
            keep_versions=_keep(settings),
            delete_adopted=settings.delete_adopted,
            registry_access=registry_access,
            opts=opts(),
        )
        for version in versions:
            for warning in version.content.warnings:
                pulumi.log.warn(f"{version.content.noun} {version.content.source}: {warning}", published[path])
    return PublishedArtifacts(published)


_Wanted = tuple[str, str, ArtifactSource, _Entry]
"""(first part of the path, name or "", source, settings)"""


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
        yield CHARTS, "", HelmChart(path), entry


def _policies(entries: Sequence[PolicySettings]) -> Iterator[_Wanted]:
    for entry in entries:
        kind = OpaBundle if entry.format == "opa" else ConftestPolicy
        yield POLICIES, entry.name, kind(entry.path, entry.version), entry


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
        yield ARTIFACTS, entry.name, source, entry


def _file(file: FileSettings) -> ArtifactFile:
    return ArtifactFile(file.path, file.media_type, file.title)


def _twice(found: Mapping[str, Sequence[_Version]]) -> Iterator[str]:
    for path, versions in found.items():
        sources: dict[str, list[str]] = {}
        for version in versions:
            sources.setdefault(version.content.version, []).append(version.content.source)
        for version_, names in sources.items():
            if len(names) > 1:
                yield f"{path} {version_} is there {plural(len(names), 'time')}: {', '.join(names)}\n      -> keep one of them"


def _removed_but_there(found: Mapping[str, Sequence[_Version]], removed: Sequence[str]) -> Iterator[str]:
    for path in removed:
        if path in found:
            yield (
                f"{path} is in removedArtifacts, but {found[path][0].content.source} holds it\n"
                "      -> remove the entry of one of the two"
            )


def _keep(settings: _Entry) -> int | None:
    return None if settings.keep_versions == "all" else settings.keep_versions


async def _known() -> bool:
    return True
