"""Cluster profiles in a stack file, on the real engine: from a changed pack folder to a profile version."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.packs import make_pack
from tests.support.palette import Palette
from tests.support.profiles import LIST, P, new_name, scope
from tests.support.project import Project
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.engine

VALUES = "pack:\n  namespace: hello\nreplicas: 1 # few\n"


def test_the_life_of_a_profile(project: Project, sandbox: Sandbox) -> None:
    """create, clean second preview, a new pack version, an edit by hand, in use, destroy; no secret in sight."""
    palette, name = Palette(sandbox), new_name()
    headers = scope(palette)

    def versions() -> dict[str, str]:
        items = palette.get(LIST, headers=headers)["items"]
        return {i["spec"]["version"]: i["metadata"]["uid"] for i in items if i["metadata"]["name"] == name}

    def layer(uid: str) -> dict[str, Any]:
        found: dict[str, Any] = palette.get(f"{P}/{uid}", headers=headers)["spec"]["published"]["packs"][-1]
        return found

    def configure(packs: Any = ("packs/*",), **changes: Any) -> None:
        variables = {"n": {"default": 2, "format": "number"}, "admin": {"sensitive": True}}
        profile = {
            "project": "Default", "version": {"from": "hello"}, "tags": {"team": "platform", "demo": None},
            "variables": variables, "packs": [{"name": "hello", "set": {"replicas": "{{.spectro.var.n}}"}}], **changes,
        }  # fmt: skip
        project.configure(packs=list(packs), palette={"name": project.base_path}, profiles={name: profile})
        if "admin" in profile["variables"]:
            path = f"packinfra:profiles.{name}.variables.admin.default"
            project.run("config", "set", "--secret", "--path", path, "hush-hush")

    make_pack(project.folder / "packs/hello", {"values.yaml": VALUES})
    configure(version="v1", variables={})
    output = project.preview_fails()
    assert f'profile {name}: version: "v1" is not SemVer' in output
    assert f'profile {name}: pack hello: its values use the variable "n", which the profile does not define' in output
    assert "Traceback" not in output

    configure()
    outputs = [project.up()]
    first = versions()["1.0.0"]
    assert project.output("profiles") == {name: {"1.0.0": first}}
    assert layer(first)["values"] == 'pack:\n  namespace: hello\nreplicas: "{{.spectro.var.n}}" # few'
    assert palette.get(f"{P}/{first}", headers=headers)["metadata"]["labels"] == {
        "team": "platform",
        "demo": "spectro__tag",
    }
    project.same()

    make_pack(project.folder / "packs/hello", {"values.yaml": VALUES + "more: true\n"}, version="1.1.0")
    mark = sandbox.mark()
    outputs.append(project.run("preview", "--diff"))
    assert (
        f"profile {name} 1.1.0 will be created; since 1.0.0: layer hello: 1.0.0 -> 1.1.0, layer hello: its values change"
        in outputs[-1]
    )
    assert "(not shown: packinfra:profiles is a secret)" in outputs[-1]
    assert sandbox.requests("palette: *", mark) == [], "preview asks Palette nothing"
    outputs.append(project.up())
    assert project.output("profiles") == {name: versions()}
    assert set(versions()) == {"1.0.0", "1.1.0"}

    second = versions()["1.1.0"]
    body = palette.get(f"{P}/{second}", headers=headers)
    pack = {
        **layer(second),
        "uid": layer(second)["packUid"],
        "values": layer(second)["values"].replace("few", "few\nby: hand"),
    }
    template = {"type": "add-on", "packs": [pack]}
    edited = {
        "metadata": {"name": name, "uid": second},
        "spec": {"version": body["spec"]["version"], "template": template},
    }
    assert palette.send("PUT", f"{P}/{second}", edited, headers=headers).status_code == 204
    assert palette.send("PATCH", f"{P}/{second}/publish", headers=headers).status_code == 204
    sandbox.palette.clusters(second, "prod")
    outputs.append(project.run("refresh", "--yes", "--skip-preview"))
    assert (
        f"{name} 1.1.0 was edited in Palette: layer hello: its values change; the next up writes it again"
        in outputs[-1]
    )
    assert project.preview() == {f"ClusterProfile packs-{name}": "update"}
    outputs.append(project.up())
    assert "1 cluster used it at the last up or refresh, and will be offered the change" in outputs[-1]
    assert "by: hand" not in layer(second)["values"]

    # What a profile uses is not withdrawn: in preview from state, and without preview before a tag is deleted.
    withdrawn = [{"path": "packs/*", "keepVersions": 1}]
    configure(packs=withdrawn)
    assert f"pack hello 1.0.0 can't be withdrawn: the profile {name} 1.0.0 uses it" in project.preview_fails()
    output = project.up(succeeds=False)
    assert "hello 1.0.0 is to be withdrawn, but cluster profiles use it, and would become invalid:" in output
    assert f"  {name} 1.0.0 (hello 1.0.0) in project Default" in output
    assert set(project.digests()) == {"1.0.0", "1.1.0"}
    configure()
    project.same()

    output = project.destroy(succeeds=False)
    assert f"{name} 1.1.0 is used by 1 cluster (prod)" in output
    assert "PublishedPack packs-hello" in project.resources(), "what the profile needs is still there"
    sandbox.palette.clusters(second)
    project.destroy()
    assert versions() == {}
    assert "hush-hush" not in "\n".join([project.kept(), *outputs])
