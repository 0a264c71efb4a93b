"""Download one blob into a file: streamed, bounded, verified.

Registries send blobs from elsewhere (ECR: presigned S3 addresses). Redirects are followed by hand, so that each is
judged like any address, and the login stays at home.
"""

from __future__ import annotations

import hashlib
from typing import BinaryIO

from packinfra.http.budget import RetryBudget
from packinfra.oci.errors import DigestMismatch, RegistryError, Step
from packinfra.oci.manifest import Descriptor
from packinfra.oci.reference import Reference
from packinfra.oci.transport import Transport
from packinfra.oci.uploads import Progress

_REDIRECTS = (301, 302, 303, 307, 308)
_HOPS = 5


def download(
    transport: Transport,
    operation: RetryBudget,
    reference: Reference,
    blob: Descriptor,
    into: BinaryIO,
    *,
    progress: Progress | None = None,
) -> None:
    """Writes the blob into `into` from its present position on. Each attempt starts there again: Range is not asked
    for, since not every storage knows it.

    Raises DigestMismatch if size or digest differ from the descriptor's, or another RegistryError; `into` is then as
    long as it was.
    """
    start = into.tell()

    def back() -> None:
        into.seek(start)
        into.truncate()

    def attempt() -> None:
        back()
        sink = _Sink(blob, into, reference, progress)
        url = f"/v2/{reference.repository}/blobs/{blob.digest}"
        for _ in range(_HOPS):
            answer = transport.send(
                "GET", url, step=Step.DOWNLOAD, reference=reference, expect=(200, *_REDIRECTS), sink=sink.take
            )
            if answer.status == 200:
                return sink.check()
            url = answer.address(answer.headers.get("Location", ""), Step.DOWNLOAD, reference)
        raise RegistryError(Step.DOWNLOAD, reference, text=f"more than {_HOPS} redirects")

    try:
        operation.attempt(attempt)
    except BaseException:
        back()
        raise


class _Sink:
    def __init__(self, blob: Descriptor, into: BinaryIO, reference: Reference, progress: Progress | None) -> None:
        self._blob, self._into, self._reference, self._progress = blob, into, reference, progress
        self._hash, self._taken = hashlib.sha256(), 0

    def take(self, block: bytes) -> None:
        self._taken += len(block)
        if self._taken > self._blob.size:
            raise DigestMismatch(Step.DOWNLOAD, self._reference, text=f"more than the {self._blob.size} B announced")
        self._hash.update(block)
        try:
            self._into.write(block)
        except OSError as error:  # of our disk: it must not pass for one of the network
            raise RegistryError(
                Step.DOWNLOAD, self._reference, text=f"it can't be written: {error.strerror}", remedy="see to the disk"
            ) from error
        if self._progress:
            self._progress(self._taken, self._blob.size)

    def check(self) -> None:
        digest = f"sha256:{self._hash.hexdigest()}"
        if digest != self._blob.digest:
            raise DigestMismatch(
                Step.DOWNLOAD, self._reference, text=f"received was {digest}, asked for {self._blob.digest}"
            )
