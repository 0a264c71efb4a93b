"""Finds and reads all packs of a program, and reports all their problems at once."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from glob import glob, has_magic
from pathlib import Path

from packinfra.packs.contents import METADATA, PackError
from packinfra.packs.pack import Pack, read_pack
from packinfra.packs.rules import RuleError, RuleSettings
from packinfra.text import plural


@dataclass(frozen=True)
class Catalogue:
    """Packs that can be published, in the order of names and versions.

    Attributes:
        packs: Name -> its versions, each a folder.
        found_by: Name -> the last of the patterns that matched one of its folders.
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
    """Reads the packs that `patterns` match.

    A folder, or a match of a glob without `**`, must be a pack; matches of `**` are packs if they contain a pack.json.

    Args:
        root: The folder that `patterns` are relative to.
        patterns: Folders, or globs (`*`, `**`).
        rules: Pattern -> severities for its packs; if several patterns match a folder, the last one counts.
        removed: Names of packs to remove, which no folder may contain.

    Raises:
        PackError: With every problem of every pack, worst first. A pattern without a pack is an error, so that an empty
            checkout can't delete a catalogue; so are two folders with the same name and version.
    """
    problems: list[str] = []
    folders: dict[Path, str] = {}
    for pattern in patterns:
        matches = _expand(root, pattern)
        if not matches:
            problems.append(_nothing(root, pattern))
        folders.update(dict.fromkeys(matches, pattern))
    packs: list[Pack] = []
    for folder, pattern in folders.items():
        try:
            packs.append(read_pack(folder, (rules or {}).get(pattern)))
        except (PackError, RuleError) as error:
            problems.append(str(error))
    broken = sorted((p for p in packs if p.errors), key=lambda p: -len(p.errors))
    problems += [_report(root, pack) for pack in broken]
    problems += published_twice(packs, root)
    problems += [
        f"{pack.name} is in removedPacks, but {os.path.relpath(pack.folder, root)} contains it\n"
        "      -> remove the folder, or the name from removedPacks"
        for pack in packs
        if pack.name in removed
    ]
    problems = list(dict.fromkeys(problems))  # packs share a packinfra.toml
    if problems:
        count = len(problems) - len(broken) + sum(len(pack.errors) for pack in broken)
        raise PackError("\n".join(problems) + f"\n{plural(count, 'problem')} to correct; nothing was published.")
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
    paths = [root / path for path in sorted(glob(pattern, root_dir=root, recursive=True), key=os.fsencode)]
    return [path for path in paths if ((path / METADATA).is_file() if "**" in pattern else path.is_dir())]


def _nothing(root: Path, pattern: str) -> str:
    base = root / next((part for part in Path(pattern).parts if not has_magic(part)), ".")
    hint = "" if base.is_dir() else f" ({base} does not exist)"
    return (
        f'packs: "{pattern}" matches no folder with a {METADATA} below {root}{hint}\n'
        f'      -> correct "packinfra:packs" in the stack file, or check out the packs. To remove everything, use '
        "pulumi destroy"
    )


def _report(root: Path, pack: Pack) -> str:
    title = f"pack {os.path.relpath(pack.folder, root)}"
    version = f" ({pack.name} {pack.version})" if pack.name and pack.version else ""
    return "\n".join([f"{title}{version}:", *(f"  {problem}" for problem in pack.errors)])


def published_twice(packs: Iterable[Pack], root: Path | None = None) -> list[str]:
    """An error for each version that is in more than one folder; folders are shown relative to `root`, or as given."""
    folders: dict[tuple[str, str], list[str]] = {}
    for pack in packs:
        if pack.name and pack.version:
            folders.setdefault((pack.name, pack.version), []).append(
                os.path.relpath(pack.folder, root) if root else str(pack.folder)
            )
    return [
        f"{name} {version} is in {len(paths)} folders: {', '.join(paths)}\n"
        "      -> remove one folder, or give it another version"
        for (name, version), paths in sorted(folders.items())
        if len(paths) > 1
    ]
