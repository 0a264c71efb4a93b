"""Copy an artifact by its digest from one repository to another: the same bytes, so the same digest.

    HEAD manifest in the target -> there: read what it names, nothing more
    else GET manifests of the source -> each blob: HEAD, mount or POST + PUT, streamed -> children by digest, each after what
    it names -> what refers to it -> tags, last

A tag therefore never points to something incomplete, and the run after one that was killed anywhere goes on where it
stopped. All bytes are verified against their digests before they count. Messages name the side: source or target.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO, cast
from urllib.parse import urlencode

from packinfra.oci.client import Client
from packinfra.oci.destinations import absolute
from packinfra.oci.errors import BlobMissing, RegistryError, Step, is_refusal
from packinfra.oci.manifest import Descriptor
from packinfra.oci.raw import RawManifest, is_manifest_type, read_raw
from packinfra.oci.reference import Reference
from packinfra.oci.referrers import ensure_listed, referrers_of
from packinfra.oci.streams import BlobStream, SourceFailed
from packinfra.oci.transport import Call
from packinfra.oci.uploads import Progress, Upload

_REMEDY = "correct the digest, or push the artifact to the source again"


@dataclass(frozen=True)
class _Sided(Reference):
    """A reference that says which side it is on."""

    side: str = ""

    def __str__(self) -> str:
        return f"{self.side} {super().__str__()}"


@dataclass(frozen=True)
class End:
    """One side of a copy. side: "source" or "target" """

    client: Client
    host: str
    repository: str
    side: str

    def at(self, reference: str) -> Reference:
        """reference: a tag or digest"""
        return _Sided(self.host, self.repository, reference, self.side)

    def call(self, reference: str) -> Call:
        return self.client.call(self.at(reference))


@dataclass(frozen=True)
class Limits:
    """Of one copy: how deep indexes name indexes; how many manifests, and bytes of them, in all."""

    depth: int = 8
    manifests: int = 1000
    size: int = 32 << 20


@dataclass(frozen=True)
class Copied:
    """root: the artifact's own manifest; children: digests of the manifests that it names, directly or not; referrers:
    likewise of what refers to it, with what those name; sent: bytes of blobs that went from source to target; refused:
    why the target refused referrers. The artifact is there all the same"""

    root: RawManifest
    children: tuple[str, ...]
    referrers: tuple[str, ...] = ()
    sent: int = 0
    refused: tuple[RegistryError, ...] = ()


class Copier:
    """Copies one artifact. Use it once.

    digest: of the artifact; new_repository: the target was made a moment ago
    """

    def __init__(
        self,
        source: End,
        target: End,
        digest: str,
        *,
        new_repository: bool = False,
        progress: Progress | None = None,
        limits: Limits | None = None,
    ) -> None:
        self._source, self._target, self._digest = source, target, digest
        self._root = Descriptor("", digest, 0)
        self._new, self._progress, self._limits = new_repository, progress, limits or Limits()
        self._done: set[str] = set()  # digests that the target has for certain
        self._count = self._size = self._sent = 0

    def manifest(self) -> RawManifest:
        """The artifact's own manifest, from the target if it is there already. Raises a RegistryError."""
        end = self._target if self._is_there(self._digest) else self._source
        if manifest := read_raw(end.call(self._digest)):
            return manifest
        raise _missing(end, self._root)

    def run(self, tags: Sequence[str], *, referrers: bool = False) -> Copied:
        """Copies, and makes the tags carry the artifact, whatever they carried before.

        Raises a RegistryError. Then no tag has changed but those before the one that failed.
        """
        there = self._is_there(self._digest)
        tree = (self._complete() if there else None) or self._copy_tree(force=there)
        root = tree[-1]
        if not there and (referrers or not tags):
            self._target.client.publish(self._target.at(self._digest), root)
        brought, refused = self._copy_referrers() if referrers else ((), ())
        for tag in tags:
            try:
                self._target.client.publish(self._target.at(tag), root)
            except BlobMissing:  # the target has the manifest, but no longer its blobs
                self._copy_tree(force=True)
                self._target.client.publish(self._target.at(tag), root)
        return Copied(root, tuple(manifest.digest for manifest in tree[:-1]), brought, self._sent, refused)

    def _is_there(self, digest: str) -> bool:
        return self._target.client.resolve(self._target.at(digest), publishing=True) == digest

    def _complete(self) -> list[RawManifest] | None:
        """The tree in the target; None if it lacks a manifest that an index names."""
        try:
            return self._tree(self._target, self._root)
        except BlobMissing:
            return None

    def _copy_tree(self, *, force: bool) -> list[RawManifest]:
        """Copies all but the root's manifest. force: what the target has of manifests says nothing about their parts"""
        if force:
            self._done.clear()
        self._count = self._size = 0  # of the target's tree, which lacks something
        tree = self._tree(self._source, self._root)
        for manifest in tree[:-1]:
            self._copy_manifest(manifest, force=force)
        self._copy_blobs(tree[-1])
        return tree

    def _copy_manifest(self, manifest: RawManifest, *, force: bool = False) -> None:
        at = self._target.at(manifest.digest)
        if manifest.digest in self._done:
            return
        if force or not self._is_there(manifest.digest):
            self._copy_blobs(manifest)
            self._target.client.publish(at, manifest)
        self._done.add(manifest.digest)

    def _copy_blobs(self, manifest: RawManifest) -> None:
        for blob in manifest.blobs:
            if blob.digest not in self._done:
                upload = _CopyUpload(self._source, self._target, blob, self._progress, new_repository=self._new)
                try:
                    self._sent += upload.run()
                except SourceFailed as failure:
                    raise _explained(failure.error) from failure
                self._done.add(blob.digest)

    def _tree(self, end: End, root: Descriptor) -> list[RawManifest]:
        """The manifest, and all those that it names, each once and after what it names. Raises BlobMissing for one that isn't
        there."""
        order, found, as_blobs = list[RawManifest](), dict[str, RawManifest](), dict[str, list[Descriptor]]()
        open_: list[tuple[Descriptor, str, int]] = [(root, "", 0)]  # (what to look at, what names it, how deep)
        while open_:
            entry, parent, depth = open_.pop()
            if depth < 0:  # all that it names is done
                manifest = found[entry.digest]
                order.append(replace(manifest, blobs=(*manifest.blobs, *as_blobs.get(entry.digest, ()))))
                continue
            if entry.digest in found:  # named twice, or (were digests no digests) by itself
                continue
            if depth > self._limits.depth:
                raise self._too_large(end, entry, f"indexes are nested deeper than {self._limits.depth}")
            found_here = read_raw(end.call(entry.digest), entry.media_type)
            if found_here is None and parent and not is_manifest_type(entry.media_type):
                as_blobs.setdefault(parent, []).append(entry)  # a type that nobody knows (regclient does the same)
                continue
            if found_here is None:
                raise _missing(end, entry)
            self._count, self._size = self._count + 1, self._size + len(found_here.body)
            if self._count > self._limits.manifests or self._size > self._limits.size:
                limit = f"{self._limits.manifests:,} manifests, or {self._limits.size >> 20} MiB of them"
                raise self._too_large(end, root, f"it has more than {limit}")
            found[entry.digest] = found_here
            open_.append((entry, parent, -1))
            open_ += [(child, entry.digest, depth + 1) for child in reversed(found_here.children)]
        return order

    def _too_large(self, end: End, entry: Descriptor, text: str) -> RegistryError:
        remedy = "look at what was pushed there; copy what you need of it by its own digest"
        return RegistryError(Step.READ, end.at(entry.digest), text=text, remedy=remedy)

    def _copy_referrers(self) -> tuple[tuple[str, ...], tuple[RegistryError, ...]]:
        """(digests of what refers to the artifact, and to that in turn; refusals of the target)"""
        brought, refused, seen = dict[str, None](), list[RegistryError](), {self._digest}
        subjects = deque([self._digest])
        while subjects:
            subject, copied = subjects.popleft(), list[RawManifest]()
            for entry in referrers_of(self._source.client, self._source.at, subject):
                if entry.digest in seen:
                    continue
                seen.add(entry.digest)
                tree = self._tree(self._source, entry)
                if tree[-1].subject != subject:  # anybody may write a fallback tag
                    continue
                try:
                    for manifest in tree:
                        self._copy_manifest(manifest)
                except RegistryError as error:
                    if not _refused_by_target(error):
                        raise
                    refused.append(error)
                    continue
                copied.append(tree[-1])
                subjects.append(entry.digest)
                brought |= dict.fromkeys(manifest.digest for manifest in tree)
            try:
                if copied:
                    ensure_listed(self._target.client, self._target.at, subject, copied)
            except RegistryError as error:
                if not _refused_by_target(error):
                    raise
                refused.append(error)
        return tuple(brought), tuple(refused)


