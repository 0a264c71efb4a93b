"""Which files belong to a pack: order, links, what is left out.

A pack is the regular files below its folder. Folders don't count (git drops empty ones, so they can't be part of an
identity). Files are ordered by the UTF-8 bytes of their path's components, so a folder's content stays together and
no locale or file system decides.

A link that stays inside the pack counts as the file it leads to; one that leaves the pack could publish a private file
(a key, /etc/passwd) and is refused, as are devices, FIFOs and sockets.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from packinfra.packs.ignore import IGNORE_FILE, IGNORE_LIMIT, Ignore
from packinfra.packs.violations import RuleViolation
from packinfra.text import quoted

MOST_FILES = 100_000
"""Files and folders that are read. The largest of 220 public packs has 426; links to folders can multiply."""
_SURROGATE = re.compile("[\ud800-\udfff]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True)
class Entry:
    """A file that belongs to the pack: its path in the pack (with "/"), where to open it, its execute bit."""

    path: str
    source: str
    executable: bool


class LeftOut(NamedTuple):
    """A file or folder that doesn't belong to the pack: its path in the pack, and why it is left out."""

    path: str
    by: str


@dataclass(frozen=True)
class Listing:
    entries: tuple[Entry, ...]
    violations: tuple[RuleViolation, ...]
    left_out: tuple[LeftOut, ...]


class _FolderToList(NamedTuple):
    """A folder still to be listed. above: the real paths of the folders around it."""

    source: str
    prefix: str
    real: str
    above: tuple[str, ...]


class IgnoreRules(Protocol):
    def leaves_out(self, path: str, *, folder: bool) -> str | None:
        """Why the path, seen from the root of the folder, is left out; None if it isn't."""


def list_files(folder: Path, ignore: IgnoreRules | None = None) -> Listing:
    """Lists the files of the pack in `folder`; reads only `.packignore`, and not even that if other rules are given. Never
    raises for anything in the folder."""
    root = os.path.realpath(folder)
    violations: list[RuleViolation] = []
    if ignore is None:
        ignore, violations = _ignore(folder, root)
    entries: list[Entry] = []
    left_out: list[LeftOut] = []
    todo, seen = [_FolderToList(os.fspath(folder), "", root, ())], 0
    while todo:
        for item in _list(todo.pop(), root, ignore):
            seen += 1
            if isinstance(item, Entry):
                entries.append(item)
            elif isinstance(item, LeftOut):
                left_out.append(item)
            elif isinstance(item, _FolderToList):
                todo.append(item)
            else:
                violations.append(item)
        if seen > MOST_FILES:
            violations.append(RuleViolation("too-many-files", f"it contains more than {MOST_FILES:,} files"))
            break
    return Listing(
        entries=tuple(sorted(entries, key=lambda e: sort_key(e.path))),
        violations=tuple(sorted(violations, key=lambda v: sort_key(v.file or ""))),
        left_out=tuple(sorted(left_out, key=lambda o: sort_key(o.path))),
    )


def sort_key(path: str) -> list[bytes]:
    """The order of files in digest and archive."""
    return path.encode("utf-8", "surrogateescape").split(b"/")


def ignore_rules(folder: Path) -> Ignore:
    """The ignore rules of a pack folder; none if its `.packignore` cannot be read."""
    return _ignore(folder, os.path.realpath(folder))[0]


def _ignore(folder: Path, root: str) -> tuple[Ignore, list[RuleViolation]]:
    source = folder / IGNORE_FILE
    if not os.path.lexists(source):
        return Ignore(), []
    parent = _FolderToList("", "", "", ())
    for item in _classify(os.fspath(source), IGNORE_FILE, root, link=source.is_symlink(), parent=parent):
        if isinstance(item, Entry):
            try:
                with open(source, "rb") as file:
                    raw = file.read(IGNORE_LIMIT + 1)
            except OSError as error:
                return Ignore(), [RuleViolation("unreadable", f"it cannot be read: {error.strerror}", IGNORE_FILE)]
            if len(raw) > IGNORE_LIMIT:
                return Ignore(), [RuleViolation("ignore-invalid", "it is larger than 1 MiB", IGNORE_FILE)]
            ignore = Ignore(raw)
            return ignore, ignore.violations
        if isinstance(item, RuleViolation) and item.rule != "link-inside":
            return Ignore(), [item]
    return Ignore(), [RuleViolation("ignore-invalid", "it is a folder", IGNORE_FILE)]


def _list(
    folder: _FolderToList, root: str, ignore: IgnoreRules
) -> Iterator[Entry | RuleViolation | LeftOut | _FolderToList]:
    if folder.real in folder.above:
        yield RuleViolation("link-loop", "this link leads back to a folder that contains it", folder.prefix.rstrip("/"))
        return
    try:
        with os.scandir(folder.source) as scan:
            items = list(scan)
    except OSError as error:
        place = folder.prefix.rstrip("/") or "."
        yield RuleViolation("unreadable", f"the folder cannot be read: {error.strerror}", place)
        return
    for item in items:
        # Names are UTF-8 whatever the locale makes of their bytes.
        name = os.fsencode(item.name).decode("utf-8", "surrogateescape")
        path = folder.prefix + name
        try:  # some file systems don't say in the listing what an entry is
            link, is_folder = item.is_symlink(), item.is_dir(follow_symlinks=False)
        except OSError as error:
            yield RuleViolation("unreadable", f"it cannot be read: {error.strerror}", path)
            continue
        # A link to a folder is a file for git, so a pattern such as "docs/" doesn't name it.
        if by := ignore.leaves_out(path, folder=is_folder):
            yield LeftOut(path, by)
        elif _SURROGATE.search(name):
            raw = path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
            yield RuleViolation("name-not-utf8", "its name is not UTF-8", raw)
        elif _CONTROL.search(name):
            yield RuleViolation("name-control-character", "its name contains a control character", ascii(path)[1:-1])
        else:
            yield from _classify(item.path, path, root, link=link, parent=folder)


def _classify(
    source: str, path: str, root: str, *, link: bool, parent: _FolderToList
) -> Iterator[Entry | RuleViolation | _FolderToList]:
    target = real = ""
    try:
        if link:
            target, real = os.readlink(source), os.path.realpath(source)
            if not (real + os.sep).startswith(root.rstrip(os.sep) + os.sep):
                message = f"this link leads out of the pack, to {quoted(target)}"
                yield RuleViolation("link-leaves-pack", message, path)
                return
        mode = os.stat(source).st_mode
    except OSError as error:
        yield RuleViolation("unreadable", f"it cannot be read: {error.strerror}", path)
        return
    if link:
        yield RuleViolation("link-inside", f"it is a link to {quoted(target)}; a copy of its target is published", path)
    if stat.S_ISDIR(mode):
        real = real or os.path.join(parent.real, os.path.basename(path))
        yield _FolderToList(source, path + "/", real, (*parent.above, parent.real))
    elif stat.S_ISREG(mode):
        yield Entry(path, source, bool(mode & stat.S_IXUSR))
    else:
        yield RuleViolation("special-file", "it is a device, FIFO or socket, not a regular file", path)
