"""Which files belong to a pack: order, junk, links.

A pack is the regular files below its folder. Folders don't count (git drops empty ones, so they can't be part of an
identity). Files are ordered by the UTF-8 bytes of their path's components, so a folder's content stays together and
no locale or file system decides.

A link that stays inside the pack stands for the file it leads to; one that leaves the pack could publish what the
author never meant to (a key, /etc/passwd) and is refused, as are devices, FIFOs and sockets.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

JUNK = re.compile(r"\.git|\.DS_Store|\._.*|__MACOSX|\..*\.sw[a-p]|.*~|Thumbs\.db")
"""Names left out wherever they stand: version control, macOS and Windows metadata, editor swap and backup files.

Deliberately short and without file types: a list that drops images drops the pack's logo.
"""


@dataclass(frozen=True)
class Entry:
    """A file that belongs to the pack: its path in the pack (with "/"), where its bytes are, its execute bit."""

    path: str
    source: Path
    executable: bool


@dataclass(frozen=True)
class Refusal:
    """Something in the folder that no archive may hold: its path in the pack, the rule it breaks, and why."""

    path: str
    rule: str
    reason: str


@dataclass(frozen=True)
class Listing:
    entries: tuple[Entry, ...]
    refusals: tuple[Refusal, ...]
    left_out: tuple[str, ...]
    """Paths of the junk that was left out."""


def list_files(folder: Path) -> Listing:
    """Lists what belongs to the pack in `folder`; reads no file. An unreadable folder becomes a refusal."""
    found: list[Entry | Refusal | str] = list(_walk(folder, "", os.path.realpath(folder), ()))
    entries = [f for f in found if isinstance(f, Entry)]
    return Listing(
        entries=tuple(sorted(entries, key=lambda e: sort_key(e.path))),
        refusals=tuple(f for f in found if isinstance(f, Refusal)),
        left_out=tuple(f for f in found if isinstance(f, str)),
    )


def sort_key(path: str) -> tuple[bytes, ...]:
    """The order of files in digest and archive."""
    return tuple(os.fsencode(part) for part in path.split("/"))


def _walk(folder: Path, prefix: str, root: str, above: tuple[str, ...]) -> Iterator[Entry | Refusal | str]:
    real = os.path.realpath(folder)
    if real in above:
        yield Refusal(prefix.rstrip("/"), "link-loop", "this link leads back to a folder that contains it")
        return
    try:
        found = sorted(os.scandir(folder), key=lambda e: os.fsencode(e.name))
    except OSError as error:
        yield Refusal(prefix.rstrip("/") or ".", "unreadable", f"the folder cannot be read: {error.strerror}")
        return
    for item in found:
        path = prefix + item.name
        if JUNK.fullmatch(item.name):
            yield path
        elif any("\ud800" <= c <= "\udfff" for c in item.name):
            shown = os.fsencode(path).decode("utf-8", "backslashreplace")
            yield Refusal(shown, "name-not-utf8", "its name is not UTF-8, so other machines would read another name")
        elif any(c < " " or c == "\x7f" for c in item.name):
            yield Refusal(ascii(path)[1:-1], "name-control-character", "its name contains a control character")
        else:
            yield from _judge(Path(item.path), path, root, (*above, real))


def _judge(source: Path, path: str, root: str, above: tuple[str, ...]) -> Iterator[Entry | Refusal | str]:
    target = os.path.realpath(source)
    if source.is_symlink() and not (target + os.sep).startswith(root + os.sep):
        yield Refusal(path, "link-leaves-pack", f"this link leads out of the pack, to {os.readlink(source)}")
        return
    try:
        mode = os.stat(source).st_mode
    except OSError as error:
        yield Refusal(path, "unreadable", f"it cannot be read: {error.strerror}")
        return
    if stat.S_ISDIR(mode):
        yield from _walk(source, path + "/", root, above)
    elif stat.S_ISREG(mode):
        yield Entry(path, source, bool(mode & stat.S_IXUSR))
    else:
        yield Refusal(path, "special-file", "it is a device, FIFO or socket, not a regular file")
