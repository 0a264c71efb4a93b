"""A step that fails midway, on the real engine: what was done is recorded, the next run goes on, destroy leaves nothing."""

from __future__ import annotations

import json

import pytest

from tests.support.ecr import Ecr
from tests.support.packs import make_pack
from tests.support.project import Project
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.engine

FAILS = "PUT */manifests/1.1.0"


def fail(project: Project, sandbox: Sandbox) -> str:
    with sandbox.faults.add(FAILS, times=0, action="respond", response="forbidden"):
        shown = project.up(succeeds=False)
    assert "could not publish the manifest" in shown
    assert "Traceback" not in shown
    return shown


@pytest.fixture
def two_versions(project: Project) -> Project:
    make_pack(project.folder / "packs/hello-next", version="1.1.0")
    return project


def test_create(two_versions: Project, ecr: Ecr, sandbox: Sandbox) -> None:
    project = two_versions
    fail(project, sandbox)
    assert ecr.tags(project.repository) == project.digests()
    assert project.digests().keys() == {"1.0.0"}
    fail(project, sandbox)

    make_pack(project.folder / "packs/hello-next", {"values.yaml": "a: other\n"}, version="1.1.0")
    assert project.preview() == {"PublishedPack packs-hello": "update", "RemovalCheck packs": "create"}
    project.up()
    assert ecr.tags(project.repository) == project.digests()
    assert project.digests().keys() == {"1.0.0", "1.1.0"}
    assert project.preview() == {}
    project.same()


def test_destroy_after_create(two_versions: Project, ecr: Ecr, sandbox: Sandbox) -> None:
    project = two_versions
    fail(project, sandbox)
    project.destroy()
    assert ecr.names(project.base_path) == []


def test_update(project: Project, ecr: Ecr, sandbox: Sandbox) -> None:
    """1.0.1 is published before 1.1.0 fails; then the folder of 1.0.1 is gone."""
    project.up()
    make_pack(project.folder / "packs/hello-next", version="1.1.0")
    make_pack(project.folder / "packs/hello", version="1.0.1")
    fail(project, sandbox)
    assert ecr.tags(project.repository) == project.digests()
    assert project.digests().keys() == {"1.0.0", "1.0.1"}
    make_pack(project.folder / "packs/hello", version="1.0.2")
    project.up()
    assert ecr.tags(project.repository) == project.digests()
    assert project.digests().keys() == {"1.0.0", "1.0.1", "1.0.2", "1.1.0"}
    assert project.preview() == {}
    project.destroy()
    assert ecr.names(project.base_path) == []


def test_destroy_after_update(project: Project, ecr: Ecr, sandbox: Sandbox) -> None:
    project.up()
    make_pack(project.folder / "packs/hello-next", version="1.1.0")
    make_pack(project.folder / "packs/hello", version="1.0.1")
    fail(project, sandbox)
    project.destroy()
    assert ecr.names(project.base_path) == []


# ---- refresh


@pytest.mark.parametrize(
    "command",
    [
        ("refresh", "--yes", "--skip-preview"),
        ("preview", "--refresh"),
        ("up", "--refresh", "--yes"),
        ("destroy", "--refresh", "--yes"),
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_a_version_without_a_folder_is_gone(project: Project, ecr: Ecr, command: tuple[str, ...]) -> None:
    project.up()
    make_pack(project.folder / "packs/hello", version="1.1.0")
    project.up()
    ecr.delete_tag(project.repository, "1.0.0")
    shown = project.run(*command)
    assert "hello:1.0.0 is gone from the registry, and no folder holds this version any more" in shown
    assert "Traceback" not in shown
    if command[0] == "destroy":
        assert ecr.names(project.base_path) == []
        return
    project.up()
    if command[0] != "preview":
        assert project.digests().keys() == {"1.1.0"}
        assert project.preview() == {}


# ---- a replacement that was killed between its create and its delete


def test_a_pending_delete_of_a_predecessor(project: Project, ecr: Ecr) -> None:
    """The engine deletes it at the end of the next run, when the live resource is long looked at."""
    project.up()
    state = json.loads(project.run("stack", "export"))
    resources = state["deployment"]["resources"]
    (live,) = [r for r in resources if r["urn"].endswith("::packs-hello") and "PublishedPack" in r["urn"]]
    resources.append({**live, "delete": True})
    path = project.folder / "state.json"
    path.write_text(json.dumps(state))
    project.run("stack", "import", "--file", str(path))

    shown = project.up()
    assert "stays" in shown
    assert ecr.tags(project.repository) == project.digests()
    assert project.digests().keys() == {"1.0.0"}
    exported = json.loads(project.run("stack", "export"))["deployment"]["resources"]
    assert not any(r.get("delete") for r in exported)
    assert project.preview() == {}
    project.destroy()
    assert ecr.names(project.base_path) == []
