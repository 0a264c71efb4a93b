"""The record in state of each published version, and which versions stay: pure planning.

A record is made by `check`, before anything is published, so that preview can show it. While a version's content is
unchanged its record is carried along as it is, also when codec or `created` have changed since: a published version
never changes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from packinfra.lifecycle.retention import kept
from packinfra.oci.manifest import Manifest

FOREIGN = "foreign"
"""The codec recorded of what somebody else pushed and we only adopted."""


@dataclass(frozen=True)
class PublishedVersion:
    """One version as state records it. The names are frozen (docs/upgrading.md).

    order:         rises when a version becomes current (a source holds it); pruning takes the lowest first
    contentDigest: its identity; layerDigest, size: of the archive (of several layers, the first and all); manifestDigest:
                   what the tag carries
    codec, created: how the archive was made; codec "none": the layers are files as they are
    adopted:       the tag was there already with this digest, and nothing was written
    replacedDigests: what this resource published under the version before (`overwrite`); in outputs only
    """

    order: int
    contentDigest: str  # noqa: N815 - the keys are state, read by users in previews and exports
    layerDigest: str  # noqa: N815
    size: int
    manifestDigest: str  # noqa: N815
    codec: str
    created: str
    adopted: bool = False
    replacedDigests: tuple[str, ...] = ()  # noqa: N815

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> PublishedVersion:
        """From state, where numbers arrive as floats (pulumi/pulumi#13830)."""
        return cls(
            order=int(record["order"]),
            contentDigest=str(record["contentDigest"]),
            layerDigest=str(record["layerDigest"]),
            size=int(record["size"]),
            manifestDigest=str(record["manifestDigest"]),
            codec=str(record["codec"]),
            created=str(record["created"]),
            adopted=bool(record.get("adopted")),
            replacedDigests=tuple(record.get("replacedDigests") or ()),
        )

    def stored_as(self, manifest: Manifest, codec: str, main_type: str = "") -> PublishedVersion:
        """The same version, as a manifest has it. main_type: of the layer whose digest stands for all; "" = the first"""
        main = next((layer for layer in manifest.layers if layer.media_type == main_type), manifest.layers[0])
        size = sum(layer.size for layer in manifest.layers)
        return replace(self, layerDigest=main.digest, size=size, manifestDigest=manifest.digest, codec=codec)


Versions = Mapping[str, PublishedVersion]


def versions_from(props: Mapping[str, Any], key: str = "versions") -> dict[str, PublishedVersion]:
    """The records in a resource's properties; None and unknown values count as none."""
    records = props.get(key)
    return {v: PublishedVersion.of(record) for v, record in records.items()} if isinstance(records, dict) else {}


def versions_to_props(versions: Versions) -> dict[str, Any]:
    return {version: _to_props(record) for version, record in versions.items()}


def _to_props(record: PublishedVersion) -> dict[str, Any]:
    props = asdict(record)
    replaced = list(props.pop("replacedDigests"))
    return {**props, **({"replacedDigests": replaced} if replaced else {})}


def kept_versions(
    old: Versions, current: Sequence[str], *, unpublish: Sequence[str], keep: int | None
) -> dict[str, PublishedVersion]:
    """Old versions that stay although no folder holds them."""
    order = [version for version, _ in in_order(old)]
    return {version: old[version] for version in kept(order, current, unpublish=unpublish, keep=keep)}


def in_order(versions: Versions) -> list[tuple[str, PublishedVersion]]:
    """As they became current: maps lose their order on the way through the engine."""
    return sorted(versions.items(), key=lambda item: (item[1].order, by_version(item[0])))


def by_version(version: str) -> tuple[tuple[int, int, str], ...]:
    """Sorts 1.9.0 before 1.10.0: runs of digits count as numbers."""
    return tuple((0, int(p), "") if p.isdigit() else (1, 0, p) for p in re.findall(r"\d+|\D+", version))
