"""A version of an artifact, read from files: what it is, what is wrong with it, and the parts of its manifest.

Nothing here knows a registry: `packinfra check` reads with it too.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from packinfra.artifacts.rules import problem
from packinfra.packs.archive import write_files
from packinfra.packs.chart import LFS_POINTER, is_lfs_pointer
from packinfra.packs.contents import KEEP, PackFile, no_folder, read_file
from packinfra.packs.files import Entry, IgnoreRules, LeftOut, list_files
from packinfra.packs.rules.rule import Problem
from packinfra.packs.spool import Spool
from packinfra.packs.violations import RuleViolation

EMPTY = b"{}"


@dataclass(frozen=True)
class Layer:
    """A blob of an artifact. title: its file name, in an annotation; inlined: the manifest repeats its bytes"""

    media_type: str
    digest: str
    size: int
    open: Callable[[], BinaryIO]
    title: str = ""
    inlined: bool = False


@dataclass(frozen=True)
class Parts:
    """What a manifest is made of.

    typed:   the manifest names its own media type
    inlined: the config's descriptor repeats its bytes
    """

    config: bytes
    config_type: str
    layers: tuple[Layer, ...]
    annotations: Mapping[str, str]
    artifact_type: str = ""
    typed: bool = True
    inlined: bool = False


@dataclass(frozen=True)
class Content(ABC):
    """A version of an artifact.

    Attributes:
        source: Where it was read, as the user names it.
        name: Its own name; "" where only the repository has one.
        version: The tag.
        content_digest: Its identity: it decides whether a version has changed.
        files: Its files, for messages.
        problems: All problems, errors first.
        left_out: Files that don't belong to it, and why.
    """

    source: str
    name: str
    version: str
    content_digest: str
    files: tuple[PackFile, ...]
    problems: tuple[Problem, ...]
    left_out: tuple[LeftOut, ...] = field(default=(), kw_only=True)

    @property
    @abstractmethod
    def noun(self) -> str:
        """What messages call it."""

    @property
    def main_type(self) -> str:
        """Media type of the layer whose digest stands for the whole; "" = the first."""
        return ""

    @property
    def made(self) -> bool:
        """Whether the layer is an archive made of its files, which other tools make with other bytes."""
        return False

    @property
    def annotated(self) -> bool:
        """Whether the manifest's annotations are part of the content; else they follow from it."""
        return False

    @contextmanager
    def archived(self, created: str, media_type: str, *, top: str, title: str) -> Iterator[Layer]:
        """The archive made of its files, as a layer without a title. top: its top folder, "" = none; title: its file name."""
        with closing(Spool()) as spool:
            made = write_files(self.files, spool.file, created, top=top, title=title, of=f"{self.noun} {self.source}")
            yield Layer(media_type, made.digest, made.size, spool.open)

    @abstractmethod
    def parts(self, created: str) -> AbstractContextManager[Parts]:
        """The parts of its manifest; its layers can be opened inside. created: RFC 3339, UTC, whole seconds.

        Raises ArchiveError if a file has changed since it was read.
        """

    def identify(self, archive: BinaryIO) -> str | None:
        """`content_digest`, if it were the content of somebody else's archive; None where only equal bytes are equal content.
        Raises UnpackError."""
        del archive
        return None

    @property
    def errors(self) -> tuple[Problem, ...]:
        return tuple(p for p in self.problems if p.severity == "error")

    @property
    def warnings(self) -> tuple[Problem, ...]:
        return tuple(p for p in self.problems if p.severity == "warning")


def errors_in(content: Content, *, ecr: bool) -> tuple[Problem, ...]:
    """The problems that keep it from being published. ecr: the registry is ECR, which refuses empty blobs"""
    return tuple(p for p in content.problems if p.severity == "error" or (ecr and p.rule == "file-empty"))


@dataclass(frozen=True)
class Folder:
    """The files of a folder, read."""

    files: tuple[PackFile, ...]
    problems: tuple[Problem, ...]
    left_out: tuple[LeftOut, ...]


def read_folder(folder: Path, ignore: IgnoreRules) -> Folder:
    """Reads every file once; the bytes of up to 8 MiB are kept. Never raises for anything in the folder."""
    if reason := no_folder(folder):
        return Folder((), (problem("source-missing", f"{folder} {reason}"),), ())
    listing = list_files(folder, ignore)
    violations, files, pointers, room = [*listing.violations], list[PackFile](), list[Problem](), KEEP
    for entry in listing.entries:
        read = read_file(Entry(entry.path, entry.source, executable=False), room)
        if isinstance(read, RuleViolation):
            violations.append(read)
        else:
            files.append(read[0])
            pointers += _lfs_problem(read[0])
            room -= len(read[0].data or b"")
    return Folder(tuple(files), (*map(_of_folder, violations), *pointers), listing.left_out)


def read_one(path: Path, name: str) -> PackFile | Problem:
    """A single file, which may be a link to one."""
    if not path.is_file():
        kind = "is a folder" if path.is_dir() else "is no file" if path.exists() else "does not exist"
        return problem("source-missing", f"{path} {kind}")
    read = read_file(Entry(name, str(path), executable=False), KEEP)
    if isinstance(read, RuleViolation):
        return _of_folder(read)
    return next(iter(_lfs_problem(read[0])), read[0])


def bytes_of(file: PackFile) -> bytes:
    try:
        with file.open() as opened:
            return opened.read()
    except OSError:  # it was readable a moment ago; making the archive reports that
        return b""


def layer_of(file: PackFile, media_type: str, title: str = "") -> Layer:
    return Layer(media_type, f"sha256:{file.sha256}", file.size, file.open, title)


def in_order(problems: Iterator[Problem] | list[Problem]) -> tuple[Problem, ...]:
    return tuple(sorted(dict.fromkeys(problems), key=lambda p: p.severity))  # "error" sorts before "warning"


def _lfs_problem(file: PackFile) -> list[Problem]:
    return [problem("lfs-pointer", LFS_POINTER, file.path)] if is_lfs_pointer(file.data or b"") else []


def _of_folder(violation: RuleViolation) -> Problem:
    return problem(
        _RULES.get(violation.rule, "file-unusable"), violation.message.replace("the pack", "the folder"), violation.file,
        violation.line,
    )  # fmt: skip


_RULES = {"link-inside": "link-inside", "link-leaves-pack": "link-leaves-folder"}
"""Rule of packs -> rule of artifacts; for all others it is "file-unusable"."""
