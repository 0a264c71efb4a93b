"""What the folders and the old inputs make of a pack's next state. Reads folders; asks no registry."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from packinfra.packs.archive import CREATED, write_archive
from packinfra.packs.contents import KEEP, PackError
from packinfra.packs.pack import Pack, read_pack
from packinfra.resources.archives import ARCHIVES
from packinfra.resources.narration import file_changes
from packinfra.resources.versions import (
    PublishedVersion,
    by_version,
    current_again,
    file_hashes,
    kept,
    to_publish,
    versions_of,
)


class Plan:
    """`versions` and `files` of the next state, or `failures`: every reason why there is none.

    olds: the old inputs, empty for a new resource (and in a replacement); news: the inputs as the program gives them
    """

    def __init__(self, olds: Mapping[str, Any], news: Mapping[str, Any]) -> None:
        self.failures: list[str] = []
        self.files: dict[str, dict[str, str]] = {}
        self.versions: dict[str, PublishedVersion] = {}
        self._created = str(news.get("created") or CREATED)
        self._overwrite = bool(news.get("overwrite"))
        self._old, self._old_files = versions_of(olds), olds.get("files") or {}
        packs = self._read([str(source) for source in news.get("sources") or ()])
        self._withdrawn(packs, news.get("unpublish") or ())
        if self.failures:
            return
        self.files = {pack.version: file_hashes(pack) for pack in packs}
        keep = news.get("keepVersions")
        self.versions = kept(
            self._old,
            list(self.files),
            unpublish=news.get("unpublish") or (),
            keep=int(keep) if isinstance(keep, (int, float)) else None,
        )
        seq = max((record.seq for record in self._old.values()), default=0)
        for number, pack in enumerate(packs, seq + 1):
            self._add(pack, number)

    def _read(self, sources: Sequence[str]) -> list[Pack]:
        packs: list[Pack] = []
        for source in sources:
            try:
                pack = read_pack(Path(source), keep=True)
            except PackError as error:
                self.failures.append(str(error))
                continue
            self.failures += [f"pack {source}: {problem}" for problem in pack.errors]
            packs.append(pack)
        if len(names := sorted({pack.name for pack in packs})) > 1:
            self.failures.append(f"one repository holds one pack, but these sources hold {', '.join(names)}")
        return sorted(packs, key=lambda pack: by_version(pack.version))

    def _withdrawn(self, packs: Sequence[Pack], unpublish: Sequence[str]) -> None:
        self.failures += [
            f"{pack.name} {pack.version} is to be withdrawn (unpublish), but {pack.folder} holds it\n"
            "      -> remove the folder, or the version from unpublish"
            for pack in packs
            if pack.version in unpublish
        ]

    def _add(self, pack: Pack, seq: int) -> None:
        was = self._old.get(pack.version)
        if was and was.contentDigest == pack.content_digest:
            self.versions[pack.version] = current_again(was, pack.version in self._old_files, seq)
        elif was and not self._overwrite:
            self.failures.append(self._changed(pack, was))
        else:
            self.versions[pack.version] = self._archived(pack, seq)

    def _archived(self, pack: Pack, seq: int) -> PublishedVersion:
        """The record of a version still to be published; the digests need the archive, so it is built here.

        That of a pack whose files are in memory stays there for `create`; a larger one is built again.
        """
        small = sum(file.size for file in pack.files) <= KEEP
        out: BinaryIO = io.BytesIO() if small else open(os.devnull, "wb")  # noqa: SIM115 - closed below
        with out:
            archive = write_archive(pack, out, self._created)
            if isinstance(out, io.BytesIO):
                ARCHIVES.keep(archive.digest, out.getvalue())
        return to_publish(pack, archive, self._created, seq)

    def _changed(self, pack: Pack, was: PublishedVersion) -> str:
        changes = file_changes(self._old_files.get(pack.version) or {}, file_hashes(pack))
        seen = f" ({changes})" if pack.version in self._old_files else ""
        return (
            f"the content of {pack.name} {pack.version} ({pack.folder}) has changed since it was published{seen}: "
            f"it was {was.contentDigest}, it is {pack.content_digest}\n"
            '      -> give it a new version in pack.json, or undo the change. "overwrite: true" for this pack '
            "publishes it again under the same version, in a repository that isn't immutable; Palette caches digests "
            "and may keep asking for the old one"
        )
