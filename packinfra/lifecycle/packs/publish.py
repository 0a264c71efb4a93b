"""One operation on one pack's repository: publish, withdraw, look whether it is there.

A tag that exists is never simply overwritten. It carries our digest: adopted, nothing is written. Another digest, but
the same content (pushed by hand, with another archiver or date): adopted as it is, nothing is written. Other content:
refused, unless `overwrite` says so.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from packinfra.errors import PackinfraError
from packinfra.host.engine import Log
from packinfra.lifecycle.ownership import CLAIMS
from packinfra.lifecycle.packs.adopt import FOREIGN, Foreign, compare
from packinfra.lifecycle.packs.archive_cache import ARCHIVES, Spool, build
from packinfra.lifecycle.packs.narration import file_changes, in_words
from packinfra.lifecycle.packs.state import PublishedVersion
from packinfra.oci.client import Client
from packinfra.oci.reference import Reference
from packinfra.packs.archive import archive_title
from packinfra.packs.files import ignore_rules
from packinfra.packs.ignore import Ignore
from packinfra.packs.pack import read_pack


class PublishError(PackinfraError):
    """A version cannot be published as asked; nothing of it was."""


class Publishing:
    """props: the resource's properties (new inputs, or old outputs for read and delete).

    new: the resource is being created, so its repository most likely is new as well
    """

    def __init__(self, client: Client, props: Mapping[str, Any], *, new: bool = False) -> None:
        self._new = new
        self.repository = str(props["repository"])
        self.urn = str(props.get("urn") or "")
        self._props = props
        self._client = client
        self._log = Log(self.urn)
        self._held: dict[str, str] = {}  # source -> the version that it was found to hold

    def publish(self, version: str, record: PublishedVersion) -> PublishedVersion:
        """Makes the tag carry the version, and returns what state records of it. Raises PublishError if the tag holds
        other content, RegistryError if the registry refuses."""
        reference = Reference.of(self.repository, version)
        found = self._client.resolve(reference)
        CLAIMS.want(self.repository, version, self.urn, published=True)
        if found == record.manifestDigest:
            self._log.info(f"{self._name} {version}: adopted {found}, which the registry already had")
            return replace(record, adopted=True)
        if found:
            foreign = compare(self._client, reference, record, self._ignore(version))
            if foreign.same:
                self._log.info(
                    f"{self._name} {version}: adopted {foreign.record.manifestDigest}, pushed by somebody else with "
                    "the same content; nothing was written"
                )
                return foreign.record
            if not self._props.get("overwrite"):
                raise PublishError(self._refusal(reference, record, found, foreign))
        return self._push(reference, version, record)

    def withdraw(self, version: str, record: PublishedVersion) -> None:
        """Removes the tag if it still carries what was published and nobody else wants it; says why otherwise."""
        reference = Reference.of(self.repository, version)
        if holder := CLAIMS.holder(self.repository, version, self.urn):
            self._log.info(f"{reference} stays: {holder} holds it now")
            return
        if record.codec == FOREIGN and not self._props.get("deleteAdopted"):
            self._log.warning(
                f"{reference} stays: it was pushed by somebody else and only adopted (deleteAdopted: true removes it)"
            )
            return
        found = self._client.resolve(reference)
        if found is None:
            return
        if found != record.manifestDigest:
            self._log.warning(
                f"{reference} stays: it no longer carries what was published ({record.manifestDigest}), but {found}"
            )
            return
        self._client.delete(reference, record.manifestDigest)
        self._log.info(f"{reference}: removed {found}")

    def is_there(self, version: str, record: PublishedVersion) -> bool:
        """Does the tag still carry what was published? Raises a RegistryError where the registry doesn't say."""
        reference = Reference.of(self.repository, version)
        found = self._client.resolve(reference, definite=True)
        if found is None:
            current = version in (self._props.get("files") or {})
            next_up = "; the next up publishes it again" if current else ", and no folder holds this version any more"
            self._log.warning(f"{reference} is gone from the registry{next_up}")
        elif found != record.manifestDigest:
            self._log.warning(
                f"{reference} was moved by somebody else: published was {record.manifestDigest}, now it carries "
                f"{found}. It no longer counts as published by this resource; the next up treats it as foreign"
            )
        return found == record.manifestDigest

    def _push(self, reference: Reference, version: str, record: PublishedVersion) -> PublishedVersion:
        name, begun = f"{self._name} {version}", time.monotonic()
        manifest = record.manifest(archive_title(self._name, version))
        if manifest.digest != record.manifestDigest:  # made with the pack's own name, so that is another one
            raise PublishError(
                f"{name} was not published: the pack has another name than {self.repository}\n"
                "  -> the repository's last component must equal the name in pack.json"
            )
        with self._archive(version, record) as opened:
            self._log.status(f"{name}: uploading {in_words(record.size)}")
            pushed = self._client.push(reference, manifest, opened, self._progress(name), new_repository=self._new)
            self._new = False
        known = "" if pushed.sent >= record.size else "; the registry had the archive already"
        took = time.monotonic() - begun
        self._log.info(f"{name}: published {pushed.digest} ({in_words(record.size)}, {took:.1f} s{known})")
        return replace(record, adopted=False)

    @contextmanager
    def _archive(self, version: str, record: PublishedVersion) -> Iterator[Callable[[], BinaryIO]]:
        """Opens the archive that `check` promised: the one it built, else one built anew from the folder."""
        spool = ARCHIVES.take(record.layerDigest) or self._built(version, record)
        if spool is None:
            raise PublishError(
                f"{self._name} {version} was not published: its folder has changed since this run looked at it\n"
                "  -> run again when whatever writes the folder has finished"
            )
        with closing(spool):
            yield spool.open

    def _built(self, version: str, record: PublishedVersion) -> Spool | None:
        for source in self._props.get("sources") or ():
            if self._held.get(source, version) != version:
                continue
            pack = read_pack(Path(source), validated=record.contentDigest)
            self._held[source] = pack.version
            if pack.version == version and not pack.errors and pack.content_digest == record.contentDigest:
                archive, spool = build(pack, record.created)
                if archive.digest == record.layerDigest:
                    return spool
                spool.close()
        return None

    def _ignore(self, version: str) -> Ignore:
        """The ignore rules of the folder with `version`."""
        folders = [Path(source) for source in self._props.get("sources") or ()]
        folder = next((f for f in folders if len(folders) == 1 or read_pack(f).version == version), None)
        return ignore_rules(folder) if folder else Ignore()

    def _refusal(self, reference: Reference, record: PublishedVersion, found: str, foreign: Foreign) -> str:
        differs = foreign.reason or f"from it to this pack: {file_changes(foreign.files, self._files(reference.tag))}"
        return (
            f"{self._name} {reference.tag} was not published: {reference} is already there with other content, and was "
            f"not pushed by this resource.\n  in the registry {found}\n  to be published {record.manifestDigest}\n"
            f"  {differs}\n"
            "  -> give the pack a new version, or remove that tag, or set overwrite: true for this pack (in a "
            "repository that isn't immutable)"
        )

    def _files(self, version: str) -> Mapping[str, str]:
        files: Mapping[str, str] = (self._props.get("files") or {}).get(version) or {}
        return files

    @property
    def _name(self) -> str:
        return self.repository.rpartition("/")[2]

    def _progress(self, name: str) -> Callable[[int, int], None]:
        begun = time.monotonic()
        shown = [begun]

        def progress(sent: int, size: int) -> None:
            now = time.monotonic()
            if now - shown[0] > 0.2:  # seconds; each line is a call to the engine
                shown[0] = now
                rate = in_words(int(sent / max(now - begun, 0.001)))
                self._log.status(f"{name}: uploading {sent * 100 // max(1, size)} % of {in_words(size)}, {rate}/s")

        return progress
