"""Download one blob into a file: streamed, bounded, verified.

Registries keep blobs elsewhere (ECR: presigned S3 URLs). Redirects are followed by hand, so that each URL is checked
and no credentials go there.
"""

from __future__ import annotations

import hashlib
from typing import BinaryIO

from packinfra.oci.errors import DigestMismatch, RegistryError, Step
from packinfra.oci.manifest import Descriptor
from packinfra.oci.responses import absolute
from packinfra.oci.transport import Call
from packinfra.oci.uploads import Progress, disk_errors

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
        digest, received = hashlib.sha256(), 0

        def write(block: bytes) -> None:
            nonlocal received
            received += len(block)
            if received > blob.size:
                raise DigestMismatch(Step.DOWNLOAD, call.reference, text=f"more than the {blob.size} B announced")
            digest.update(block)
            with disk_errors(Step.DOWNLOAD, call.reference, "written"):
                into.write(block)
            if progress:
                progress(received, blob.size)

        url = f"{call.repository}/blobs/{blob.digest}"
        for _ in range(_HOPS):
            response = call.send("GET", url, Step.DOWNLOAD, (200, *_REDIRECTS), sink=write)
            if response.status == 200:
                if (actual := f"sha256:{digest.hexdigest()}") != blob.digest:
                    text = f"received {actual} instead of {blob.digest}"
                    raise DigestMismatch(Step.DOWNLOAD, call.reference, text=text)
                return
            url = absolute(response.url, response.headers.get("Location", ""), Step.DOWNLOAD, call.reference)
        raise RegistryError(Step.DOWNLOAD, call.reference, text=f"more than {_HOPS} redirects")

    try:
        call.budget.attempt(attempt)
    except BaseException:
        back()
        raise
