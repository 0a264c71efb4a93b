"""The content of an archive that somebody else made, e.g. `tar -czvf NAME-VERSION.tar.gz FOLDER` as the guide says.

The name of its top folder doesn't matter, nor do owners, times, folders, or anything that a pack leaves out (junk,
`.packignore`): what remains has a content digest as a folder's files have. Nothing is written to disk.
"""

from __future__ import annotations

import gzip
import hashlib
import posixpath
import tarfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO

from packinfra.errors import PackinfraError
from packinfra.packs.contents import PackFile, content_digest
from packinfra.packs.files import MOST_FILES, sort_key
from packinfra.packs.ignore import IGNORE_FILE, IGNORE_LIMIT, Ignore

_CHUNK = 1 << 20


class UnpackError(PackinfraError):
    """The archive holds no pack, or more than was allowed; `str()` says which, as the end of a sentence."""


@dataclass(frozen=True)
class Unpacked:
    """What an archive holds: the files that belong to the pack, in their order, and the digest of them all."""

    files: tuple[PackFile, ...]
    content_digest: str


def read_archive(archive: BinaryIO, name: str, version: str, limit: int) -> Unpacked:
    """Reads a .tar.gz from its beginning, and identifies its content as that of pack `name` in `version`.

    limit: bytes that may come out of it (an archive can unpack to a thousand times its size). Links inside count as
    the file they lead to, as in a folder. Raises UnpackError.
    """
    try:
        with gzip.GzipFile(fileobj=archive) as unpacked:
            found, links, ignore = _read(_Limited(unpacked, limit))
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error, UnicodeError) as error:
        raise UnpackError(f"it is no readable .tar.gz: {error}") from error
    files = {**found, **_resolved(found, links)}
    inside = _below_top(files)
    rules = Ignore(ignore)
    kept = [file for file in inside.values() if not _left_out(rules, file.path)]
    ordered = tuple(sorted(kept, key=lambda file: sort_key(file.path)))
    return Unpacked(ordered, content_digest(name, version, ordered))


class _Limited:
    def __init__(self, source: gzip.GzipFile, limit: int) -> None:
        self._source, self._left, self._limit = source, limit, limit

    def read(self, size: int) -> bytes:
        data = self._source.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise UnpackError(f"it unpacks to more than {self._limit} bytes")
        return data


def _read(source: _Limited) -> tuple[dict[str, PackFile], dict[str, str], bytes]:
    """(files by path, links by path -> path they lead to, .packignore's bytes)"""
    files: dict[str, PackFile] = {}
    links: dict[str, str] = {}
    ignore = b""
    with tarfile.open(fileobj=source, mode="r|") as tar:  # type: ignore[call-overload]  # read() is all it uses
        for entry in tar:
            path = posixpath.normpath(entry.name)
            if path.startswith(("/", "..")):
                raise UnpackError(f"it holds a path that leads out of it: {entry.name}")
            if len(files) + len(links) > MOST_FILES:
                raise UnpackError(f"it holds more than {MOST_FILES} files")
            if entry.issym():
                links[path] = posixpath.normpath(posixpath.join(posixpath.dirname(path), entry.linkname))
            elif entry.islnk():
                links[path] = posixpath.normpath(entry.linkname)
            elif entry.isreg():
                files[path], start = _hashed(tar, entry, path)
                ignore = start if path.count("/") == 1 and path.endswith(f"/{IGNORE_FILE}") else ignore
            elif not entry.isdir():
                raise UnpackError(f"it holds {entry.name}, which is neither file nor folder")
    return files, links, ignore


def _hashed(tar: tarfile.TarFile, entry: tarfile.TarInfo, path: str) -> tuple[PackFile, bytes]:
    digest, start = hashlib.sha256(), b""
    content = tar.extractfile(entry)
    while content and (chunk := content.read(_CHUNK)):
        digest.update(chunk)
        start = start or chunk[:IGNORE_LIMIT]
    return PackFile(path, entry.size, digest.hexdigest(), bool(entry.mode & 0o100)), start


def _resolved(files: Mapping[str, PackFile], links: Mapping[str, str]) -> dict[str, PackFile]:
    resolved: dict[str, PackFile] = {}
    for path, target in links.items():
        for _ in range(len(links)):  # a link may lead to a link
            target = links.get(target, target)  # noqa: PLW2901
        if target not in files:
            raise UnpackError(f"its link {path} leads to no file in it")
        found = files[target]
        resolved[path] = PackFile(path, found.size, found.sha256, found.executable)
    return resolved


def _below_top(files: Mapping[str, PackFile]) -> dict[str, PackFile]:
    """Without the one top folder, whatever it is called."""
    tops = {path.partition("/")[0] for path in files}
    if len(tops) != 1 or any("/" not in path for path in files):
        raise UnpackError("it does not hold exactly one top folder")
    cut = {path.partition("/")[2]: file for path, file in files.items()}
    return {path: PackFile(path, f.size, f.sha256, f.executable) for path, f in cut.items()}


def _left_out(rules: Ignore, path: str) -> bool:
    parts = path.split("/")
    folders = ("/".join(parts[:depth]) for depth in range(1, len(parts)))
    return any(rules.leaves_out(folder, folder=True) for folder in folders) or bool(
        rules.leaves_out(path, folder=False)
    )
