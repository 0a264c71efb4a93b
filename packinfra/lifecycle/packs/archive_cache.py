"""Archives that `check` built, kept for `create` in the same process, so that a pack is compressed once per run.

Never across runs, and within bounds: what isn't here is built from the folder again.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import tempfile
import threading
from typing import BinaryIO

from packinfra.packs.archive import Archive, unwritable, write_archive
from packinfra.packs.contents import KEEP
from packinfra.packs.pack import Pack


class Spool:
    """An archive's bytes: of a small pack in memory, else in a file without a name, which goes with the process.

    content: bytes of the pack's files, by which the place is chosen
    """

    def __init__(self, content: int) -> None:
        self.in_memory = content <= KEEP
        # closed by whoever takes the spool
        self.file: BinaryIO = io.BytesIO() if self.in_memory else tempfile.TemporaryFile(prefix="packinfra-")  # noqa: SIM115

    def open(self) -> BinaryIO:
        """A new reader from the start, since the HTTP library closes what it has sent. One at a time: of a file, they
        share a position."""
        if isinstance(self.file, io.BytesIO):
            return io.BytesIO(self.file.getvalue())
        self.file.flush()
        reader = os.fdopen(os.dup(self.file.fileno()), "rb")
        reader.seek(0)
        return reader

    def close(self) -> None:
        with contextlib.suppress(OSError):  # on a full disk, of the bytes that could not be written: said already
            self.file.close()


def build(pack: Pack, created: str) -> tuple[Archive, Spool]:
    """Raises ArchiveError."""
    try:
        spool = Spool(sum(file.size for file in pack.files))
    except OSError as error:
        raise unwritable(pack, error) from error
    try:
        return write_archive(pack, spool.file, created), spool
    except BaseException:
        spool.close()
        raise


class Archives:
    """Layer digest -> the archive. Thread-safe; whoever takes one has it alone.

    memory, disk: bytes kept in all; of 220 public packs, all archives together have half of the default memory. On disk
                  never more than are still free there: the next archive must find room, and /tmp may be small
    files:        how many of those on disk, since each is an open file
    """

    def __init__(self, *, memory: int = 64 << 20, disk: int = 4 << 30, files: int = 64) -> None:
        self._lock = threading.Lock()
        self._memory, self._disk, self._files = memory, disk, files
        self._kept: dict[str, tuple[int, Spool]] = {}

    def keep(self, digest: str, size: int, spool: Spool) -> None:
        """Keeps the spool, or closes it if there is no room for it."""
        with self._lock:
            alike = [kept for kept, other in self._kept.values() if other.in_memory == spool.in_memory]
            limit = self._memory if spool.in_memory else min(self._disk, shutil.disk_usage(tempfile.gettempdir()).free)
            room = sum(alike) + size <= limit and (spool.in_memory or len(alike) < self._files)
            if room and digest not in self._kept:
                self._kept[digest] = size, spool
                return
        spool.close()

    def take(self, digest: str) -> Spool | None:
        with self._lock:
            return self._kept.pop(digest, (0, None))[1]


ARCHIVES = Archives()
