"""The Palette stand-in lists packs (sandbox/palette/behaviour.md): the lookups."""

from typing import Any

import pytest

from tests.support.aws import Json, MakeSpec, Register, Shelf
from tests.support.palette import Palette, pack_layer
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.sandbox

SEARCH = "/v1/packs/search"


@pytest.fixture
def uid(palette: Palette, register: Register, make_spec: MakeSpec, shelf: Shelf) -> str:
    """A registry with three versions of one pack and one of another."""
    for version in ("1.9.5", "1.13.3", "1.0.0"):
        shelf.push("hello", version, pack_layer(version=version, files={"values.yaml": f"v: {version}\n".encode()}))
    cni = pack_layer("net", layer="cni", cloudTypes=["aws", "eks"], annotations={"source": "community"})
    shelf.push("net", "1.0.0", cni)
    uid = register("ecr", make_spec())
    assert palette.sync("ecr", uid)["status"] == "Success"
    return uid


def test_of_a_registry(palette: Palette, uid: str) -> None:  # PAL-52
    entry = palette.get(f"/v1/packs/hello/registries/{uid}?cloudType=all&layer=&states=")
    tags, values = entry.pop("tags"), entry.pop("packValues")
    assert entry == {
        "name": "hello", "displayName": "Hello", "layer": "addon", "addonType": "app services", "cloudTypes": ["all"],
        "registryUid": uid, "logoUrl": "",
    }  # fmt: skip
    assert [(tag["version"], tag["tag"]) for tag in tags] == [("1.0.0",) * 2, ("1.13.3",) * 2, ("1.9.5",) * 2]
    assert set(tags[0]) == {"packUid", "version", "tag", "group", "parentTags"}
    assert [value["packUid"] for value in values] == [tag["packUid"] for tag in tags]
    assert len({tag["packUid"] for tag in tags}) == 3
    assert [value["values"] for value in values] == ["v: 1.0.0\n", "v: 1.13.3\n", "v: 1.9.5\n"]
    assert values[0]["readme"] == "# Hello\n"
    assert set(values[0]) == {"packUid", "values", "readme", "presets", "schema", "annotations", "dependencies"}


def test_empty_values(palette: Palette, register: Register, make_spec: MakeSpec, shelf: Shelf) -> None:  # PAL-52
    shelf.push("hello", "1.0.0", pack_layer(files={"values.yaml": b""}))
    registry = register("ecr", make_spec())
    palette.sync("ecr", registry)
    entry = palette.get(f"/v1/packs/hello/registries/{registry}")
    assert (entry["tags"][0]["version"], entry["packValues"][0]["values"]) == ("1.0.0", "")


def test_not_indexed(sandbox: Sandbox, palette: Palette, uid: str) -> None:  # PAL-53
    response = palette.send("GET", f"/v1/packs/none/registries/{uid}")
    assert (response.status_code, response.json()["code"]) == (404, "ResourceNotFound")
    assert palette.send("GET", "/v1/packs/hello/registries/none").status_code == 404
    with sandbox.palette.overrides(empty_lookup=True):
        entry = palette.get(f"/v1/packs/none/registries/{uid}")
        assert (entry["tags"], entry["packValues"]) == ([], [])
        assert palette.send("GET", "/v1/packs/hello/registries/none").status_code == 404


@pytest.mark.parametrize(
    ("query", "hello", "net"),
    [
        ("", True, True), ("cloudType=", True, True), ("cloudType=all", True, True), ("cloudType=aws", True, True),
        ("cloudType=azure", True, False), ("layer=addon", True, False), ("layer=cni&cloudType=eks", False, True),
    ],
)  # fmt: skip
def test_cloud_type_and_layer(palette: Palette, uid: str, query: str, hello: bool, net: bool) -> None:  # PAL-54
    for name, listed in (("hello", hello), ("net", net)):
        assert palette.send("GET", f"/v1/packs/{name}/registries/{uid}?{query}").status_code == (200 if listed else 404)


def test_filters(palette: Palette, register: Register, make_spec: MakeSpec, uid: str) -> None:  # PAL-55
    other = register("ecr", make_spec())
    palette.sync("ecr", other)
    path = "/v1/packs?filters=spec.name=helloANDspec.version=1.0.0"
    items = {item["spec"]["registryUid"]: item for item in palette.get(path)["items"]}
    assert {uid, other} <= set(items)
    spec = items[uid]["spec"]
    assert (spec["name"], spec["version"], spec["type"], spec["layer"]) == ("hello", "1.0.0", "oci", "addon")
    assert (spec["values"], spec["cloudTypes"]) == ("v: 1.0.0\n", ["all"])
    assert "digest" not in spec
    assert items[uid]["metadata"]["uid"] != items[other]["metadata"]["uid"]
    own = palette.get(f"{path}ANDspec.registryUid={uid}")
    assert [item["spec"]["registryUid"] for item in own["items"]] == [uid]
    assert own["listmeta"] == {"continue": "", "count": 1, "limit": 50, "offset": 0}
    assert palette.get(f"/v1/packs?filters=spec.name=noneANDspec.registryUid={uid}")["items"] == []
    for wrong in ("spec.name", "spec.layer=cni", "spec.name=hello AND spec.version=1.0.0", "AND"):
        response = palette.send("GET", "/v1/packs", params={"filters": wrong})
        assert (response.status_code, response.json()["code"]) == (400, "InvalidRequest")


