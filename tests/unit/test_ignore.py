"""What is left out of a pack: junk, and what `.packignore` names; and that it is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from packinfra.packs import read_pack
from tests.support.packs import make_pack

OWN = {"manifests/hello.yaml", "pack.json", "values.yaml"}


def kept(folder: Path) -> set[str]:
    return {file.path for file in read_pack(folder).files} - OWN


def test_junk(tmp_path: Path) -> None:
    junk = [
        ".git/HEAD",
        ".DS_Store",
        "._values.yaml",
        "manifests/._x",
        "__MACOSX/x",
        ".values.yaml.swp",
        "x~",
        "Thumbs.db",
    ]
    folder = make_pack(tmp_path / "pack", dict.fromkeys(junk, "junk") | {".gitignore": "x", ".helmignore": "y"})
    (folder / "empty/deeper").mkdir(parents=True)
    pack = read_pack(folder)
    assert {file.path for file in pack.files} - OWN == {".gitignore", ".helmignore"}
    assert [(path, by) for path, by in pack.left_out if by != "junk"] == []
    assert [path for path, _ in pack.left_out] == sorted(
        [".git", ".DS_Store", "._values.yaml", "manifests/._x", "__MACOSX", ".values.yaml.swp", "x~", "Thumbs.db"],
        key=lambda path: path.split("/"),
    )


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        ("", {"a.log", "docs/a.log", "docs/b.md", "build/x", "src/build/y"}),
        ("*.log", {"docs/b.md", "build/x", "src/build/y"}),
        ("*.log\n!docs/a.log", {"docs/a.log", "docs/b.md", "build/x", "src/build/y"}),
        ("/build/\n# a comment\n\n", {"a.log", "docs/a.log", "docs/b.md", "src/build/y"}),
        ("build", {"a.log", "docs/a.log", "docs/b.md"}),
        ("docs/\n!docs/b.md", {"a.log", "build/x", "src/build/y"}),
        ("docs/*\n!docs/b.md", {"a.log", "docs/b.md", "build/x", "src/build/y"}),
        ("**/build/**", {"a.log", "docs/a.log", "docs/b.md"}),
        ("src/build/*\n!**/y", {"a.log", "docs/a.log", "docs/b.md", "build/x", "src/build/y"}),
        ("*" * 40 + ".log", {"docs/b.md", "build/x", "src/build/y"}),  # minutes, as a regular expression of its own
        ("\ufeff*\r\n!/pack.json\r\n", set()),
    ],
)
def test_packignore(patterns: str, expected: set[str], tmp_path: Path) -> None:
    files: dict[str, str | bytes] = dict.fromkeys(["a.log", "docs/a.log", "docs/b.md", "build/x", "src/build/y"], "x")
    folder = make_pack(tmp_path / "pack", {**files, ".packignore": patterns})
    assert kept(folder) == expected
    assert (".packignore", "never part of a pack") in read_pack(folder).left_out


def test_junk_can_be_brought_back(tmp_path: Path) -> None:
    folder = make_pack(tmp_path / "pack", {"Thumbs.db": "x", "x~": "x", ".packignore": "!Thumbs.db\n"})
    assert kept(folder) == {"Thumbs.db"}


def test_ignore_rules_are_no_part_of_the_identity(tmp_path: Path) -> None:
    one = read_pack(make_pack(tmp_path / "one"))
    two = read_pack(make_pack(tmp_path / "two", {".packignore": "*.log\n", "a.log": "x"}))
    three = read_pack(make_pack(tmp_path / "three", {".packignore": "b\n"}))
    assert one.content_digest == two.content_digest == three.content_digest
    four = read_pack(make_pack(tmp_path / "four", {".packignore": "", "a.log": "x"}))
    assert four.content_digest != one.content_digest


def test_files_that_are_left_out_are_not_validated(tmp_path: Path) -> None:
    folder = make_pack(tmp_path / "pack", {".packignore": "secrets/\nlink\n", "secrets/.env": "x"})
    (folder / "link").symlink_to("/etc/passwd")
    assert {p.rule for p in read_pack(folder).problems} == {"readme-missing", "logo-missing"}
