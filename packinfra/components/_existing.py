"""The published resources that this run has, and what they tell: `pulumi up --target` doesn't create all that are declared.

`check` makes their versions known, in previews too, so unknown are only those of a resource that is not created because
`--target` names others. No output may depend on one that doesn't exist: the engine would refuse that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, TypeVar

import pulumi

from packinfra.components._futures import value
from packinfra.resources.copied_artifact import CopiedArtifact
from packinfra.resources.published_artifact import PublishedArtifact
from packinfra.resources.published_pack import PublishedPack

R = TypeVar("R", bound=PublishedPack | PublishedArtifact | CopiedArtifact)


async def existing(resources: Mapping[str, R]) -> dict[str, R]:
    """Those of the resources that this run has."""
    return {name: each for name, each in resources.items() if await each.versions.is_known()}


def existing_output(resources: Mapping[str, R]) -> pulumi.Output[list[R]]:
    async def find() -> list[R]:
        return [*(await existing(resources)).values()]

    return pulumi.Output(_dependencies(resources), asyncio.ensure_future(find()), value(True))


def repositories_and_versions(resources: Mapping[str, R]) -> pulumi.Output[dict[str, dict[str, Any]]]:
    """Name -> "repository", and "versions": version -> manifest digest."""

    async def find() -> dict[str, dict[str, Any]]:
        return {
            name: {
                "repository": await resource.repository.future(),
                "versions": digests(await resource.versions.future()),
            }
            for name, resource in (await existing(resources)).items()
        }

    return pulumi.Output(_dependencies(resources), asyncio.ensure_future(find()), value(True))


async def _dependencies(resources: Mapping[str, R]) -> set[pulumi.Resource]:
    return {*(await existing(resources)).values()}


def digests(versions: Mapping[str, Mapping[str, Any]] | None) -> dict[str, str]:
    """Version -> manifest digest, of a resource's records."""
    return {version: record["manifestDigest"] for version, record in sorted((versions or {}).items())}