def all_pages(palette: Palette, method: str, path: str, body: Any = None, **query: str) -> list[list[Json]]:
    pages: list[list[Json]] = []
    next_page: dict[str, str] = {}
    while not pages or next_page:
        response = palette.send(method, path, body, params={**query, **next_page})
        assert response.status_code == 200, response.text
        pages.append(response.json()["items"])
        meta = response.json()["listmeta"]
        assert meta["count"] == 4 or method == "POST"
        next_page = {"continue": meta["continue"], "offset": str(meta["offset"])} if meta["continue"] else {}
    return pages


def test_pages(sandbox: Sandbox, palette: Palette, uid: str) -> None:  # PAL-56
    own = f"spec.registryUid={uid}"
    one = all_pages(palette, "GET", "/v1/packs", filters=own)
    assert [len(page) for page in one] == [4]
    three = all_pages(palette, "GET", "/v1/packs", filters=own, limit="3")
    assert [len(page) for page in three] == [3, 1]
    assert three[0] + three[1] == one[0]
    with sandbox.palette.overrides(page=1):
        assert [len(page) for page in all_pages(palette, "GET", "/v1/packs", filters=own, limit="3")] == [1, 1, 1, 1]
        results = all_pages(palette, "POST", SEARCH, {"filter": {"registryUid": [uid]}})
        assert [page[0]["spec"]["name"] for page in results] == ["hello", "net"]
    assert [len(page) for page in all_pages(palette, "GET", "/v1/packs", filters=own, limit="0")] == [4]
    for wrong in ("limit=x", "offset=-1", "continue=x"):
        assert palette.send("GET", f"/v1/packs?{wrong}").status_code == 400


def test_search(palette: Palette, uid: str) -> None:  # PAL-57
    def names(**condition: Any) -> list[str]:
        condition = {"registryUid": [uid], **condition}
        response = palette.send("POST", SEARCH, {"filter": condition, "sort": [{"field": "name", "order": "asc"}]})
        assert response.status_code == 200, response.text
        return [item["spec"]["name"] for item in response.json()["items"]]

    assert names() == ["hello", "net"]
    assert names(name={"eq": "net"}, type=["oci"], layer=["cni"], environment=["all"]) == ["net"]
    assert names(layer=["addon", "cni"], type=["oci", "spectro"], name={}) == ["hello", "net"]
    for nothing in ({"name": {"eq": "none"}}, {"type": ["spectro"]}, {"layer": ["os"]}, {"registryUid": ["none"]}):
        assert names(**nothing) == []
    body = {"filter": {"name": {"eq": "hello"}, "registryUid": [uid]}}
    [spec] = [item["spec"] for item in palette.send("POST", SEARCH, body).json()["items"]]
    [registry] = spec.pop("registries")
    assert (spec["layer"], spec["type"], spec["displayName"]) == ("addon", "oci", "Hello")
    latest = palette.get(f"/v1/packs/hello/registries/{uid}")["tags"][-1]
    assert registry == {
        "uid": uid, "name": registry["name"], "scope": "tenant", "latestVersion": latest["version"],
        "latestPackUid": latest["packUid"], "annotations": {},
    }  # fmt: skip
    invalid: list[Any] = [[], {"name": "hello"}, {"layer": "cni"}, {"type": 1}]
    for condition in invalid:
        assert palette.send("POST", SEARCH, {"filter": condition}).status_code == 400


def test_one_pack(palette: Palette, uid: str) -> None:  # PAL-58
    pack = palette.get(f"/v1/packs/net/registries/{uid}")["tags"][0]["packUid"]
    item = palette.get(f"/v1/packs/{pack}")
    assert (item["metadata"]["name"], item["metadata"]["uid"]) == ("net", pack)
    assert (item["spec"]["registryUid"], item["spec"]["annotations"]) == (uid, {"source": "community"})
    assert palette.get(f"/v1/packs/{pack}/readme") == {"readme": "# Hello\n"}
    for path in ("/v1/packs/none", "/v1/packs/none/readme"):
        assert palette.send("GET", path).json()["code"] == "ResourceNotFound"
