"""Reads a pack folder into a frozen value: what it is called, what it holds, what is wrong with it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from packinfra.packs.contents import PackError, PackFile, read_contents
from packinfra.packs.rules import Problem, judge

__all__ = ["Pack", "PackError", "PackFile", "Problem", "read_pack"]


@dataclass(frozen=True)
class Pack:
    """A pack folder as a value.

    name, version: as pack.json says, or "" where it doesn't say so usably (then there is an error in `problems`)
    files:         in the order of digest and archive
    metadata:      pack.json, parsed
    problems:      all findings, errors first
    left_out:      paths that don't belong to a pack (version control, editor and macOS files)
    """

    folder: Path
    name: str
    version: str
    files: tuple[PackFile, ...]
    metadata: Mapping[str, Any]
    problems: tuple[Problem, ...]
    left_out: tuple[str, ...]

    @property
    def errors(self) -> tuple[Problem, ...]:
        return tuple(p for p in self.problems if p.severity == "error")

    @property
    def warnings(self) -> tuple[Problem, ...]:
        return tuple(p for p in self.problems if p.severity == "warning")

    @cached_property
    def content_digest(self) -> str:
        """The pack's identity (docs/content-digest.md): name, version, and each file's path, execute bit and bytes.

        Two machines, two umasks, two compressors agree on it; every "has it changed?" compares it.
        """
        identity = hashlib.sha256(
            f"packinfra content 1\n{self.name}\n{self.version}\n".encode("utf-8", "surrogatepass")
        )
        for file in self.files:
            identity.update(f"{file.sha256} {'x' if file.executable else '-'} {file.path}\n".encode())
        return f"sha256:{identity.hexdigest()}"


def read_pack(folder: Path) -> Pack:
    """Reads and judges the pack in `folder`; each file is read once.

    Never raises for what a folder can contain: everything wrong stands in `problems`. Raises PackError if there is
    no such folder.
    """
    contents = read_contents(folder)
    return Pack(
        folder=folder,
        name=_text(contents.metadata, "name"),
        version=_text(contents.metadata, "version"),
        files=tuple(contents.files.values()),
        metadata=contents.metadata,
        problems=judge(contents),
        left_out=contents.left_out,
    )


def _text(metadata: Mapping[str, Any], key: str) -> str:
    value = metadata.get(key)
    return value if isinstance(value, str) else ""
