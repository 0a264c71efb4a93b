"""A pack leaves only by name: folders that vanish, packinfra:removedPacks, and the ways around both."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

from tests.support.ecr import Ecr
from tests.support.packs import make_pack
from tests.support.project import Project
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.engine

REFUSED = (
    "this published pack has no folder any more:",
    "  other: 1.0.0, 1.1.0",
    "-> bring the folder back, or correct packinfra:packs",
    "packinfra:removedPacks: [other]",
    'removed_packs=["other"]',
)
REMOVED = "other will be removed: 1.0.0, 1.1.0 will no longer be pullable"


@pytest.fixture
def two(project: Project) -> Project:
    """hello 1.0.0, and other 1.0.0 and 1.1.0, of which only the second has a folder."""
    make_pack(project.folder / "packs/other", name="other")
    project.up()
    make_pack(project.folder / "packs/other", name="other", version="1.1.0")
    project.up()
    return project


def other(project: Project) -> str:
    return project.repository.replace("/hello", "/other")


def test_a_folder_that_vanished(two: Project, ecr: Ecr) -> None:
    """Refused by preview and up before anything is withdrawn or published; named, it goes; then its name can go."""
    make_pack(two.folder / "packs/hello", version="1.1.0")
    two.configure(packs=["packs/*", {"path": "packs/hello", "keepVersions": 1}])
    moved = shutil.move(two.folder / "packs/other", two.folder / "elsewhere")
    before = ecr.tags(two.repository), ecr.tags(other(two))
    for command in (("preview",), ("up", "--yes"), ("up", "--yes", "--skip-preview"),
                    ("up", "--yes", "--skip-preview", "--continue-on-error"), ("preview", "--refresh")):  # fmt: skip
        output = two.run(*command, succeeds=False)
        for text in REFUSED:
            assert text in output
        assert "Traceback" not in output
        assert "never retrieved" not in output
    assert (ecr.tags(two.repository), ecr.tags(other(two))) == before

    two.configure(removedPacks=["other"])
    output = two.run("preview")
    assert output.partition("Diagnostics:")[2].count(REMOVED) == 1
    two.up()
    assert ecr.tags(other(two)) == {}
    assert other(two) not in ecr.names(two.base_path)
    assert ecr.tags(two.repository).keys() == {"1.0.0", "1.1.0"}

    assert "packinfra:removedPacks: other is not published here: remove the entry" in two.run("preview")
    assert two.preview() == {}
    two.configure()
    two.same()

    shutil.move(moved, two.folder / "packs/other")
    two.up()
    assert ecr.tags(other(two)).keys() == {"1.1.0"}


def test_a_removal_that_fails(two: Project, ecr: Ecr, sandbox: Sandbox) -> None:
    """It was wanted once, so the next run removes the pack, whether the entry is still there or not."""
    shutil.rmtree(two.folder / "packs/other")
    two.configure(removedPacks=["other"])
    with sandbox.faults.add("ecr:BatchDeleteImage*", action="respond", response="forbidden", times=0):
        two.up(succeeds=False)
    assert ecr.tags(other(two)).keys() == {"1.0.0", "1.1.0"}
    two.configure()
    assert two.preview() == {
        "PublishedPack packs-other": "delete",
        f"Repository packs-other@{two.base_path}": "delete",
    }
    two.up()
    assert other(two) not in ecr.names(two.base_path)


def test_removed_with_a_folder(two: Project, ecr: Ecr) -> None:
    """With all other mistakes, before anything is declared."""
    make_pack(two.folder / "packs/third", name="Third")
    two.configure(removedPacks=["other"])
    output = two.run("preview", succeeds=False)
    assert "other is in removedPacks, but packs/other contains it" in output
    assert "packs/third" in output
    assert "2 problems to correct" in output
    two.configure(removedPacks=["packs/other"])
    assert 'packinfra:removedPacks.0: "packs/other" is wrong: write the name in pack.json' in two.run(
        "preview", succeeds=False
    )


def test_destroy_and_a_component_that_leaves(two: Project, ecr: Ecr) -> None:
    """Both remove everything, folders or not."""
    shutil.rmtree(two.folder / "packs/other")
    assert "this published pack has no folder any more" in two.run("preview", succeeds=False)
    two.destroy()
    assert ecr.names(two.base_path) == []

    make_pack(two.folder / "packs/other", name="other")
    two.up()
    two.program("")
    two.up()
    assert ecr.names(two.base_path) == []


def test_target_of_another_pack(two: Project, ecr: Ecr) -> None:
    """The names are not checked then, and nothing but the target changes; also in a stack that doesn't know them yet."""
    shutil.rmtree(two.folder / "packs/other")
    make_pack(two.folder / "packs/hello", version="2.0.0")
    two.up("--target", "**packs-hello")
    assert ecr.tags(two.repository).keys() == {"1.0.0", "2.0.0"}
    assert ecr.tags(other(two)).keys() == {"1.0.0", "1.1.0"}
    assert "this published pack has no folder any more" in two.up(succeeds=False)

    two.run("state", "delete", two.urn("PublishedNames packs"), "--yes")
    make_pack(two.folder / "packs/hello", version="3.0.0")
    two.up("--target", "**packs-hello")
    assert ecr.tags(two.repository).keys() == {"1.0.0", "2.0.0", "3.0.0"}


