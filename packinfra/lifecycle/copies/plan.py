"""The next state of a repository with copies, from the program's entries and the old inputs. Asks no registry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from packinfra.lifecycle.clients import repository_identity, repository_problems
from packinfra.lifecycle.copies.state import CopiedTag, Entry, in_order, tags_from
from packinfra.lifecycle.results import UNKNOWN, known_list, unknown_options
from packinfra.lifecycle.retention import keep_of, keep_problems, kept
from packinfra.oci.reference import Reference


@dataclass(frozen=True)
class Plan:
    """tags of the next state, with those that only state has; or `problems`: every reason why there is none"""

    tags: Mapping[str, CopiedTag] = field(default_factory=dict)
    problems: Sequence[str] = ()


def make_plan(olds: Mapping[str, Any], news: Mapping[str, Any]) -> Plan:
    """olds: the old inputs, empty for a new resource (and in a replacement); news: those from the program"""
    entries, problems = _entries(news), _invalid_inputs(news)
    readable = [entry for entry in entries if isinstance(entry, Entry)]
    problems += [entry for entry in entries if isinstance(entry, str)]
    repository, unpublish = news.get("repository"), known_list(news, "unpublish")
    by_tag: dict[str, list[Entry]] = {}
    for entry in readable:
        problems += _unusable(entry, repository, news)
        for tag in entry.tags:
            by_tag.setdefault(tag, []).append(entry)
    problems += [
        f"the tag {tag} is in {len(found)} entries: {', '.join(str(entry.source) for entry in found)}"
        for tag, found in by_tag.items()
        if len(found) > 1
    ]
    problems += [
        f"the tag {tag} is to be withdrawn (unpublish), but an entry has it" for tag in by_tag if tag in unpublish
    ]
    old = tags_from(olds)
    for tag, (entry, *_) in by_tag.items():
        if (was := old.get(tag)) and was.manifestDigest != entry.source.digest and not entry.overwrite:
            problems.append(
                f"the tag {tag} carries {was.manifestDigest}, which was copied to it before, and is now to be "
                f"{entry.source.digest}\n      -> give it another tag; or set overwrite: true in the entry, in a repository "
                "that isn't immutable"
            )
    if problems:
        return Plan(problems=problems)
    order = [tag for tag, _ in in_order(old.items())]
    stay = kept(order, by_tag, unpublish=unpublish, keep=keep_of(news))
    latest = max((record.order for record in old.values()), default=0)
    current = {tag: _record(entry, old.get(tag), latest + 1) for tag, (entry, *_) in by_tag.items()}
    return Plan({**{tag: old[tag] for tag in stay}, **current})


def _record(entry: Entry, was: CopiedTag | None, order: int) -> CopiedTag:
    planned = CopiedTag(order, entry.source.repository, entry.source.digest, entry.referrers)
    return replace(planned, order=was.order) if was and was.manifestDigest == planned.manifestDigest else planned


def _entries(news: Mapping[str, Any]) -> list[Entry | str]:
    """Each entry, or why it can't be used."""

    def read(number: int, props: object) -> Entry | str:
        located = props.get("from") if isinstance(props, Mapping) else None
        name = located if isinstance(located, str) else f"copies[{number}]"
        try:
            return Entry.of(props if isinstance(props, Mapping) else {})
        except ValueError as error:
            return f"{name}: {error}"

    entries = news.get("copies") or ()
    if not isinstance(entries, (list, tuple)):
        return [f"copies: {UNKNOWN}"]
    return [read(*each) for each in enumerate(entries)] or ["nothing is to be copied: remove the resource instead"]


def _unusable(entry: Entry, repository: object, news: Mapping[str, Any]) -> list[str]:
    problems = []
    for tag in entry.tags:
        try:
            is_digest = Reference.of("h.example/r", tag).is_digest
        except ValueError as error:
            problems.append(f"{entry.source}: {error}")
        else:
            problems += [f"{entry.source}: a digest is no tag: {tag}"] if is_digest else []
    if isinstance(repository, str):
        target = repository_identity(repository, news.get("registryAccess"))
        if target == repository_identity(entry.source.repository, entry.access):
            problems.append(f"{entry.source}: source and target are one repository")
    if news.get("pack") and len(entry.tags) > 1:
        problems.append(f"{entry.source}: a pack has one tag, its version; these are {len(entry.tags)}")
    return problems


def _invalid_inputs(news: Mapping[str, Any]) -> list[str]:
    """Values that settings would reject: a program may pass anything. An unknown repository or keepVersions is accepted."""
    return [*unknown_options(news, "unpublish"), *repository_problems(news.get("repository")), *keep_problems(news)]
