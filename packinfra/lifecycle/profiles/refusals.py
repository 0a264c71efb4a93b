"""What a profile refuses in preview: from the inputs and the records in state alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from packinfra.lifecycle.profiles.preview import change
from packinfra.lifecycle.profiles.state import ProfileRecord, Records
from packinfra.lifecycle.results import Props, changed_keys
from packinfra.text import listed

_FIXED = ("type", "cloud")


def own_packs(props: Mapping[str, Any]) -> Mapping[str, Any]:
    """The packs of this stack: name -> digest."""
    digests = props.get("packDigests")
    return digests if isinstance(digests, dict) else {}


def unpublished(olds: Props, news: Props) -> Iterator[str]:
    """Packs of this stack that it doesn't publish, or will no longer."""
    published, layers = news.get("published"), news.get("layers")
    if not isinstance(published, dict) or not isinstance(layers, list):
        return
    for layer in layers:
        pack, version, there = layer["name"], layer["version"], published.get(layer["name"]) or []
        if pack not in own_packs(news) or not isinstance(version, str) or version in there:
            continue
        if version in ((olds.get("published") or {}).get(pack) or ()):
            yield f"pack {pack} {version} is to be withdrawn (unpublish, keepVersions, removedPacks), but it is a layer here"
        else:
            yield f"pack {pack} {version} is not published by this stack, which has {listed(there) or 'no version of it'}"


def refusals(olds: Props, news: Props, records: Records, *, immutable: bool) -> Iterator[str]:
    """immutable: whether changed content under a version that is in Palette is refused"""
    name, version = news["profileName"], news.get("version")
    for key in changed_keys(olds, news, _FIXED):
        yield (
            f"profile {name}: its {key} is fixed once it is created: it is {olds.get(key)}, not {news.get(key)}\n"
            "  -> give the new one another name"
        )
    was = records.get(version) if isinstance(version, str) else None
    if immutable and was and was.declared and _is_changed(olds, news, was):
        yield (
            f"profile {name}: immutable is true, and the content of {version} has changed\n  -> give it a new version\n"
            f"  {change(olds, news, was)}"
        )
    yield from _withdrawn(str(name), news, records)


def _is_changed(olds: Props, news: Props, was: ProfileRecord) -> bool:
    """What isn't known yet is compared at `up`. Secrets are compared apart: no digest is kept of them."""
    declared, secrets = news.get("declared"), news.get("sensitiveDefaults") or {}
    is_current = olds.get("version") == news.get("version")
    return (isinstance(declared, str) and declared != was.declared) or (
        is_current and isinstance(secrets, dict) and secrets != (olds.get("sensitiveDefaults") or {})
    )


def _withdrawn(name: str, news: Props, records: Records) -> Iterator[str]:
    published = news.get("published")
    if not isinstance(published, dict):
        return
    found: dict[tuple[str, str], list[str]] = {}
    for version, record in records.items():
        for pack, needed in record.packs.items():
            if isinstance(there := published.get(pack, []), list) and needed not in there:
                found.setdefault((pack, needed), []).append(version)
    for (pack, needed), versions in found.items():
        yield (
            f"pack {pack} {needed} can't be withdrawn: the profile {name} {listed(versions)} uses it\n"
            "  -> keep it (its folder, unpublish, keepVersions, removedPacks), or let the profile go first, in an up of its "
            "own: give that version another version of the pack, or let keepVersions of the profile delete it"
        )
