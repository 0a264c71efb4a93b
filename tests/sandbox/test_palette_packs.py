"""The Palette stand-in shows packs (sandbox/palette/behaviour.md): the lookups."""

from typing import Any

import pytest

from tests.sandbox.conftest import Json, MakeSpec, Register, Shelf
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
    found = register("ecr", make_spec())
    assert palette.sync("ecr", found)["status"] == "Success"
    return found


def test_of_a_registry(palette: Palette, uid: str) -> None:  # PAL-52
    found = palette.get(f"/v1/packs/hello/registries/{uid}?cloudType=all&layer=&states=")
    tags, values = found.pop("tags"), found.pop("packValues")
    assert found == {
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
    found = palette.get(f"/v1/packs/hello/registries/{registry}")
    assert (found["tags"][0]["version"], found["packValues"][0]["values"]) == ("1.0.0", "")


def test_not_indexed(sandbox: Sandbox, palette: Palette, uid: str) -> None:  # PAL-53
    answer = palette.send("GET", f"/v1/packs/none/registries/{uid}")
    assert (answer.status_code, answer.json()["code"]) == (404, "ResourceNotFound")
    assert palette.send("GET", "/v1/packs/hello/registries/none").status_code == 404
    with sandbox.palette.ordered(empty_lookup=True):
        found = palette.get(f"/v1/packs/none/registries/{uid}")
        assert (found["tags"], found["packValues"]) == ([], [])
        assert palette.send("GET", "/v1/packs/hello/registries/none").status_code == 404


@pytest.mark.parametrize(
    ("query", "hello", "net"),
    [
        ("", True, True), ("cloudType=", True, True), ("cloudType=all", True, True), ("cloudType=aws", True, True),
        ("cloudType=azure", True, False), ("layer=addon", True, False), ("layer=cni&cloudType=eks", False, True),
    ],
)  # fmt: skip
def test_cloud_type_and_layer(palette: Palette, uid: str, query: str, hello: bool, net: bool) -> None:  # PAL-54
    for name, found in (("hello", hello), ("net", net)):
        assert palette.send("GET", f"/v1/packs/{name}/registries/{uid}?{query}").status_code == (200 if found else 404)


def test_filters(palette: Palette, register: Register, make_spec: MakeSpec, uid: str) -> None:  # PAL-55
    other = register("ecr", make_spec())
    palette.sync("ecr", other)
    path = "/v1/packs?filters=spec.name=helloANDspec.version=1.0.0"
    found = {item["spec"]["registryUid"]: item for item in palette.get(path)["items"]}
    assert {uid, other} <= set(found)
    spec = found[uid]["spec"]
    assert (spec["name"], spec["version"], spec["type"], spec["layer"]) == ("hello", "1.0.0", "oci", "addon")
    assert (spec["values"], spec["cloudTypes"]) == ("v: 1.0.0\n", ["all"])
    assert "digest" not in spec
    assert found[uid]["metadata"]["uid"] != found[other]["metadata"]["uid"]
    mine = palette.get(f"{path}ANDspec.registryUid={uid}")
    assert [item["spec"]["registryUid"] for item in mine["items"]] == [uid]
    assert mine["listmeta"] == {"continue": "", "count": 1, "limit": 50, "offset": 0}
    assert palette.get(f"/v1/packs?filters=spec.name=noneANDspec.registryUid={uid}")["items"] == []
    for wrong in ("spec.name", "spec.layer=cni", "spec.name=hello AND spec.version=1.0.0", "AND"):
        answer = palette.send("GET", "/v1/packs", params={"filters": wrong})
        assert (answer.status_code, answer.json()["code"]) == (400, "InvalidRequest")


def pages(palette: Palette, method: str, path: str, body: Any = None, **query: str) -> list[list[Json]]:
    found: list[list[Json]] = []
    following: dict[str, str] = {}
    while not found or following:
        answer = palette.send(method, path, body, params={**query, **following})
        assert answer.status_code == 200, answer.text
        found.append(answer.json()["items"])
        meta = answer.json()["listmeta"]
        assert meta["count"] == 4 or method == "POST"
        following = {"continue": meta["continue"], "offset": str(meta["offset"])} if meta["continue"] else {}
    return found


def test_pages(sandbox: Sandbox, palette: Palette, uid: str) -> None:  # PAL-56
    mine = f"spec.registryUid={uid}"
    whole = pages(palette, "GET", "/v1/packs", filters=mine)
    assert [len(page) for page in whole] == [4]
    three = pages(palette, "GET", "/v1/packs", filters=mine, limit="3")
    assert [len(page) for page in three] == [3, 1]
    assert three[0] + three[1] == whole[0]
    with sandbox.palette.ordered(page=1):
        assert [len(page) for page in pages(palette, "GET", "/v1/packs", filters=mine, limit="3")] == [1, 1, 1, 1]
        found = pages(palette, "POST", SEARCH, {"filter": {"registryUid": [uid]}})
        assert [page[0]["spec"]["name"] for page in found] == ["hello", "net"]
    assert [len(page) for page in pages(palette, "GET", "/v1/packs", filters=mine, limit="0")] == [4]
    for wrong in ("limit=x", "offset=-1", "continue=x"):
        assert palette.send("GET", f"/v1/packs?{wrong}").status_code == 400


def test_search(palette: Palette, uid: str) -> None:  # PAL-57
    def names(**wanted: Any) -> list[str]:
        wanted = {"registryUid": [uid], **wanted}
        answer = palette.send("POST", SEARCH, {"filter": wanted, "sort": [{"field": "name", "order": "asc"}]})
        assert answer.status_code == 200, answer.text
        return [item["spec"]["name"] for item in answer.json()["items"]]

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
    wrongs: list[Any] = [[], {"name": "hello"}, {"layer": "cni"}, {"type": 1}]
    for wrong in wrongs:
        assert palette.send("POST", SEARCH, {"filter": wrong}).status_code == 400


def test_one_pack(palette: Palette, uid: str) -> None:  # PAL-58
    pack = palette.get(f"/v1/packs/net/registries/{uid}")["tags"][0]["packUid"]
    found = palette.get(f"/v1/packs/{pack}")
    assert (found["metadata"]["name"], found["metadata"]["uid"]) == ("net", pack)
    assert (found["spec"]["registryUid"], found["spec"]["annotations"]) == (uid, {"source": "community"})
    assert palette.get(f"/v1/packs/{pack}/readme") == {"readme": "# Hello\n"}
    for path in ("/v1/packs/none", "/v1/packs/none/readme"):
        assert palette.send("GET", path).json()["code"] == "ResourceNotFound"
