"""Targets and plans: `--target`, `--target-dependents`, `--save-plan` and `--plan`."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.ecr import HOST, Ecr
from tests.support.packs import make_pack
from tests.support.palette import Palette
from tests.support.project import Project
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.engine


def outputs(project: Project) -> dict[str, Any]:
    """Pack -> its repository and versions, as the stack exports them."""
    found = json.loads(project.run("stack", "output", "--json"))
    repositories, versions = found["repositories"], found["versions"]
    assert repositories.keys() == versions.keys()
    return {pack: (repositories[pack], sorted(versions[pack])) for pack in repositories}


@pytest.mark.parametrize("registered", [False, True], ids=["plain", "palette"])
def test_outputs_stay_known(project: Project, ecr: Ecr, sandbox: Sandbox, registered: bool) -> None:
    """A new pack that is not targeted is absent; all others are there, with what was published."""
    project.configure(palette={"name": project.base_path} if registered else None)
    project.up("--target", "**EcrPackRegistry::packs")
    assert outputs(project) == {}
    project.up()
    hello = f"{HOST}/{project.repository}"
    make_pack(project.folder / "packs/new", name="new")
    for version, more in (("1.1.0", ()), ("1.2.0", ("--target-dependents",))):
        make_pack(project.folder / "packs/hello", version=version)
        target = ("--target", "**packs-hello", *more)
        project.run("preview", *target)
        project.up(*target)
        assert outputs(project) == {"hello": (hello, sorted(project.digests()))}
        assert version in project.digests()
    if registered:
        assert Palette(sandbox).versions(project.output("paletteRegistryUid")) == ["1.0.0", "1.1.0", "1.2.0"]
    project.up()
    new = hello.replace("/hello", "/new")
    assert outputs(project) == {"hello": (hello, ["1.0.0", "1.1.0", "1.2.0"]), "new": (new, ["1.0.0"])}
    assert project.preview() == {}


def test_plans(project: Project, ecr: Ecr) -> None:
    """A plan allows what preview has shown, and nothing else."""
    plan = str(project.folder.parent / "plan.json")
    project.up()
    make_pack(project.folder / "packs/hello", version="1.1.0")
    make_pack(project.folder / "packs/new", name="new")
    project.run("preview", "--save-plan", plan)
    project.up("--plan", plan)
    assert project.digests().keys() == {"1.0.0", "1.1.0"}
    project.run("preview", "--save-plan", plan)
    make_pack(project.folder / "packs/hello", version="1.2.0")
    assert "violates plan" in project.up("--plan", plan, succeeds=False)
    assert ecr.tags(project.repository).keys() == {"1.0.0", "1.1.0"}
