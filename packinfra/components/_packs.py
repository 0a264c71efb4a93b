"""The packs of both registry components: all read and validated first, then one PublishedPack for each name."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pulumi

from packinfra.components._existing import digests, existing
from packinfra.components._futures import value
from packinfra.errors import PackinfraError
from packinfra.lifecycle.publishing.state import by_version
from packinfra.lifecycle.registry_access import RegistryAccess
from packinfra.packs.catalogue import read_catalogue
from packinfra.packs.pack import Pack
from packinfra.resources.published_names import VersionsOfName
from packinfra.resources.published_pack import PublishedPack
from packinfra.settings import PackSettings, load_packs
from packinfra.text import plural

PacksArgument = str | Sequence[str | PackSettings | Mapping[str, Any]]
"""Paths, PackSettings, or mappings as in a stack file; a single path counts as a list of one."""


class SelectedPacks(NamedTuple):
    """Each pack name's versions, and its settings; the names of packs to remove."""

    packs: Mapping[str, tuple[Pack, ...]]
    settings: Mapping[str, PackSettings]
    removed: Sequence[str]


class PublishedPacks(NamedTuple):
    """Without the packs that `pulumi up --target` doesn't create.

    repositories: pack name -> "host/path"; versions: pack name -> version -> manifest digest
    """

    packs: pulumi.Output[list[PublishedPack]]
    repositories: pulumi.Output[dict[str, str]]
    versions: pulumi.Output[dict[str, dict[str, str]]]


@dataclass(frozen=True)
class _Published:
    """Not a dict, because Output.all makes an Output for each key and value of a dict, and the SDK looks through all open
    Outputs whenever one is done: 3 s at 220 packs."""

    name: str
    resource: PublishedPack
    versions: Mapping[str, Mapping[str, Any]]

    @property
    def digests(self) -> dict[str, str]:
        return digests(self.versions)


def packs_or_error(packs: PacksArgument, removed: Sequence[str]) -> SelectedPacks:
    """All packs of the program, validated; or one RunError with every problem of every pack."""
    try:
        settings = load_packs([packs] if isinstance(packs, str) else packs, removed)
        entries = {entry.path: entry for entry in settings.packs}
        rules = {path: entry.rules for path, entry in entries.items()}
        catalogue = read_catalogue(Path.cwd(), list(entries), rules, removed=settings.removed_packs)
    except PackinfraError as error:
        raise pulumi.RunError(str(error)) from None
    by_name = {pack: entries[path] for pack, path in catalogue.found_by.items()}
    return SelectedPacks(catalogue.packs, by_name, settings.removed_packs)


def names_of_packs(selected: SelectedPacks) -> dict[str, VersionsOfName]:
    """For PublishedNames."""
    return {
        pack: VersionsOfName(
            sorted((version.version for version in versions), key=by_version),
            selected.settings[pack].unpublish,
            selected.settings[pack].keep,
        )
        for pack, versions in selected.packs.items()
    }


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
            keep_versions=settings.keep,
            delete_adopted=settings.delete_adopted,
            registry_access=registry_access,
            validated=versions,
            opts=opts(),
        )
        for version in versions:
            for warning in version.warnings:
                pulumi.log.warn(f"{os.path.relpath(version.folder)}: {warning}", published[pack])
    found = _found(published)
    found.apply(lambda packs: _sum_up(component, packs))
    return PublishedPacks(
        packs=found.apply(lambda packs: [pack.resource for pack in packs]),
        repositories=found.apply(
            lambda packs: pulumi.Output.all(**{pack.name: repositories[pack.name] for pack in packs}) if packs else {}
        ),
        versions=found.apply(lambda packs: {pack.name: pack.digests for pack in packs}),
    )


def _found(published: Mapping[str, PublishedPack]) -> pulumi.Output[list[_Published]]:
    async def find() -> list[_Published]:
        return [
            _Published(name, resource, await resource.versions.future() or {})
            for name, resource in (await existing(published)).items()
        ]

    async def resources() -> set[pulumi.Resource]:
        return {pack.resource for pack in await found}

    found = asyncio.ensure_future(find())
    return pulumi.Output(resources(), found, value(True))


def _sum_up(component: pulumi.ComponentResource, packs: Sequence[_Published]) -> None:
    if pulumi.runtime.is_dry_run():
        return
    records = [record for pack in packs for record in pack.versions.values()]
    adopted = sum(bool(record.get("adopted")) for record in records)
    pulumi.log.info(
        f"{plural(len(packs), 'pack')} with {plural(len(records), 'version')} published"
        + (f", of which {adopted} {'was' if adopted == 1 else 'were'} adopted" if adopted else ""),
        component,
    )
