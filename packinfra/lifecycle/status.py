"""The live status of a resource while its bytes go to a registry."""

from __future__ import annotations

import time
from collections.abc import Callable

_INTERVAL = 0.2
"""Seconds between two lines: each is a call to the engine."""


def now_and_then(
    start: float, show: Callable[[str], None], line: Callable[[int, int], str]
) -> Callable[[int, int], None]:
    """To be called with each piece: shows the line for (bytes sent, bytes in all), but not each time.

    start: when it began, by time.monotonic()
    """
    last = start

    def progress(sent: int, size: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last > _INTERVAL:
            last = now
            show(line(sent, size))

    return progress
