"""A resource's next state, from its sources and its old inputs. Reads files; asks no registry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from packinfra.lifecycle.clients import repository_problems
from packinfra.lifecycle.publishing.archive_cache import ArchiveCache
from packinfra.lifecycle.publishing.family import Family, Hashes, Held, Words
from packinfra.lifecycle.publishing.file_changes import BITS_REMEDY, NO_FILE, changed_bits, file_changes
from packinfra.lifecycle.publishing.state import PublishedVersion, by_version, kept_versions, versions_from
from packinfra.lifecycle.results import known_list, unknown_options
from packinfra.lifecycle.retention import keep_of, keep_problems
from packinfra.packs.archive import CREATED, timestamp


@dataclass(frozen=True)
class Plan:
    """`versions` and `file_hashes` of the next state, or `problems`: every reason why there is none.

    files: version that is published again -> the hash of each file; for messages
    """

    versions: Mapping[str, PublishedVersion] = field(default_factory=dict)
    file_hashes: Mapping[str, Hashes] = field(default_factory=dict)
    problems: Sequence[str] = ()
    files: Mapping[str, Hashes] = field(default_factory=dict)


def make_plan(family: Family, olds: Mapping[str, Any], news: Mapping[str, Any], archives: ArchiveCache) -> Plan:
    """
    olds: the old inputs, empty for a new resource (and in a replacement)
    news: the inputs from the program
    """
    old, old_hashes, problems = versions_from(olds), olds.get("fileHashes") or {}, _invalid_inputs(news)
    unpublish, created = known_list(news, "unpublish"), str(news.get("created") or CREATED)
    found = family.read(news, old, old_hashes, problems)
    problems += [*family.conflicts(found, news.get("repository")), *_twice(family.words, found)]
    sources = sorted(found, key=lambda held: by_version(held.version))
    problems += [
        f"{held.name} {held.version} is to be withdrawn (unpublish), but {held.source} holds it\n"
        f"      -> remove the {family.words.holder}, or the version from unpublish"
        for held in sources
        if held.version in unpublish
    ]
    if problems:
        return Plan(problems=problems)
    hashes, files = {held.version: held.hashes for held in sources}, dict[str, Hashes]()
    versions = kept_versions(old, list(hashes), unpublish=unpublish, keep=keep_of(news))
    latest = max((record.order for record in old.values()), default=0)
    for order, held in enumerate(sources, latest + 1):
        was = old.get(held.version)
        if was and was.contentDigest == held.content_digest:
            versions[held.version] = was if held.version in old_hashes else replace(was, order=order)
        elif was and not news.get("overwrite"):
            problems.append(_changed_content(family.words, held, was, old_hashes.get(held.version)))
        elif held.content is not None:
            # The digests need the archive, so it is built here.
            versions[held.version] = family.record(held, created, order, archives)
            if was and held.files is not None:
                files[held.version] = held.files
    return Plan(versions, hashes, problems, files)


def _invalid_inputs(news: Mapping[str, Any]) -> list[str]:
    """Values that settings would reject: a program may pass anything. An unknown repository or keepVersions is accepted."""
    problems = unknown_options(news, "unpublish", "created")
    problems += repository_problems(news.get("repository"))
    try:
        if isinstance(created := news.get("created") or CREATED, str):
            timestamp(created)
    except ValueError as error:
        problems.append(f"created: {error}")
    return [*problems, *keep_problems(news)]


def _twice(words: Words, sources: Sequence[Held]) -> list[str]:
    versions: dict[str, list[str]] = {}
    for held in sources:
        versions.setdefault(held.version, []).append(held.source)
    return [
        f"{' and '.join(names)} hold the same version, {version}: give one of them another version {words.where}"
        for version, names in versions.items()
        if len(names) > 1
    ]


def _changed_content(words: Words, held: Held, was: PublishedVersion, hashes: Hashes | None) -> str:
    """hashes: of the files that were published, if they are known"""
    files = held.files if held.files is not None else held.hashes
    changes = f" ({file_changes(hashes, held.hashes, files)})" if hashes else ""
    if words.besides:
        changes = changes.replace(f"({NO_FILE})", f"({NO_FILE}, but {words.besides})")
    remedy = f"give it a new version {words.where}, or undo the change"
    if hashes and changed_bits(hashes, files):
        remedy = f"{BITS_REMEDY}. If you changed them, give it a new version {words.where}"
    return (
        f"the content of {held.name} {held.version} ({held.source}) has changed since it was published{changes}: "
        f"it was {was.contentDigest}, it is {held.content_digest}\n"
        f'      -> {remedy}. "overwrite: true" for this {words.one} '
        "publishes it again under the same version, in a repository that isn't immutable; Palette caches digests "
        "and may keep asking for the old one"
    )
