"""The two ways to unpack gzip data: at once, for small files, or piece by piece up to a limit."""

from __future__ import annotations

import gzip
import zlib
from typing import BinaryIO, Protocol

import deflate

AT_ONCE = 8 << 20
"""Bytes that are unpacked at once, in a third of the time."""
_CHUNK = 256 << 10


class ArchiveReadError(Exception):
    """Why an archive cannot be read: a sentence about it."""


class Source(Protocol):
    """Unpacked data."""

    def read(self, size: int) -> bytes | bytearray:
        """The next `size` bytes; fewer only at the end."""

    def skip(self, size: int) -> int:
        """Reads over `size` bytes; returns how many there were."""


class Memory:
    """Data that was unpacked at once."""

    def __init__(self, data: bytearray) -> None:
        self._data, self._at = data, 0

    def read(self, size: int) -> bytearray:
        piece = self._data[self._at : self._at + size]
        self._at += len(piece)
        return piece

    def skip(self, size: int) -> int:
        skipped = min(size, len(self._data) - self._at)
        self._at += skipped
        return skipped


class Stream:
    """Data that is unpacked piece by piece. All methods raise ArchiveReadError."""

    def __init__(self, file: BinaryIO, limit: int) -> None:
        self._gzip, self._limit, self._left = gzip.GzipFile(fileobj=file), limit, limit

    def read(self, size: int) -> bytes:
        data = b""
        try:
            while len(data) < size and (piece := self._gzip.read(min(size - len(data), _CHUNK))):
                data += piece
        except gzip.BadGzipFile as error:
            unpacked = self._left < self._limit
            raise ArchiveReadError(
                "other data follows its gzip data" if unpacked else "it is not a gzip file"
            ) from error
        except EOFError as error:
            raise ArchiveReadError("its gzip data is cut off") from error
        except zlib.error as error:
            raise ArchiveReadError("its gzip data is damaged") from error
        except OSError as error:
            raise ArchiveReadError(f"it cannot be read: {error.strerror}") from error
        self._left -= len(data)
        if self._left < 0:
            raise ArchiveReadError(f"it unpacks to more than {self._limit:,} bytes")
        return data

    def skip(self, size: int) -> int:
        skipped = 0
        while skipped < size and (piece := self.read(min(size - skipped, _CHUNK))):
            skipped += len(piece)
        return skipped


def unpack_at_once(file: BinaryIO) -> Memory | None:
    """A small file, unpacked; None for all that is unusual. A file of several gzip members may be cut off."""
    raw = file.read(AT_ONCE + 1)
    size = int.from_bytes(raw[-4:], "little")  # gzip ends with the size unpacked
    if len(raw) > AT_ONCE or size > AT_ONCE:
        return None
    try:
        data = deflate.gzip_decompress(raw)
    except (deflate.DeflateError, ValueError):
        return None
    return Memory(data) if len(data) == size else None
