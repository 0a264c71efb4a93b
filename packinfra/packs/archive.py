"""The deterministic .tar.gz: the same pack gives the same bytes on every machine, in every year.

One top folder `<name>-<version>/`; files in the order of the pack, each folder before its content; modes 0644 and
0755 by the owner's execute bit; uid and gid 0 without names; every mtime is `created`; PAX records only where a
path needs one. No clock, umask, locale or file system is in it.

Compression is libdeflate's (PyPI `deflate`), because its bytes depend neither on the CPU nor on the size of the pieces.
CODEC names the library's version and the level, and is recorded with every published version. A change of the format's
other constants changes bytes too, so it needs another CODEC:

- up to WHOLE bytes of tar: one gzip member of level 6;
- above: members of MEMBER bytes each (RFC 1952 allows several; GNU tar, Go and Python read them as one stream, but not tarfile's
  stream mode "r|gz");
- such a member is stored where a probe of its first PROBE bytes finds it incompressible.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import itertools
import os
import secrets
import tarfile
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import deflate

from packinfra.errors import PackinfraError
from packinfra.packs.contents import PackFile
from packinfra.packs.pack import Pack

WHOLE = 8 << 20
MEMBER = 1 << 20
PROBE = 64 << 10
LEVEL = 6
CODEC = f"deflate-{deflate.__version__}/level-{LEVEL}"
CREATED = "1980-01-01T00:00:00Z"
"""The default `created`: fixed, so that the same content has the same digest in every stack. Zip's epoch, which every
tool can read."""

_CHUNK = 1 << 20
_INCOMPRESSIBLE = 0.98
_WORKERS = min(8, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
"""Members compressed at a time; each takes about 2 MiB, and more would gain little beside reading and sending."""
_END = bytes(2 * tarfile.BLOCKSIZE)


class ArchiveError(PackinfraError):
    """The archive could not be built: a file changed under it, or could not be read or written."""


@dataclass(frozen=True)
class Archive:
    """A written archive: file name (the layer's title), sha256 digest, size in bytes, codec."""

    title: str
    digest: str
    size: int
    codec: str


def archive_title(name: str, version: str) -> str:
    """The archive's file name, which is the layer's title in the manifest."""
    return f"{name}-{version}.tar.gz"


def write_archive(pack: Pack, out: BinaryIO, created: str = CREATED) -> Archive:
    """Writes the archive of `pack` to `out`.

    Memory stays below about three times WHOLE, whatever the size.

    Args:
        pack: A pack without errors.
        out: Where to write. After an error, the caller removes what is in it.
        created: RFC 3339, whole seconds, UTC, as in CREATED.

    Raises:
        ArchiveError: A file has changed since `pack` was read, or the disk is full.
    """
    title = archive_title(pack.name, pack.version)
    return write_files(
        pack.files, out, created, top=f"{pack.name}-{pack.version}", title=title, of=f"pack {pack.folder}"
    )


def write_files(files: Sequence[PackFile], out: BinaryIO, created: str, *, top: str, title: str, of: str) -> Archive:
    """The same for any files, in their order.

    top: name of the top folder, "" = none; title: the archive's file name; of: what the files belong to, for messages
    """
    digest, size = hashlib.sha256(), 0
    try:
        for member in _compressed(_tar(files, top, timestamp(created), of)):
            out.write(member)
            digest.update(member)
            size += len(member)
        out.flush()  # otherwise a full disk would only show when the archive is read
    except OSError as error:
        raise unwritable(title, error) from error
    return Archive(title, f"sha256:{digest.hexdigest()}", size, CODEC)


def unwritable(title: str, error: OSError) -> ArchiveError:
    return ArchiveError(
        f"{title} could not be written: {error.strerror}\n"
        "  -> free disk space there; temporary archives go to the folder in TMPDIR"
    )


def save_archive(pack: Pack, path: Path, created: str = CREATED) -> Archive:
    """Writes the archive of `pack` to `path`, completely or not at all. Raises ArchiveError."""
    partial = path.parent / f".packinfra-{secrets.token_hex(8)}.partial"
    try:
        with open(partial, "xb") as out:  # x: a link under this name, planted by somebody else, isn't followed
            archive = write_archive(pack, out, created)
        partial.replace(path)
    except OSError as error:  # of writing the last bytes when it is closed, of opening or renaming
        raise ArchiveError(f"{path} could not be written: {error.strerror}") from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()
    return archive


def timestamp(created: str) -> int:
    """Seconds since 1970 of `created`. Raises ValueError with a readable text for any other form."""
    try:
        moment = datetime.strptime(created + "+0000", "%Y-%m-%dT%H:%M:%SZ%z")
    except ValueError:
        raise ValueError(f"created must look like {CREATED} (UTC, whole seconds), not {created!r}") from None
    if moment.year < 1970:
        raise ValueError(f"created must not be before 1970: {created!r}")
    return int(moment.timestamp())


def _tar(files: Sequence[PackFile], top: str, mtime: int, of: str) -> Iterator[bytes]:
    seen: set[str] = set()
    headers = Headers(mtime)
    for file in files:
        path = f"{top}/{file.path}" if top else file.path
        parts = path.split("/")[:-1]
        for depth in range(1, len(parts) + 1):
            folder = "/".join(parts[:depth])
            if folder not in seen:
                seen.add(folder)
                yield headers.of(folder, 0, folder=True)
        yield headers.of(path, file.size, executable=file.executable)
        yield from _content(file, of)
        yield bytes(-file.size % tarfile.BLOCKSIZE)
    yield _END


class Headers:
    """Tar headers. Most differ in name, size and kind only, so the rest is built once: tarfile takes five times as long
    for each. It builds the others."""

    def __init__(self, mtime: int) -> None:
        self._mtime = mtime
        self._blank = {kind: self._build("", 0, *kind) for kind in ((True, False), (False, False), (False, True))}

    def of(self, name: str, size: int, *, folder: bool = False, executable: bool = False) -> bytes:
        raw = name.encode("utf-8", "surrogateescape") + b"/" * folder
        blank = self._blank[folder, executable]
        if not raw.isascii() or len(raw) > tarfile.LENGTH_NAME or size >= 8**11 or len(blank) != tarfile.BLOCKSIZE:
            return self._build(name, size, folder, executable)
        digits = b"%011o" % size
        # The sum of all bytes, its own field counting as blanks; the blank header's size is eleven zeros.
        total = int(blank[148:154], 8) + sum(raw) - blank[0] + sum(digits) - 11 * ord("0")
        return b"".join((
            raw, bytes(tarfile.LENGTH_NAME - len(raw)), blank[100:124], digits, blank[135:148],
            b"%06o" % total, blank[154:],
        ))  # fmt: skip

    def _build(self, name: str, size: int, folder: bool, executable: bool) -> bytes:
        entry = tarfile.TarInfo(name)  # the other fields stay empty, so nothing of this machine gets into the archive
        entry.size, entry.mtime = size, self._mtime
        entry.mode = 0o755 if folder or executable else 0o644
        entry.type = tarfile.DIRTYPE if folder else tarfile.REGTYPE
        return entry.tobuf(tarfile.PAX_FORMAT, "utf-8", "strict")


def _content(file: PackFile, of: str) -> Iterator[bytes]:
    if file.data is not None:  # kept since the pack was read
        yield file.data
        return
    digest, left = hashlib.sha256(), file.size
    try:
        with open(file.source, "rb", buffering=0) as source:
            while left and (chunk := source.read(min(_CHUNK, left))):
                digest.update(chunk)
                left -= len(chunk)
                yield chunk
            grown = os.fstat(source.fileno()).st_size != file.size
    except OSError as error:
        raise ArchiveError(f"{file.path} of {of} can no longer be read: {error.strerror}") from error
    if left or grown or digest.hexdigest() != file.sha256:
        raise ArchiveError(
            f"{file.path} of {of} changed while it was archived; nothing was published\n"
            "  -> run again when no program writes to the file"
        )


def _compressed(stream: Iterator[bytes]) -> Iterator[bytes]:
    """One gzip member for a short stream, else several, compressed in parallel and yielded in order."""
    buffer = bytearray()
    for chunk in stream:
        buffer += chunk
        if len(buffer) > WHOLE:
            break
    else:
        yield bytes(deflate.gzip_compress(bytes(buffer), LEVEL))
        return
    waiting: deque[Future[bytes]] = deque()
    for chunk in itertools.chain([b""], stream):
        buffer += chunk
        while len(buffer) >= MEMBER:
            waiting.append(_pool().submit(_member, bytes(memoryview(buffer)[:MEMBER])))
            del buffer[:MEMBER]
            if len(waiting) > _WORKERS:
                yield waiting.popleft().result()
    for member in waiting:
        yield member.result()
    if buffer:
        yield _member(bytes(buffer))


@functools.cache
def _pool() -> ThreadPoolExecutor:
    """One for all archives of the process; libdeflate releases the interpreter's lock."""
    return ThreadPoolExecutor(_WORKERS, "packinfra-compress")


def _member(data: bytes) -> bytes:
    probe = data[:PROBE]
    incompressible = len(deflate.deflate_compress(probe, 1)) > _INCOMPRESSIBLE * len(probe)
    return bytes(deflate.gzip_compress(data, 0 if incompressible else LEVEL))
