"""The contents of a pack folder, before validation: each file read once, pack.json, YAML and charts parsed."""

from __future__ import annotations

import hashlib
import io
import os
import posixpath
import stat
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

from packinfra.errors import PackinfraError
from packinfra.packs import jsontext
from packinfra.packs.chart import LFS_POINTER, ChartArchive, is_lfs_pointer, read_chart
from packinfra.packs.files import Entry, LeftOut, Listing, list_files
from packinfra.packs.metadata_schema import SchemaError, schema_errors
from packinfra.packs.secrets import find_secrets
from packinfra.packs.violations import RuleViolation
from packinfra.packs.yamltext import TEXT_LIMIT, YamlText, read_yaml
from packinfra.text import plural, quoted

METADATA = "pack.json"
VALUES = "values.yaml"
SCHEMA = "schema.yaml"
PRESETS = "presets.yaml"
LOGO = "logo.png"
README = "README.md"
KEEP = 8 << 20
"""Bytes of a pack's files that are kept in memory while it is read, so that each file is read once. Of 220 public
packs, the largest has 5.3 MB."""
_CHUNK = 1 << 20
_METADATA_LIMIT = 1 << 20
"""Bytes of pack.json that are parsed; the largest of 220 public ones has a few kB."""
_KEPT = {
    METADATA: _METADATA_LIMIT + 1,
    VALUES: TEXT_LIMIT + 1,
    SCHEMA: TEXT_LIMIT + 1,
    PRESETS: TEXT_LIMIT + 1,
    LOGO: 100,
}
"""Files whose first bytes the rules look into, and how many of them."""


class PackError(PackinfraError):
    """A pack, or several, cannot be published. `str()` is the full report."""


@dataclass(frozen=True)
class PackFile:
    """A file of a pack: path in the pack, size in bytes, sha256 (hex) of its bytes, execute bit.

    source: where to open it; "" for a file in an archive
    data:   its bytes, if they were kept (KEEP)
    """

    path: str
    size: int
    sha256: str
    executable: bool
    source: str = field(default="", compare=False, repr=False)
    data: bytes | None = field(default=None, compare=False, repr=False)

    def open(self) -> BinaryIO:
        return open(self.source, "rb") if self.data is None else io.BytesIO(self.data)


@dataclass(frozen=True)
class Contents:
    """A pack folder, read: the input of the rules.

    metadata:   pack.json, parsed; empty if it cannot be: then metadata_read is False, and `violations` has the reason
    lines:      the lines of the keys in pack.json: ("charts", 0) -> line
    files:      by path, in the order of digest and archive
    raw:        the first bytes of the files that the rules look into
    violations: of the rules that reading itself checks
    """

    folder: Path
    metadata: Mapping[str, Any]
    metadata_read: bool
    lines: Mapping[jsontext.KeyPath, int]
    files: Mapping[str, PackFile]
    raw: Mapping[str, bytes]
    violations: tuple[RuleViolation, ...]
    left_out: tuple[LeftOut, ...]

    @property
    def is_pack(self) -> bool:
        """Whether there is a pack.json, which may be unreadable."""
        return not any(violation.rule == "metadata-missing" for violation in self.violations)

    @cached_property
    def yaml(self) -> Mapping[str, YamlText]:
        """values.yaml, schema.yaml and presets.yaml, as far as the pack has them. Parsed on first use: it takes a third
        of the time of reading a pack."""
        return {path: read_yaml(self.raw[path]) for path in (VALUES, SCHEMA, PRESETS) if path in self.raw}

    @cached_property
    def charts(self) -> Mapping[str, ChartArchive | str]:
        """The listed charts that the pack has: path -> the chart, or why it cannot be read. Unpacked on first use."""
        listed = (path for path, _ in self.listed("charts") if path in self.files)
        return {path: read_chart(self.files[path].open, path) for path in listed}

    @cached_property
    def manifests(self) -> Mapping[str, YamlText]:
        """The listed manifests that the pack has. Parsed on first use."""
        listed = (path for path, _ in self.listed("kubeManifests") if path in self.files)
        return {path: read_yaml(_beginning(self.files[path], TEXT_LIMIT + 1)) for path in listed}

    @cached_property
    def schema_errors(self) -> tuple[SchemaError, ...]:
        """Where pack.json doesn't conform to its JSON Schema."""
        return schema_errors(self.metadata) if self.metadata_read else ()

    @property
    def values(self) -> str:
        """The text of values.yaml; "" if there is none."""
        return self.raw.get(VALUES, b"").decode("utf-8", "replace")

    def listed(self, key: str) -> list[tuple[str, int | None]]:
        """The paths that pack.json lists under `key`, normalised, and the line of each. Other values are left out."""
        return list(dict(_listed(self.metadata, self.lines, key)).items())


def content_digest(name: str, version: str, files: Iterable[PackFile]) -> str:
    """The identity of a pack's content, as docs/content-digest.md defines it; `files` in their order."""
    identity = hashlib.sha256(b"packinfra content 1\n" + _netstring(name) + _netstring(version))
    for file in files:
        identity.update(f"{file.sha256}{'x' if file.executable else '-'}".encode() + _netstring(file.path))
    return f"sha256:{identity.hexdigest()}"


def _netstring(text: str) -> bytes:
    """Its length first: no text can pass for several."""
    data = text.encode("utf-8", "surrogatepass")
    return b"%d:%b," % (len(data), data)


