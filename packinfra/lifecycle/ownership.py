"""Which resource of the program owns what lies in a repository, so that removing one resource can't take another's. The
same for registries in Palette, where "palette" and a uid stand in for the repository and what is in it.

All dynamic resources of a run share one provider process, and deletions come after what replaces them. Three cases,
all seen on the real engine: a resource renamed without an alias (the new one adopts the tags, then the old one is
deleted), a forced replacement (the new one adopts its predecessor's tags, then that is deleted), and a replacement that
was killed between the two (the next run deletes the predecessor when all other work is done).

Claims are made in `check`, which runs for each resource that the program declares, and neither in a refresh nor in a
destroy.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Claim:
    """
    urn:    of the owner
    repository, access: where, as state has it
    versions: that the owner keeps there
    """

    urn: str
    repository: str = ""
    access: Mapping[str, Any] | None = field(default=None, hash=False)
    versions: Sequence[str] = ()


class Ownership:
    """(place, what) -> claim. Thread-safe; lives as long as the provider process: one run.

    place: the identity of a repository (lifecycle/clients.py), which has one however its host is written
    what:  "" = all tags, for a PublishedPack; else a digest
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._claims: dict[tuple[str, str], Claim] = {}
        self._planned: set[str] = set()

    def plan(self, urn: str) -> None:
        """The program declares the resource: `check` has run."""
        with self._lock:
            self._planned.add(urn)

    def is_planned(self, urn: str) -> bool:
        """False in a refresh, where the engine calls `diff` too, and a deletion may follow it in the same run."""
        with self._lock:
            return urn in self._planned

    def claim(self, place: str, what: str, claim: Claim) -> None:
        """The last resource to claim something owns it."""
        with self._lock:
            self._claims[place, what] = claim

    def owner_of(self, place: str, what: str) -> Claim | None:
        """The claim that keeps a resource from removing something, its own too: then its predecessor is deleted."""
        with self._lock:
            return self._claims.get((place, what))

    def elsewhere(self, place: str, what: str) -> list[Claim]:
        """The claims on the same path at other hosts, which may be names of the same registry."""
        path = place.partition("/")[2]
        with self._lock:
            return [
                claim
                for (other, claimed), claim in self._claims.items()
                if claimed == what and other != place and other.partition("/")[2] == path
            ]
