"""A pack's next state, from its folders and its old inputs. Reads folders; asks no registry."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from packinfra.lifecycle.packs.archive_cache import ArchiveCache, build
from packinfra.lifecycle.packs.file_changes import BITS_REMEDY, changed_bits, file_changes
from packinfra.lifecycle.packs.file_hashes import file_hashes, short_hashes
from packinfra.lifecycle.packs.state import PublishedVersion, by_version, kept_versions, to_publish, versions_from
from packinfra.oci.reference import split
from packinfra.packs.archive import CREATED, timestamp
from packinfra.packs.contents import PackError
from packinfra.packs.pack import Pack, read_pack

Hashes = Mapping[str, str]
"""Path -> short hash: see file_hashes.py."""


@dataclass(frozen=True)
class Plan:
    """`versions` and `file_hashes` of the next state, or `problems`: every reason why there is none.

    files: version that is published again -> the hash of each file; for messages
    """

    versions: Mapping[str, PublishedVersion] = field(default_factory=dict)
    file_hashes: Mapping[str, Hashes] = field(default_factory=dict)
    problems: Sequence[str] = ()
    files: Mapping[str, Hashes] = field(default_factory=dict)


class _VersionFolder(NamedTuple):
    """A folder that holds a version. hashes: of its files; pack: None where nothing of it need be read."""

    source: str
    name: str
    version: str
    content_digest: str
    hashes: Hashes
    pack: Pack | None


def make_plan(olds: Mapping[str, Any], news: Mapping[str, Any], archives: ArchiveCache) -> Plan:
    """
    olds: the old inputs, empty for a new resource (and in a replacement)
    news: the inputs from the program. `validated`, if there: source -> [name, version, content digest] of packs that
          the program has just read and validated. A pack published with that digest isn't read again, and a pack with
          that digest isn't validated again
    """
    old, old_hashes, problems = versions_from(olds), olds.get("fileHashes") or {}, _invalid_inputs(news)
    unpublish, created = news.get("unpublish") or (), str(news.get("created") or CREATED)
    folders = _read_folders(news, old, old_hashes, problems)
    problems += [
        f"{folder.name} {folder.version} is to be withdrawn (unpublish), but {folder.source} holds it\n"
        "      -> remove the folder, or the version from unpublish"
        for folder in folders
        if folder.version in unpublish
    ]
    if problems:
        return Plan(problems=problems)
    hashes, files = {folder.version: folder.hashes for folder in folders}, dict[str, Hashes]()
    keep = news.get("keepVersions")
    versions = kept_versions(
        old, list(hashes), unpublish=unpublish, keep=int(keep) if isinstance(keep, (int, float)) else None
    )
    latest = max((record.order for record in old.values()), default=0)
    for order, folder in enumerate(folders, latest + 1):
        was = old.get(folder.version)
        if was and was.contentDigest == folder.content_digest:
            versions[folder.version] = was if folder.version in old_hashes else replace(was, order=order)
        elif was and not news.get("overwrite"):
            problems.append(_changed_content(folder, was, old_hashes.get(folder.version)))
        elif folder.pack:
            # The digests need the archive, so it is built here; `create` takes it from the cache.
            archive, spool = build(folder.pack, created)
            archives.keep(archive.digest, archive.size, spool)
            versions[folder.version] = to_publish(folder.pack, archive, created, order)
            if was:
                files[folder.version] = short_hashes(folder.pack.files)
    return Plan(versions, hashes, problems, files)


def _read_folders(
    news: Mapping[str, Any],
    old: Mapping[str, PublishedVersion],
    old_hashes: Mapping[str, Hashes],
    problems: list[str],
) -> list[_VersionFolder]:
    """Every version that a folder holds, in order."""
    validated: Mapping[str, Sequence[str]] = news.get("validated") or {}
    folders: list[_VersionFolder] = []
    sources = [str(source) for source in news.get("sources") or ()]
    keep = len(sources) == 1  # all are read before the first is archived: of several, memory would hold every one
    for source in sources:
        name, version, digest = validated.get(source) or ("", "", None)
        was, hashes = old.get(version), old_hashes.get(version)
        if was and hashes and was.contentDigest == digest:
            folders.append(_VersionFolder(source, name, version, was.contentDigest, hashes, None))
        elif pack := _read(source, digest, problems, keep=keep):
            folders.append(
                _VersionFolder(source, pack.name, pack.version, pack.content_digest, file_hashes(pack), pack)
            )
    problems += _conflicts(folders, news.get("repository"))
    return sorted(folders, key=lambda folder: by_version(folder.version))


def _invalid_inputs(news: Mapping[str, Any]) -> list[str]:
    """Values that settings would reject: a program may pass anything. Unknown values are accepted."""
    problems, repository, keep = [], news.get("repository"), news.get("keepVersions")
    if isinstance(repository, str):
        problems += _reason("repository", lambda: split(repository))
    if isinstance(created := news.get("created") or CREATED, str):
        problems += _reason("created", lambda: timestamp(created))
    if isinstance(keep, (int, float)) and keep < 1:
        problems.append(f"keep_versions: {keep:g}: keep at least 1, or all (None)")
    return problems


def _reason(key: str, validate: Callable[[], object]) -> list[str]:
    try:
        validate()
    except ValueError as error:
        return [f"{key}: {error}"]
    return []


def _conflicts(folders: Sequence[_VersionFolder], repository: object) -> list[str]:
    problems: list[str] = []
    if len(names := sorted({folder.name for folder in folders})) > 1:
        problems.append(f"one repository holds one pack, but these sources hold {', '.join(names)}")
    elif names and isinstance(repository, str) and repository.rpartition("/")[2] != names[0]:
        problems.append(
            f"{repository} is no repository of {names[0]}: its last component must equal the name in pack.json"
        )
    versions: dict[str, list[str]] = {}
    for folder in folders:
        versions.setdefault(folder.version, []).append(folder.source)
    problems += [
        f"{' and '.join(sources)} hold the same version, {version}: give one of them another version in pack.json"
        for version, sources in versions.items()
        if len(sources) > 1
    ]
    return problems


def _read(source: str, validated: str | None, problems: list[str], *, keep: bool) -> Pack | None:
    try:
        pack = read_pack(Path(source), keep=keep, validated=validated)
    except PackError as error:
        problems.append(str(error))
        return None
    problems += [f"pack {source}: {problem}" for problem in pack.errors]
    return pack


def _changed_content(folder: _VersionFolder, was: PublishedVersion, hashes: Hashes | None) -> str:
    """hashes: of the files that were published, if they are known"""
    files = short_hashes(folder.pack.files) if folder.pack else folder.hashes
    changes = f" ({file_changes(hashes, folder.hashes, files)})" if hashes else ""
    remedy = "give it a new version in pack.json, or undo the change"
    if hashes and changed_bits(hashes, files):
        remedy = f"{BITS_REMEDY}. If you changed them, give it a new version in pack.json"
    return (
        f"the content of {folder.name} {folder.version} ({folder.source}) has changed since it was published{changes}: "
        f"it was {was.contentDigest}, it is {folder.content_digest}\n"
        f'      -> {remedy}. "overwrite: true" for this pack '
        "publishes it again under the same version, in a repository that isn't immutable; Palette caches digests "
        "and may keep asking for the old one"
    )