def read_contents(folder: Path) -> Contents:
    """Reads the folder. Raises PackError if there is none; every problem inside becomes a violation."""
    if sys.platform == "win32":
        raise PackError(f"pack folder {folder}: Windows has no execute bit, so this would be another pack; use WSL")
    if reason := no_folder(folder):
        raise PackError(f"pack folder {folder} {reason}; give the folder that contains {METADATA}")
    listing = list_files(folder)
    violations = [*listing.violations]
    if missing := _not_a_pack(listing):
        return Contents(folder, {}, False, {}, {}, {}, (missing,), listing.left_out)
    files: dict[str, PackFile] = {}
    raw: dict[str, bytes] = {}
    room = KEEP
    for entry in listing.entries:
        read = read_file(entry, room, _KEPT.get(entry.path, 0))
        if isinstance(read, RuleViolation):
            violations.append(read)
            continue
        files[entry.path], beginning = read
        room -= len(files[entry.path].data or b"")
        if entry.path in _KEPT:
            raw[entry.path] = beginning[: _KEPT[entry.path]]
        for secret in find_secrets(entry.path, beginning[:_CHUNK]):
            message = f"it seems to contain {secret.kind}"
            violations.append(RuleViolation("looks-secret", message, entry.path, secret.line))
    parsed, more = _metadata(raw.get(METADATA))
    metadata = parsed.value if isinstance(parsed.value, dict) else {}
    return Contents(
        folder=folder,
        metadata=metadata,
        metadata_read=isinstance(parsed.value, dict),
        lines=parsed.lines,
        files=files,
        raw=raw,
        violations=(*violations, *more),
        left_out=listing.left_out,
    )


def _not_a_pack(listing: Listing) -> RuleViolation | None:
    """The one problem of a folder without pack.json."""
    if any(e.path == METADATA for e in listing.entries) or any(v.file in (METADATA, ".") for v in listing.violations):
        return None
    below = [e.path.removesuffix(f"/{METADATA}") for e in listing.entries if e.path.endswith(f"/{METADATA}")]
    if METADATA in dict(listing.left_out):
        return RuleViolation(
            "metadata-missing", f"{METADATA} is left out of the pack ({dict(listing.left_out)[METADATA]})"
        )
    if not below:
        return RuleViolation("metadata-missing", f"the folder has no {METADATA}")
    others = f" and {plural(len(below) - 1, 'other folder')}" if len(below) > 1 else ""
    message = f"the folder has no {METADATA}, but {quoted(below[0])[1:-1]}{others} in it {'has' if not others else 'have'} one"
    return RuleViolation("metadata-missing", message, remedy="give the folders of the packs")


def no_folder(folder: Path) -> str | None:
    """Why it is no folder; None if it is one."""
    try:
        return None if stat.S_ISDIR(os.stat(folder).st_mode) else "is a file, not a folder"
    except FileNotFoundError:
        return "does not exist"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    except ValueError:
        return "cannot be read: there is a zero byte in its name"


def read_file(entry: Entry, room: int, least: int = 0) -> tuple[PackFile, bytes] | RuleViolation:
    """One pass over a file: its size and hash, its beginning (at least the `least` first bytes), and all its bytes if there
    is room for them."""
    digest, size, beginning = hashlib.sha256(), 0, b""
    try:
        with open(entry.source, "rb", buffering=0) as file:
            expected = os.fstat(file.fileno()).st_size
            keep = max(least, _CHUNK, expected if expected <= room else 0)
            while chunk := file.read(min(_CHUNK, max(expected - size, 0) + 1)):
                digest.update(chunk)
                size += len(chunk)
                if len(beginning) < keep:
                    beginning += chunk
    except OSError as error:
        return RuleViolation("unreadable", f"it cannot be read: {error.strerror}", entry.path)
    if size != expected:
        return RuleViolation("changing", "it changed while it was read", entry.path)
    data = beginning if size <= room else None
    return PackFile(entry.path, size, digest.hexdigest(), entry.executable, entry.source, data), beginning


def _beginning(file: PackFile, size: int) -> bytes:
    try:
        with file.open() as opened:
            return opened.read(size)
    except OSError:  # it was readable a moment ago: reading it again for the archive reports that
        return b""


def _metadata(raw: bytes | None) -> tuple[jsontext.Parsed, list[RuleViolation]]:
    nothing = jsontext.Parsed(None)
    if raw is None:  # `violations` has the reason
        return nothing, []
    if is_lfs_pointer(raw):
        return nothing, [RuleViolation("metadata-invalid", LFS_POINTER, METADATA, remedy="git lfs pull")]
    if len(raw) > _METADATA_LIMIT:
        return nothing, [RuleViolation("metadata-invalid", f"it is larger than {_METADATA_LIMIT >> 20} MiB", METADATA)]
    parsed = jsontext.parse(raw)
    if parsed.problem:
        return parsed, [RuleViolation("metadata-invalid", parsed.problem, METADATA, parsed.line)]
    if not isinstance(parsed.value, dict):
        return parsed, [RuleViolation("metadata-invalid", "it is JSON, but not an object in { }", METADATA, 1)]
    return parsed, [_repeated(key) for key in parsed.repeated]


def _repeated(key: jsontext.RepeatedKey) -> RuleViolation:
    rule = "annotations-duplicate-key" if key.path[0] == "annotations" else "metadata-duplicate-key"
    message = f"the key {quoted(str(key.path[-1]))} is already in line {key.first}"
    return RuleViolation(rule, message, METADATA, key.second)


def _listed(
    metadata: Mapping[str, Any], lines: Mapping[jsontext.KeyPath, int], key: str
) -> Iterator[tuple[str, int | None]]:
    listed = metadata.get(key)
    for index, path in enumerate(listed if isinstance(listed, list) else ()):
        if isinstance(path, str) and path:
            yield posixpath.normpath(path), lines.get((key, index), lines.get((key,)))