def test_a_component_renamed_with_an_alias(project: Project, ecr: Ecr) -> None:
    make_pack(project.folder / "packs/other", name="other")
    project.program('packinfra.EcrPackRegistry("old", base_path=BASE)')
    project.up()
    before = ecr.tags(project.repository)
    shutil.move(project.folder / "packs/other", project.folder / "elsewhere")
    program = 'packinfra.EcrPackRegistry("new", base_path=BASE, opts=ResourceOptions(aliases=[Alias(name="old")])MORE)'
    project.program(program.replace("MORE", ""))
    assert "  other: 1.0.0\n" in project.up(succeeds=False)
    project.program(program.replace("MORE", ', removed_packs=["other"]'))
    assert project.preview() == {
        f"Repository old-other@{project.base_path}": "delete",
        "PublishedPack old-other": "delete",
        "RemovalCheck new": "update",
    }
    project.up()
    assert ecr.tags(project.repository) == before
    assert other(project) not in ecr.names(project.base_path)
    project.program(program.replace("MORE", ""))
    project.same()


def test_moved_to_another_stack(two: Project, ecr: Ecr) -> None:
    """As docs/versions.md says; nothing is pushed or removed, and the registration in Palette stays."""
    two.configure(palette={"name": two.base_path})
    two.up()
    uid, before = two.output("paletteRegistryUid"), ecr.tags(other(two))
    (two.folder / "more").mkdir()
    shutil.move(two.folder / "packs/other", two.folder / "more/other")
    two.run("state", "delete", "--yes", "--target-dependents", two.urn(f"Repository packs-other@{two.base_path}"))
    two.configure(palette={"name": two.base_path}, removedPacks=["other"])
    two.up()
    two.configure(palette={"name": two.base_path})
    assert two.preview() == {}
    assert (two.output("paletteRegistryUid"), ecr.tags(other(two))) == (uid, before)

    second = replace(two.workspace, stack="second")
    two.configure(
        packs=["more/*"],
        repositories={"immutable": False, "baseRepository": "existing", "importRepositories": ["other"]},
    )
    shutil.move(two.folder / "stacks/Pulumi.test.yaml", two.folder / "stacks/Pulumi.second.yaml")
    second.select_stack()
    done = second.pulumi("up", "--yes", "--skip-preview", "--stack", "second", "--non-interactive")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "adopted" in done.stdout
    assert ecr.tags(other(two)) == before
