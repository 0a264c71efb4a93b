"""Which resource of this run owns a tag, so that removing one resource can't take another's tag. The same for
registries in Palette, where "palette" and a uid stand in for repository and tag.

All dynamic resources of a run share one provider process, and deletions come after what replaces them. Two cases,
both seen on the real engine: a resource renamed without an alias (the new one adopts the tag, then the old one is
deleted), and a forced replacement (the new one adopts its predecessor's tag, then that is deleted).
"""

from __future__ import annotations

import threading
from dataclasses import dataclass


@dataclass(frozen=True)
class _Claim:
    urn: str
    written: bool


class Ownership:
    """(repository, tag) -> the resource that owns it. Thread-safe; lives as long as the provider process: one run."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._claims: dict[tuple[str, str], _Claim] = {}

    def claim(self, repository: str, tag: str, urn: str, *, written: bool = False) -> None:
        """The last resource to claim a tag owns it. written: it has published the tag in this run."""
        with self._lock:
            known = self._claims.get((repository, tag))
            self._claims[repository, tag] = _Claim(urn, written or bool(known and known.written))

    def release(self, repository: str, tag: str, urn: str) -> None:
        """`urn` gives the tag up, because it withdraws the version."""
        with self._lock:
            if (claim := self._claims.get((repository, tag))) and claim.urn == urn:
                del self._claims[repository, tag]

    def owner_of(self, repository: str, tag: str, urn: str) -> str | None:
        """The URN that keeps `urn` from removing the tag: another owner, or `urn` itself once it has written the tag in
        this run. None: `urn` may remove it."""
        with self._lock:
            claim = self._claims.get((repository, tag))
        return claim.urn if claim and (claim.urn != urn or claim.written) else None
