"""The charts, policies and other artifacts of both registry components: all read and validated first, then one
PublishedArtifact for each repository."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi

from packinfra.components._existing import existing, repositories_and_versions
from packinfra.errors import PackinfraError
from packinfra.lifecycle.artifacts.selection import SelectedArtifacts, select_artifacts
from packinfra.lifecycle.publishing.state import FOREIGN, by_version
from packinfra.lifecycle.registry_access import RegistryAccess
from packinfra.resources.published_artifact import PublishedArtifact
from packinfra.resources.published_names import VersionsOfName
from packinfra.settings import ArtifactSettings, ChartSettings, PolicySettings, load_artifacts

ChartsArgument = str | Sequence[str | ChartSettings | Mapping[str, Any]]
PoliciesArgument = Sequence[PolicySettings | Mapping[str, Any]]
ArtifactsArgument = Sequence[ArtifactSettings | Mapping[str, Any]]


@dataclass(frozen=True)
class PublishedArtifacts:
    """resources: path -> resource"""

    resources: Mapping[str, PublishedArtifact]

    def output(self) -> pulumi.Output[dict[str, dict[str, Any]]]:
        """Path -> repository, and version -> manifest digest."""
        return repositories_and_versions(self.resources)

    async def digests(self, selected: SelectedArtifacts, base_path: str) -> dict[str, dict[str, list[str]]]:
        """For RemovalCheck: repository -> the digests that destroy removes, and those that it leaves."""
        found: dict[str, dict[str, list[str]]] = {}
        for path, resource in (await existing(self.resources)).items():
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
        return select_artifacts(settings, ecr=ecr)
    except PackinfraError as error:
        raise pulumi.RunError(str(error)) from None


def names_of_artifacts(selected: SelectedArtifacts) -> dict[str, VersionsOfName]:
    """For PublishedNames."""
    return {
        path: VersionsOfName(
            sorted((version.content.version for version in versions), key=by_version),
            versions[-1].settings.unpublish,
            versions[-1].settings.keep,
        )
        for path, versions in selected.artifacts.items()
    }


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
            keep_versions=settings.keep,
            delete_adopted=settings.delete_adopted,
            registry_access=registry_access,
            opts=opts(),
        )
        for version in versions:
            for warning in version.content.warnings:
                pulumi.log.warn(f"{version.content.noun} {version.content.source}: {warning}", published[path])
    return PublishedArtifacts(published)
