"""path -> short hash: what state records of a version's files, so that preview shows which of them changed.

The engine writes the whole state after each step, so what is recorded must stay small: beyond MOST entries the deepest
folders are recorded as one entry each ("charts/web/"), then those above them. A folder's hash is made of its entries'
hashes, level by level, so that records of different depth can still be compared.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence

from packinfra.packs.contents import PackFile

MOST = 24
"""Entries of one version. Half of 220 public packs have no more files."""
EXECUTABLE = "+x"
"""After the hash of a file with an execute bit."""


def file_hashes(files: Sequence[PackFile], content_digest: str) -> dict[str, str]:
    """The form in state: "values.yaml" or "charts/web/" -> hash. An execute bit shows as "+x"."""
    hashes = short_hashes(files)
    while len(hashes) > MOST and (depth := _depth(hashes)):
        hashes = folded(hashes, depth - 1)
    return hashes if len(hashes) <= MOST else {f"({len(files)} files)": content_digest}


def short_hashes(files: Iterable[PackFile]) -> dict[str, str]:
    return {file.path: file.sha256[:12] + (EXECUTABLE if file.executable else "") for file in files}


def alike(one: Mapping[str, str], other: Mapping[str, str]) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Both, as deep as the one that is recorded less deeply."""
    shallow = min((_depth(hashes) for hashes in (one, other) if any(p.endswith("/") for p in hashes)), default=None)
    return (one, other) if shallow is None else (folded(one, shallow), folded(other, shallow))


def folded_like(recorded: Mapping[str, str], hashes: Mapping[str, str]) -> Mapping[str, str]:
    """`hashes`, as deep as `recorded`."""
    return folded(hashes, _depth(recorded)) if any(path.endswith("/") for path in recorded) else hashes


def folded(hashes: Mapping[str, str], depth: int) -> dict[str, str]:
    """With an entry for each folder instead of what lies below `depth` folders."""
    result = dict(hashes)
    while (deepest := _depth(result)) > depth:
        folders: dict[str, list[str]] = {}
        for path in [path for path in result if _folders(path) == deepest]:
            folders.setdefault(path.rstrip("/").rpartition("/")[0] + "/", []).append(f"{path} {result.pop(path)}\n")
        for folder, entries in folders.items():
            listing = "".join(sorted(entries)).encode("utf-8", "surrogateescape")
            result[folder] = hashlib.sha256(listing).hexdigest()[:12]
    return result


def _folders(path: str) -> int:
    return path.rstrip("/").count("/")


def _depth(hashes: Mapping[str, str]) -> int:
    return max(map(_folders, hashes), default=0)
