"""The record in state of each version of a profile, and the content of the current one. Names are frozen."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from packinfra.lifecycle.retention import keep_of, kept
from packinfra.palette.profile import Layer, ProfileVersion, Variable


@dataclass(frozen=True)
class ProfileRecord:
    """One version as state records it.

    uid:      Palette's
    order:    rises when a version becomes current; pruning takes the lowest first
    declared: digest of what the program declared
    content:  digest of what Palette had after it was written (palette/profile_differences.py)
    packs:    its packs of this stack: name -> version
    clusters: how many clusters used it at the last up or refresh
    """

    uid: str
    order: int
    declared: str
    content: str
    packs: Mapping[str, str]
    clusters: int = 0

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> ProfileRecord:
        """From state, where numbers arrive as floats (pulumi/pulumi#13830)."""
        return cls(
            uid=str(record["uid"]),
            order=int(record["order"]),
            declared=str(record["declared"]),
            content=str(record["content"]),
            packs={str(pack): str(version) for pack, version in (record.get("packs") or {}).items()},
            clusters=int(record.get("clusters") or 0),
        )


Records = Mapping[str, ProfileRecord]


def records_from(props: Mapping[str, Any]) -> dict[str, ProfileRecord]:
    """In the order in which they became current; None and unknown values count as none."""
    records = props.get("versions")
    if not isinstance(records, dict):
        return {}
    parsed = {version: ProfileRecord.of(record) for version, record in records.items()}
    return dict(sorted(parsed.items(), key=lambda item: item[1].order))


def records_to_props(records: Records) -> dict[str, Any]:
    return {version: {**asdict(record), "packs": dict(record.packs)} for version, record in records.items()}


def beyond_keep(records: Records, props: Mapping[str, Any]) -> list[str]:
    """The versions that keepVersions lets go, those first that became current longest ago."""
    current = [str(props["version"])]
    stay = kept(list(records), current, unpublish=(), keep=keep_of(props))
    return [version for version in records if version not in (*stay, *current)]


def declared_digest(props: Mapping[str, Any]) -> str | None:
    """Of everything that is written to a version; None while something isn't known yet. Without the defaults of sensitive
    variables, which could be guessed from it."""
    keys = ("type", "cloud", "description", "tags", "variables", "layers", "packDigests")
    content = {key: props.get(key) or None for key in keys}
    try:
        if content["variables"]:  # Palette has them in the order in which they were made
            content["variables"] = sorted(content["variables"], key=lambda each: str(each["name"]))
        text = json.dumps(content, sort_keys=True)
    except TypeError:  # unknown
        return None
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def to_version(props: Mapping[str, Any], layers: Sequence[Layer]) -> ProfileVersion:
    """A profile's properties as content."""
    return ProfileVersion(
        name=str(props["profileName"]),
        version=str(props["version"]),
        type=str(props["type"]),
        cloud=str(props["cloud"]),
        description=str(props.get("description") or ""),
        tags={key: value or None for key, value in (props.get("tags") or {}).items()},
        layers=tuple(layers),
        variables=tuple(_variable(each, props.get("sensitiveDefaults") or {}) for each in props.get("variables") or ()),
    )


def _variable(props: Mapping[str, Any], sensitive: Mapping[str, Any]) -> Variable:
    name = str(props["name"])
    default = sensitive.get(name) if props.get("sensitive") else props.get("default")
    return Variable(
        name=name,
        display_name=str(props.get("displayName") or name),
        description=str(props.get("description") or ""),
        format=str(props.get("format") or "string"),
        input_type=str(props.get("inputType") or "text"),
        default=str(default or ""),
        regex=str(props.get("regex") or ""),
        options=tuple((str(option), str(option)) for option in props.get("options") or ()),
        required=bool(props.get("required")),
        hidden=bool(props.get("hidden")),
        immutable=bool(props.get("immutable")),
        sensitive=bool(props.get("sensitive")),
    )


def layer_to_props(layer: Layer, declared: Mapping[str, Any]) -> dict[str, Any]:
    """A layer as it was written; `declared`: as the program has it."""
    props = {
        "name": layer.name, "registry": declared["registry"], "version": layer.version,
        "registryUid": layer.registry_uid, "packUid": layer.pack_uid, "type": layer.type, "layer": layer.layer,
        "values": layer.values,
    }  # fmt: skip
    return {**props, **({"set": declared["set"]} if declared.get("set") else {})}


def layer_from_props(props: Mapping[str, Any]) -> Layer:
    return Layer(
        name=str(props["name"]),
        version=str(props["version"]),
        registry_uid=str(props.get("registryUid") or ""),
        pack_uid=str(props.get("packUid") or ""),
        type=str(props.get("type") or "oci"),
        layer=str(props.get("layer") or ""),
        values=str(props.get("values") or ""),
    )
