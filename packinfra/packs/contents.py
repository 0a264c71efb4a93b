"""What stands in a pack folder, before the rules judge it: each file read once, pack.json parsed."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from packinfra.errors import PackinfraError
from packinfra.packs.files import Entry, Refusal, list_files

METADATA = "pack.json"
VALUES = "values.yaml"
_CHUNK = 1 << 20
_METADATA_LIMIT = 4 << 20
"""Bytes of pack.json that are parsed; the largest of 220 public ones has a few kB, so more is no metadata."""


class PackError(PackinfraError):
    """A pack, or several, cannot be published. `str()` is the whole report."""


@dataclass(frozen=True)
class PackFile:
    """A file of a pack: path in the pack, size in bytes, sha256 (hex) of its bytes, execute bit, where it lies."""

    path: str
    size: int
    sha256: str
    executable: bool
    source: Path = field(compare=False, repr=False)


class Finding(NamedTuple):
    """What a rule found: which rule, what in this pack, and where."""

    rule: str
    message: str
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True)
class Contents:
    """What was read, before it is judged: the input of the rules."""

    folder: Path
    metadata: Mapping[str, Any]
    files: Mapping[str, PackFile]
    findings: tuple[Finding, ...]
    """What reading itself brought up."""
    left_out: tuple[str, ...]


def read_contents(folder: Path) -> Contents:
    """Reads the folder. Raises PackError if there is none; whatever is wrong inside becomes a finding."""
    if sys.platform == "win32":
        raise PackError(
            f"pack folder {folder}: Windows has no execute bit, so a pack read here would be another one; use WSL"
        )
    if not folder.is_dir():
        kind = "is a file, not a folder" if folder.exists() else "does not exist"
        raise PackError(f"pack folder {folder} {kind}; give the folder that holds {METADATA}")
    listing = list_files(folder)
    findings = [Finding(r.rule, r.reason, r.path) for r in listing.refusals]
    files: dict[str, PackFile] = {}
    raw: bytes | None = None
    for entry in listing.entries:
        hashed = _hash_file(entry, keep=_METADATA_LIMIT if entry.path == METADATA else 0)
        if isinstance(hashed, Refusal):
            findings.append(Finding(hashed.rule, hashed.reason, hashed.path))
        else:
            files[entry.path], kept = hashed
            raw = kept if entry.path == METADATA else raw
    metadata, broken = _parse(raw)
    return Contents(folder, metadata, files, (*findings, *broken), listing.left_out)


def _hash_file(entry: Entry, keep: int = 0) -> tuple[PackFile, bytes] | Refusal:
    """One pass over a file: its size and hash, and its first `keep` bytes."""
    digest, size, kept = hashlib.sha256(), 0, b""
    try:
        with open(entry.source, "rb", buffering=0) as file:
            expected = os.fstat(file.fileno()).st_size
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
                size += len(chunk)
                if len(kept) < keep:
                    kept += chunk[: keep - len(kept)]
    except OSError as error:
        return Refusal(entry.path, "unreadable", f"it cannot be read: {error.strerror}")
    if size != expected:
        return Refusal(entry.path, "changing", "it changed while it was read")
    return PackFile(entry.path, size, digest.hexdigest(), entry.executable, entry.source), kept


class _DuplicateKeyError(ValueError):
    pass


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    for key, value in pairs:
        if key in seen:
            raise _DuplicateKeyError(key)
        seen[key] = value
    return seen


def _parse(raw: bytes | None) -> tuple[Mapping[str, Any], tuple[Finding, ...]]:
    if raw is None:
        return {}, (Finding("metadata-missing", f"the folder has no {METADATA}"),)
    rule, message, line = "metadata-invalid", "it is JSON, but not an object in { }", None
    try:
        metadata = json.loads(raw.decode("utf-8"), object_pairs_hook=_no_duplicates)
        if isinstance(metadata, dict):
            return metadata, ()
    except UnicodeDecodeError as error:
        message, line = "it is not UTF-8 text", raw.count(b"\n", 0, error.start) + 1
    except json.JSONDecodeError as error:
        hint = " (it begins with a byte order mark)" if raw.startswith(b"\xef\xbb\xbf") else ""
        message, line = f"it is not JSON: {error.msg}{hint}", error.lineno
    except _DuplicateKeyError as error:
        rule, message = "metadata-duplicate-key", f"the key {json.dumps(str(error))} stands twice"
    except RecursionError:
        message = "it is nested too deeply"
    except ValueError as error:  # an integer of thousands of digits
        message = f"it cannot be read: {error}"
    return {}, (Finding(rule, message, METADATA, line),)
