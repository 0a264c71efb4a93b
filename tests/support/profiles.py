"""Bodies of cluster profiles as Palette takes them. Nothing here comes from the product."""

from __future__ import annotations

import uuid
from typing import Any

from tests.support.palette import Json, Palette

P = "/v1/clusterprofiles"
LIST = "/v1/dashboard/clusterprofiles/metadata"
PUBLIC = "Public Repo"
TUTORIAL = (("ubuntu-aws", "22.04"), ("kubernetes", "1.28.11"), ("cni-calico", "3.26.3"), ("csi-aws-ebs", "1.22.0"))


def new_name() -> str:
    return f"p-{uuid.uuid4().hex[:8]}"


def scope(palette: Palette, project: str = "Default") -> dict[str, str]:
    """The header of a project."""
    items = palette.get(f"/v1/dashboard/projects/metadata?name={project}")["items"]
    return {"ProjectUid": items[0]["metadata"]["uid"]}


def public_uid(palette: Palette) -> str:
    items = palette.get("/v1/registries/metadata?scope=system")["items"]
    return str(next(item["uid"] for item in items if item["name"] == PUBLIC))


def layer(palette: Palette, name: str, version: str, registry: str = "", **changes: Any) -> Json:
    """A layer with its published values. registry: its uid; "" = Public Repo"""
    uid, kind = (registry, "oci") if registry else (public_uid(palette), "spectro")
    entry = palette.get(f"/v1/packs/{name}/registries/{uid}?cloudType=all")
    pack = next(tag["packUid"] for tag in entry["tags"] if tag["version"] == version)
    values = next(item["values"] for item in entry["packValues"] if item["packUid"] == pack)
    return {"name": name, "type": kind, "registryUid": uid, "uid": pack, "tag": version, "values": values, **changes}


def manifest_layer(name: str, **texts: str) -> Json:
    manifests = [{"name": title, "content": content} for title, content in texts.items()]
    return {
        "name": name,
        "type": "manifest",
        "layer": "addon",
        "uid": "spectro-manifest-pack",
        "values": "",
        "manifests": manifests,
    }


def body(name: str, packs: list[Json], version: str = "1.0.0", **spec: Any) -> Json:
    template = {"type": spec.pop("type", "add-on"), "cloudType": spec.pop("cloud", "all"), "packs": packs}
    metadata = {"name": name, "annotations": {"description": "d"}, "labels": {"team": "docs", "demo": "spectro__tag"}}
    return {"metadata": metadata, "spec": {"version": version, "template": template, **spec}}


def create(palette: Palette, profile: Json, headers: dict[str, str], query: str = "?publish=true") -> str:
    """The uid."""
    response = palette.send("POST", P + query, profile, headers=headers)
    assert response.status_code == 201, response.text
    return str(response.json()["uid"])
