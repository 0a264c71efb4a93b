"""What both registry components do with packs: read them all, judge them, declare one PublishedPack for each name."""

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
from packinfra.settings import PackSettings, load_packs, valid_base_path


class FoundPacks(NamedTuple):
    """packs: name -> its versions; how: name -> what the settings say of it."""

    packs: Mapping[str, tuple[Pack, ...]]
    how: Mapping[str, PackSettings]


class Published(NamedTuple):
    """repositories: pack name -> "host/path"; versions: pack name -> version -> manifest digest, known when published."""

    packs: list[PublishedPack]
    repositories: pulumi.Output[dict[str, str]]
    versions: pulumi.Output[dict[str, dict[str, str]]]


@dataclass(frozen=True)
class _Pack:
    """A pack's digests, and how many of its versions were there already. Not a dict, of which Output.all would make an
    Output for every key and value, and the SDK looks through all that are open whenever one is done: at 220 packs that
    took the program 3 s."""

    digests: Mapping[str, str]
    adopted: int

    @classmethod
    def of(cls, versions: Mapping[str, Mapping[str, Any]]) -> _Pack:
        """versions: as PublishedPack has them."""
        digests = {version: record["manifestDigest"] for version, record in sorted(versions.items())}
        return cls(digests, sum(bool(record.get("adopted")) for record in versions.values()))


def base_path_or_error(base_path: str) -> str:
    """`base_path`, or a RunError that says what is wrong with it."""
    try:
        return valid_base_path(base_path)
    except ValueError as error:
        raise pulumi.RunError(f"base_path {base_path!r}: {error}") from None


def packs_or_error(packs: str | Sequence[str | PackSettings | Mapping[str, Any]]) -> FoundPacks:
    """All packs of the program; or one RunError, which shows without a traceback, with every problem of every pack.

    packs: paths, PackSettings, or mappings as in a stack file; a single path counts as a list of one
    """
    try:
        entries = {entry.path: entry for entry in load_packs([packs] if isinstance(packs, str) else packs)}
        catalogue = read_catalogue(Path.cwd(), list(entries), {path: entry.rules for path, entry in entries.items()})
    except PackinfraError as error:
        raise pulumi.RunError(str(error)) from None
    return FoundPacks(catalogue.packs, {pack: entries[path] for pack, path in catalogue.found_by.items()})


def publish(
    component: pulumi.ComponentResource,
    name: str,
    found: FoundPacks,
    repositories: Mapping[str, pulumi.Input[str]],
    opts: Callable[[], pulumi.ResourceOptions],
    *,
    registry_access: RegistryAccess | None = None,
) -> Published:
    """One PublishedPack for each pack, in the repository ("host/path") that `repositories` names for it.

    Warnings about a pack stand beside its resource; one line beside the component sums up.
    """
    published = {
        pack: PublishedPack(
            f"{name}-{pack}",
            repository=repositories[pack],
            sources=[os.path.relpath(version.folder) for version in versions],
            overwrite=found.how[pack].overwrite,
            unpublish=found.how[pack].unpublish,
            keep_versions=None if (keep := found.how[pack].keep_versions) == "all" else keep,
            delete_adopted=found.how[pack].delete_adopted,
            registry_access=registry_access,
            validated=versions,
            opts=opts(),
        )
        for pack, versions in found.packs.items()
    }
    for pack, versions in found.packs.items():
        for version in versions:
            for warning in version.warnings:
                pulumi.log.warn(f"{os.path.relpath(version.folder)}: {warning}", published[pack])
    packs = pulumi.Output.all(*(resource.versions.apply(_Pack.of) for resource in published.values()))
    packs.apply(lambda known: _sum_up(component, known))
    return Published(
        packs=list(published.values()),
        repositories=pulumi.Output.all(**repositories),
        versions=packs.apply(lambda known: {p: dict(each.digests) for p, each in zip(published, known, strict=True)}),
    )


def _sum_up(component: pulumi.ComponentResource, packs: Sequence[_Pack]) -> None:
    if pulumi.runtime.is_dry_run():
        return
    adopted = sum(pack.adopted for pack in packs)
    pulumi.log.info(
        f"{_count(len(packs), 'pack')} with {_count(sum(len(pack.digests) for pack in packs), 'version')} published"
        + (f", of which {adopted} {'was' if adopted == 1 else 'were'} there already" if adopted else ""),
        component,
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
