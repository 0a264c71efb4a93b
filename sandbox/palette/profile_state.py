"""A version of a cluster profile, and how responses show it (palette/behaviour.md PAL-76 to 80)."""

import copy
import hashlib
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import yaml

from sandbox.palette.errors import invalid
from sandbox.palette.overrides import Overrides
from sandbox.palette.spec import MASK, Json
from sandbox.palette.state import now


@dataclass
class Profile:
    tenant: str
    project: str  # uid, "" for the tenant's
    name: str
    version: str
    type: str
    cloud: str
    notes: Json  # annotations and labels
    uid: str = field(default_factory=lambda: secrets.token_hex(12))
    created: str = field(default_factory=now)
    draft: list[Json] | None = None  # packs as they were sent, with the uids of their manifests
    published: list[Json] | None = None
    variables: list[Json] = field(default_factory=list)
    clusters: list[Json] = field(default_factory=list)  # that use it: uid, name, projectUid

    def write(self, packs: list[Json]) -> None:
        """PAL-82."""
        self.draft = copy.deepcopy(packs)
        for pack in self.draft:
            for manifest in pack.get("manifests") or []:
                manifest["uid"] = manifest.get("uid") or secrets.token_hex(12)

    def publish(self) -> None:
        self.published, self.draft = self.draft, None

    def copy_as(self, name: str, version: str, project: str) -> "Profile":
        """PAL-87."""
        twin = Profile(self.tenant, project, name, version, self.type, self.cloud, copy.deepcopy(self.notes))
        twin.draft, twin.published = copy.deepcopy(self.draft), copy.deepcopy(self.published)
        twin.variables = copy.deepcopy(self.variables)
        return twin

    def shown(self, siblings: Iterable["Profile"], invalid_reason: Callable[[Json], str], overrides: Overrides) -> Json:
        scope = {"scope": "project", "projectUid": self.project} if self.project else {"scope": "tenant"}
        annotations = {**self.notes.get("annotations", {}), **scope}
        metadata = {
            "name": self.name, "uid": self.uid, "creationTimestamp": self.created, "annotations": annotations,
            "labels": self.notes.get("labels", {}),
        }  # fmt: skip
        spec: Json = {
            "version": self.version, "versions": [{"uid": each.uid, "version": each.version} for each in siblings]
        }  # fmt: skip
        for state, packs in (("draft", self.draft), ("published", self.published)):
            if packs is not None:
                shown = [_pack(pack, invalid_reason(pack), overrides) for pack in packs]
                spec[state] = {
                    "name": self.name, "uid": secrets.token_hex(12), "type": self.type, "cloudType": self.cloud,
                    "packs": shown, "profileVersion": self.version,
                }  # fmt: skip
        status = {
            "isPublished": self.published is not None, "inUseClusters": self.clusters, "inUseClusterTemplates": [],
        }  # fmt: skip
        return {"metadata": metadata, "spec": spec, "status": status}

    def manifests(self, pack: str) -> Json | None:
        """PAL-79; None if no layer has that name."""
        entities: dict[str, Json] = {}
        layers = [(s, p) for s in ("draft", "published") for p in getattr(self, s) or [] if p["name"] == pack]
        for state, layer in layers:
            for manifest in layer.get("manifests") or []:
                content = str(manifest.get("content") or "").strip()
                entity = entities.setdefault(
                    manifest["uid"], {"metadata": {"name": manifest["name"], "uid": manifest["uid"]}, "spec": {}}
                )
                entity["spec"][state] = {"content": content, "digest": _digest(content)}
        return {"items": list(entities.values())} if layers else None

    def shown_variables(self) -> Json:
        """PAL-100."""
        return {
            "variables": [
                {
                    "format": "string", "inputType": "text", **variable,
                    **({"defaultValue": MASK} if variable.get("isSensitive") and variable.get("defaultValue") else {}),
                }
                for variable in self.variables
            ]
        }  # fmt: skip


def _pack(pack: Json, invalid_reason: str, overrides: Overrides) -> Json:
    values = str(pack.get("values") or "").strip()
    if overrides.reorders:
        values = sorted_yaml(values)
    return {
        "name": pack["name"], "type": pack.get("type") or "spectro", "layer": pack.get("layer") or "",
        "registryUid": pack.get("registryUid") or "", "packUid": pack.get("uid") or "", "tag": pack.get("tag") or "",
        "version": pack.get("version") or pack.get("tag") or "", "values": values,
        "manifests": [{"name": each["name"], "uid": each["uid"]} for each in pack.get("manifests") or []],
        "server": "", "digest": _digest(values), "schema": [], "presets": [], "annotations": {},
        "isInvalid": bool(invalid_reason), "inValidReason": invalid_reason,
    }  # fmt: skip


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def sorted_yaml(text: str) -> str:
    """PAL-78: TF #951."""
    try:
        parsed = yaml.safe_load(text)
    except yaml.YAMLError:
        return text
    return str(yaml.safe_dump(parsed, sort_keys=True)).strip() if isinstance(parsed, dict) else text


def texts(data: Any, path: str, *names: str) -> Json:
    """Those fields of an object that are set, each a string."""
    if not isinstance(data, dict) or not all(isinstance(data.get(name) or "", str) for name in names):
        raise invalid(f"{path} must be an object, {', '.join(names)} in it strings")
    return {name: data[name] for name in names if data.get(name)}
