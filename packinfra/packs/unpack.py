"""The content of an archive that somebody else made, for example by Palette's guide, with `tar -czvf`.

The name of its top folder doesn't matter, nor do owners, times, or files that the pack leaves out (junk, `.packignore`):
the other files have a content digest, as those of a folder have. Nothing is written to disk.

An archive is refused if two programs could unpack it differently: otherwise somebody could make one that has the digest
of our pack here and other files in a cluster.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from packinfra.errors import PackinfraError
from packinfra.packs.contents import LOGO, METADATA, PRESETS, README, SCHEMA, VALUES, PackFile, content_digest
from packinfra.packs.files import MOST_FILES
from packinfra.packs.ignore import Ignore
from packinfra.packs.inflate import ArchiveReadError, Stream
from packinfra.packs.tar import TarEntry, TarReader
from packinfra.text import quoted

_READ_BY_PALETTE = (METADATA, VALUES, SCHEMA, PRESETS, LOGO, README)


class UnpackError(PackinfraError):
    """The archive contains no pack, or more than is allowed; `str()` is a clause about it."""


@dataclass(frozen=True)
class Unpacked:
    """The files of an archive that belong to the pack, in their order, and their content digest."""

    files: tuple[PackFile, ...]
    content_digest: str


def read_archive(archive: BinaryIO, name: str, version: str, limit: int, ignore: Ignore | None = None) -> Unpacked:
    """Reads a .tar.gz and identifies its content as that of pack `name` in `version`.

    Args:
        archive: The .tar.gz, at its beginning.
        name: The name in the content digest.
        version: The version in the content digest.
        limit: Bytes that may be unpacked (an archive can unpack to a thousand times its size).
        ignore: The ignore rules of the pack's own folder. Those in the archive don't count: somebody else wrote them.

    Raises:
        UnpackError: The archive contains no pack, is larger than `limit`, or can be read in two ways.
    """
    files = read_files(archive, limit, ignore=ignore or Ignore())
    return Unpacked(files, content_digest(name, version, files))


def read_files(
    archive: BinaryIO,
    limit: int,
    *,
    ignore: Ignore | None = None,
    keep: Callable[[str], bool] | None = None,
    top: bool = True,
) -> tuple[PackFile, ...]:
    """The files of a .tar.gz, in order; for the parameters and errors see `read_archive`.

    ignore: None = nothing is left out; keep: whose bytes are kept, by path; top: everything lies in one top folder, whose
    name doesn't count; else a path may begin with a /
    """
    tree = _Tree(keep or (lambda _: False), top=top)
    try:
        reader = TarReader(Stream(archive, limit), strict=True, most=3 * MOST_FILES)
        for entry in reader:
            tree.add(entry, reader)
    except ArchiveReadError as error:
        raise UnpackError(f"it is not a readable .tar.gz: {error}") from error
    return tuple(tree.files(ignore))


class _Folder(dict[str, "_Node"]):
    """A folder of the archive. listed: it has an entry of its own, and isn't only part of a path."""

    def __init__(self, parent: _Folder | None, *, listed: bool) -> None:
        super().__init__()
        self.parent, self.listed = parent, listed


@dataclass(frozen=True)
class _File:
    size: int
    sha256: str
    executable: bool
    data: bytes | None = None


@dataclass
class _Link:
    """A symbolic link. file: its target, once it has been resolved."""

    path: str
    target: str
    folder: _Folder
    file: _File | None = None


_Node = _Folder | _File | _Link


