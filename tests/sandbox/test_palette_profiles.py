"""The Palette stand-in (sandbox/palette/behaviour.md): scopes, cluster profiles and their versions."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.aws import Caller, MakeSpec, Register, Shelf
from tests.support.palette import OCI, Json, Palette, error_code, pack_layer
from tests.support.profiles import (
    LIST,
    PUBLIC,
    TUTORIAL,
    P,
    body,
    create,
    layer,
    manifest_layer,
    new_name,
    public_uid,
    scope,
)
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.sandbox


# ---- scopes -----------------------------------------------------------------------------------------------------------


def test_projects(sandbox: Sandbox, palette: Palette, addon: Json) -> None:  # PAL-107, PAL-67, PAL-68, PAL-103
    uid = sandbox.palette.project("Team")
    listed = {
        each["metadata"]["name"]: each["metadata"]["uid"]
        for each in palette.get("/v1/dashboard/projects/metadata")["items"]
    }
    assert listed["Team"] == uid
    assert "Default" in listed
    assert palette.get("/v1/dashboard/projects/metadata?name=None")["items"] == []
    member = Palette(sandbox, sandbox.palette.key(projects=["Default"]))
    assert "Team" not in str(member.get("/v1/dashboard/projects/metadata"))
    for user, header in ((member, uid), (palette, "none")):
        assert error_code(user.send("GET", LIST, headers={"ProjectUid": header})) == (404, "ResourceNotFound")
    wanted = body(new_name(), [addon])
    assert error_code(member.send("POST", P, wanted)) == (403, "Forbidden")
    assert member.send("POST", P, wanted, headers=scope(member)).status_code == 201
    another = Palette(sandbox, sandbox.palette.key(admin=True, tenant="another"))
    assert scope(another) != scope(palette)


def test_scopes(
    sandbox: Sandbox, palette: Palette, project: dict[str, str], addon: Json
) -> None:  # PAL-66, PAL-90, PAL-91
    name, team = new_name(), {"ProjectUid": sandbox.palette.project("Team")}
    tenants, ours = create(palette, body(name, [addon]), {}), create(palette, body(name, [addon]), project)
    about = [palette.get(f"{P}/{uid}", headers=project)["metadata"]["annotations"] for uid in (tenants, ours)]
    assert [each["scope"] for each in about] == ["tenant", "project"]
    assert about[1]["projectUid"] == project["ProjectUid"]

    def listed(headers: dict[str, str]) -> set[str]:
        items = palette.get(LIST, headers=headers)["items"]
        return {item["metadata"]["uid"] for item in items if item["metadata"]["name"] == name}

    assert (listed({}), listed(project), listed(team)) == ({tenants}, {tenants, ours}, {tenants})
    for headers in ({}, team):
        assert error_code(palette.send("GET", f"{P}/{ours}", headers=headers)) == (404, "ResourceNotFound")
    assert error_code(palette.send("DELETE", f"{P}/{tenants}", headers=project)) == (403, "Forbidden")
    another = Palette(sandbox, sandbox.palette.key(admin=True, tenant="another"))
    assert another.send("GET", f"{P}/{tenants}").status_code == 404
    assert error_code(palette.send("GET", f"{P}/{'0' * 24}")) == (404, "ResourceNotFound")


def test_public_packs(sandbox: Sandbox, palette: Palette) -> None:  # PAL-69, PAL-34
    uid = public_uid(palette)
    entry = next(each for each in palette.get("/v1/registries/metadata")["items"] if each["uid"] == uid)
    assert (entry["name"], entry["kind"], entry["scope"]) == (PUBLIC, "spectro", "system")
    assert uid not in str(palette.get(f"{OCI}/summary"))
    assert uid not in str(palette.get("/v1/registries/metadata?scope=tenant"))
    assert palette.send("GET", f"{OCI}/{uid}").status_code == 404
    for name, version in (*TUTORIAL, ("spectro-proxy", "1.4.3")):
        found = layer(palette, name, version)
        assert found["values"]
        assert palette.get(f"/v1/packs/{found['uid']}")["spec"]["type"] == "spectro"
    another = Palette(sandbox, sandbox.palette.key(admin=True, tenant="another"))
    assert public_uid(another) == uid


# ---- life of a version ------------------------------------------------------------------------------------------------


def test_tutorial(
    palette: Palette, project: dict[str, str], register: Register, make_spec: MakeSpec, shelf: Shelf
) -> None:  # PAL-70, PAL-71, PAL-76, PAL-77
    shelf.push("hello", "1.0.0", pack_layer())
    registry = register("ecr", make_spec())
    palette.sync("ecr", registry)
    core = [layer(palette, *pack) for pack in TUTORIAL]
    packs = [*core, layer(palette, "spectro-proxy", "1.4.3"), layer(palette, "hello", "1.0.0", registry)]
    name = new_name()
    uid = create(palette, body(name, packs, type="cluster", cloud="aws"), project)
    read = palette.get(f"{P}/{uid}", headers=project)
    assert (read["metadata"]["name"], read["metadata"]["uid"]) == (name, uid)
    assert read["metadata"]["labels"] == {"team": "docs", "demo": "spectro__tag"}
    assert read["metadata"]["annotations"]["description"] == "d"
    assert (read["spec"]["version"], read["spec"]["versions"]) == ("1.0.0", [{"uid": uid, "version": "1.0.0"}])
    assert "draft" not in read["spec"]
    assert "variables" not in read["spec"]
    published = read["spec"]["published"]
    assert (published["type"], published["cloudType"]) == ("cluster", "aws")
    assert [pack["name"] for pack in published["packs"]] == [pack["name"] for pack in packs]
    last = published["packs"][-1]
    assert (last["packUid"], last["registryUid"], last["tag"], last["type"]) == (
        packs[-1]["uid"],
        registry,
        "1.0.0",
        "oci",
    )
    assert {"version", "server", "digest", "schema"} < set(last)
    assert "uid" not in last
    assert not any(pack["isInvalid"] for pack in published["packs"])
    assert read["status"] == {"isPublished": True, "inUseClusters": [], "inUseClusterTemplates": []}


def test_drafts(
    sandbox: Sandbox, palette: Palette, project: dict[str, str], addon: Json
) -> None:  # PAL-70, PAL-81, PAL-86
    name = new_name()
    uid = create(palette, body(name, [addon]), project, "")

    def states() -> tuple[list[str], bool]:
        read = palette.get(f"{P}/{uid}", headers=project)
        return [each for each in ("draft", "published") if each in read["spec"]], read["status"]["isPublished"]

    assert states() == (["draft"], False)
    assert palette.send("PATCH", f"{P}/{uid}/publish", headers=project).status_code == 204
    assert states() == (["published"], True)
    changed = body(name, [{**addon, "values": addon["values"] + "\nmore: 1\n"}])
    assert palette.send("PUT", f"{P}/{uid}", changed, headers=project).status_code == 204
    assert states() == (["draft", "published"], True)
    spec = palette.get(f"{P}/{uid}", headers=project)["spec"]
    assert "more" in spec["draft"]["packs"][0]["values"]
    assert "more" not in spec["published"]["packs"][0]["values"]
    assert palette.send("PATCH", f"{P}/{uid}/publish", headers=project).status_code == 204
    assert palette.send("PATCH", f"{P}/{uid}/publish", headers=project).status_code == 204
    with sandbox.palette.overrides(strict_publish=True):
        response = palette.send("PATCH", f"{P}/{uid}/publish", headers=project)
        assert error_code(response) == (400, "NoDraftToPublish")
    assert states() == (["published"], True)


def test_names_and_versions(
    palette: Palette, project: dict[str, str], addon: Json
) -> None:  # PAL-72 to PAL-75, PAL-84, PAL-90
    name = new_name()
    first = body(name, [addon])
    del first["spec"]["version"]
    uid = create(palette, first, project)  # PAL-72
    assert palette.get(f"{P}/{uid}", headers=project)["spec"]["version"] == "1.0.0"
    for version in ("v1.2", "1.0", "1.0.x", "01.0.0", "1.0.0-01"):  # PAL-73
        response = palette.send("POST", P, body(name, [addon], version), headers=project)
        assert error_code(response) == (400, "InvalidProfileVersion")
    again = palette.send("POST", P, body(name, [addon]), headers=project)  # PAL-74
    assert error_code(again) == (409, "ClusterProfileAlreadyExists")
    other = palette.send("POST", P, body(name, [addon], "2.0.0", cloud="aws"), headers=project)  # PAL-75
    assert error_code(other) == (409, "ClusterProfileTypeMismatch")
    second = create(palette, body(name, [addon], "1.1.0-rc.1"), project)
    versions = [{"uid": uid, "version": "1.0.0"}, {"uid": second, "version": "1.1.0-rc.1"}]
    for each in (uid, second):
        assert palette.get(f"{P}/{each}", headers=project)["spec"]["versions"] == versions
    items = palette.get(LIST, headers=project)["items"]
    assert [item["spec"] for item in items if item["metadata"]["name"] == name] == [
        {"version": "1.0.0", "cloudType": "all"}, {"version": "1.1.0-rc.1", "cloudType": "all"},
    ]  # fmt: skip
    typed = body(name, [addon], type="infra")  # PAL-84
    assert error_code(palette.send("PUT", f"{P}/{uid}", typed, headers=project)) == (400, "InvalidRequest")
    specs: list[Any] = [
        {}, {"template": {}}, {"template": {"type": "x", "cloudType": "all"}}, {"template": {"packs": []}}, {"template": 1},
    ]  # fmt: skip
    for wrong in specs:
        broken = {"metadata": {"name": new_name()}, "spec": wrong}
        assert error_code(palette.send("POST", P, broken, headers=project)) == (400, "InvalidRequest")
    default = {"metadata": {"name": new_name()}, "spec": {"template": {"cloudType": "aws", "packs": []}}}
    assert error_code(palette.send("POST", P, default, headers=project)) == (400, "InvalidLayers"), (
        "the type is cluster"
    )


def test_rename(palette: Palette, project: dict[str, str], addon: Json) -> None:  # PAL-83, PAL-85
    name = new_name()
    uid = create(palette, body(name, [addon]), project)
    other = create(palette, body(name, [addon], "2.0.0"), project)
    assert palette.send("PUT", f"{P}/{uid}", body(name, [addon], "1.5.0"), headers=project).status_code == 204
    assert [each["version"] for each in palette.get(f"{P}/{other}", headers=project)["spec"]["versions"]] == [
        "1.5.0",
        "2.0.0",
    ]
    taken = palette.send("PUT", f"{P}/{uid}", body(name, [addon], "2.0.0"), headers=project)
    assert error_code(taken) == (409, "ClusterProfileAlreadyExists")
    renamed = new_name()
    patch = {
        "metadata": {"name": renamed, "annotations": {"description": "new"}, "labels": {}},
        "spec": {"version": "1.6.0"},
    }
    assert palette.send("PATCH", f"{P}/{uid}/metadata", patch, headers=project).status_code == 204
    read = palette.get(f"{P}/{uid}", headers=project)
    assert (read["metadata"]["name"], read["metadata"]["labels"], read["spec"]["version"]) == (renamed, {}, "1.6.0")
    assert read["metadata"]["annotations"]["description"] == "new"


def test_clone(palette: Palette, project: dict[str, str], addon: Json) -> None:  # PAL-87
    name, variables = new_name(), [{"name": "replicas", "defaultValue": "1"}]
    uid = create(palette, body(name, [addon], variables=variables), project)
    twin = {"metadata": {"name": name, "version": "1.1.0"}}
    response = palette.send("POST", f"{P}/{uid}/clone", twin, headers=project)
    assert response.status_code == 201
    copy = palette.get(f"{P}/{response.json()['uid']}", headers=project)
    assert (copy["spec"]["version"], copy["spec"]["published"]["packs"][0]["name"]) == ("1.1.0", "spectro-proxy")
    assert (
        palette.get(f"{P}/{copy['metadata']['uid']}/variables", headers=project)["variables"][0]["name"] == "replicas"
    )
    again = palette.send("POST", f"{P}/{uid}/clone", twin, headers=project)
    assert error_code(again) == (409, "ClusterProfileAlreadyExists")


def test_delete(sandbox: Sandbox, palette: Palette, project: dict[str, str], addon: Json) -> None:  # PAL-88, PAL-89
    name = new_name()
    uid, other = (create(palette, body(name, [addon], version), project) for version in ("1.0.0", "1.1.0"))
    sandbox.palette.clusters(uid, "edge", project=project["ProjectUid"])
    users = palette.get(f"{P}/{uid}", headers=project)["status"]["inUseClusters"]
    assert users == [{"uid": "c-edge", "name": "edge", "projectUid": project["ProjectUid"]}]
    assert error_code(palette.send("DELETE", f"{P}/{uid}", headers=project)) == (409, "ClusterProfileInUse")
    with sandbox.palette.overrides(deletes_in_use=True):
        assert palette.send("DELETE", f"{P}/{uid}", headers=project).status_code == 204
    assert error_code(palette.send("DELETE", f"{P}/{uid}", headers=project)) == (404, "ResourceNotFound")
    assert palette.get(f"{P}/{other}", headers=project)["spec"]["versions"] == [{"uid": other, "version": "1.1.0"}]


# ---- what comes back changed ------------------------------------------------------------------------------------------


def test_values(sandbox: Sandbox, palette: Palette, project: dict[str, str], addon: Json) -> None:  # PAL-78
    values = f"\n\nz: 1  # why\na: 2\n{addon['values']}\n\n"
    uid = create(palette, body(new_name(), [{**addon, "values": values}]), project)

    def shown() -> str:
        return str(palette.get(f"{P}/{uid}", headers=project)["spec"]["published"]["packs"][0]["values"])

    assert shown() == values.strip()
    with sandbox.palette.overrides(reorders=True):
        assert shown().startswith("a: 2\nmanifests:")
        assert "why" not in shown()


def test_manifests(palette: Palette, project: dict[str, str]) -> None:  # PAL-79, PAL-82, PAL-96
    name = new_name()
    uid = create(palette, body(name, [manifest_layer("extra", one="a: 1\n", two="b: 2\n")]), project)

    def texts(state: str = "published") -> dict[str, str]:
        items = palette.get(f"{P}/{uid}/packs/extra/manifests", headers=project)["items"]
        return {item["metadata"]["name"]: item["spec"][state]["content"] for item in items if state in item["spec"]}

    shown = palette.get(f"{P}/{uid}", headers=project)["spec"]["published"]["packs"][0]["manifests"]
    assert [set(each) for each in shown] == [{"name", "uid"}] * 2
    assert texts() == {"one": "a: 1", "two": "b: 2"}
    again = manifest_layer("extra")
    again["manifests"] = [{**shown[0], "content": "a: 3\n"}, shown[1], {"name": "three", "content": "c: 3"}]
    assert palette.send("PUT", f"{P}/{uid}", body(name, [again]), headers=project).status_code == 204
    assert (texts(), texts("draft")) == ({"one": "a: 1", "two": "b: 2"}, {"one": "a: 3", "two": "", "three": "c: 3"})
    assert palette.send("GET", f"{P}/{uid}/packs/none/manifests", headers=project).status_code == 404
    wrong = {**manifest_layer("extra", one="a"), "uid": "x"}
    assert error_code(palette.send("POST", P, body(new_name(), [wrong]), headers=project)) == (400, "PackNotFound")


def test_invalid_packs(
    owner: Caller, palette: Palette, project: dict[str, str], register: Register, make_spec: MakeSpec, shelf: Shelf
) -> None:  # PAL-80
    for version in ("1.0.0", "1.1.0"):
        shelf.push("hello", version, pack_layer("hello", version))
    registry = register("ecr", make_spec())
    palette.sync("ecr", registry)
    uid = create(palette, body(new_name(), [layer(palette, "hello", "1.0.0", registry)]), project)

    def state() -> tuple[bool, bool]:
        (pack,) = palette.get(f"{P}/{uid}", headers=project)["spec"]["published"]["packs"]
        return pack["isInvalid"], bool(pack["inValidReason"])

    repository = f"{shelf.base}/spectro-packs/archive/hello"
    owner.ecr.batch_delete_image(repositoryName=repository, imageIds=[{"imageTag": "1.0.0"}])
    assert state() == (False, False), "until the next sync"
    palette.sync("ecr", registry)
    assert state() == (True, True)


def test_rate_limit_of_profiles(sandbox: Sandbox, palette: Palette) -> None:  # PAL-8
    with sandbox.palette.overrides(rate=0.01, burst=2):
        responses = [palette.send("GET", f"{P}/none").status_code for _ in range(11)]
        assert responses == [404] * 10 + [429]
        assert [palette.send("GET", LIST).status_code for _ in range(3)] == [200, 200, 429]
