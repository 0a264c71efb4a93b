"""Where waiting for Palette reports to. lifecycle's own Reporter fits it."""

from __future__ import annotations

from typing import Protocol


class Reporter(Protocol):
    def status(self, message: str) -> None:
        """Progress, replaced by the next one."""

    def warning(self, message: str) -> None: ...
