"""The versions of a pack: folders, each archived as one layer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from packinfra.artifacts.pack import pack_manifest
from packinfra.lifecycle.packs.adopt import compare
from packinfra.lifecycle.publishing.archive_cache import ArchiveCache
from packinfra.lifecycle.publishing.family import (
    Family,
    Foreign,
    Hashes,
    Held,
    PublishError,
    Sources,
    Upload,
    Words,
)
from packinfra.lifecycle.publishing.file_hashes import file_hashes, short_hashes
from packinfra.lifecycle.publishing.state import PublishedVersion, Versions
from packinfra.oci.client import Client
from packinfra.oci.reference import Reference
from packinfra.packs.archive import Archive, archive_title, write_archive
from packinfra.packs.contents import PackError
from packinfra.packs.files import ignore_rules
from packinfra.packs.ignore import Ignore
from packinfra.packs.pack import Pack, read_pack
from packinfra.packs.spool import Spool


def build(pack: Pack, created: str) -> tuple[Archive, Spool]:
    """Raises ArchiveError."""
    spool = Spool()
    try:
        return write_archive(pack, spool.file, created), spool
    except BaseException:
        spool.close()
        raise


class Packs(Family):
    words = Words("pack", "folder", "in pack.json")

    def read(
        self, news: Mapping[str, Any], old: Versions, old_hashes: Mapping[str, Hashes], problems: list[str]
    ) -> list[Held]:
        """`validated` in the inputs, if there: source -> [name, version, content digest] of packs that the program has just
        read and validated. A pack published with that digest isn't read again, and a pack with that digest isn't validated
        again."""
        validated: Mapping[str, Sequence[str]] = news.get("validated") or {}
        folders: list[Held] = []
        sources = [str(source) for source in news.get("sources") or ()]
        keep = len(sources) == 1  # all are read before the first is archived: of several, memory would hold every one
        for source in sources:
            name, version, digest = validated.get(source) or ("", "", None)
            was, hashes = old.get(version), old_hashes.get(version)
            if was and hashes and was.contentDigest == digest:
                folders.append(Held(source, name, version, was.contentDigest, hashes))
            elif pack := _read(source, digest, problems, keep=keep):
                hashes, files = file_hashes(pack.files, pack.content_digest), short_hashes(pack.files)
                folders.append(Held(source, pack.name, pack.version, pack.content_digest, hashes, files, pack))
        return folders

    def conflicts(self, held: Sequence[Held], repository: object) -> list[str]:
        if len(names := sorted({folder.name for folder in held})) > 1:
            return [f"one repository holds one pack, but these sources hold {', '.join(names)}"]
        if names and isinstance(repository, str) and repository.rpartition("/")[2] != names[0]:
            return [f"{repository} is no repository of {names[0]}: its last component must equal the name in pack.json"]
        return []

    def record(self, held: Held, created: str, order: int, archives: ArchiveCache) -> PublishedVersion:
        """The archive is kept for `upload`."""
        archive, spool = build(held.content, created)
        archives.keep(archive.digest, archive.size, spool)
        return PublishedVersion(
            order=order,
            contentDigest=held.content_digest,
            layerDigest=archive.digest,
            size=archive.size,
            manifestDigest=pack_manifest(archive.title, archive.digest, archive.size, created).digest,
            codec=archive.codec,
            created=created,
        )

    def sources(self, props: Mapping[str, Any], archives: ArchiveCache) -> Sources:
        return _Folders(props, archives)


class _Folders(Sources):
    def __init__(self, props: Mapping[str, Any], archives: ArchiveCache) -> None:
        self._folders = [str(source) for source in props.get("sources") or ()]
        self._repository, self._archives = props.get("repository"), archives
        self._version_in: dict[str, str] = {}  # folder -> its version, of those that were read

    @contextmanager
    def upload(self, name: str, version: str, record: PublishedVersion) -> Iterator[Upload]:
        """The archive that `check` promised: the one it built, else one built anew from the folder."""
        manifest = pack_manifest(archive_title(name, version), record.layerDigest, record.size, record.created)
        if manifest.digest != record.manifestDigest:  # `check` made it with the pack's own name
            raise PublishError(
                f"{name} {version} was not published: the pack has another name than {self._repository}\n"
                "  -> the repository's last component must equal the name in pack.json"
            )
        spool = self._archives.take(record.layerDigest) or self._build(version, record)
        if spool is None:
            raise PublishError(
                f"{name} {version} was not published: its folder has changed since this run looked at it\n"
                "  -> run again when whatever writes the folder has finished"
            )
        with closing(spool):
            yield Upload(manifest, {record.layerDigest: spool.open}, record)

    def compare(self, client: Client, reference: Reference, record: PublishedVersion) -> Foreign:
        return compare(client, reference, record, self._ignore(reference.reference))

    def _build(self, version: str, record: PublishedVersion) -> Spool | None:
        for source in self._folders:
            if self._version_in.get(source, version) != version:
                continue
            pack = read_pack(Path(source), validated=record.contentDigest)
            self._version_in[source] = pack.version
            if pack.version == version and not pack.errors and pack.content_digest == record.contentDigest:
                archive, spool = build(pack, record.created)
                if archive.digest == record.layerDigest:
                    return spool
                spool.close()
        return None

    def _ignore(self, version: str) -> Ignore:
        """The ignore rules of the folder with `version`."""
        folders = [Path(source) for source in self._folders]
        folder = next((f for f in folders if len(folders) == 1 or read_pack(f).version == version), None)
        return ignore_rules(folder) if folder else Ignore()


def _read(source: str, validated: str | None, problems: list[str], *, keep: bool) -> Pack | None:
    try:
        pack = read_pack(Path(source), keep=keep, validated=validated)
    except PackError as error:
        problems.append(str(error))
        return None
    problems += [f"pack {source}: {problem}" for problem in pack.errors]
    return pack
