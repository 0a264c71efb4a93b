"""Resolve, push, pull, delete, in an order that every registry accepts.

A push of a new version (8 requests; 6 when the repository has `{}` already, or is known to be new and the layer small; 1
when the tag carries the digest):

    HEAD manifest by tag -> config and layer side by side: HEAD blob, POST, PUT -> PUT manifest under the tag, last

so no tag ever points to a missing blob, and the run after one that was killed anywhere simply goes on. Versions of one
repository are pushed one after another: registries write their links without a lock (distribution 2.8 responds with
MANIFEST_BLOB_UNKNOWN or DIGEST_INVALID now and then if they aren't).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import BinaryIO, Self

from oras.defaults import default_manifest_accepted_media_types

from packinfra.http.client import Response
from packinfra.http.rate_limit import RateLimiter
from packinfra.http.redact import clean
from packinfra.oci.blobs import Open, openers, upload_blobs
from packinfra.oci.bodies import digest_in, is_manifest, not_a_registry
from packinfra.oci.deletion import Removal
from packinfra.oci.downloads import download
from packinfra.oci.errors import (
    BlobMissing,
    DigestMismatch,
    NotAnArtifact,
    NotAuthorized,
    RegistryError,
    RepositoryMissing,
    Step,
    TagImmutable,
    Throttled,
)
from packinfra.oci.manifest import Descriptor, Manifest
from packinfra.oci.raw import LIMIT, RawManifest
from packinfra.oci.reference import Reference, digest_of
from packinfra.oci.same_registry import same_registry
from packinfra.oci.tags import list_tags
from packinfra.oci.transport import Call, Transport
from packinfra.oci.uploads import Progress

_PUSHES = 8
"""Configs that are uploaded at a time, each beside its layer; the SDK's provider host has four threads."""
_PUSH = "pull,push"
# distribution 2.8 responds with 404 to a HEAD that doesn't accept the manifest's type
_ACCEPT = {"Accept": ", ".join(default_manifest_accepted_media_types)}


@dataclass(frozen=True)
class PushResult:
    """digest: the manifest's; sent: bytes of blobs that were uploaded for it"""

    digest: str
    sent: int


