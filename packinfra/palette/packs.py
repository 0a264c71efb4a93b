"""Packs in a registry, as Palette lists them: versions, and what a cluster profile refers to them by."""

from __future__ import annotations

from packinfra.palette.errors import NotPalette, PaletteError, PaletteStep
from packinfra.palette.responses import PackTags
from packinfra.palette.transport import PaletteTransport


def find_versions(transport: PaletteTransport, pack: str, registry: str) -> frozenset[str]:
    """The versions of a pack that Palette lists from a registry. registry: its uid"""
    return frozenset(tag.version for tag in _tags(transport, pack, registry).tags if tag.version)


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
