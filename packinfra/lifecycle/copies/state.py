"""The record in state of each copied tag, and the program's entries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import NoneType
from typing import Any

from packinfra.lifecycle.results import UNKNOWN
from packinfra.oci.pinned import Pinned


@dataclass(frozen=True)
class CopiedTag:
    """One tag as state records it. The names are frozen (docs/upgrading.md).

    order:          rises when a tag becomes current (an entry has it); pruning takes the lowest first
    source:         "host/path" from which it was copied
    manifestDigest: what the tag carries
    referrers:      what refers to the artifact was copied too

    In outputs only:
    adopted:        the tag carried the digest already
    children:       digests of the manifests that it names (an index)
    referrerDigests: of what refers to it
    incomplete:     a part of it is gone from the registry
    replacedDigests: what this resource copied to the tag before (`overwrite`), with all that belonged to it

    State has the lists as one text each: the engine writes all state after each step, one line per entry.
    """

    order: int
    source: str
    manifestDigest: str  # noqa: N815 - the keys are state, read by users in previews and exports
    referrers: bool = False
    adopted: bool = False
    children: tuple[str, ...] = ()
    referrerDigests: tuple[str, ...] = ()  # noqa: N815
    replacedDigests: tuple[str, ...] = ()  # noqa: N815
    incomplete: bool = False

    @property
    def parts(self) -> tuple[str, ...]:
        """All that was copied besides the artifact's own manifest."""
        return (*self.children, *self.referrerDigests)

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> CopiedTag:
        """From state, where numbers arrive as floats (pulumi/pulumi#13830)."""
        return cls(
            order=int(record["order"]),
            source=str(record["source"]),
            manifestDigest=str(record["manifestDigest"]),
            referrers=bool(record.get("referrers")),
            adopted=bool(record.get("adopted")),
            children=_list(record.get("children")),
            referrerDigests=_list(record.get("referrerDigests")),
            replacedDigests=_list(record.get("replacedDigests")),
            incomplete=bool(record.get("incomplete")),
        )

    def to_props(self) -> dict[str, Any]:
        values = {key: " ".join(value) if isinstance(value, tuple) else value for key, value in vars(self).items()}
        return {key: value for key, value in values.items() if value or key == "order"}


Tags = Mapping[str, CopiedTag]


@dataclass(frozen=True)
class Entry:
    """What the program copies: one artifact. access: to its source, as state has it"""

    source: Pinned
    tags: tuple[str, ...]
    referrers: bool = False
    overwrite: bool = False
    access: Mapping[str, Any] | None = field(default=None, hash=False)

    @classmethod
    def of(cls, props: Mapping[str, Any]) -> Entry:
        """Raises ValueError if it isn't pinned to a digest, or has no tag, or is unknown."""
        located, named, access = props.get("from"), props.get("tags") or (), props.get("access")
        known = isinstance(located, str) and isinstance(named, (list, tuple)) and all(isinstance(t, str) for t in named)
        if not known or not isinstance(access, (Mapping, NoneType)):
            raise ValueError(UNKNOWN)
        source = Pinned.parse(str(located))
        tags = tuple(dict.fromkeys(named)) or ((source.tag,) if source.tag else ())
        if not tags:
            raise ValueError("name its tags: registries remove what has none")
        return cls(source, tags, bool(props.get("referrers")), bool(props.get("overwrite")), access)


def entries_from(props: Mapping[str, Any]) -> list[Entry]:
    return [Entry.of(entry) for entry in props.get("copies") or ()]


def tags_from(props: Mapping[str, Any], key: str = "versions") -> dict[str, CopiedTag]:
    """The records in a resource's properties; None and unknown values count as none."""
    records = props.get(key)
    return {tag: CopiedTag.of(record) for tag, record in records.items()} if isinstance(records, dict) else {}


def tags_to_props(tags: Tags) -> dict[str, Any]:
    return {tag: record.to_props() for tag, record in tags.items()}


def in_order(tags: Iterable[tuple[str, CopiedTag]]) -> list[tuple[str, CopiedTag]]:
    """As they became current: maps lose their order on the way through the engine."""
    return sorted(tags, key=lambda item: (item[1].order, item[0]))


def _list(text: Any) -> tuple[str, ...]:
    return tuple(str(text).split()) if text else ()
