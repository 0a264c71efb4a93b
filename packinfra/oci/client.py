"""Resolve, push, pull, delete: what packinfra asks of a registry, in the order that every registry bears.

A push of a new version (8 requests; 6 when the repository has `{}` already, or is known to be new and the layer small; 1
when the tag carries the digest):

    HEAD manifest by tag -> config and layer side by side: HEAD blob, POST, PUT -> PUT manifest under the tag, last

so no tag ever points to a missing blob, and whoever comes back after being killed anywhere simply goes on. Versions
of one repository are pushed one after another: registries write their links without a lock (distribution 2.8 answers
MANIFEST_BLOB_UNKNOWN or DIGEST_INVALID now and then if they aren't).
"""

from __future__ import annotations

import hashlib
import io
import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import BinaryIO

from oras.defaults import default_manifest_accepted_media_types

from packinfra.http.budget import RetryBudget
from packinfra.http.rate_limit import RateLimiter
from packinfra.oci.deletion import delete_tag
from packinfra.oci.downloads import download
from packinfra.oci.errors import (
    BlobMissing,
    DigestMismatch,
    NotAnArtifact,
    RegistryError,
    Step,
    TagImmutable,
    Throttled,
)
from packinfra.oci.manifest import CONFIG, Descriptor, Manifest
from packinfra.oci.reference import Reference
from packinfra.oci.responses import Response
from packinfra.oci.transport import Transport
from packinfra.oci.uploads import Cancelled, Progress, Upload

_DIGEST = re.compile(r"[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[0-9a-f]{32,}")
_MANIFEST_LIMIT = 4 << 20
"""Bytes of a manifest, or of a page of tags, that are read: what registries accept (ECR quotas; Harbor: 413 beyond)."""
WORTH_ASKING = 256 << 10
"""Bytes of a layer above which it is asked for before it is sent: about what a line of 100 Mbit/s carries during the
20 ms that asking takes."""
_PUSHES = 8
"""Configs that are uploaded at a time, each beside its layer; the SDK's provider host has four threads."""
_PAGES = 1000
# distribution 2.8 answers 404 to a HEAD that doesn't accept the manifest's type
_ACCEPT = {"Accept": ", ".join(default_manifest_accepted_media_types)}


@dataclass(frozen=True)
class PushResult:
    """What a push did: the manifest's digest, and the bytes of blobs that were sent for it."""

    digest: str
    sent: int


