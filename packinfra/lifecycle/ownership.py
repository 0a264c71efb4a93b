"""Which resource of this run owns a tag, so that removing one resource can't take another's tag. The same for
registries in Palette, where "palette" and a uid stand in for repository and tag.

All dynamic resources of a run share one provider process, and deletions come after what replaces them. Three cases,
all seen on the real engine: a resource renamed without an alias (the new one adopts the tag, then the old one is
deleted), a forced replacement (the new one adopts its predecessor's tag, then that is deleted), and a replacement that
was killed between the two (the next run deletes the predecessor when all other work is done).
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Written:
    """What a resource has published under a tag in this run, or adopted, or left as it is.

    repository, access: where, as state has it
    """

    repository: str
    digest: str
    access: Mapping[str, Any] | None = field(default=None, hash=False)


@dataclass(frozen=True)
class _Claim:
    urn: str
    written: bool
    what: Written | None = None


class Ownership:
    """(place, tag) -> the resource that owns it. Thread-safe; lives as long as the provider process: one run.

    place: the identity of a repository (lifecycle/clients.py), which has one however its host is written
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._claims: dict[tuple[str, str], _Claim] = {}
        self._users: dict[str, str] = {}
        self._planned: set[str] = set()

    def plan(self, urn: str) -> None:
        """The program declares the resource: `check` has run."""
        with self._lock:
            self._planned.add(urn)

    def is_planned(self, urn: str) -> bool:
        """False in a refresh, where the engine calls `diff` too, and a deletion may follow it in the same run."""
        with self._lock:
            return urn in self._planned

    def use(self, place: str, urn: str) -> str | None:
        """The other resource of the program that publishes in the repository, if there is one."""
        with self._lock:
            user = self._users.setdefault(place, urn) if urn else urn
        return user if user != urn else None

    def claim(self, place: str, tag: str, urn: str, *, written: bool = False, what: Written | None = None) -> None:
        """The last resource to claim a tag owns it. written, or what: it has published the tag in this run."""
        with self._lock:
            known = self._claims.get((place, tag))
            written = written or bool(what) or bool(known and known.written)
            self._claims[place, tag] = _Claim(urn, written, what or (known.what if known else None))

    def release(self, place: str, tag: str, urn: str) -> None:
        """`urn` gives the tag up, because it withdraws the version."""
        with self._lock:
            if (claim := self._claims.get((place, tag))) and claim.urn == urn:
                del self._claims[place, tag]

    def owner_of(self, place: str, tag: str, urn: str) -> str | None:
        """The URN that keeps `urn` from removing the tag: another owner, or `urn` itself once it has written the tag in
        this run. None: `urn` may remove it."""
        with self._lock:
            claim = self._claims.get((place, tag))
        return claim.urn if claim and (claim.urn != urn or claim.written) else None

    def written_elsewhere(self, place: str, tag: str, digest: str) -> list[tuple[str, Written]]:
        """Each owner of the same tag and digest under the same path, at another host than `place`. Is it the same
        registry under another name?"""
        path = place.partition("/")[2]
        with self._lock:
            claims = [
                (claim.urn, claim.what)
                for (other, name), claim in self._claims.items()
                if name == tag and other != place and other.partition("/")[2] == path
            ]
        return [(urn, what) for urn, what in claims if what and what.digest == digest]
