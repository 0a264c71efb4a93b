"""Resolve, push, delete: what packinfra asks of a registry, in the order that every registry bears.

A push of a new version (8 requests; 6 when the repository has `{}` already, 1 when the tag carries the digest):

    HEAD manifest by tag -> for config and layer: HEAD blob, POST, PUT -> PUT manifest under the tag, last of all

so no tag ever points to a missing blob, and whoever comes back after being killed anywhere simply goes on.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

from oras.defaults import default_manifest_accepted_media_types

from packinfra.oci.errors import DigestMismatch, RegistryError, RepositoryMissing, TagImmutable, Unreachable
from packinfra.oci.manifest import CONFIG, Descriptor, Manifest
from packinfra.oci.reference import Reference
from packinfra.oci.transport import Answer, Body, Transport
from packinfra.retry import Failure

Progress = Callable[[int, int], None]
"""Called with bytes sent and bytes in all while a layer is uploaded."""

_GONE = ("MANIFEST_UNKNOWN", "NAME_UNKNOWN")
_MANIFEST_LIMIT = 4 << 20
"""Bytes of a manifest that are read: what registries accept (ECR quotas; Harbor answers 413 beyond)."""
# A registry that keeps its blobs elsewhere redirects a HEAD for one that it has.
_HAS_BLOB = (200, 301, 302, 303, 307, 308)


@dataclass(frozen=True)
class PushResult:
    """What a push did: the manifest's digest, and the bytes of blobs that were sent for it."""

    digest: str
    sent: int


