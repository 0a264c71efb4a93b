"""A blob of one registry as a file that an upload to another one reads: nothing of it touches the disk.

A thread downloads ahead, by at most AHEAD bytes, and waits until the reader has taken them. Where the download begins
again after a failure, what the reader has already is skipped.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import BinaryIO, cast

from packinfra.oci.downloads import download
from packinfra.oci.manifest import Descriptor
from packinfra.oci.transport import Call

AHEAD = 4 << 20
"""Bytes downloaded, and not read yet; a block of 1 MiB more may be on its way."""


class SourceFailed(Exception):  # noqa: N818
    """The download failed. No RegistryError, since the upload must not take it for one of its own, and try again."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


class _Closed(Exception):  # noqa: N818
    """The upload has ended, well or not."""


class BlobStream:
    """Reads as a file opened for reading bytes.

    call: on the source; its errors come out of `read` as SourceFailed, also where the digest proves wrong at the end
    """

    def __init__(self, call: Call, blob: Descriptor) -> None:
        self._call, self._blob = call, blob
        self._changed = threading.Condition()
        self._blocks: deque[memoryview] = deque()
        self._waiting = 0  # bytes in the blocks
        self._accepted = 0  # bytes since the beginning of the blob that went into the blocks
        self._position = 0  # of the present download
        self._ended, self._closed = False, False
        self._error: Exception | None = None
        threading.Thread(target=self._fetch, daemon=True).start()

    def read(self, size: int = -1) -> bytes:
        """At least one byte, unless the blob has ended; less than `size` where a block ends."""
        with self._changed:
            self._changed.wait_for(lambda: self._blocks or self._ended)
            if not self._blocks:
                if self._error:
                    raise SourceFailed(self._error)
                return b""
            block = self._blocks.popleft()
            if 0 <= size < len(block):
                self._blocks.appendleft(block[size:])
                block = block[:size]
            self._waiting -= len(block)
            self._changed.notify_all()
            return bytes(block)

    @property
    def ahead(self) -> int:
        """Bytes downloaded, and not read yet."""
        return self._waiting

    def close(self) -> None:
        """Ends the download, at its next block if it still runs."""
        with self._changed:
            self._closed = True
            self._blocks.clear()
            self._changed.notify_all()

    def _fetch(self) -> None:
        try:
            download(self._call, self._blob, cast("BinaryIO", _Into(self)))
        except Exception as error:  # whatever it is, the reader must not wait for ever
            self._error = error
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _begin_again(self) -> None:
        self._position = 0

    def _write(self, block: bytes) -> None:
        new = memoryview(block)[max(0, self._accepted - self._position) :]
        self._position += len(block)
        if not new:
            return
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._waiting < AHEAD)
            if self._closed:
                raise _Closed
            self._blocks.append(new)
            self._waiting += len(new)
            self._accepted += len(new)
            self._changed.notify_all()


class _Into:
    """What `download` takes for a file; it only ever goes back to the beginning."""

    def __init__(self, stream: BlobStream) -> None:
        self._stream = stream

    def tell(self) -> int:
        return 0

    def seek(self, _position: int) -> None:
        self._stream._begin_again()  # noqa: SLF001 - its other half

    def truncate(self) -> None:
        pass

    def write(self, block: bytes) -> None:
        self._stream._write(block)  # noqa: SLF001
