"""Helm chart archives: which chart is in there. Read as a stream and with a bound, so that no archive can hurt."""

from __future__ import annotations

import gzip
import io
import re
import tarfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

import deflate

from packinfra.packs.yamltext import TEXT_LIMIT, child, read_yaml, scalar

UNPACKED_LIMIT = 100 << 20
"""Bytes that are unpacked: as many as Helm unpacks (chart/loader, MaxDecompressedChartSize)."""
_AT_ONCE = 8 << 20
_CHUNK = 256 << 10
_WITHOUT_DATA = (tarfile.LNKTYPE, tarfile.SYMTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE)
_CHART_YAML = re.compile(r"(?:\./)?[^/]+/Chart\.yaml")


@dataclass(frozen=True)
class Chart:
    """A chart that pack.json lists: its path in the pack, and name and version of its Chart.yaml."""

    path: str
    name: str
    version: str


class _UnreadableError(Exception):
    """Why the archive is no chart; ends a sentence that begins with its name."""


def read_chart(opened: Callable[[], BinaryIO], path: str) -> Chart | str:
    """The chart in the archive, or the reason why there is none. Never raises for what the file contains."""
    try:
        with opened() as file:
            found = _quickly(file)
            if found is None:
                file.seek(0)
                with gzip.GzipFile(fileobj=file) as unpacked:
                    found = _find(_Bounded(unpacked))
    except _UnreadableError as error:
        return str(error)
    except (EOFError, zlib.error) as error:
        return f"it is a damaged gzip file: {error}"
    except gzip.BadGzipFile as error:
        return f"it is no gzip file: {error}"
    except OSError as error:
        return f"it cannot be read: {error.strerror}"
    except tarfile.TarError as error:
        return f"it holds no tar archive: {error}"
    if found is None:
        return "it holds no <chart>/Chart.yaml"
    text = read_yaml(found)
    if text.problem:
        return f"its Chart.yaml cannot be read: {text.problem}"
    name = scalar(child(text.top, "name"))
    if not name:
        return "its Chart.yaml has no name"
    return Chart(path, name, scalar(child(text.top, "version")) or "")


def _quickly(file: BinaryIO) -> bytes | None:
    """What `_find` finds in a small archive, unpacked at once, in a third of the time; None if anything is unusual."""
    raw = file.read(_AT_ONCE + 1)
    if len(raw) > _AT_ONCE or int.from_bytes(raw[-4:], "little") > _AT_ONCE:  # gzip ends with the size unpacked
        return None
    try:
        return _find(_Bounded(io.BytesIO(deflate.gzip_decompress(raw))))
    except (deflate.DeflateError, ValueError, tarfile.TarError, _UnreadableError):
        return None


class _Bounded:
    def __init__(self, source: gzip.GzipFile | io.BytesIO) -> None:
        self._source, self._left = source, UNPACKED_LIMIT

    def chunks(self, size: int) -> Iterator[bytes]:
        """The next `size` bytes; fewer at the end of the file. Stops for good at the limit."""
        while size > 0 and (chunk := self._source.read(min(size, _CHUNK, self._left))):
            size -= len(chunk)
            self._left -= len(chunk)
            yield chunk

    @property
    def exhausted(self) -> bool:
        return self._left == 0


def _find(source: _Bounded) -> bytes | None:
    """The bytes of the chart's own Chart.yaml."""
    # Header by header instead of with TarFile, which keeps every member in memory and trusts the size of long names.
    while header := b"".join(source.chunks(tarfile.BLOCKSIZE)):
        if not any(header):  # the end of the archive, and padding to the end of the file
            continue
        entry = tarfile.TarInfo.frombuf(header, "utf-8", "surrogateescape")
        size = 0 if entry.type in _WITHOUT_DATA else entry.size
        if size < 0:
            raise _UnreadableError("it holds an entry of negative size")
        wanted = entry.isreg() and _CHART_YAML.fullmatch(entry.name)
        if wanted and size > TEXT_LIMIT:
            raise _UnreadableError(f"its Chart.yaml is larger than {TEXT_LIMIT >> 20} MiB")
        kept, read = bytearray(), 0
        for chunk in source.chunks(size + -size % tarfile.BLOCKSIZE):
            read += len(chunk)
            kept += chunk if wanted else b""
        if source.exhausted:
            break
        if read < size:
            raise _UnreadableError(f"it ends in the middle of {entry.name}")
        if wanted:
            for _ in source.chunks(UNPACKED_LIMIT):  # gzip's checksum, at the end, vouches for the rest
                pass
            return bytes(kept[:size])
    if source.exhausted:
        raise _UnreadableError(f"there is no Chart.yaml in its first {UNPACKED_LIMIT >> 20} MiB")
    return None
