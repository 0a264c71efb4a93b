"""Pulumi's resource options and targets, on components and packs, as Pulumi users expect them to work."""

from __future__ import annotations

import json

import pytest

from tests.support.ecr import Ecr
from tests.support.packs import make_pack
from tests.support.project import Project

pytestmark = pytest.mark.engine

ONE_PACK = """
repository = aws.ecr.Repository("repo", name=f"{BASE}/hello", force_delete=FORCE)
packinfra.PublishedPack(
    "hello", repository=repository.repository_url, sources=["packs/hello"],
    opts=ResourceOptions(OPTIONS),
)
"""


def one_pack(project: Project, options: str = "", *, force: bool = True) -> str:
    """A program with a repository and a pack; returns the repository's name."""
    project.program(ONE_PACK.replace("OPTIONS", options).replace("FORCE", str(force)))
    return f"{project.base_path}/hello"


def test_two_components_do_not_collide(project: Project, ecr: Ecr) -> None:
    project.program("""
for team in ("a", "b"):
    packinfra.EcrPackRegistry(team, base_path=f"{BASE}/{team}")
""")
    project.up()
    for team in ("a", "b"):
        assert ecr.tags(f"{project.base_path}/{team}/spectro-packs/archive/hello").keys() == {"1.0.0"}
    assert project.preview() == {}


def test_a_component_is_renamed_with_an_alias(project: Project, ecr: Ecr) -> None:
    project.program('packinfra.EcrPackRegistry("old", base_path=BASE)')
    project.up()
    before = ecr.tags(project.repository)
    project.program("""
packinfra.EcrPackRegistry("new", base_path=BASE, opts=ResourceOptions(aliases=[Alias(name="old")]))
""")
    assert set(project.preview().values()) <= {"update"}
    project.up()
    assert ecr.tags(project.repository) == before
    assert project.preview() == {}


def test_a_pack_is_renamed_without_an_alias(project: Project, ecr: Ecr) -> None:
    """The new resource adopts the tag; the old one's deletion must leave it."""
    name = one_pack(project)
    project.up()
    before = ecr.tags(name)
    program = (project.folder / "__main__.py").read_text()
    (project.folder / "__main__.py").write_text(program.replace('"hello", repository', '"renamed", repository'))
    project.up()
    assert ecr.tags(name) == before
    assert project.preview() == {}


def test_retain_on_delete(project: Project, ecr: Ecr) -> None:
    name = one_pack(project, "retain_on_delete=True")
    project.up()
    project.run("destroy", "--yes", "--skip-preview", "--target", project.urn("PublishedPack hello"))
    assert ecr.tags(name).keys() == {"1.0.0"}


def test_protect(project: Project, ecr: Ecr) -> None:
    project.configure(repositories={"immutable": False, "protect": True})
    project.up()
    assert "protect" in project.run("destroy", "--yes", "--skip-preview", succeeds=False)
    assert ecr.tags(project.repository).keys() == {"1.0.0"}


def test_deleted_with_the_repository(project: Project, ecr: Ecr) -> None:
    one_pack(project, "deleted_with=repository")
    project.up()
    project.run("destroy", "--yes", "--skip-preview")
    assert ecr.names(project.base_path) == []


def test_ignore_changes(project: Project, ecr: Ecr) -> None:
    name = one_pack(project, 'ignore_changes=["sources"]')
    project.up()
    make_pack(project.folder / "packs/elsewhere", version="2.0.0")
    program = (project.folder / "__main__.py").read_text()
    (project.folder / "__main__.py").write_text(program.replace("packs/hello", "packs/elsewhere"))
    assert project.preview() == {}
    project.up()
    assert ecr.tags(name).keys() == {"1.0.0"}


def test_forced_replacement(project: Project, ecr: Ecr) -> None:
    """Create-before-delete: the successor adopts the tag, and the predecessor's deletion leaves it."""
    name = one_pack(project)
    project.up()
    before = ecr.tags(name)
    project.up("--target-replace", project.urn("PublishedPack hello"))
    assert ecr.tags(name) == before
    assert project.preview() == {}


def test_target(project: Project, ecr: Ecr) -> None:
    make_pack(project.folder / "packs/other", name="other")
    project.up()
    for pack in ("hello", "other"):
        make_pack(project.folder / f"packs/{pack}", name=pack, version="1.1.0")
    project.up("--target", project.urn("PublishedPack packs-other"))
    assert ecr.tags(project.repository).keys() == {"1.0.0"}
    assert ecr.tags(project.repository.replace("/hello", "/other")).keys() == {"1.0.0", "1.1.0"}
    assert project.preview() == {"PublishedPack packs-hello": "update"}


def test_what_a_preview_tells(project: Project, ecr: Ecr) -> None:
    project.configure(repositories={"immutable": False, "forceDelete": True})
    make_pack(project.folder / "packs/hello", {"gone.txt": "x"})
    project.up()
    make_pack(project.folder / "packs/hello", {"values.yaml": "new: 1\n", "more.txt": "x"}, version="1.1.0")
    (project.folder / "packs/hello/gone.txt").unlink()
    output = project.run("preview")
    assert "since 1.0.0: changed pack.json, values.yaml; added more.txt; removed gone.txt" in output
    steps = json.loads(project.workspace.pulumi("preview", "--json", "--stack", "test", "--non-interactive").stdout)
    (step,) = (s for s in steps["steps"] if s["op"] == "update")
    promised = step["newState"]["inputs"]["versions"]["1.1.0"]["manifestDigest"]
    assert promised in output
    project.up()
    assert project.digests()["1.1.0"] == promised

    project.configure(registry={"kind": "ecr", "basePath": f"{project.base_path}/moved"})
    assert "in the new repository hello 1.0.0 will be missing: no folder holds it any more" in project.run("preview")
    project.up()
    assert project.digests().keys() == {"1.1.0"}
    assert project.preview() == {}


def test_state_holds_nothing_of_the_machine(project: Project, tmp_path: str) -> None:
    """Inputs and outputs; where in a program a resource was declared is the engine's own record."""
    project.up()
    state = project.resources()["PublishedPack packs-hello"]
    state_text = json.dumps([state["inputs"], state["outputs"], state["id"]])
    secrets = project.workspace.environment()["AWS_SECRET_ACCESS_KEY"]
    for word in (str(tmp_path), str(project.folder), "/home/", "/root/", secrets, "AKIA"):
        assert word not in state_text
    assert len(state["inputs"]["__provider"]) <= 200
