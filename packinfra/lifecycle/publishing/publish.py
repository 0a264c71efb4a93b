"""One operation on one repository: publish or withdraw a version, or look whether it is there.

A tag that exists is never simply overwritten. With our digest, or another digest of the same content (pushed by hand,
with another archiver or date), it is adopted and nothing is written. With other content it is refused, unless
`overwrite` is set.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace

from packinfra.http.redact import clean
from packinfra.lifecycle.clients import RegistryClients
from packinfra.lifecycle.publishing.family import Family, Foreign, PublishError
from packinfra.lifecycle.publishing.file_changes import file_changes
from packinfra.lifecycle.publishing.state import FOREIGN, PublishedVersion
from packinfra.lifecycle.results import Props
from packinfra.lifecycle.run import Run
from packinfra.lifecycle.status import now_and_then
from packinfra.oci.deletion import Removal
from packinfra.oci.reference import Reference
from packinfra.text import format_size


class Publisher:
    """props: the resource's properties (new inputs, or old outputs for read and delete).

    new: the resource is being created, so its repository most likely is new as well
    """

    def __init__(self, family: Family, clients: RegistryClients, props: Props, run: Run, *, new: bool = False) -> None:
        self.repository = str(props["repository"])
        self._client = clients.get(self.repository, props.get("registryAccess"))
        self._props, self._new, self._words = props, new, family.words
        self._sources = family.sources(props, run.archives)
        self._reporter = run.reporter(props)
        self._removal: Removal | None = None

    def adopt(
        self, version: str, record: PublishedVersion, was: PublishedVersion | None = None
    ) -> PublishedVersion | None:
        """The record of a tag that has this content already; None if it must be pushed.

        was: what this resource published under the version before. Raises PublishError if the tag has other content,
        RegistryError if the registry refuses.
        """
        reference = Reference.of(self.repository, version)
        digest = self._client.resolve(reference, publishing=True)
        ours = bool(was and was.codec != FOREIGN and digest == was.manifestDigest)
        if digest is None or (ours and self._props.get("overwrite")):
            return None
        if digest == record.manifestDigest:
            self._reporter.info(f"{self._name} {version}: adopted {digest}, which the registry already had")
            return _recorded(replace(record, adopted=True), was)
        foreign = self._sources.compare(self._client, reference, record)
        if foreign.same:
            self._reporter.info(
                f"{self._name} {version}: adopted {foreign.record.manifestDigest}, pushed by somebody else with "
                "the same content; nothing was written"
            )
            return _recorded(foreign.record, was)
        if not self._props.get("overwrite"):
            raise PublishError(self._refusal(reference, record, digest, foreign, ours=ours))
        return None

    def push(self, version: str, record: PublishedVersion, was: PublishedVersion | None = None) -> PublishedVersion:
        """Makes the tag carry the version, and returns what state records of it. Raises PublishError or RegistryError."""
        reference, name, start = Reference.of(self.repository, version), f"{self._name} {version}", time.monotonic()

        def line(sent: int, size: int) -> str:
            rate = format_size(int(sent / max(time.monotonic() - start, 0.001)))
            return f"{name}: uploading {sent * 100 // max(1, size)} % of {format_size(size)}, {rate}/s"

        with self._sources.upload(self._name, version, record) as upload:
            record = upload.record
            self._reporter.status(f"{name}: uploading {format_size(record.size)}")
            progress = now_and_then(start, self._reporter.status, line)
            result = self._client.push(reference, upload.manifest, upload.blobs, progress, new_repository=self._new)
            self._new = False
        known = "" if result.sent >= record.size else "; the registry had the archive already"
        seconds = time.monotonic() - start
        self._reporter.info(f"{name}: published {result.digest} ({format_size(record.size)}, {seconds:.1f} s{known})")
        return _recorded(replace(record, adopted=False), was)

    def withdraw(self, version: str, record: PublishedVersion) -> None:
        """Removes the tag if it still carries what was published; else reports why it stays. With it goes what
        `overwrite` replaced under it."""
        reference = Reference.of(self.repository, version)
        self._removal = removal = self._removal or self._client.removal(reference)
        digest = removal.resolve(version)
        if record.codec == FOREIGN and not self._props.get("deleteAdopted"):
            self._reporter.warning(
                f"{reference} stays: it was pushed by somebody else and only adopted (deleteAdopted: true removes it)"
            )
        elif digest == record.manifestDigest:
            removal.delete(version, digest)
            self._reporter.info(f"{reference}: removed {digest}")
        elif digest:
            self._reporter.warning(
                f"{reference} stays: it no longer carries what was published ({record.manifestDigest}), but {digest}"
            )
        for replaced in record.replacedDigests:
            if tags := removal.tags_with(replaced):
                self._reporter.info(
                    f"{replaced}, published as {reference} before, stays: {', '.join(map(clean, tags))} carry it"
                )
            else:
                removal.delete(replaced, replaced)
                self._reporter.info(f"{reference}: removed {replaced}, which it carried before")

    def is_there(self, version: str, record: PublishedVersion) -> bool:
        """Does the tag still carry what was published? Raises a RegistryError where the registry doesn't say."""
        reference = Reference.of(self.repository, version)
        digest = self._client.resolve(reference, confirm_missing=True)
        if digest is None:
            current = version in (self._props.get("currentVersions") or ())
            next_up = (
                "; the next up publishes it again"
                if current
                else f", and no {self._words.holder} holds this version any more"
            )
            self._reporter.warning(f"{reference} is gone from the registry{next_up}")
        elif digest != record.manifestDigest:
            self._reporter.warning(
                f"{reference} was moved by somebody else: published was {record.manifestDigest}, now it carries "
                f"{digest}. It no longer counts as published by this resource; the next up treats it as foreign"
            )
        return digest == record.manifestDigest

    def carries(self, version: str, record: PublishedVersion) -> bool:
        """Does the tag of a version that is to be withdrawn still carry it?"""
        return self._resolve(version) == record.manifestDigest

    def is_left(self, version: str, record: PublishedVersion) -> bool:
        """Is there still anything of a version that is to be withdrawn?"""
        return self.carries(version, record) or any(map(self._resolve, record.replacedDigests))

    def _resolve(self, reference: str) -> str | None:
        return self._client.resolve(Reference.of(self.repository, reference), confirm_missing=True)

    def _refusal(
        self, reference: Reference, record: PublishedVersion, digest: str, foreign: Foreign, *, ours: bool
    ) -> str:
        hashes: Mapping[str, str] = (self._props.get("fileHashes") or {}).get(reference.reference) or {}
        difference = foreign.reason or f"from it to this {self._words.one}: {file_changes(foreign.hashes, hashes)}"
        origin = "was published by this resource before" if ours else "was not pushed by this resource"
        return (
            f"{self._name} {reference.reference} was not published: {reference} is already there with other content, and "
            f"{origin}.\n  in the registry {digest}\n  to be published {record.manifestDigest}\n"
            f"  {difference}\n"
            f"  -> give the {self._words.one} a new version, or remove that tag, or set overwrite: true for this "
            f"{self._words.one} (in a repository that isn't immutable)"
        )

    @property
    def _name(self) -> str:
        return self.repository.rpartition("/")[2]


def _recorded(record: PublishedVersion, was: PublishedVersion | None) -> PublishedVersion:
    """The record with the digests of ours that the tag carried before."""
    if was is None:
        return record
    before = (*was.replacedDigests, *([] if was.codec == FOREIGN else [was.manifestDigest]))
    replaced = tuple(digest for digest in dict.fromkeys(before) if digest != record.manifestDigest)
    return replace(record, replacedDigests=replaced)