class _Tree:
    """The archive as a tree: no path is in it twice, and none leads through a file or link."""

    def __init__(self, keep: Callable[[str], bool], *, top: bool) -> None:
        self._root = _Folder(None, listed=True)
        self._count = 0
        self._keep, self._top = keep, top

    def add(self, entry: TarEntry, reader: TarReader) -> None:
        parts = [part for part in entry.path.split("/") if part not in ("", ".")]
        if (self._top and entry.path.startswith("/")) or ".." in parts:
            raise UnpackError(f"it contains {quoted(entry.path)}, a path that leads out of it")
        if not parts:
            if entry.kind == "folder":
                return
            raise UnpackError(f"it contains {quoted(entry.path)}, which is no path")
        folder = self._folder(parts[:-1], entry.path)
        node = folder.get(parts[-1])
        if isinstance(node, _Folder) and entry.kind == "folder" and not node.listed:
            node.listed = True
        elif node is not None:
            raise UnpackError(f"it contains {quoted(entry.path)} twice")
        else:
            self._set(folder, parts[-1], self._node(entry, parts, folder, reader))

    def _node(self, entry: TarEntry, parts: list[str], folder: _Folder, reader: TarReader) -> _Node:
        if entry.kind == "folder":
            return _Folder(folder, listed=True)
        if entry.kind == "file":
            digest, data = hashlib.sha256(), bytearray()
            kept = self._keep("/".join(parts[self._top :]))
            for piece in reader.content():
                digest.update(piece)
                if kept:
                    data += piece
            return _File(entry.size, digest.hexdigest(), entry.executable, bytes(data) if kept else None)
        if entry.kind == "link":
            return _Link(entry.path, entry.target, folder)
        if entry.kind == "hard link":
            target = _follow(self._root, entry.target)
            if not isinstance(target, _File):  # files come before hard links to them, or no program could unpack them
                raise UnpackError(f"its hard link {quoted(entry.path)} leads to no file before it")
            if entry.executable != target.executable:
                raise UnpackError(f"its hard link {quoted(entry.path)} has another execute bit than its file")
            return target
        raise UnpackError(f"it contains {quoted(entry.path)}, which is neither file nor folder")

    def _folder(self, parts: list[str], path: str) -> _Folder:
        folder = self._root
        for part in parts:
            if part not in folder:
                self._set(folder, part, _Folder(folder, listed=False))
            inner = folder[part]
            if not isinstance(inner, _Folder):
                raise UnpackError(f"it contains {quoted(path)} below a file or link")
            folder = inner
        return folder

    def _set(self, folder: _Folder, name: str, node: _Node) -> None:
        self._count += 1
        if self._count > MOST_FILES:
            raise UnpackError(f"it contains more than {MOST_FILES:,} files and folders")
        folder[name] = node

    def files(self, ignore: Ignore | None) -> Iterator[PackFile]:
        """The files of the pack, in order. Raises UnpackError for a link that leads to none of them."""
        nodes = self._kept(ignore)
        kept = {id(node) for node in nodes.values()}
        for path, node in nodes.items():
            file = _resolved(node, kept) if isinstance(node, _Link) else node
            yield PackFile(path, file.size, file.sha256, file.executable, data=file.data)

    def _kept(self, ignore: Ignore | None) -> dict[str, _File | _Link]:
        top: _Node | None = self._root
        if self._top:
            (top, *others) = self._root.values() or [None]
            if not isinstance(top, _Folder) or others:
                raise UnpackError("it does not contain exactly one top folder")
        kept: dict[str, _File | _Link] = {}
        todo: list[tuple[str, _Node]] = [("", top)] if top is not None else []
        while todo:
            path, node = todo.pop()
            if not isinstance(node, _Folder):
                kept[path] = node
                continue
            for name in sorted(node, key=str.encode, reverse=True):  # the last one is read first
                inner = f"{path}/{name}" if path else name
                if ignore is None or not ignore.leaves_out(inner, folder=isinstance(node[name], _Folder)):
                    todo.append((inner, node[name]))
                elif inner in _READ_BY_PALETTE:
                    raise UnpackError(f"it contains {inner}, which this pack leaves out")
        return kept


def _resolved(link: _Link, kept: set[int]) -> _File:
    """The file that a link leads to. Each link is followed once, however many lead through it."""
    chain: dict[int, _Link] = {}
    node: _Node | None = link
    while isinstance(node, _Link) and node.file is None:
        if id(node) in chain or id(node) not in kept:
            node = None
            break
        chain[id(node)] = node
        node = _follow(node.folder, node.target)
    file = node.file if isinstance(node, _Link) else node
    if not isinstance(file, _File) or id(file) not in kept:
        raise UnpackError(f"its link {quoted(link.path)} leads to no file of the pack")
    for each in chain.values():
        each.file = file
    return file


def _follow(start: _Folder, target: str) -> _Node | None:
    """The target of a link; None if it leads out of the pack, to nothing, or through a file or another link."""
    node: _Node = start
    for part in [""] if target.startswith("/") else target.split("/"):
        if not isinstance(node, _Folder):
            return None
        if part == "..":
            if node.parent is None or node.parent.parent is None:
                return None
            node = node.parent
        elif part not in ("", "."):
            if part not in node:
                return None
            node = node[part]
    return node
