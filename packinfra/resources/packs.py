"""What both registry components do with packs: read them all, judge them, declare one PublishedPack for each name."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pulumi

from packinfra.errors import PackinfraError
from packinfra.packs.catalogue import read_catalogue
from packinfra.packs.pack import Pack
from packinfra.resources.clients import Connection
from packinfra.resources.published_pack import PublishedPack
from packinfra.settings import PackSettings, valid_base_path


class FoundPacks(NamedTuple):
    """packs: name -> its versions; how: name -> what the settings say of it."""

    packs: Mapping[str, tuple[Pack, ...]]
    how: Mapping[str, PackSettings]


def base_path_or_error(base_path: str) -> str:
    """`base_path`, or a RunError that says what is wrong with it."""
    try:
        return valid_base_path(base_path)
    except ValueError as error:
        raise pulumi.RunError(f"base_path {base_path!r}: {error}") from None


def packs_or_error(component: pulumi.ComponentResource, packs: Sequence[str | PackSettings]) -> FoundPacks:
    """All packs of the program; or one RunError, which shows without a traceback, with every problem of every pack."""
    entries = {entry.path: entry for entry in (PackSettings(path=p) if isinstance(p, str) else p for p in packs)}
    try:
        catalogue = read_catalogue(Path.cwd(), list(entries), {path: entry.rules for path, entry in entries.items()})
    except PackinfraError as error:
        raise pulumi.RunError(str(error)) from None
    for warning in catalogue.warnings:
        pulumi.log.warn(warning, component)
    return FoundPacks(catalogue.packs, {pack: entries[path] for pack, path in catalogue.found_by.items()})


def publish(
    name: str,
    found: FoundPacks,
    repositories: Mapping[str, pulumi.Input[str]],
    opts: Callable[[], pulumi.ResourceOptions],
    connection: Connection | None = None,
) -> dict[str, PublishedPack]:
    """One PublishedPack for each pack, in the repository ("host/path") that `repositories` names for it."""
    return {
        pack: PublishedPack(
            f"{name}-{pack}",
            repository=repositories[pack],
            sources=[os.path.relpath(version.folder) for version in versions],
            overwrite=found.how[pack].overwrite,
            unpublish=found.how[pack].unpublish,
            keep_versions=None if (keep := found.how[pack].keep_versions) == "all" else keep,
            delete_adopted=found.how[pack].delete_adopted,
            connection=connection,
            opts=opts(),
        )
        for pack, versions in found.packs.items()
    }


def digests(versions: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """version -> manifest digest, from the `versions` of a PublishedPack."""
    return {version: record["manifestDigest"] for version, record in sorted(versions.items())}
