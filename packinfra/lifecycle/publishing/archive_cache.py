"""Archives that `check` built, kept for `create` in the same process, so that a pack is compressed once per run.

Never across runs, and within bounds: an archive that isn't here is built from the folder again.
"""

from __future__ import annotations

import shutil
import tempfile
import threading

from packinfra.packs.contents import KEEP
from packinfra.packs.spool import Spool


class ArchiveCache:
    """Layer digest -> the archive. Thread-safe; `take` hands the archive over to its caller.

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
        in_memory = size <= KEEP
        with self._lock:
            alike = [other for other, _ in self._kept.values() if (other <= KEEP) == in_memory]
            limit = self._memory if in_memory else min(self._disk, shutil.disk_usage(tempfile.gettempdir()).free)
            room = sum(alike) + size <= limit and (in_memory or len(alike) < self._files)
            if room and digest not in self._kept:
                self._kept[digest] = size, spool
                return
        spool.close()

    def take(self, digest: str) -> Spool | None:
        with self._lock:
            return self._kept.pop(digest, (0, None))[1]

    def close(self) -> None:
        """Drops the archives that were not taken."""
        with self._lock:
            for _, spool in self._kept.values():
                spool.close()
            self._kept.clear()
