"""Reads tar archives that others made: entry by entry, in one pass, within bounds.

tarfile.TarFile isn't used: it keeps every member in memory, trusts the sizes in extended headers, and reads past errors.
This reader reads as Go's archive/tar does, which Helm and most registry tools use. A strict reader also refuses whatever
two readers could read differently, so that nobody can hide in an archive what another program will unpack.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from typing import Literal, NamedTuple

from packinfra.packs.inflate import ArchiveReadError, Source
from packinfra.text import quoted

Kind = Literal["file", "folder", "hard link", "link", "other"]

LONGEST_NAME = 4096
"""Characters of a path or a link's target: as many as Linux opens."""
_BLOCK = 512
_CHUNK = 256 << 10
_LARGEST_EXTENSION = 1 << 20  # archive/tar, maxSpecialFileSize
_ZEROS = bytes(_BLOCK)
_FIELDS = struct.Struct("100s8s16x12s12x8sc100s8s80x155s12x")  # name mode size checksum kind target magic prefix
_POSIX, _GNU, _V7 = b"ustar\x0000", b"ustar  \0", bytes(8)
_KINDS: dict[bytes, Kind] = {
    b"0": "file", b"\0": "file", b"7": "file", b"5": "folder", b"1": "hard link", b"2": "link",
}  # fmt: skip
_LINKS = (b"1", b"2")
_WITHOUT_CONTENT = (b"1", b"2", b"3", b"4", b"5", b"6")
_EXTENSIONS = (b"x", b"g", b"L", b"K")
_NUMBERS = ((100, 108), (108, 116), (116, 124), (124, 136), (136, 148), (148, 156), (329, 337), (337, 345))
_RECORD = re.compile(rb"([1-9][0-9]{0,6}) ([^=\n]+)=")
_OCTAL = re.compile(rb" *[0-7]+[ \0]*|[ \0]*")
_NUMBER_RECORD = re.compile(r"[amc]time|[ug]id")
_NUMBER_VALUE = re.compile(rb"-?[0-9]{1,20}(?:\.[0-9]{1,20})?")
_UNCLEAN = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
_HARMLESS = re.compile(
    r"path|linkpath|size|[amc]time|[ug]id|[ug]name|comment|LIBARCHIVE\..*|SCHILY\.(?:xattr\..*|acl\..*|fflags|dev|ino|nlink)"
    r"|RHT\.security\..*",
    re.DOTALL,
)
"""PAX records that change nothing, or that every reader understands. GNU.sparse and hdrcharset, for example, don't."""


class TarEntry(NamedTuple):
    """An entry: its path as written, its kind, the size of its content, a link's target, and the field of its mode."""

    path: str
    kind: Kind
    size: int
    target: str
    mode: bytes

    @property
    def executable(self) -> bool:
        """Whether the owner may execute it."""
        return bool(_number(self.mode) & 0o100)


