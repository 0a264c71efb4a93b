"""The versions that will no longer be pullable: a line for preview."""

from __future__ import annotations

from collections.abc import Collection

from packinfra.lifecycle.publishing.family import Words
from packinfra.lifecycle.publishing.state import FOREIGN, Versions, by_version
from packinfra.text import listed


def withdrawn(repository: str, old: Versions, new: Versions, *, delete_adopted: bool) -> str:
    """The versions that an update withdraws; "" if there is none. Images of somebody else stay."""
    gone = [v for v in old.keys() - new.keys() if old[v].codec != FOREIGN or delete_adopted]
    return f"{repository}: {_in_order(gone)} will be withdrawn and no longer be pullable" if gone else ""


def replaced(
    words: Words, repository: str, old: Versions, new: Versions, with_source: Collection[str], *, alias: bool
) -> tuple[str, bool]:
    """(the line for another repository in place of this one; whether versions are lost)"""
    lost = new.keys() - with_source
    line = f"{repository} will be replaced: {_in_order(old)} will no longer be pullable from it; "
    name = repository.rpartition("/")[2]
    if not lost:
        return line + "all are published in the new repository", False
    them = "it" if len(lost) == 1 else "them"
    return (
        f"{line}in the new repository {name} {_in_order(lost)} will be missing: no {words.holder} holds {them} any more, so only "
        f"the old repository has {them}"
        + (". If both hosts are names of one registry, nothing is removed" if alias else "")
    ), True


def _in_order(versions: Collection[str]) -> str:
    return listed(sorted(versions, key=by_version))
