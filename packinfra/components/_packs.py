"""The packs of both registry components: all read and validated first, then one PublishedPack for each name."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pulumi

from packinfra.errors import PackinfraError
from packinfra.lifecycle.registry_access import RegistryAccess
from packinfra.packs.catalogue import read_catalogue
from packinfra.packs.pack import Pack
from packinfra.resources.published_pack import PublishedPack
from packinfra.settings import PackSettings, load_packs
from packinfra.text import plural

PacksArgument = str | Sequence[str | PackSettings | Mapping[str, Any]]
"""Paths, PackSettings, or mappings as in a stack file; a single path counts as a list of one."""


class SelectedPacks(NamedTuple):
    """Each pack name's versions, and its settings."""

    packs: Mapping[str, tuple[Pack, ...]]
    settings: Mapping[str, PackSettings]


class PublishedPacks(NamedTuple):
    """repositories: pack name -> "host/path"; versions: pack name -> version -> manifest digest."""

    packs: list[PublishedPack]
    repositories: pulumi.Output[dict[str, str]]
    versions: pulumi.Output[dict[str, dict[str, str]]]


@dataclass(frozen=True)
class _Digests:
    """A pack's digests, and the number of its adopted versions. Not a dict, because Output.all makes an Output for each
    key and value of a dict, and the SDK looks through all open Outputs whenever one is done: 3 s at 220 packs."""

    digests: Mapping[str, str]
    adopted: int

    @classmethod
    def of(cls, versions: Mapping[str, Mapping[str, Any]]) -> _Digests:
        """versions: the output of a PublishedPack"""
        digests = {version: record["manifestDigest"] for version, record in sorted(versions.items())}
        return cls(digests, sum(bool(record.get("adopted")) for record in versions.values()))


def packs_or_error(packs: PacksArgument) -> SelectedPacks:
    """All packs of the program, validated; or one RunError with every problem of every pack."""
    try:
        entries = {entry.path: entry for entry in load_packs([packs] if isinstance(packs, str) else packs)}
        catalogue = read_catalogue(Path.cwd(), list(entries), {path: entry.rules for path, entry in entries.items()})
    except PackinfraError as error:
        raise pulumi.RunError(str(error)) from None
    return SelectedPacks(catalogue.packs, {pack: entries[path] for pack, path in catalogue.found_by.items()})


def publish(
    component: pulumi.ComponentResource,
    name: str,
    selected: SelectedPacks,
    repositories: Mapping[str, pulumi.Input[str]],
    opts: Callable[[], pulumi.ResourceOptions],
    *,
    registry_access: RegistryAccess | None = None,
) -> PublishedPacks:
    """One PublishedPack for each pack, in its repository ("host/path") of `repositories`.

    Warnings about a pack are shown at its resource; one line at the component sums up.
    """
    published: dict[str, PublishedPack] = {}
    for pack, versions in selected.packs.items():
        settings = selected.settings[pack]
        published[pack] = PublishedPack(
            f"{name}-{pack}",
            repository=repositories[pack],
            sources=[os.path.relpath(version.folder) for version in versions],
            overwrite=settings.overwrite,
            unpublish=settings.unpublish,
            keep_versions=None if settings.keep_versions == "all" else settings.keep_versions,
            delete_adopted=settings.delete_adopted,
            registry_access=registry_access,
            validated=versions,
            opts=opts(),
        )
        for version in versions:
            for warning in version.warnings:
                pulumi.log.warn(f"{os.path.relpath(version.folder)}: {warning}", published[pack])
    digests = pulumi.Output.all(*(resource.versions.apply(_Digests.of) for resource in published.values()))
    digests.apply(lambda known: _sum_up(component, known))
    return PublishedPacks(
        packs=list(published.values()),
        repositories=pulumi.Output.all(**repositories),
        versions=digests.apply(lambda known: {p: dict(d.digests) for p, d in zip(published, known, strict=True)}),
    )


def _sum_up(component: pulumi.ComponentResource, packs: Sequence[_Digests]) -> None:
    if pulumi.runtime.is_dry_run():
        return
    adopted = sum(pack.adopted for pack in packs)
    versions = plural(sum(len(pack.digests) for pack in packs), "version")
    pulumi.log.info(
        f"{plural(len(packs), 'pack')} with {versions} published"
        + (f", of which {adopted} {'was' if adopted == 1 else 'were'} adopted" if adopted else ""),
        component,
    )