class TarReader:
    """The entries of an archive, by iteration; during each, `content` has its bytes. Both raise ArchiveReadError.

    Args:
        source: The unpacked data.
        strict: Refuse what two readers could read differently.
        most: Entries and extended headers that may be read.
    """

    def __init__(self, source: Source, *, strict: bool = False, most: int | None = None) -> None:
        self.complete = False
        """Whether the end of the archive has been reached, with the mark that should be there."""
        self._source, self._strict, self._most = source, strict, most
        self._left = self._padding = 0  # of the current entry

    def __iter__(self) -> Iterator[TarEntry]:
        count = 0
        overrides: dict[str, str] = {}  # from extended headers, for the next entry
        extended = False
        while block := self._next_block():
            count += 1
            if self._most is not None and count > self._most:
                raise ArchiveReadError(f"it contains more than {self._most:,} entries")
            if self._strict:
                _check_header(block)
            name, mode, size_field, _, kind, target, magic, prefix = _FIELDS.unpack(block)
            self._left = size = _number(size_field)
            self._padding = -size % _BLOCK
            if kind in _EXTENSIONS:
                if kind == b"g" and extended and self._strict:
                    raise ArchiveReadError("it contains an extended header behind that of an entry")
                self._extend(kind, overrides)
                extended = extended or kind != b"g"
                continue
            path = _text(name)
            if prefix[0] and magic == _POSIX:
                path = f"{_text(prefix)}/{path}"
            entry = TarEntry(path, _KINDS.get(kind, "other"), size, _text(target) if kind in _LINKS else "", mode)
            if extended or kind != b"0" or self._strict:
                entry = self._unusual(entry, kind, overrides)
                overrides, extended = {}, False
                self._left, self._padding = entry.size, -entry.size % _BLOCK
            yield entry
        if extended:
            raise ArchiveReadError("it ends after the extended header of an entry")

    def content(self) -> Iterator[bytes | bytearray]:
        """The bytes of the current entry, in pieces."""
        while self._left and (piece := self._source.read(min(self._left, _CHUNK))):
            self._left -= len(piece)
            yield piece
        if self._left:
            raise ArchiveReadError("it ends in the middle of a file")

    def _next_block(self) -> bytes | bytearray | None:
        """The next header, behind the content of the current entry; None at the end."""
        rest = self._left if self._strict else self._left + self._padding
        if rest and self._source.skip(rest) < self._left:
            raise ArchiveReadError("it ends in the middle of a file")
        if self._strict and self._source.read(self._padding).strip(b"\0"):  # Python 3.13 reads on in extended headers
            raise ArchiveReadError("it contains data between its entries")
        block = self._source.read(_BLOCK)
        if not block or block == _ZEROS:
            self._end()
            self.complete = bool(block)
            return None
        if len(block) < _BLOCK:
            raise ArchiveReadError("it contains no tar archive, or only a part of it")
        if not _valid_checksum(block, exact=self._strict):
            raise ArchiveReadError("it contains a damaged tar header, or is no tar archive")
        return block

    def _end(self) -> None:
        """Reads to the end of the file, where gzip's checksum is."""
        if self._source.read(_BLOCK).strip(b"\0"):
            raise ArchiveReadError("it contains a damaged tar header")
        while piece := self._source.read(_CHUNK):
            if self._strict and piece.strip(b"\0"):
                raise ArchiveReadError("other data follows its last entry")

    def _unusual(self, entry: TarEntry, kind: bytes, overrides: dict[str, str]) -> TarEntry:
        """`entry` with the fields of its extended headers."""
        size = int(overrides.get("size", entry.size))
        changed = entry._replace(
            path=overrides.get("path", entry.path),
            target=overrides.get("linkpath", entry.target),
            size=0 if kind in _WITHOUT_CONTENT else size,
        )
        if kind == b"\0" and changed.path.endswith("/"):
            changed = changed._replace(kind="folder", size=0)
        if kind == b"S":
            raise ArchiveReadError(f"it contains {quoted(changed.path)}, a sparse file")
        if self._strict:
            _check_entry(changed, kind, entry.size)
            if "size" in overrides and (entry.size or size < 8**11):  # a size that fits must be in the header
                raise ArchiveReadError(f"it contains {quoted(changed.path)} with two sizes")
        return changed

    def _extend(self, kind: bytes, overrides: dict[str, str]) -> None:
        """Reads an extended header into `overrides`."""
        if self._left > _LARGEST_EXTENSION:
            raise ArchiveReadError("it contains an extended header of more than 1 MiB")
        if self._strict and not self._left:
            raise ArchiveReadError("it contains an empty extended header")
        data = b"".join(self.content())
        if kind in (b"L", b"K"):
            records = {"path" if kind == b"L" else "linkpath": _long_name(data, strict=self._strict)}
        else:
            records = _records(data, strict=self._strict)
        if self._strict and kind == b"g" and records:
            raise ArchiveReadError("it contains a path or size for all its entries")
        if self._strict and records.keys() & overrides.keys():
            raise ArchiveReadError("it contains two extended headers for one entry")
        if kind != b"g":
            overrides |= records


def _valid_checksum(block: bytes | bytearray, *, exact: bool) -> bool:
    """The sum of all bytes, those of the checksum itself counting as blanks."""
    field = block[148:156]
    try:
        expected = (int(field[:6], 8) if field[:6].isdigit() else _number(field)) + sum(field) - 8 * 0x20
    except (ArchiveReadError, ValueError):
        return False
    if exact:
        return expected == sum(block)
    if zlib.adler32(block) & 0xFFFF == (expected + 1) % 65521:  # nearly the same test, ten times as fast
        return True
    return expected == sum(block) - 256 * sum(byte > 0x7F for byte in block)  # signed, as some old programs add


