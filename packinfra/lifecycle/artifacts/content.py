"""The versions of an artifact: sources of packinfra/artifacts, each read anew by every operation (they are small)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from packinfra.artifacts.content import Content, errors_in
from packinfra.artifacts.manifest import blobs_of, manifest_of
from packinfra.artifacts.sources import HelmChart, source_from_props
from packinfra.lifecycle.artifacts.adopt import compare
from packinfra.lifecycle.clients import is_ecr
from packinfra.lifecycle.publishing.archive_cache import ArchiveCache
from packinfra.lifecycle.publishing.family import Family, Foreign, Hashes, Held, PublishError, Sources, Upload, Words
from packinfra.lifecycle.publishing.file_hashes import file_hashes, short_hashes
from packinfra.lifecycle.publishing.state import PublishedVersion, Versions
from packinfra.lifecycle.results import UNKNOWN, is_known
from packinfra.oci.client import Client
from packinfra.oci.reference import Reference
from packinfra.packs.archive import CODEC

AS_IT_IS = "none"
"""The codec recorded of layers that are files as they are."""


class Artifacts(Family):
    words = Words(
        "artifact", "source", "(a chart's is in its Chart.yaml)", "media types, annotations or the order of the files"
    )

    def read(
        self, news: Mapping[str, Any], old: Versions, old_hashes: Mapping[str, Hashes], problems: list[str]
    ) -> list[Held]:
        del old, old_hashes  # all sources are read: that costs little
        repository, held = news.get("repository"), list[Held]()
        ecr = isinstance(repository, str) and is_ecr(repository)
        sources = news.get("sources") or ()
        if not is_known(sources):
            problems.append(f"sources: {UNKNOWN}")
            return []
        for source in map(source_from_props, sources):
            content = source.read()
            errors = errors_in(content, ecr=ecr)
            problems += [f"{content.noun} {content.source}: {problem}" for problem in errors]
            if errors:
                continue
            name = content.name or (repository.rpartition("/")[2] if isinstance(repository, str) else "")
            hashes = file_hashes(content.files, content.content_digest)
            files = short_hashes(content.files)
            held.append(Held(content.source, name, content.version, content.content_digest, hashes, files, content))
        return held

    def conflicts(self, held: Sequence[Held], repository: object) -> list[str]:
        charts = sorted({each.name for each in held if each.content.name})
        if len(charts) > 1:
            return [f"one repository holds one chart, but these sources hold {', '.join(charts)}"]
        if charts and isinstance(repository, str) and repository.rpartition("/")[2] != charts[0]:
            return [
                f"{repository} is no repository of {charts[0]}: helm pull looks for the chart's name in the last component"
            ]
        return []

    def record(self, held: Held, created: str, order: int, archives: ArchiveCache) -> PublishedVersion:
        del archives
        with held.content.parts(created) as parts:
            planned = PublishedVersion(order, held.content_digest, "", 0, "", "", created)
            return planned.stored_as(manifest_of(parts), _codec(held.content), held.content.main_type)

    def sources(self, props: Mapping[str, Any], archives: ArchiveCache) -> Sources:
        del archives
        return _Sources(props)


class _Sources(Sources):
    def __init__(self, props: Mapping[str, Any]) -> None:
        self._sources = list(map(source_from_props, props.get("sources") or ()))

    @contextmanager
    def upload(self, name: str, version: str, record: PublishedVersion) -> Iterator[Upload]:
        """Equal content may make another manifest than was planned: after a failed run, if a comment in Chart.yaml has
        changed, or the compressor."""
        content = self._find(version, record)
        if content is None:
            raise PublishError(
                f"{name} {version} was not published: its source has changed since this run looked at it\n"
                "  -> run again when whatever writes its files has finished"
            )
        with content.parts(record.created) as parts:
            manifest = manifest_of(parts)
            stored = record.stored_as(manifest, _codec(content), content.main_type)
            yield Upload(manifest, blobs_of(parts), stored)

    def compare(self, client: Client, reference: Reference, record: PublishedVersion) -> Foreign:
        content = self._find(reference.reference, record)
        if content is None:
            return Foreign(record, reason="its source has changed since this run looked at it")
        return compare(client, reference, record, content)

    def _find(self, version: str, record: PublishedVersion) -> Content | None:
        for source in self._sources:
            if isinstance(source, HelmChart) or source.version == version:
                content = source.read()
                if not content.errors and (content.version, content.content_digest) == (version, record.contentDigest):
                    return content
        return None


def _codec(content: Content) -> str:
    return CODEC if content.made else AS_IT_IS