class _CopyUpload(Upload):
    """An upload that is spared where the registry can take the blob over from the source's repository.

    201: mounted. 202: an upload has begun, and goes on; another POST would leave it open. Refused (Quay, Docker Hub with a
    foreign origin): an ordinary upload (go-containerregistry#1404, #1741).
    """

    def __init__(
        self, source: End, target: End, blob: Descriptor, progress: Progress | None, *, new_repository: bool
    ) -> None:
        def stream() -> BinaryIO:
            return cast("BinaryIO", BlobStream(source.call(blob.digest), blob))

        super().__init__(target.call(blob.digest), blob, stream, progress=progress, new_repository=new_repository)
        near = source.host == target.host and source.repository != target.repository
        self._mount_from = source.repository if near else ""
        self._session, self._mounted = "", False

    def run(self, *, probe: bool = True) -> int:
        sent = super().run(probe=probe)
        return 0 if self._mounted else sent

    def _send(self) -> None:
        if self._mount_from and self._mount():
            self._mounted = True
        else:
            super()._send()

    def _begin(self) -> str:
        session, self._session = self._session, ""
        return session or super()._begin()

    def _mount(self) -> bool:
        call, query = self._call, urlencode({"mount": self._blob.digest, "from": self._mount_from})
        url = f"{call.repository}/blobs/uploads/?{query}"
        try:
            response = call.send("POST", url, Step.BEGIN, (201, 202), actions="pull,push")
        except RegistryError as error:
            if error.auth_rejected:  # with other credentials, again
                raise
            self._mount_from = ""
            return False
        self._mount_from = ""
        if response.status == 202 and (location := response.headers.get("Location")):
            self._session = absolute(response.url, location, Step.BEGIN, call.reference)
        return response.status == 201


def _missing(end: End, entry: Descriptor) -> BlobMissing:
    return BlobMissing(Step.READ, end.at(entry.digest), status=404, text="there is no such manifest", remedy=_REMEDY)


def _explained(error: Exception) -> Exception:
    if isinstance(error, RegistryError) and error.status == 404:
        return error.recast(BlobMissing, remedy="push the artifact to the source again: its blob is missing there")
    return error


def _refused_by_target(error: RegistryError) -> bool:
    return error.target.startswith("target ") and is_refusal(error)
