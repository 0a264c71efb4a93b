"""Download one blob into a file: streamed, bounded, verified.

Registries keep blobs elsewhere and redirect to them (ECR: presigned S3 URLs).
"""

from __future__ import annotations

import hashlib
from typing import BinaryIO

from packinfra.oci.errors import DigestMismatch, Step
from packinfra.oci.manifest import Descriptor
from packinfra.oci.transport import Call
from packinfra.oci.uploads import Progress, disk_errors


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
        call.send("GET", url, Step.DOWNLOAD, (200,), sink=write)
        if (actual := f"sha256:{digest.hexdigest()}") != blob.digest:
            text = f"received {actual} instead of {blob.digest}"
            raise DigestMismatch(Step.DOWNLOAD, call.reference, text=text)

    try:
        call.budget.attempt(attempt)
    except BaseException:
        back()
        raise
