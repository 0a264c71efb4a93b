"""What the folders and the old inputs make of a pack's next state. Reads folders; asks no registry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from packinfra.lifecycle.packs.archive_cache import ARCHIVES, build
from packinfra.lifecycle.packs.file_hashes import file_hashes
from packinfra.lifecycle.packs.narration import file_changes
from packinfra.lifecycle.packs.state import (
    PublishedVersion,
    by_version,
    current_again,
    kept,
    to_publish,
    versions_of,
)
from packinfra.packs.archive import CREATED
from packinfra.packs.contents import PackError
from packinfra.packs.pack import Pack, read_pack


class _Folder(NamedTuple):
    """A folder that holds a version. files: its short hashes; pack: None where nothing of it need be read."""

    source: str
    name: str
    version: str
    content_digest: str
    files: Mapping[str, str]
    pack: Pack | None


class Plan:
    """`versions` and `files` of the next state, or `failures`: every reason why there is none.

    olds: the old inputs, empty for a new resource (and in a replacement); news: the inputs as the program gives them;
    its `judged`, if there: source -> [name, version, content digest] of what the program has just read and judged. What is
    published with that digest isn't read again, and nothing with that digest is judged again
    """

    def __init__(self, olds: Mapping[str, Any], news: Mapping[str, Any]) -> None:
        self.failures: list[str] = []
        self.files: dict[str, Mapping[str, str]] = {}
        self.versions: dict[str, PublishedVersion] = {}
        self._created = str(news.get("created") or CREATED)
        self._overwrite = bool(news.get("overwrite"))
        self._old, self._old_files = versions_of(olds), olds.get("files") or {}
        folders = self._folders(news)
        self._withdrawn(folders, news.get("unpublish") or ())
        if self.failures:
            return
        self.files = {folder.version: folder.files for folder in folders}
        keep = news.get("keepVersions")
        self.versions = kept(
            self._old,
            list(self.files),
            unpublish=news.get("unpublish") or (),
            keep=int(keep) if isinstance(keep, (int, float)) else None,
        )
        seq = max((record.seq for record in self._old.values()), default=0)
        for number, folder in enumerate(folders, seq + 1):
            self._add(folder, number)

    def _folders(self, news: Mapping[str, Any]) -> list[_Folder]:
        judged: Mapping[str, Sequence[str]] = news.get("judged") or {}
        folders: list[_Folder] = []
        sources = [str(source) for source in news.get("sources") or ()]
        keep = len(sources) == 1  # all are read before the first is archived: of several, memory would hold every one
        for source in sources:
            name, version, digest = judged.get(source) or ("", "", None)
            was, files = self._old.get(version), self._old_files.get(version)
            if was and files and was.contentDigest == digest:
                folders.append(_Folder(source, name, version, was.contentDigest, files, None))
            elif pack := self._read(source, digest, keep=keep):
                folders.append(_Folder(source, pack.name, pack.version, pack.content_digest, file_hashes(pack), pack))
        if len(names := sorted({folder.name for folder in folders})) > 1:
            self.failures.append(f"one repository holds one pack, but these sources hold {', '.join(names)}")
        return sorted(folders, key=lambda folder: by_version(folder.version))

    def _read(self, source: str, judged: str | None, *, keep: bool) -> Pack | None:
        try:
            pack = read_pack(Path(source), keep=keep, validated=judged)
        except PackError as error:
            self.failures.append(str(error))
            return None
        self.failures += [f"pack {source}: {problem}" for problem in pack.errors]
        return pack

    def _withdrawn(self, folders: Sequence[_Folder], unpublish: Sequence[str]) -> None:
        self.failures += [
            f"{folder.name} {folder.version} is to be withdrawn (unpublish), but {folder.source} holds it\n"
            "      -> remove the folder, or the version from unpublish"
            for folder in folders
            if folder.version in unpublish
        ]

    def _add(self, folder: _Folder, seq: int) -> None:
        version, was = folder.version, self._old.get(folder.version)
        if was and was.contentDigest == folder.content_digest:
            self.versions[version] = current_again(was, version in self._old_files, seq)
        elif was and not self._overwrite:
            self.failures.append(self._changed(folder, was))
        elif folder.pack:
            self.versions[version] = self._archived(folder.pack, seq)

    def _archived(self, pack: Pack, seq: int) -> PublishedVersion:
        """The record of a version still to be published; the digests need the archive, so it is built here."""
        archive, spool = build(pack, self._created)
        ARCHIVES.keep(archive.digest, archive.size, spool)
        return to_publish(pack, archive, self._created, seq)

    def _changed(self, folder: _Folder, was: PublishedVersion) -> str:
        before = self._old_files.get(folder.version)
        seen = "" if before is None else f" ({file_changes(before, folder.files)})"
        return (
            f"the content of {folder.name} {folder.version} ({folder.source}) has changed since it was published{seen}: "
            f"it was {was.contentDigest}, it is {folder.content_digest}\n"
            '      -> give it a new version in pack.json, or undo the change. "overwrite: true" for this pack '
            "publishes it again under the same version, in a repository that isn't immutable; Palette caches digests "
            "and may keep asking for the old one"
        )
