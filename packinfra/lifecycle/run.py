"""The state that all resources of one run share, and how they report to the user."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from packinfra.lifecycle.ownership import Ownership
from packinfra.lifecycle.publishing.archive_cache import ArchiveCache

Config = Callable[[str], Any]
"""A value of the stack's config by its full key, secrets in plain text; None if there is none."""


class Reporter(Protocol):
    """Messages beside one resource in the engine's display."""

    def status(self, message: str) -> None:
        """Replaces the live status of the resource; leaves no trace."""

    def info(self, message: str) -> None: ...

    def warning(self, message: str) -> None: ...


class Run:
    """Shared by all lifecycles of one provider process. Thread-safe.

    reporter_of: the reporter of a resource by its URN; "" = messages belong to the stack
    """

    def __init__(self, reporter_of: Callable[[str], Reporter]) -> None:
        self.ownership = Ownership()
        self.archives = ArchiveCache()
        self.reporter_of = reporter_of
        self._lock = threading.Lock()
        self._reported: set[tuple[str, str]] = set()

    def reporter(self, props: Mapping[str, Any]) -> Reporter:
        """Of the resource with these properties."""
        return self.reporter_of(own_urn(props))

    def warn_once(self, props: Mapping[str, Any], message: str) -> None:
        """The engine calls diff more than once."""
        if self._is_first(props, message):
            self.reporter(props).warning(message)

    def info_once(self, props: Mapping[str, Any], message: str) -> None:
        if self._is_first(props, message):
            self.reporter(props).info(message)

    def _is_first(self, props: Mapping[str, Any], message: str) -> bool:
        key = own_urn(props), message
        with self._lock:
            first = key not in self._reported
            self._reported.add(key)
        return first


def own_urn(props: Mapping[str, Any]) -> str:
    """The resource's URN, an input of its own since Pulumi tells a dynamic provider no URN; "" if it isn't known."""
    urn = props.get("ownUrn")
    return urn if isinstance(urn, str) else ""