class Client:
    """One registry. Thread-safe: share one per host, and close it, or use it as a context manager.

    Args:
        remove: A registry's own way to delete a tag, which is known to carry the digest, or by digest an image that
            no tag carries; a missing one is success. None = packinfra/oci/deletion.py.
    """

    def __init__(self, transport: Transport, remove: Callable[[Reference, str], None] | None = None) -> None:
        self._transport, self._remove = transport, remove
        self._locks: dict[str, threading.Lock] = {}
        self._threads = ThreadPoolExecutor(_PUSHES)  # kept: a new thread for each push took longer than its requests
        rate = transport.traits.manifests_per_second
        self._limiter = RateLimiter(rate, transport.clock, transport.sleep or time.sleep)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the client's threads and closes its connections."""
        self._threads.shutdown()
        self._transport.close()

    def call(self, reference: Reference) -> Call:
        """For requests of other modules of this room: they share this client's connections and credentials."""
        return self._transport.call(reference)

    def resolve(self, reference: Reference, *, confirm_missing: bool = False, publishing: bool = False) -> str | None:
        """The digest that the tag carries, or None if there is no such tag or repository.

        Args:
            confirm_missing: Return None only if the registry itself says so in an error body (a HEAD has none, so a
                GET follows); a 404 of something in between raises.
            publishing: A push follows where there is nothing. Asks with a push token, since Quay makes a repository
                only for that, and takes 403 for "nothing there" where the list of tags agrees (_is_unlisted).

        Raises:
            RegistryError: The response says neither.
        """
        call, actions = self._transport.call(reference), _PUSH if publishing else "pull"
        try:
            response = _manifest(call, "HEAD", Step.RESOLVE, actions)
            if response.status == 404 and not confirm_missing:
                return None
            digest = digest_in(response) if response.status == 200 else ""
            if not digest:
                response = _manifest(call, "GET", Step.RESOLVE, actions)
        except NotAuthorized as error:
            if publishing and error.status == 403 and self._is_unlisted(call, error):
                return None
            raise
        if not digest and response.status == 404:
            call.confirm_missing(response, Step.RESOLVE)
            return None
        if not digest:  # ECR's GET has no Docker-Content-Digest (aws/containers-roadmap#1931)
            if not is_manifest(response):
                raise not_a_registry(response, Step.RESOLVE, reference)
            digest = digest_of(response.body)
        if reference.is_digest and digest != reference.reference:
            raise DigestMismatch(Step.RESOLVE, reference, text=f"the registry has {digest} under it")
        return digest

    def _is_unlisted(self, call: Call, error: NotAuthorized) -> bool:
        """Whether a 403 means that there is no such tag, as Artifactory's virtual repositories say it
        (go-containerregistry's pull request 1691). Raises the error, with more to say, if that can't be known."""
        reference = call.reference
        if call.traits.permissions or error.step == Step.TOKEN:  # a 403 that is known to mean a missing permission
            return False
        if reference.is_digest:  # whatever is there under a digest, a push changes nothing of it
            return True
        try:
            return reference.reference not in self.tags(reference)
        except RegistryError:
            remedy = (
                f"{error.remedy}; if the tag isn't there (Artifactory's virtual repositories respond so), allow to list the "
                "repository's tags, or publish to a local repository"
            )
            raise error.recast(NotAuthorized, remedy=remedy) from error

    def manifest(self, reference: Reference) -> Manifest | None:
        """The manifest under the tag, whoever wrote it; None if there is no such tag or repository.

        Raises:
            NotAnArtifact: It is an index of several.
            DigestMismatch: Its digest is not the requested one.
        """
        call = self._transport.call(reference)
        response = _manifest(call, "GET", Step.READ)
        if response.status == 404:
            call.confirm_missing(response, Step.READ)
            return None
        try:
            manifest = Manifest.parse(response.body, response.headers.get("Content-Type", "").partition(";")[0])
        except ValueError as error:
            raise NotAnArtifact(Step.READ, reference, text=str(error)) from error
        digest = reference.reference if reference.is_digest else digest_in(response)
        if digest.startswith("sha256:") and digest != manifest.digest:
            raise DigestMismatch(Step.READ, reference, text=f"received {manifest.digest} instead of {digest}")
        return manifest

    def tags(self, repository: Reference) -> list[str]:
        """Every tag of the reference's repository; none if there is no such repository."""
        return list_tags(self._transport.call(repository))

    def push(
        self,
        reference: Reference,
        manifest: Manifest,
        layers: Open | Mapping[str, Open] | None = None,
        progress: Progress | None = None,
        *,
        new_repository: bool = False,
    ) -> PushResult:
        """Uploads the blobs that are missing, then puts the manifest under the tag, whatever it carried before.

        A reference by digest stores the manifest without a tag. Whether the tag may be written is the caller's
        decision, by `resolve`.

        Args:
            layers: Opens the one layer anew at each call; or, for several, or a config of its own: digest -> opens that blob.
                An empty config (`{}`) needs none.
            progress: Of the layers.
            new_repository: It was made a moment ago, and a registry that is eventually consistent may not know it yet;
                then the push waits for it. It is probably empty, so no HEAD goes before blobs of up to PROBE_ABOVE bytes. A blob that
                was there after all is sent once more, which every registry accepts: clients have done so for years
                (oras-py until its #171, go-containerregistry until its #250).

        Raises:
            TagImmutable: The tag carries another digest, in a repository that never moves tags.
            DigestMismatch: The registry stored other bytes.
            RegistryError: Anything else. The tag then is as it was.
        """
        opened = openers(manifest, layers)
        with self._locks.setdefault(reference.repository, threading.Lock()):
            call = self._transport.call(reference)

            def blobs_then_manifest() -> PushResult:
                sent = upload_blobs(
                    call, manifest, opened, progress, threads=self._threads, new_repository=new_repository
                )
                self._publish(call, manifest)
                return PushResult(manifest.digest, sent)

            return call.budget.repeat(blobs_then_manifest, BlobMissing)

    def publish(self, reference: Reference, manifest: RawManifest) -> None:
        """Puts the manifest, whose blobs are there, under the tag or digest. Raises as `push` does; BlobMissing at once."""
        self._publish(self._transport.call(reference), manifest)

    def pull(self, reference: Reference, blob: Descriptor, into: BinaryIO, progress: Progress | None = None) -> None:
        """Writes the blob, which must have the descriptor's size and digest, into a seekable file.

        Raises:
            RegistryError: DigestMismatch, or anything else. The file then holds nothing of it.
        """
        download(self._transport.call(reference), blob, into, progress=progress)

    def delete(self, reference: Reference, digest: str) -> None:
        """Deletes the tag, which is known to carry `digest`; a missing one is success.

        Raises:
            DeleteDisabled: The registry can't, or not without other tags.
            RegistryError: Anything else.
        """
        self.removal(reference).delete(reference.reference, digest)

    def removal(self, repository: Reference) -> Removal:
        """For deleting several tags of the reference's repository."""

        def resolve(reference: Reference) -> str | None:
            try:
                return self.resolve(reference, confirm_missing=True)
            except RepositoryMissing:  # Harbor's 401 for a project that is gone
                return None

        return Removal(repository, tags=self.tags, resolve=resolve, call=self._transport.call, own_way=self._remove)

    def same_registry(self, other: Client, reference: Reference) -> bool | None:
        """Whether both clients' hosts lead to one registry, which has the reference's repository; None = unclear."""
        return same_registry(self._transport, other._transport, reference)

    def _publish(self, call: Call, manifest: Manifest | RawManifest) -> None:
        try:
            response = call.budget.attempt(lambda: self._put(call, manifest))
        except TagImmutable:
            # ECR refuses an immutable tag's own digest too (aws/containers-roadmap#2179): after a lost response, or
            # when somebody pushed the same content meanwhile, the tag is as it should be.
            if self.resolve(call.reference, publishing=True) != manifest.digest:
                raise
            return
        stored = response.headers.get("Docker-Content-Digest")
        if stored and stored != manifest.digest:
            text = f"the registry stored {clean(stored)} instead of {manifest.digest}"
            raise DigestMismatch(Step.PUBLISH, call.reference, status=response.status, text=text)

    def _put(self, call: Call, manifest: Manifest | RawManifest) -> Response:
        self._limiter.acquire()
        headers = {"Content-Type": manifest.media_type}
        try:
            response = call.send(
                "PUT", call.manifest, Step.PUBLISH, (200, 201), actions=_PUSH, headers=headers, body=manifest.body
            )
        except Throttled:
            self._limiter.throttled()
            raise
        self._limiter.succeeded()
        return response


def _manifest(call: Call, method: str, step: Step, actions: str = "pull") -> Response:
    return call.send(method, call.manifest, step, (200, 404), actions=actions, headers=_ACCEPT, limit=LIMIT, retry=True)
