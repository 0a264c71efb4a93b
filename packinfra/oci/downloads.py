"""Download one blob into a file: streamed, bounded, verified.

Registries keep blobs elsewhere (ECR: presigned S3 URLs). Redirects are followed by hand, so that each URL is checked
and no credentials go there.
"""

from __future__ import annotations

import hashlib
from typing import BinaryIO

from packinfra.oci.errors import DigestMismatch, RegistryError, Step
from packinfra.oci.manifest import Descriptor
from packinfra.oci.reference import Reference
from packinfra.oci.responses import absolute
from packinfra.oci.transport import Call
from packinfra.oci.uploads import Progress

_REDIRECTS = (301, 302, 303, 307, 308)
_HOPS = 5


def download(call: Call, blob: Descriptor, into: BinaryIO, *, progress: Progress | None = None) -> None:
    """Writes the blob into `into` from its present position on; each attempt starts there again, since not every storage
    knows Range.

    Raises a RegistryError, DigestMismatch if size or digest differ from the descriptor's; `into` is then as before.
    """
    start = into.tell()

    def back() -> None:
        into.seek(start)
        into.truncate()

    def attempt() -> None:
        back()
        sink = _Sink(blob, into, call.reference, progress)
        url = f"{call.repository}/blobs/{blob.digest}"
        for _ in range(_HOPS):
            response = call.send("GET", url, Step.DOWNLOAD, (200, *_REDIRECTS), sink=sink.write)
            if response.status == 200:
                return sink.check()
            url = absolute(response.url, response.headers.get("Location", ""), Step.DOWNLOAD, call.reference)
        raise RegistryError(Step.DOWNLOAD, call.reference, text=f"more than {_HOPS} redirects")

    try:
        call.budget.attempt(attempt)
    except BaseException:
        back()
        raise


class _Sink:
    def __init__(self, blob: Descriptor, into: BinaryIO, reference: Reference, progress: Progress | None) -> None:
        self._blob, self._into, self._reference, self._progress = blob, into, reference, progress
        self._hash, self._received = hashlib.sha256(), 0

    def write(self, block: bytes) -> None:
        self._received += len(block)
        if self._received > self._blob.size:
            raise DigestMismatch(Step.DOWNLOAD, self._reference, text=f"more than the {self._blob.size} B announced")
        self._hash.update(block)
        try:
            self._into.write(block)
        except OSError as error:  # of our disk: it must not pass for one of the network
            raise RegistryError(
                Step.DOWNLOAD, self._reference, text=f"it can't be written: {error.strerror}", remedy="see to the disk"
            ) from error
        if self._progress:
            self._progress(self._received, self._blob.size)

    def check(self) -> None:
        digest = f"sha256:{self._hash.hexdigest()}"
        if digest != self._blob.digest:
            raise DigestMismatch(
                Step.DOWNLOAD, self._reference, text=f"received {digest} instead of {self._blob.digest}"
            )
