"""Upload one blob: POST, then one PUT with everything.

Each attempt begins with a new POST: ECR answers 416 to an upload URL that was used before
(apple/containerization#790). And no PATCH: what ECR answers to it can't be trusted (containers-roadmap#2831).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import BinaryIO
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from packinfra.http.budget import RetryBudget
from packinfra.http.client import Body
from packinfra.http.retry import Failure
from packinfra.oci.errors import DigestMismatch, RegistryError, RepositoryMissing, Step, Unreachable
from packinfra.oci.manifest import Descriptor
from packinfra.oci.reference import Reference
from packinfra.oci.transport import Transport

Progress = Callable[[int, int], None]
"""Called with bytes sent and bytes in all while a layer is uploaded, every 64 KiB; from 0 again if an attempt fails."""

_ACTIONS = "pull,push"
# A registry that keeps its blobs elsewhere redirects a HEAD for one that it has.
_HAS_BLOB = (200, 301, 302, 303, 307, 308)


class Cancelled(Exception):  # noqa: N818
    """Another part of the same push has failed, so this one need not go on."""


class Upload:
    """content: opens the blob's bytes anew at each call."""

    def __init__(
        self,
        transport: Transport,
        operation: RetryBudget,
        reference: Reference,
        blob: Descriptor,
        content: Callable[[], BinaryIO],
        *,
        progress: Progress | None = None,
    ) -> None:
        self._transport, self._operation, self._reference = transport, operation, reference
        self._blob, self._content, self._progress = blob, content, progress

    def run(self, *, ask: bool = True) -> int:
        """Bytes sent: 0 if the repository was asked and has the blob. Raises a RegistryError, or Cancelled."""
        if ask:
            found = self._operation.attempt(
                lambda: self._transport.send(
                    "HEAD", f"/v2/{self._reference.repository}/blobs/{self._blob.digest}",
                    step=Step.FIND, reference=self._reference, expect=(*_HAS_BLOB, 404), actions=_ACTIONS,
                )
            )  # fmt: skip
            if found.status != 404:
                return 0
        self._operation.attempt(self._send)
        return self._blob.size

    def _send(self) -> None:
        location = self._begin()
        sources: list[_Source] = []

        def opened() -> Body:
            sources.append(_Source(self._content(), self._blob.size, self._progress, self._operation))
            return sources[-1]

        try:
            self._transport.send(
                "PUT", _with_digest(location, self._blob.digest), step=Step.UPLOAD, reference=self._reference,
                expect=(201,), actions=_ACTIONS, headers={"Content-Type": "application/octet-stream"}, body=opened,
            )  # fmt: skip
        except RegistryError as error:
            if isinstance(error, DigestMismatch):
                self._check(sources[-1])
            # The upload session is gone, not the repository (404, 416); or another push of the same blob came between
            # (DIGEST_INVALID, distribution writes its links without a lock).
            if error.status in (404, 416) or isinstance(error, DigestMismatch):
                error.failure = Failure(error.status, temporary=True)
            raise
        self._check(sources[-1])

    def _check(self, source: _Source) -> None:
        if source.digest != self._blob.digest:
            raise DigestMismatch(
                Step.UPLOAD, self._reference, text=f"sent was {source.digest}, announced {self._blob.digest}",
                remedy="run again; the archive changed while it was sent, and no tag was written",
            )  # fmt: skip

    def _begin(self) -> str:
        """Where the blob is to be put."""
        try:
            answer = self._transport.send(
                "POST", f"/v2/{self._reference.repository}/blobs/uploads/", step=Step.BEGIN,
                reference=self._reference, expect=(202,), actions=_ACTIONS,
            )  # fmt: skip
        except Unreachable as error:
            if type(error) is Unreachable and self._transport.dialect.drops_uploads:
                raise self._dropped(error) from error
            raise
        except RegistryError as error:
            if error.status == 404 and not isinstance(error, RepositoryMissing):
                raise RepositoryMissing(
                    error.operation, self._reference, status=404, code=error.code, text=error.text
                ) from error
            raise
        location = answer.headers.get("Location")
        if not location:
            raise RegistryError(Step.BEGIN, self._reference, status=202, text="the answer names no Location")
        return answer.address(location, Step.BEGIN, self._reference)

    def _dropped(self, error: Unreachable) -> RegistryError:
        """ECR may just drop the connection in two cases (containers-roadmap#1970, aws-ecr-orb#259): a repository that
        doesn't exist, which can be asked for, and a missing permission, which can't."""
        try:
            self._transport.send(
                "GET", f"/v2/{self._reference.repository}/manifests/{self._reference.tag}", step=Step.BEGIN,
                reference=self._reference, expect=(200,),
            )  # fmt: skip
        except RepositoryMissing as missing:
            return missing
        except RegistryError:
            pass  # it says nothing about the repository; what went wrong first is what counts
        needs = self._transport.dialect.permissions.get(Step.BEGIN, "the right to push")
        return Unreachable(
            Step.BEGIN, self._reference, text=error.text, failure=error.failure,
            remedy=f"allow {needs} on this repository for the identity that is used; or {error.remedy}",
        )  # fmt: skip


def _with_digest(location: str, digest: str) -> str:
    """Adds the digest to the Location's query, which is kept: it may hold state, blanks and duplicates."""
    parts = urlsplit(location)
    query = [*parse_qsl(parts.query, keep_blank_values=True), ("digest", digest)]
    return urlunsplit(parts._replace(query=urlencode(query)))


class _Source:
    """A blob on its way: hashed and counted while it is read."""

    def __init__(self, content: BinaryIO, size: int, progress: Progress | None, operation: RetryBudget) -> None:
        self._content, self._size, self._progress, self._operation = content, size, progress, operation
        self._hash, self._sent = hashlib.sha256(), 0

    def __len__(self) -> int:
        return self._size

    @property
    def digest(self) -> str:
        return f"sha256:{self._hash.hexdigest()}"

    def read(self, size: int = -1) -> bytes:
        if self._operation.cancelled:
            raise Cancelled
        try:
            chunk = self._content.read(size)
        except OSError as error:  # of our disk: it must not pass for one of the network
            raise RegistryError(
                Step.UPLOAD,
                "archive",
                text=f"it can't be read: {error.strerror}",
                remedy="see to the disk, then run again",
            ) from error
        self._hash.update(chunk)
        self._sent += len(chunk)
        if self._progress and chunk:
            self._progress(self._sent, self._size)
        return chunk

    def close(self) -> None:
        self._content.close()