class Client:
    """One registry. Thread-safe: share one per host.

    remove(reference, digest): takes the tag, which is known to carry `digest`, away; nothing there is success. It is
    given from outside because registries differ in how a single tag is removed.
    """

    def __init__(self, transport: Transport, remove: Callable[[Reference, str], None]) -> None:
        self._transport = transport
        self.delete = remove

    def resolve(self, reference: Reference, *, definite: bool = False) -> str | None:
        """The digest that the tag carries, or None if there is no such tag or repository.

        definite: answer None only if the registry itself says so in an error body (HEAD has none, so GET is asked);
        an intermediary's 404 raises. Raises a RegistryError for every answer but "here" and "not here".
        """
        answer = self._manifest("HEAD", reference)
        if answer.status == 404 and not definite:
            return None
        digest = answer.headers.get("Docker-Content-Digest") if answer.status == 200 else None
        if digest:
            return digest
        answer = self._manifest("GET", reference)
        if answer.status == 200:  # ECR's GET has no Docker-Content-Digest (aws/containers-roadmap#1931)
            return f"sha256:{hashlib.sha256(answer.body).hexdigest()}"
        if answer.error()[0] in _GONE:
            return None
        raise RegistryError(
            "ask for the tag", reference, status=404, text="the answer does not come from a registry",
            remedy="check the host, and what stands between here and the registry (proxy, gateway)",
        )  # fmt: skip

    def push(
        self,
        reference: Reference,
        manifest: Manifest,
        layer: Callable[[], BinaryIO],
        progress: Progress | None = None,
    ) -> PushResult:
        """Uploads the blobs that are missing, then puts the manifest under the tag, whatever it carried before.

        layer: opens the archive anew at each call. Whether the tag may be written is the caller's decision, by
        `resolve`. Raises a RegistryError; the tag then is as it was: TagImmutable if it carries another digest in a
        repository that never moves tags, DigestMismatch if what arrived isn't what was sent.
        """
        sent = self._upload(reference, manifest.config, lambda: io.BytesIO(CONFIG), None)
        for descriptor in manifest.layers:
            sent += self._upload(reference, descriptor, layer, progress)
        try:
            answer = self._transport.retrying(lambda: self._put_manifest(reference, manifest))
        except TagImmutable:
            # ECR refuses an immutable tag's own digest too (aws/containers-roadmap#2179): after a lost answer, or
            # when somebody pushed the same content meanwhile, it is already what was wanted.
            if self.resolve(reference) != manifest.digest:
                raise
            return PushResult(manifest.digest, sent)
        stored = answer.headers.get("Docker-Content-Digest")
        if stored and stored != manifest.digest:
            raise DigestMismatch(
                "publish the manifest", reference, status=answer.status,
                text=f"the registry stored {stored}, sent was {manifest.digest}",
            )  # fmt: skip
        return PushResult(manifest.digest, sent)

    def _manifest(self, method: str, reference: Reference) -> Answer:
        # distribution 2.8 answers 404 to a HEAD that doesn't accept the manifest's type
        accept = {"Accept": ", ".join(default_manifest_accepted_media_types)}
        return self._transport.retrying(
            lambda: self._transport.send(
                method,
                f"/v2/{reference.repository}/manifests/{reference.tag}",
                operation="ask for the tag",
                reference=reference,
                expect=(200, 404),
                headers=accept,
                limit=_MANIFEST_LIMIT,
            )
        )

    def _put_manifest(self, reference: Reference, manifest: Manifest) -> Answer:
        return self._transport.send(
            "PUT", f"/v2/{reference.repository}/manifests/{reference.tag}", operation="publish the manifest",
            reference=reference, expect=(200, 201), headers={"Content-Type": manifest.media_type},
            body=lambda: io.BytesIO(manifest.body),
        )  # fmt: skip

    def _upload(
        self, reference: Reference, blob: Descriptor, content: Callable[[], BinaryIO], progress: Progress | None
    ) -> int:
        """Bytes sent for the blob: 0 if the repository has it."""
        found = self._transport.retrying(
            lambda: self._transport.send(
                "HEAD",
                f"/v2/{reference.repository}/blobs/{blob.digest}",
                operation="look for the blob",
                reference=reference,
                expect=(*_HAS_BLOB, 404),
            )
        )
        if found.status == 404:
            self._transport.retrying(lambda: self._attempt(reference, blob, content, progress))
            return blob.size
        return 0

    def _attempt(
        self, reference: Reference, blob: Descriptor, content: Callable[[], BinaryIO], progress: Progress | None
    ) -> None:
        """POST, then one PUT with everything. Each attempt is a new POST: ECR answers 416 to an upload URL that was
        used before (apple/containerization#790), and its chunked PATCH can't be trusted (containers-roadmap#2831)."""
        location = self._begin(reference)
        sources: list[_Source] = []

        def opened() -> Body:
            sources.append(_Source(content(), blob.size, progress))
            return sources[-1]

        try:
            self._transport.send(
                "PUT", _with_digest(location, blob.digest), operation="upload a blob", reference=reference,
                expect=(201,), headers={"Content-Type": "application/octet-stream"}, body=opened,
            )  # fmt: skip
        except RegistryError as error:
            if error.status in (404, 416):  # the upload session is gone, not the repository
                error.failure = Failure(error.status, temporary=True)
            raise
        if sources[-1].digest != blob.digest:
            raise DigestMismatch(
                "upload a blob", reference, text=f"sent was {sources[-1].digest}, announced {blob.digest}",
                remedy="run again; the archive changed while it was sent, and no tag was written",
            )  # fmt: skip

    def _begin(self, reference: Reference) -> str:
        try:
            answer = self._transport.send(
                "POST", f"/v2/{reference.repository}/blobs/uploads/", operation="begin an upload",
                reference=reference, expect=(202,),
            )  # fmt: skip
        except Unreachable as error:
            # ECR may just drop the connection in two cases (containers-roadmap#1970, aws-ecr-orb#259)
            hint = "or, on ECR: the repository does not exist, or the identity lacks ecr:InitiateLayerUpload on it"
            error.args = (f"{error}\n     {hint}",)
            raise
        except RegistryError as error:
            if error.status == 404 and not isinstance(error, RepositoryMissing):
                raise RepositoryMissing(
                    error.operation, reference, status=404, code=error.code, text=error.text
                ) from error
            raise
        location = answer.headers.get("Location")
        if not location:
            raise RegistryError("begin an upload", reference, status=202, text="the answer names no Location")
        return urljoin(answer.url, location)


def _with_digest(location: str, digest: str) -> str:
    """Adds the digest to the Location's query, which is kept: it may hold state, blanks and duplicates."""
    parts = urlsplit(location)
    query = [*parse_qsl(parts.query, keep_blank_values=True), ("digest", digest)]
    return urlunsplit(parts._replace(query=urlencode(query)))


class _Source:
    """A blob on its way: hashed and counted while it is read."""

    def __init__(self, content: BinaryIO, size: int, progress: Progress | None) -> None:
        self._content, self._size, self._progress = content, size, progress
        self._hash, self._sent = hashlib.sha256(), 0

    def __len__(self) -> int:
        return self._size

    @property
    def digest(self) -> str:
        return f"sha256:{self._hash.hexdigest()}"

    def read(self, size: int = -1) -> bytes:
        chunk = self._content.read(size)
        self._hash.update(chunk)
        self._sent += len(chunk)
        if self._progress and chunk:
            self._progress(self._sent, self._size)
        return chunk

    def close(self) -> None:
        self._content.close()
