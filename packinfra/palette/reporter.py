"""Where progress of a wait for Palette is shown; lifecycle's Reporter is one."""

from __future__ import annotations

from typing import Protocol


class StatusReporter(Protocol):
    def status(self, message: str) -> None:
        """Progress, replaced by the next one."""

    def warning(self, message: str) -> None: ...