def _number(field: bytes | bytearray) -> int:
    digits = field[:-1]
    if not (digits.isdigit() and field[-1] in b"\0 "):  # which is how nearly every program writes it
        if field[0] & 0x80:
            value = int.from_bytes(field, "big") & ((1 << (8 * len(field) - 1)) - 1)
            if field[0] & 0x40 or value >= 1 << 63:
                raise ArchiveReadError("it contains an entry of impossible size")
            return value
        digits = field.strip(b" \0").partition(b"\0")[0]
        if not digits:
            return 0
        if not digits.isdigit():
            raise ArchiveReadError("it contains a damaged tar header")
    try:
        return int(digits, 8)
    except ValueError:
        raise ArchiveReadError("it contains a damaged tar header") from None


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode("utf-8", "surrogateescape")


def _records(data: bytes, *, strict: bool) -> dict[str, str]:
    """The PAX records that change an entry."""
    records: dict[str, str] = {}
    position = 0
    while position < len(data):
        match = _RECORD.match(data, position)
        end = position + int(match[1]) if match else 0
        if not match or not match.end() < end <= len(data) or data[end - 1] != 0x0A:
            raise ArchiveReadError("it contains a damaged extended header")
        key, value = match[2].decode("utf-8", "replace"), data[match.end() : end - 1]
        position = end
        if key.startswith("GNU.sparse.") or (strict and not _HARMLESS.fullmatch(key)):
            raise ArchiveReadError(f"it contains an extended header with {quoted(key)}")
        if strict and _NUMBER_RECORD.fullmatch(key) and not _NUMBER_VALUE.fullmatch(value):
            raise ArchiveReadError("it contains a damaged extended header")
        if key not in ("path", "linkpath", "size") or (not value and not strict):
            continue
        if b"\0" in value or not value or (key == "size" and not (value.isdigit() and len(value) < 19)):
            raise ArchiveReadError("it contains a damaged extended header")
        if strict and key in records:
            raise ArchiveReadError("it contains an extended header with two values for one key")
        records[key] = value.decode("utf-8", "surrogateescape")
    return records


def _long_name(data: bytes, *, strict: bool) -> str:
    if strict and (b"\0" in data.rstrip(b"\0") or not data.strip(b"\0")):
        raise ArchiveReadError("it contains a damaged extended header")
    return _text(data)


def _check_header(block: bytes | bytearray) -> None:
    """Refuses fields that two readers could read differently."""
    magic = block[257:265]
    if magic not in (_POSIX, _GNU, _V7):
        raise ArchiveReadError("it contains a tar header of an unknown format")
    unused = block[500:] if magic == _POSIX else block[345:]
    texts = [block[:100], block[157:257], *([block[345:500]] if magic == _POSIX else [])]
    if unused.strip(b"\0") or any(b"\0" in text.rstrip(b"\0") for text in texts):
        raise ArchiveReadError("it contains a tar header with data in unused bytes")
    if not all(_OCTAL.fullmatch(block, start, end) for start, end in _NUMBERS):
        raise ArchiveReadError("it contains a tar header with unusual numbers")


def _check_entry(entry: TarEntry, kind: bytes, size: int) -> None:
    """Refuses entries that two readers could read differently. size: in the header."""
    if _UNCLEAN.search(entry.path) or _UNCLEAN.search(entry.target):
        raise ArchiveReadError(f"it contains {quoted(entry.path)}, a name with control characters or not in UTF-8")
    if max(len(entry.path), len(entry.target)) > LONGEST_NAME:
        raise ArchiveReadError(f"it contains a name of more than {LONGEST_NAME:,} characters")
    if kind not in (b"0", b"\0", *_WITHOUT_CONTENT):
        raise ArchiveReadError(f"it contains {quoted(entry.path)}, which is neither file nor folder")
    if kind in _LINKS and not entry.target:
        raise ArchiveReadError(f"it contains {quoted(entry.path)}, a link to nothing")
    if (kind in _WITHOUT_CONTENT and size) or (kind != b"5" and entry.path.endswith(("/", "/."))):
        path = quoted(entry.path)
        raise ArchiveReadError(f"it contains {path}, a file for some programs and a folder or link for others")
