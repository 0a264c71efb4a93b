"""A catalogue in two stacks, with the stack files of examples/split."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

from tests.support.ecr import Ecr
from tests.support.packs import make_pack
from tests.support.project import CHECKOUT, Project

pytestmark = pytest.mark.engine


def test_two_stacks_share_a_base_path(project: Project, ecr: Ecr) -> None:
    make_pack(project.folder / "packs/nginx", name="nginx")
    base = project.repository.removesuffix("/hello")
    stacks = {}
    for source in sorted((CHECKOUT / "examples/split").iterdir()):
        name = source.name.removeprefix("Pulumi.").removesuffix(".yaml")
        copy = project.folder / "stacks" / shutil.copy(source, project.folder / "stacks")
        copy.write_text(copy.read_text().replace("spectro-oci-registry", project.base_path))
        stacks[name] = replace(project.workspace, stack=name)
        stacks[name].select_stack()

    def pulumi(name: str, *command: str) -> None:
        done = stacks[name].pulumi(*command, "--yes", "--skip-preview", "--stack", name, "--non-interactive")
        assert done.returncode == 0, done.stdout + done.stderr

    for name in ("packs-a-m", "packs-n-z"):
        pulumi(name, "up")
    assert ecr.names(project.base_path) == [base, f"{base}/hello", f"{base}/nginx"]
    pulumi("packs-n-z", "destroy")
    assert ecr.names(project.base_path) == [base, f"{base}/hello"]
    assert ecr.tags(project.repository).keys() == {"1.0.0"}
    pulumi("packs-a-m", "destroy")
    assert ecr.names(project.base_path) == []
