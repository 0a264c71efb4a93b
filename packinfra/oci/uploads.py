"""Upload one blob: POST, then one PUT with everything.

Each attempt begins with a new POST: ECR responds with 416 to an upload URL that was used before
(apple/containerization#790). And no PATCH: ECR's response to it can't be trusted (containers-roadmap#2831).
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterator
from typing import BinaryIO, Self
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from packinfra.http.budget import RetryBudget
from packinfra.http.retry import Failure
from packinfra.oci.bodies import NO_REGISTRY, digest_in, is_page
from packinfra.oci.destinations import REDIRECTS, absolute
from packinfra.oci.errors import DigestMismatch, RegistryError, RepositoryMissing, Step, Unreachable
from packinfra.oci.manifest import Descriptor
from packinfra.oci.transport import Call

Progress = Callable[[int, int], None]
"""Called with bytes sent and bytes in all while a layer is uploaded, every 64 KiB; from 0 again if an attempt fails."""

_ACTIONS = "pull,push"
_ANY = range(200, 500)


class Cancelled(Exception):  # noqa: N818
    """Another part of the same push has failed, so this one need not go on."""


class Upload:
    """One blob on its way into one repository.

    content: opens its bytes anew at each call
    new_repository: it was made a moment ago, so that a registry may not know it yet
    """

    def __init__(
        self,
        call: Call,
        blob: Descriptor,
        content: Callable[[], BinaryIO],
        *,
        progress: Progress | None = None,
        new_repository: bool = False,
    ) -> None:
        self._call, self._blob, self._content, self._progress = call, blob, content, progress
        self._may_appear = new_repository and call.traits.eventually_consistent

    def run(self, *, probe: bool = True) -> int:
        """Bytes sent: 0 if a probe finds the blob in the repository. Raises a RegistryError, or Cancelled."""
        if probe and self._is_there():
            return 0
        self._call.budget.attempt(self._send)
        return self._blob.size

    def _is_there(self) -> bool:
        """Whether the registry, or the storage to which it redirects, has the blob.

        A storage may be out of reach, or reject a HEAD for which its URL wasn't signed, and a login page may respond in its
        place: then nothing is known, and the blob is sent once more, which every registry accepts.
        """
        url = f"{self._call.repository}/blobs/{self._blob.digest}"
        response = self._call.send(
            "HEAD", url, Step.FIND, (200, 404, *REDIRECTS), actions=_ACTIONS, follow=False, retry=True
        )
        if response.status in REDIRECTS:
            try:
                url = absolute(response.url, response.headers.get("Location", ""), Step.FIND, self._call.reference)
                response = self._call.send("HEAD", url, Step.FIND, _ANY, actions=_ACTIONS)
            except RegistryError:
                return False
        if response.status != 200 or digest_in(response) == self._blob.digest:
            return response.status == 200
        size = str(self._blob.size)
        return not is_page(response) and response.headers.get("Content-Length", size) == size

    def _send(self) -> None:
        url = _with_digest(self._begin(), self._blob.digest)
        headers = {"Content-Type": "application/octet-stream"}
        with _Source(self._content, self._blob.size, self._progress, self._call.budget) as source:
            try:
                self._call.send("PUT", url, Step.UPLOAD, (201,), actions=_ACTIONS, headers=headers, body=source)
            except RegistryError as error:
                if isinstance(error, DigestMismatch):
                    self._check(source)
                # The upload session is gone, not the repository (404, 416); or another push of the same blob came
                # between (DIGEST_INVALID, distribution writes its links without a lock).
                if error.status in (404, 416) or isinstance(error, DigestMismatch):
                    error.failure = Failure(error.status, temporary=True)
                raise
            self._check(source)

    def _check(self, source: _Source) -> None:
        if source.digest != self._blob.digest:
            raise DigestMismatch(
                Step.UPLOAD, self._call.reference, text=f"sent {source.digest} instead of {self._blob.digest}",
                remedy="run again; the archive changed while it was sent, and no tag was written",
            )  # fmt: skip

    def _begin(self) -> str:
        """The URL for the blob."""
        try:
            return self._post()
        except RepositoryMissing as error:
            if self._may_appear:
                error.failure = Failure(error.status, temporary=True)
            raise

    def _post(self) -> str:
        call = self._call
        try:
            response = call.send("POST", f"{call.repository}/blobs/uploads/", Step.BEGIN, (202,), actions=_ACTIONS)
        except Unreachable as error:
            if type(error) is Unreachable and call.traits.drops_uploads:
                raise self._dropped(error) from error
            raise
        except RegistryError as error:
            if error.status == 404 and not isinstance(error, RepositoryMissing) and error.text != NO_REGISTRY:
                raise error.recast(RepositoryMissing) from error
            raise
        location = response.headers.get("Location")
        if not location:
            raise RegistryError(Step.BEGIN, call.reference, status=202, text="the response has no Location")
        return absolute(response.url, location, Step.BEGIN, call.reference)

    def _dropped(self, error: Unreachable) -> RegistryError:
        """ECR may just drop the connection in two cases (containers-roadmap#1970, aws-ecr-orb#259): a repository that
        doesn't exist, which a GET tells, and a missing permission, which none does."""
        try:
            self._call.send("GET", self._call.manifest, Step.BEGIN, (200,))
        except RepositoryMissing as missing:
            return missing
        except RegistryError:
            pass  # it says nothing about the repository; the first failure is the one that counts
        needs = self._call.traits.permissions.get(Step.BEGIN, "the right to push")
        return error.recast(
            Unreachable, remedy=f"allow {needs} on this repository for the identity that is used; or {error.remedy}"
        )


def _with_digest(location: str, digest: str) -> str:
    """Adds the digest to the Location's query, which is kept: it may hold state, blanks and duplicates."""
    parts = urlsplit(location)
    query = [*parse_qsl(parts.query, keep_blank_values=True), ("digest", digest)]
    return urlunsplit(parts._replace(query=urlencode(query)))


@contextlib.contextmanager
def disk_errors(step: Step, target: object, verb: str) -> Iterator[None]:
    """An error of our disk must not pass for one of the network."""
    try:
        yield
    except OSError as error:
        text, remedy = f"it can't be {verb}: {error.strerror}", "see to the disk, then run again"
        raise RegistryError(step, target, text=text, remedy=remedy) from error


class _Source:
    """A blob's bytes: hashed and counted while they are read."""

    def __init__(
        self, content: Callable[[], BinaryIO], size: int, progress: Progress | None, budget: RetryBudget
    ) -> None:
        self._size, self._progress, self._budget = size, progress, budget
        self._hash, self._sent = hashlib.sha256(), 0
        with disk_errors(Step.UPLOAD, "archive", "read"):
            self._content = content()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._content.close()

    def __len__(self) -> int:
        return self._size

    @property
    def digest(self) -> str:
        return f"sha256:{self._hash.hexdigest()}"

    def read(self, size: int = -1) -> bytes:
        if self._budget.cancelled:
            raise Cancelled
        with disk_errors(Step.UPLOAD, "archive", "read"):
            chunk = self._content.read(size)
        self._hash.update(chunk)
        self._sent += len(chunk)
        if self._progress and chunk:
            self._progress(self._sent, self._size)
        return chunk
