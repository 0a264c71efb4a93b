"""Which tags the resources of this run want, so that removing one resource can't take another's tag; and the same for
registries in Palette, where "palette" and a uid stand in the place of repository and tag.

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
    published: bool


class Ownership:
    """(repository, tag) -> who wants it. Thread-safe; lives as long as the provider process, that is one run."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._claims: dict[tuple[str, str], _Claim] = {}

    def want(self, repository: str, tag: str, urn: str, *, published: bool = False) -> None:
        with self._lock:
            known = self._claims.get((repository, tag))
            self._claims[repository, tag] = _Claim(urn, published or bool(known and known.published))

    def drop(self, repository: str, tag: str, urn: str) -> None:
        """`urn` itself gives the tag up: it withdraws the version."""
        with self._lock:
            if (claim := self._claims.get((repository, tag))) and claim.urn == urn:
                del self._claims[repository, tag]

    def holder(self, repository: str, tag: str, urn: str) -> str | None:
        """The URN that keeps `urn` from removing the tag: another one that wants it, or itself once it is published
        anew in this run. None: it may be removed."""
        with self._lock:
            claim = self._claims.get((repository, tag))
        return claim.urn if claim and (claim.urn != urn or claim.published) else None


CLAIMS = Ownership()