class Client:
    """One registry. Thread-safe: share one per host.

    remove(reference, digest): takes the tag, which is known to carry `digest`, away; nothing there is success. Given
    where a registry has a way of its own for that; None = oci/deletion.py.
    """

    def __init__(self, transport: Transport, remove: Callable[[Reference, str], None] | None = None) -> None:
        self._transport, self._remove = transport, remove
        self._locks: dict[str, threading.Lock] = {}
        self._beside = ThreadPoolExecutor(_PUSHES)  # kept: a new thread for each push took longer than its requests
        rate = transport.dialect.manifests_per_second
        self._pace = RateLimiter(rate, transport.clock, transport.sleep or time.sleep) if rate else None

    def resolve(self, reference: Reference, *, definite: bool = False) -> str | None:
        """The digest that the tag carries, or None if there is no such tag or repository.

        definite: answer None only if the registry itself says so in an error body (HEAD has none, so GET is asked);
        an intermediary's 404 raises. Raises a RegistryError for every answer but "here" and "not here".
        """
        operation = self._transport.operation()
        answer = self._ask(operation, "HEAD", reference, Step.RESOLVE)
        if answer.status == 404 and not definite:
            return None
        digest = answer.headers.get("Docker-Content-Digest", "") if answer.status == 200 else ""
        if _DIGEST.fullmatch(digest):
            return digest
        answer = self._ask(operation, "GET", reference, Step.RESOLVE)
        if answer.status == 200:  # ECR's GET has no Docker-Content-Digest (aws/containers-roadmap#1931)
            return f"sha256:{hashlib.sha256(answer.body).hexdigest()}"
        answer.require_gone(Step.RESOLVE, reference)
        return None

    def manifest(self, reference: Reference) -> Manifest | None:
        """What the tag carries, whoever wrote it; None if there is no such tag or repository.

        Raises NotAnArtifact for an index of several, DigestMismatch if it isn't what was asked for by digest.
        """
        answer = self._ask(self._transport.operation(), "GET", reference, Step.READ)
        if answer.status == 404:
            answer.require_gone(Step.READ, reference)
            return None
        try:
            manifest = Manifest.parse(answer.body, answer.headers.get("Content-Type", "").partition(";")[0])
        except ValueError as error:
            raise NotAnArtifact(Step.READ, reference, text=str(error)) from error
        stated = reference.tag if ":" in reference.tag else answer.headers.get("Docker-Content-Digest", "")
        if stated.startswith("sha256:") and stated != manifest.digest:
            raise DigestMismatch(Step.READ, reference, text=f"stated was {stated}, sent was {manifest.digest}")
        return manifest

    def tags(self, repository: Reference) -> list[str]:
        """Every tag of the reference's repository; none if there is no such repository."""
        operation, found = self._transport.operation(), list[str]()
        url = f"/v2/{repository.repository}/tags/list?n=1000"
        for _ in range(_PAGES):
            page = operation.attempt(
                lambda url=url: self._transport.send(  # type: ignore[misc]
                    "GET", url, step=Step.LIST, reference=repository, expect=(200, 404), limit=_MANIFEST_LIMIT
                )
            )
            if page.status == 404:
                page.require_gone(Step.LIST, repository)
                return []
            found += page.json(Step.LIST, repository).get("tags") or ()
            following = re.search(r'<([^>]*)>\s*;\s*rel="?next"?', page.headers.get("Link", ""))
            if not following:
                return found
            url = page.address(following[1], Step.LIST, repository)
        raise RegistryError(Step.LIST, repository, text=f"more than {_PAGES} pages of tags")

    def push(
        self,
        reference: Reference,
        manifest: Manifest,
        layer: Callable[[], BinaryIO] | None = None,
        progress: Progress | None = None,
        *,
        new_repository: bool = False,
    ) -> PushResult:
        """Uploads the blobs that are missing, then puts the manifest under the tag, whatever it carried before.

        new_repository: nothing is expected in the repository, so it isn't asked for blobs of up to WORTH_ASKING bytes.
        One that was there after all is sent once more, which every registry bears: clients have done so for years
        (oras-py until its #171, go-containerregistry until its #250).
        layer: opens the archive anew at each call; None for a manifest without layers. A reference by digest stores
        the manifest without a tag. Whether the tag may be written is the caller's decision, by `resolve`. Raises a
        RegistryError; the tag then is as it was: TagImmutable if it carries another digest in a repository that
        never moves tags, DigestMismatch if what arrived isn't what was sent.
        """
        with self._locks.setdefault(reference.repository, threading.Lock()):
            operation = self._transport.operation()

            def blobs_then_manifest() -> PushResult:
                unasked = WORTH_ASKING if new_repository else -1
                sent = self._blobs(operation, reference, manifest, layer, progress, unasked=unasked)
                self._publish(operation, reference, manifest)
                return PushResult(manifest.digest, sent)

            return operation.redo(blobs_then_manifest, BlobMissing)

    def pull(self, reference: Reference, blob: Descriptor, into: BinaryIO, progress: Progress | None = None) -> None:
        """Writes the blob, which must have the descriptor's size and digest, into a seekable file.

        Raises DigestMismatch or another RegistryError; the file then holds nothing of it.
        """
        download(self._transport, self._transport.operation(), reference, blob, into, progress=progress)

    def delete(self, reference: Reference, digest: str) -> None:
        """Takes the tag, which is known to carry `digest`, away; what isn't there is success.

        Raises DeleteDisabled if the registry can't, or not without taking other tags along.
        """
        with self._locks.setdefault(reference.repository, threading.Lock()):
            if self._remove:
                self._remove(reference, digest)
            else:
                delete_tag(
                    self._transport, self._transport.operation(), reference, digest,
                    lambda: self._sharing(reference, digest),
                )  # fmt: skip

    def _sharing(self, reference: Reference, digest: str) -> list[str]:
        others = (Reference(reference.host, reference.repository, tag) for tag in self.tags(reference))
        return [other.tag for other in others if other.tag != reference.tag and self.resolve(other) == digest]

    def _blobs(
        self,
        operation: RetryBudget,
        reference: Reference,
        manifest: Manifest,
        layer: Callable[[], BinaryIO] | None,
        progress: Progress | None,
        *,
        unasked: int,
    ) -> int:
        """Bytes sent. Config and layer go side by side; the first that fails ends the other.

        unasked: bytes of a blob up to which it isn't asked for before it is sent
        """

        def run(blob: Descriptor, content: Callable[[], BinaryIO], progress: Progress | None) -> int:
            upload = Upload(self._transport, operation, reference, blob, content, progress=progress)
            try:
                return upload.run(ask=blob.size > unasked)
            except BaseException:
                operation.cancel()
                raise

        def config() -> int:
            return run(manifest.config, lambda: io.BytesIO(CONFIG), None)

        if not manifest.layers:
            return config()
        if layer is None or len(manifest.layers) > 1:
            raise ValueError("a pack's manifest has one layer, and its bytes are needed")
        other = self._beside.submit(config)
        try:
            sent = run(manifest.layers[0], layer, progress)
        except Cancelled:
            other.result()  # raises what cancelled it
            raise
        finally:
            wait([other])
        return sent + other.result()

    def _publish(self, operation: RetryBudget, reference: Reference, manifest: Manifest) -> None:
        try:
            answer = operation.attempt(lambda: self._put(reference, manifest))
        except TagImmutable:
            # ECR refuses an immutable tag's own digest too (aws/containers-roadmap#2179): after a lost answer, or
            # when somebody pushed the same content meanwhile, it is already what was wanted.
            if self.resolve(reference) != manifest.digest:
                raise
            return
        stored = answer.headers.get("Docker-Content-Digest")
        if stored and stored != manifest.digest:
            raise DigestMismatch(
                Step.PUBLISH, reference, status=answer.status,
                text=f"the registry stored {stored}, sent was {manifest.digest}",
            )  # fmt: skip

    def _put(self, reference: Reference, manifest: Manifest) -> Response:
        if self._pace:
            self._pace.wait()
        try:
            answer = self._transport.send(
                "PUT", f"/v2/{reference.repository}/manifests/{reference.tag}", step=Step.PUBLISH,
                reference=reference, expect=(200, 201), actions="pull,push",
                headers={"Content-Type": manifest.media_type}, body=lambda: io.BytesIO(manifest.body),
            )  # fmt: skip
        except Throttled:
            if self._pace:
                self._pace.refused()
            raise
        if self._pace:
            self._pace.accepted()
        return answer

    def _ask(self, operation: RetryBudget, method: str, reference: Reference, step: Step) -> Response:
        return operation.attempt(
            lambda: self._transport.send(
                method, f"/v2/{reference.repository}/manifests/{reference.tag}", step=step, reference=reference,
                expect=(200, 404), headers=_ACCEPT, limit=_MANIFEST_LIMIT,
            )
        )  # fmt: skip
