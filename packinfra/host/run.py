"""The one Run of this provider process."""

from __future__ import annotations

from functools import cache

from packinfra.host.log import EngineLog
from packinfra.lifecycle.run import Run


@cache
def current_run() -> Run:
    """The host configures each provider class by itself, and ownership must be shared among all of them."""
    return Run(EngineLog)
