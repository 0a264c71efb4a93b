"""The Palette stand-in (sandbox/palette/behaviour.md): what it accepts as layers and variables of a cluster profile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.aws import MakeSpec, Register, Shelf
from tests.support.palette import Json, Palette, error_code, pack_layer
from tests.support.profiles import TUTORIAL, P, body, create, layer, manifest_layer, new_name
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.sandbox


def errors(
    palette: Palette, headers: dict[str, str], packs: list[Json], type_: str = "add-on", cloud: str = "all"
) -> list[str]:
    """The codes of a dry run (PAL-92); a POST is refused with the first one, or accepted if there is none."""
    template = {"type": type_, "cloudType": cloud, "packs": packs}
    response = palette.send("POST", f"{P}/validate/packs", template, headers=headers)
    assert response.status_code == 200
    codes = [error["code"] for result in response.json()["packs"]["results"] for error in result["errors"]]
    posted = palette.send("POST", P, body(new_name(), packs, type=type_, cloud=cloud), headers=headers)
    assert posted.status_code == (400 if codes else 201)
    assert not codes or posted.json()["code"] in codes
    return codes


def test_dry_run(palette: Palette, project: dict[str, str], addon: Json) -> None:  # PAL-92
    packs = [addon, {**addon, "name": "other", "tag": "9.9.9"}]
    response = palette.send(
        "POST", f"{P}/validate/packs", {"type": "add-on", "cloudType": "all", "packs": packs}, headers=project
    )
    good, bad = response.json()["packs"]["results"]
    assert good == {"name": "spectro-proxy", "errors": []}
    assert bad["errors"][0]["message"].startswith("pack other 9.9.9 with uid")


WRONG: list[tuple[str, Callable[[Json], Any], list[str]]] = [
    ("right", lambda _: {}, []),
    ("another registry", lambda _: {"registryUid": "0" * 24}, ["PackNotFound"]),
    ("another uid", lambda _: {"uid": "0" * 24}, ["PackNotFound"]),
    ("no uid", lambda _: {"uid": ""}, ["PackNotFound"]),
    ("another version", lambda _: {"tag": "1.4.4"}, ["PackNotFound"]),
    ("the version's group", lambda _: {"tag": "1.4.x"}, []),
    ("another type", lambda _: {"type": "oci"}, ["PackTypeMismatch"]),
    ("no type", lambda _: {"type": ""}, []),
    ("no values", lambda _: {"values": ""}, ["PackValuesInvalid"]),
    ("more values", lambda pack: {"values": pack["values"] + "more: {a: 1}\n"}, []),
    ("a second layer of it", lambda _: {"name": "again--spectro-proxy"}, []),
]


@pytest.mark.parametrize(("changes", "codes"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG])
def test_one_layer(
    palette: Palette, project: dict[str, str], addon: Json, changes: Callable[[Json], Any], codes: list[str]
) -> None:  # PAL-93 to PAL-95, PAL-97
    assert errors(palette, project, [{**addon, **changes(addon)}]) == codes


def test_partial_values(sandbox: Sandbox, palette: Palette, project: dict[str, str], addon: Json) -> None:  # PAL-95
    with sandbox.palette.overrides(partial_values=True):
        assert errors(palette, project, [{**addon, "values": ""}]) == []


def test_types(
    palette: Palette, project: dict[str, str], register: Register, make_spec: MakeSpec, shelf: Shelf
) -> None:  # PAL-94
    shelf.push("hello", "1.0.0", pack_layer())
    registry = register("ecr", make_spec())
    palette.sync("ecr", registry)
    pack = layer(palette, "hello", "1.0.0", registry)
    assert errors(palette, project, [pack]) == []
    template = {"type": "add-on", "cloudType": "all", "packs": [{**pack, "type": "spectro"}]}
    response = palette.send("POST", f"{P}/validate/packs", template, headers=project).json()
    (error,) = response["packs"]["results"][0]["errors"]
    assert error["message"] == "PackType 'spectro' is not matching with registry type 'oci'"


def test_layers_together(palette: Palette, project: dict[str, str], addon: Json) -> None:  # PAL-97
    core = [layer(palette, *pack) for pack in TUTORIAL]
    assert errors(palette, project, core, "infra", "aws") == []
    assert errors(palette, project, [*core, addon], "cluster", "aws") == []
    assert errors(palette, project, [addon, *core], "cluster", "aws") == ["InvalidLayers"]
    assert errors(palette, project, core[:3], "cluster", "aws") == ["InvalidLayers"]
    assert errors(palette, project, [core[1], core[0], *core[2:]], "cluster", "aws") == ["InvalidLayers"]
    assert errors(palette, project, core, "cluster", "vsphere") == ["CloudTypeMismatch"] * 2
    assert errors(palette, project, core, "cluster") == ["CloudTypeMismatch"] * 4
    assert errors(palette, project, [core[2]]) == ["InvalidLayers"], "a core layer in an add-on profile"
    assert errors(palette, project, [addon, addon]) == ["DuplicatePack"]
    forms: list[Any] = [
        [1], [{"name": 1}], [{}], {"name": "x"}, [{"name": "x", "values": 1}], [{"name": "x", "manifests": [1]}],
    ]  # fmt: skip
    for broken in forms:
        template = {"type": "add-on", "cloudType": "all", "packs": broken}
        for path, data in (
            (f"{P}/validate/packs", template),
            (P, {"metadata": {"name": "x"}, "spec": {"template": template}}),
        ):
            assert error_code(palette.send("POST", path, data, headers=project)) == (400, "InvalidRequest")


# ---- variables --------------------------------------------------------------------------------------------------------

REFERENCE = manifest_layer("extra", one="replicas: '{{.spectro.var.replicas}}'")
REPLICAS: Json = {
    "name": "replicas",
    "displayName": "Replicas",
    "format": "number",
    "defaultValue": "1",
    "required": True,
}
SECRET: Json = {"name": "token", "displayName": "Token", "isSensitive": True, "defaultValue": "s3cret"}


def test_references(sandbox: Sandbox, palette: Palette, project: dict[str, str]) -> None:  # PAL-98, PAL-99
    name = new_name()
    response = palette.send("POST", P, body(name, [REFERENCE]), headers=project)
    assert error_code(response) == (400, "PackVariablesUndefined")
    uid = create(palette, body(name, [REFERENCE], variables=[REPLICAS]), project)
    for method, data in (("PUT", {"variables": []}), ("DELETE", {"variables": ["replicas"]})):
        response = palette.send(method, f"{P}/{uid}/variables", data, headers=project)
        assert error_code(response) == (400, "PackVariablesUndefined")
    with sandbox.palette.overrides(ignores_variables=True):
        uid = create(palette, body(name, [REFERENCE], "1.1.0", variables=[REPLICAS]), project)
        assert palette.get(f"{P}/{uid}/variables", headers=project) == {"variables": []}


def test_variables(palette: Palette, project: dict[str, str]) -> None:  # PAL-100, PAL-101
    uid = create(palette, body(new_name(), [manifest_layer("extra", one="a")], variables=[SECRET]), project)
    path = f"{P}/{uid}/variables"

    def names() -> list[str]:
        return [each["name"] for each in palette.get(path, headers=project)["variables"]]

    (secret,) = palette.get(path, headers=project)["variables"]
    assert (secret["defaultValue"], secret["format"], secret["inputType"]) == ("********", "string", "text")
    other = {"name": "zone", "displayName": "Zone"}
    assert palette.send("PATCH", path, {"variables": [other]}, headers=project).status_code == 204
    assert names() == ["token", "zone"]
    assert (
        palette.send("PATCH", path, {"variables": [{**other, "description": "d"}]}, headers=project).status_code == 204
    )
    assert palette.get(path, headers=project)["variables"][1]["description"] == "d"
    assert palette.send("DELETE", path, {"variables": ["token"]}, headers=project).status_code == 204
    assert names() == ["zone"]
    assert palette.send("PUT", path, {"variables": [REPLICAS, other]}, headers=project).status_code == 204
    assert names() == ["replicas", "zone"]


@pytest.mark.parametrize(
    "variables",
    [
        [REPLICAS, {**REPLICAS, "displayName": "x"}], [REPLICAS, {**REPLICAS, "name": "x"}], [{**REPLICAS, "format": "int"}],
        [{**REPLICAS, "inputType": "radio"}], [{"name": "x", "hidden": True, "required": True}],
        [{"name": "x", "immutable": True}], [{"name": "x", "inputType": "dropdown"}],
    ],
)  # fmt: skip
def test_wrong_variables(palette: Palette, project: dict[str, str], variables: list[Json]) -> None:  # PAL-102
    profile = body(new_name(), [manifest_layer("extra", one="a")], variables=variables)
    assert error_code(palette.send("POST", P, profile, headers=project)) == (400, "InvalidVariable")
