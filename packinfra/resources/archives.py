"""Archives that `check` built, kept for `create` in the same process, so that a pack is compressed once per run.

Only in memory, only small ones, and never across runs: what isn't here is built from the folder again.
"""

from __future__ import annotations

import threading

_LIMIT = 64 << 20
"""Bytes kept in all; of 220 public packs, all archives together have half of it."""


class Archives:
    """Layer digest -> the archive's bytes. Thread-safe; whoever takes one has it alone."""

    def __init__(self, limit: int = _LIMIT) -> None:
        self._lock = threading.Lock()
        self._limit = limit
        self._kept: dict[str, bytes] = {}

    def keep(self, digest: str, data: bytes) -> None:
        with self._lock:
            if sum(map(len, self._kept.values())) + len(data) <= self._limit:
                self._kept[digest] = data

    def take(self, digest: str) -> bytes | None:
        with self._lock:
            return self._kept.pop(digest, None)


ARCHIVES = Archives()
