"""Finds and reads all packs of a program, and reports every problem of every pack at once."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from glob import glob, has_magic
from pathlib import Path

from packinfra.packs.contents import METADATA, PackError
from packinfra.packs.pack import Pack, read_pack
from packinfra.packs.rules import RuleSettings


@dataclass(frozen=True)
class Catalogue:
    """Packs that may be published: name -> its versions, each a folder; in the order of names and versions.

    found_by: name -> the last of the patterns that found one of its folders
    """

    packs: Mapping[str, tuple[Pack, ...]]
    found_by: Mapping[str, str]


def read_catalogue(
    root: Path,
    patterns: Iterable[str],
    rules: Mapping[str, RuleSettings] | None = None,
    *,
    removed: Collection[str] = (),
) -> Catalogue:
    """Reads the packs that `patterns` name: folders, or globs (`*`, `**`), relative to `root`.

    rules: how packs are judged, by the last of the patterns that found them
    removed: names of packs that are to be removed, so no folder may hold them

    Every folder that is named, or found by a glob without `**`, must be a pack; of what `**` finds, those folders
    are packs that hold a pack.json. Raises PackError with every problem of every pack, worst first. A glob or folder
    without a pack is an error, so that an empty checkout can't delete a catalogue; so are two folders that hold the
    same name and version.
    """
    mistakes: list[str] = []
    folders: dict[Path, str] = {}
    for pattern in patterns:
        found = _expand(root, pattern)
        if not found:
            mistakes.append(_nothing(root, pattern))
        folders.update(dict.fromkeys(found, pattern))
    packs: list[Pack] = []
    for folder, pattern in folders.items():
        try:
            packs.append(read_pack(folder, (rules or {}).get(pattern)))
        except PackError as error:
            mistakes.append(str(error))
    broken = sorted((p for p in packs if p.errors), key=lambda p: -len(p.errors))
    mistakes += [_report(root, pack) for pack in broken]
    mistakes += published_twice(packs, root)
    mistakes += [
        f"{pack.name} is in removedPacks, but {os.path.relpath(pack.folder, root)} holds it\n"
        "      -> remove the folder, or the name from removedPacks"
        for pack in packs
        if pack.name in removed
    ]
    if mistakes:
        count = len(mistakes) - len(broken) + sum(len(pack.errors) for pack in broken)
        raise PackError(
            "\n".join(mistakes) + f"\n{count} {'thing' if count == 1 else 'things'} to correct; nothing was published."
        )
    by_name: dict[str, list[Pack]] = {}
    for pack in sorted(packs, key=lambda p: (p.name, p.version)):
        by_name.setdefault(pack.name, []).append(pack)
    return Catalogue(
        packs={name: tuple(versions) for name, versions in by_name.items()},
        found_by={pack.name: folders[pack.folder] for pack in packs},
    )


def _expand(root: Path, pattern: str) -> list[Path]:
    if not has_magic(pattern):
        return [root / pattern]
    found = [root / path for path in sorted(glob(pattern, root_dir=root, recursive=True), key=os.fsencode)]
    return [path for path in found if ((path / METADATA).is_file() if "**" in pattern else path.is_dir())]


def _nothing(root: Path, pattern: str) -> str:
    base = root / next((part for part in Path(pattern).parts if not has_magic(part)), ".")
    seen = "" if base.is_dir() else f" ({base} does not exist)"
    return (
        f'packs: "{pattern}" finds no folder with a {METADATA} below {root}{seen}\n'
        f'      -> correct "packinfra:packs" in the stack file, or check out the packs. To remove all packs, use '
        "pulumi destroy"
    )


def _report(root: Path, pack: Pack) -> str:
    title = f"pack {os.path.relpath(pack.folder, root)}"
    called = f" ({pack.name} {pack.version})" if pack.name and pack.version else ""
    return "\n".join([f"{title}{called}:", *(f"  {problem}" for problem in pack.errors)])


def published_twice(packs: Iterable[Pack], root: Path) -> list[str]:
    """Which versions stand in more than one folder, as readable errors; folders are named relative to `root`."""
    folders: dict[tuple[str, str], list[str]] = {}
    for pack in packs:
        if pack.name and pack.version:
            folders.setdefault((pack.name, pack.version), []).append(os.path.relpath(pack.folder, root))
    return [
        f"{name} {version} stands in {len(where)} folders: {', '.join(where)}\n"
        "      -> a version is published once: remove one folder, or give it another version"
        for (name, version), where in sorted(folders.items())
        if len(where) > 1
    ]
