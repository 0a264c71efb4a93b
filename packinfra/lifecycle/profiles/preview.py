"""What preview says of a profile: which layers change, how their values do, and what that means for clusters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from packinfra.lifecycle.profiles.progress import EDITED
from packinfra.lifecycle.profiles.state import ProfileRecord, layer_from_props, to_version
from packinfra.lifecycle.profiles.values_diff import values_diff
from packinfra.palette.profile import Layer, ProfileVersion
from packinfra.palette.profile_differences import differences
from packinfra.text import listed, plural

_MOST_LAYERS = 5


def change(olds: Mapping[str, Any], news: Mapping[str, Any], published: ProfileRecord | None) -> str:
    """One message. published: the record of the version that is changed in place; None: it is a new one"""
    name, version, before = news["profileName"], news["version"], olds.get("version")
    old, new, unknown = _versions(olds, news)
    edited = olds.get(EDITED) or ()
    changes = [] if old is None or new is None else differences(old, new)
    changes += [f"layer {layer}: its values are those published by this version, known at up" for layer in unknown]
    if old is not None and new is not None and olds.get("packDigests") != news.get("packDigests"):
        changes += _published_again(olds, news)
    said = listed(changes, 12)
    if published is None:
        head = f"profile {name} {version} will be created" + (f"; since {before}: {said}" if said else "")
    elif before != version:
        head = f"profile {name} {version} becomes the current version again" + (
            f"; since {before}: {said}" if said else ""
        )
    elif edited and not said:
        head = f"profile {name} {version} was edited in Palette and will be written again: {listed(edited, 12)}"
    else:
        head = f"profile {name} {version} will be changed" + (f": {said}" if said else "")
    if published and before == version and (said or edited):
        head += f"; {_offered(published)}"
    return "\n".join(
        [head, *_values(old, new, unknown, secret=bool(news.get("secretValues") or olds.get("secretValues")))]
    )


def _offered(record: ProfileRecord) -> str:
    if not record.clusters:
        return "no cluster used it at the last up or refresh"
    return f"{plural(record.clusters, 'cluster')} used it at the last up or refresh, and will be offered the change"


def _versions(
    olds: Mapping[str, Any], news: Mapping[str, Any]
) -> tuple[ProfileVersion | None, ProfileVersion | None, Sequence[str]]:
    """(before; after; the layers whose values aren't known yet). Registries by their name, in place of uids."""
    try:
        declared = [dict(layer) for layer in news["layers"]]
        unknown = []
        before = {str(layer["name"]): layer for layer in olds.get("resolved") or ()}
        layers = []
        for layer in declared:
            old = before.get(layer["name"])
            same_place = bool(old and old["registry"] == layer["registry"])
            if "values" not in layer:
                if old and same_place and old["version"] == layer["version"] and old.get("set") == layer.get("set"):
                    layer["values"] = old["values"]
                else:
                    unknown.append(str(layer["name"]))
                    layer["values"] = old["values"] if old else ""
            if old and same_place:
                layer["type"] = old["type"]
                layer["layer"] = layer.get("layer") or old["layer"]
            layers.append(_by_name(layer))
        old_version = to_version({**olds, "sensitiveDefaults": olds.get("sensitiveDefaults") or {}}, [
            _by_name(layer) for layer in olds.get("resolved") or ()
        ])  # fmt: skip
        return old_version, to_version(news, layers), unknown
    except (TypeError, KeyError, AttributeError):  # unknown
        return None, None, ()


def _by_name(layer: Mapping[str, Any]) -> Layer:
    return replace(layer_from_props(layer), registry_uid=str(layer["registry"]), pack_uid="")


def _published_again(olds: Mapping[str, Any], news: Mapping[str, Any]) -> list[str]:
    old, new = olds.get("packDigests") or {}, news.get("packDigests") or {}
    if not (isinstance(old, dict) and isinstance(new, dict)):  # unknown
        return []
    versions = {layer["name"]: layer["version"] for layer in olds.get("resolved") or ()}
    return [
        f"layer {layer['name']}: {layer['version']} is published again with other content"
        for layer in news["layers"]
        if versions.get(layer["name"]) == layer["version"] and old.get(layer["name"]) != new.get(layer["name"])
    ]


def _values(
    old: ProfileVersion | None, new: ProfileVersion | None, unknown: Sequence[str], *, secret: bool
) -> list[str]:
    if old is None or new is None:
        return []
    lines: list[str] = []
    before = {layer.name: layer for layer in old.layers}
    changed = [
        layer for layer in new.layers
        if layer.name in before and layer.name not in unknown and before[layer.name].values.strip() != layer.values.strip()
    ]  # fmt: skip
    for layer in changed[:_MOST_LAYERS]:
        was = before[layer.name]
        lines.append(f"  values of {layer.name}, {was.version} -> {layer.version}:")
        shown = ["(not shown: packinfra:profiles is a secret)"] if secret else values_diff(was.values, layer.values)
        lines += [f"    {line}" for line in shown]
    if (more := len(changed) - _MOST_LAYERS) > 0:
        lines.append(f"  and the values of {plural(more, 'more layer')}")
    return lines
