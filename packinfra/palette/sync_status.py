"""The meaning of Palette's sync status, and whether it belongs to the run that was requested. Pure decisions.

Palette responds with 202 at once and reads the registry later. Until then the status is that of the run before, so
a "Success" right after the request proves nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, auto
from typing import Any

from packinfra.http.redact import clean


class State(Enum):
    DONE = auto()
    FAILED = auto()
    RUNNING = auto()
    UNCLEAR = auto()  # Pending, Unknown, nothing, or a word that is not documented: keep polling


# The vocabulary is a free string in the API description; these are the words that Palette's Terraform provider knows.
_WORDS = {
    "success": State.DONE,
    "completed": State.DONE,
    "failed": State.FAILED,
    "error": State.FAILED,
    "inprogress": State.RUNNING,
    "running": State.RUNNING,
    "syncing": State.RUNNING,
}
STALE_AFTER = 3600.0
"""Seconds after which a new run may replace one that is still running (Palette documentation, force sync)."""


@dataclass(frozen=True)
class SyncStatus:
    """word, message: as Palette gives them; supported: False, and Palette never syncs this registry"""

    word: str
    message: str
    last_run: str
    last_synced: str
    supported: bool = True

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> SyncStatus:
        def text(key: str) -> str:
            return str(document.get(key) or "")

        supported = document.get("isSyncSupported") is not False
        return cls(text("status"), clean(text("message")), text("lastRunTime"), text("lastSyncedTime"), supported)

    @property
    def state(self) -> State:
        return _WORDS.get(self.word.lower(), State.UNCLEAR)

    def age(self, now: float) -> float:
        """Seconds since the last run began, 0 if Palette doesn't say. now: seconds since the epoch"""
        try:
            begun = datetime.fromisoformat(self.last_run).replace(tzinfo=UTC).timestamp()
        except ValueError:
            return 0.0
        return max(0.0, now - begun) if begun > 0 else 0.0  # Go writes "never" as the year 1

    def __str__(self) -> str:
        return ": ".join(part for part in (clean(self.word) or "without a status", self.message) if part)


class SyncRun:
    """A requested run. before: the status just before the request"""

    def __init__(self, before: SyncStatus) -> None:
        self._before, self._seen = before, False

    def is_over(self, status: SyncStatus) -> bool:
        """Whether the status shows the end of this run, or of a later one. Takes every status, in order."""
        before = self._before
        # A run that is being replaced may still end by itself: its beginning stays the same.
        if before.state is State.RUNNING:
            new = status.last_run != before.last_run
        else:
            new = (status.last_run, status.last_synced) != (before.last_run, before.last_synced)
        if status.state is State.RUNNING:
            self._seen = self._seen or new or before.state is not State.RUNNING
            return False
        return (new or self._seen) and status.state is not State.UNCLEAR
