"""Packs as responses show them (palette/behaviour.md PAL-52 to 58)."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from sandbox.palette.errors import invalid, not_found
from sandbox.palette.index import Pack
from sandbox.palette.spec import Json
from sandbox.palette.state import Registry

_TOKEN = re.compile(r"next-(\d+)")
Entry = tuple[Registry, Pack]


def all_packs(registries: Iterable[Registry]) -> list[Entry]:
    """In the order in which Palette lists versions: as text."""
    entries = [(registry, pack) for registry in registries for pack in registry.packs]
    return sorted(entries, key=lambda item: (item[1].name, item[1].version, item[0].uid))


def fits(pack: Pack, query: Mapping[str, str]) -> bool:
    """PAL-54."""
    clouds, layer = pack.about.get("cloudTypes", []), pack.about.get("layer", "")
    cloud_fits = "all" in clouds or query.get("cloudType", "") in ("", "all", *clouds)
    return cloud_fits and query.get("layer", "") in ("", layer)


def of_registry(registry: Registry, name: str, query: Mapping[str, str], *, empty: bool) -> Json:
    """V1PackTagEntity: all versions of one pack in one registry."""
    packs = [pack for _, pack in all_packs([registry]) if pack.name == name and fits(pack, query)]
    if not packs and not empty:
        raise not_found(f"pack {name} in registry {registry.uid}")
    about = _about(packs[-1]) if packs else {"name": name}
    tags = [
        {"packUid": pack.uid, "version": pack.version, "tag": pack.tag, "group": "", "parentTags": []} for pack in packs
    ]
    values: list[Json] = [
        {
            "packUid": pack.uid, "values": pack.values, "readme": pack.readme, "presets": [], "schema": [],
            "annotations": pack.about.get("annotations", {}), "dependencies": [],
        }
        for pack in packs
    ]  # fmt: skip
    return {**about, "registryUid": registry.uid, "logoUrl": "", "tags": tags, "packValues": values}


def _about(pack: Pack) -> Json:
    names = ("name", "displayName", "layer", "addonType", "cloudTypes")
    return {name: pack.about[name] for name in names if name in pack.about}


def whole(registry: Registry, pack: Pack) -> Json:
    spec = {
        **_about(pack), "version": pack.version, "registryUid": registry.uid, "type": registry.pack_type, "values": pack.values,
        "annotations": pack.about.get("annotations", {}), "presets": [], "schema": [], "manifests": [],
    }  # fmt: skip
    return {"kind": "Pack", "metadata": {"name": pack.name, "uid": pack.uid}, "spec": spec}


def filtered(packs: list[Entry], filters: str) -> list[Entry]:
    """``spec.name=XANDspec.version=Y``."""
    for condition in filters.split("AND") if filters else []:
        field, equals, value = condition.partition("=")
        if not equals or field not in ("spec.name", "spec.version", "spec.registryUid", "metadata.uid"):
            raise invalid(f"filters: {condition!r} is none of spec.name=, spec.version=, spec.registryUid=")
        attribute = {"spec.name": "name", "spec.version": "version", "metadata.uid": "uid"}.get(field)
        packs = [(r, pack) for r, pack in packs if (getattr(pack, attribute) if attribute else r.uid) == value]
    return packs


def searched(packs: list[Entry], condition: Any) -> list[Json]:
    """V1PackMetadata: one item for each name."""
    forms = {"name": dict, "registryUid": list, "type": list, "layer": list}
    if not isinstance(condition, dict) or not all(
        isinstance(condition.get(key, kind()), kind) for key, kind in forms.items()
    ):
        raise invalid("filter needs an object for name, lists for registryUid, type and layer")
    exact_name = condition.get("name", {}).get("eq")
    names: dict[str, list[Entry]] = {}
    for registry, pack in packs:
        about = {"registryUid": registry.uid, "type": registry.pack_type, "layer": pack.about.get("layer", "")}
        if exact_name in (None, "", pack.name) and all(
            value in (condition.get(key) or [value]) for key, value in about.items()
        ):
            names.setdefault(pack.name, []).append((registry, pack))
    return [
        {"spec": {**_about(entries[-1][1]), "type": entries[-1][0].pack_type, "registries": _registries(entries)}}
        for entries in names.values()
    ]


def _registries(entries: list[Entry]) -> list[Json]:
    latest = {registry.uid: (registry, pack) for registry, pack in entries}  # the last one is the highest
    return [
        {
            "uid": uid, "name": registry.name, "scope": registry.scope, "latestVersion": pack.version,
            "latestPackUid": pack.uid, "annotations": pack.about.get("annotations", {}),
        }
        for uid, (registry, pack) in latest.items()
    ]  # fmt: skip


def page(items: list[Json], query: Mapping[str, str], most: int) -> Json:
    """The page that ``limit`` and ``continue`` (or ``offset``) select."""
    token = _TOKEN.fullmatch(query.get("continue", ""))
    if query.get("continue") and not token:
        raise invalid("continue is not a token of a response")
    numbers = query.get("limit") or str(most), token[1] if token else query.get("offset") or "0"
    if not all(number.isdecimal() for number in numbers):
        raise invalid("limit and offset must be whole numbers")
    limit, start = min(int(numbers[0]) or most, most), int(numbers[1])
    end = start + limit
    more = end < len(items)
    meta = {
        "continue": f"next-{end}" if more else "",
        "count": len(items),
        "limit": limit,
        "offset": end if more else 0,
    }
    return {"items": items[start:end], "listmeta": meta}
