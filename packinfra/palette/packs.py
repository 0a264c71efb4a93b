"""Packs as Palette lists them: the versions of a pack in a registry, and what a cluster profile refers to them by.

lookup = PackLookup(transport)
lookup.resolve("Public Repo", "ubuntu-aws", "22.04").uid
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from packinfra.palette.errors import NotPalette, PackMissing, PaletteError, PaletteStep
from packinfra.palette.responses import PackResponse, PackSearch, PackTags, RegistryMetadata
from packinfra.palette.transport import PaletteTransport
from packinfra.text import listed, quoted

_TYPES = {"oci": "oci", "helm": "helm"}
"""Kind of registry -> type of a layer; every other kind is Palette's own: "spectro"."""


@dataclass(frozen=True)
class PackRegistry:
    """A registry of any kind. type: that of layers from it: oci, helm or spectro"""

    uid: str
    name: str
    type: str


@dataclass(frozen=True)
class PackVersion:
    """One version of a pack in one registry, with what a layer of a cluster profile needs.

    Args:
        uid: Palette's for this pack, version and registry (`packUid`).
        registry: Where it is.
        layer: os, k8s, cni, csi, addon, ...; "" if Palette doesn't say.
        clouds: Cloud types that it is for ("all", "aws"); empty if Palette doesn't say.
        values: The published values.yaml, complete; "" is a legal one.
    """

    uid: str
    name: str
    version: str
    registry: PackRegistry
    layer: str = ""
    clouds: tuple[str, ...] = ()
    values: str = field(default="", repr=False)


def find_versions(transport: PaletteTransport, pack: str, registry: str) -> frozenset[str]:
    """The versions of a pack that Palette lists from a registry. registry: its uid"""
    return frozenset(tag.version for tag in _tags(transport, pack, registry).tags if tag.version)


class PackLookup:
    """Registry, name and exact version -> uid, type and values. Each registry's pack is asked for once.

    Every method raises PaletteError. A pack is the same in every project, so no request has a scope.
    """

    def __init__(self, transport: PaletteTransport) -> None:
        self._transport = transport
        self._registries: dict[str, PackRegistry] | None = None
        self._packs: dict[tuple[str, str], PackTags] = {}

    def registries(self) -> Mapping[str, PackRegistry]:
        """Name -> registry, of all kinds and scopes."""
        if self._registries is None:
            pages = self._transport.pages(PaletteStep.REGISTRIES, "/v1/registries/metadata", RegistryMetadata)
            items = (item for page in pages for item in page.items)
            self._registries = {
                item.name: PackRegistry(item.uid, item.name, _TYPES.get(item.kind.lower(), "spectro")) for item in items
            }
        return self._registries

    def resolve(self, registry: str, pack: str, version: str) -> PackVersion:
        """The version of that exact name. registry: its name

        Raises:
            PackMissing: Palette lists no such registry, pack or version; it names those that are nearest.
            PaletteError: A request failed.
        """
        where = self.registries().get(registry)
        if where is None:
            raise PackMissing(
                f"Palette has no registry {quoted(registry)}{_nearest(registry, self.registries())}\n  -> correct the name "
                "of the registry: GET /v1/registries/metadata, and Palette's console, list them"
            )
        found = self._of(where, pack)
        tag = next((tag for tag in found.tags if tag.version == version and tag.pack_uid), None)
        if tag is None:
            raise PackMissing(self._missing(where, pack, version, [tag.version for tag in found.tags if tag.version]))
        values = next((item.values for item in found.pack_values if item.pack_uid == tag.pack_uid), None)
        if values is None:  # which isn't an empty one
            path = f"/v1/packs/{tag.pack_uid}"
            values = self._transport.fetch(PaletteStep.LOOKUP, "GET", path, PackResponse).spec.values
        clouds = tuple(found.cloud_types)
        return PackVersion(tag.pack_uid, pack, version, where, found.layer, clouds, values)

    def _of(self, registry: PackRegistry, pack: str) -> PackTags:
        key = registry.uid, pack
        if key not in self._packs:
            self._packs[key] = _tags(self._transport, pack, registry.uid)
        return self._packs[key]

    def _missing(self, registry: PackRegistry, pack: str, version: str, versions: list[str]) -> str:
        if versions:
            return (
                f"Palette lists no {pack} {quoted(version)} in {registry.name}{_nearest(version, versions)}\n  -> write one "
                "of these, exactly; a version that was published just now is listed after the registry's sync"
            )
        body = {"filter": {"name": {"eq": pack}}}
        search = self._transport.fetch(PaletteStep.LOOKUP, "POST", "/v1/packs/search", PackSearch, body=body)
        others = [f"{at.name} ({at.latest_version})" for item in search.items for at in item.spec.registries]
        elsewhere = f"; {listed(others)} has it" if others else ""
        return (
            f"Palette lists no pack {quoted(pack)} in {registry.name}{elsewhere}\n  -> correct the name of the pack or of "
            "its registry; a pack that was published just now is listed after the registry's sync"
        )


def _nearest(wanted: str, names: Iterable[str]) -> str:
    names = sorted(names)
    near = difflib.get_close_matches(wanted, names, 4, 0.4) or names
    return f"; the nearest are {listed(near, 4)}" if near else "; it has none"


def _tags(transport: PaletteTransport, pack: str, registry: str) -> PackTags:
    """Empty for a pack that isn't indexed."""
    path = f"/v1/packs/{pack}/registries/{registry}"
    try:
        return transport.fetch(PaletteStep.LOOKUP, "GET", path, PackTags, query={"cloudType": "all"})
    except PaletteError as error:
        # Of a pack that isn't indexed, with any code; it may also be a response without tags.
        if error.status == 404 and not isinstance(error, NotPalette):
            return PackTags()
        raise
