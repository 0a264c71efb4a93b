"""Reading and validating: every problem is named, with file, rule and remedy, and nothing crashes."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import pytest

from packinfra.packs import Chart, PackError, RuleSettings, contents, read_catalogue, read_pack, write_archive
from tests.support.packs import VALUES, make_clean_pack, make_pack


def test_a_pack_is_a_value(tmp_path: Path) -> None:
    pack = read_pack(make_clean_pack(tmp_path / "a"))
    assert (pack.name, pack.version, pack.layer, pack.type) == ("hello", "1.0.0", "addon", "app services")
    assert pack.charts == (Chart("charts/web-1.2.3.tgz", "web", "1.2.3"),)
    assert pack.manifests == ("manifests/hello.yaml",)
    assert pack.values == VALUES
    assert pack.problems == ()
    with pytest.raises(FrozenInstanceError):
        pack.name = "other"  # type: ignore[misc]
    assert replace(read_pack(make_clean_pack(tmp_path / "b")), folder=pack.folder) == pack


def test_a_validated_pack_is_not_parsed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_clean_pack(tmp_path / "a")
    first = read_pack(folder)
    for parse in ("read_chart", "read_yaml", "schema_errors"):
        monkeypatch.setattr(contents, parse, lambda *_: pytest.fail("parsed"))
    assert read_pack(folder, validated=first.content_digest) == replace(first, charts=())


def test_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for name, message in {
        "absent": "does not exist", "file": "is a file, not a folder", "x" * 300: "File name too long",
        "file/deeper": "Not a directory", "a\0b": "zero byte",
    }.items():  # fmt: skip
        with pytest.raises(PackError, match=message):
            read_pack(tmp_path / name)


def test_a_file_that_changes_while_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_clean_pack(tmp_path / "pack", {"log": "x" * 5000})

    class Growing:
        """What hashes the file also lets it grow."""

        def __init__(self) -> None:
            self.inner = hashlib.new("sha256")

        def update(self, data: bytes) -> None:
            self.inner.update(data)
            if data.startswith(b"xx"):
                with (folder / "log").open("ab") as log:
                    log.write(b"x")

        def hexdigest(self) -> str:
            return self.inner.hexdigest()

    monkeypatch.setattr("packinfra.packs.contents.hashlib.sha256", Growing)
    assert [(p.rule, p.file) for p in read_pack(folder).problems] == [("changing", "log")]


def test_links_that_multiply(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """2^20 paths without a loop: found out by counting, before memory is gone."""
    monkeypatch.setattr("packinfra.packs.files.MOST_FILES", 1000)
    folder = make_clean_pack(tmp_path / "pack")
    for level in range(20):
        (folder / f"d{level}").mkdir()
        for name in ("l", "r"):
            (folder / f"d{level}" / name).symlink_to(f"../d{level + 1}")
    (folder / "d20").mkdir()
    assert "too-many-files" in {p.rule for p in read_pack(folder).errors}


def test_deep_folders(tmp_path: Path) -> None:
    folder = make_clean_pack(tmp_path / "pack")
    before = os.getcwd()
    try:
        os.chdir(folder)
        for _ in range(1500):
            os.mkdir("d")
            os.chdir("d")
        Path("file").write_text("x")
    finally:
        os.chdir(before)
    pack = read_pack(folder)
    assert pack.problems == ()
    assert "/".join(["d"] * 1500 + ["file"]) in {file.path for file in pack.files}
    write_archive(pack, io.BytesIO())
    subprocess.run(["rm", "-rf", folder], check=True)


def test_links_inside_stand_for_their_files(tmp_path: Path) -> None:
    folder = make_pack(tmp_path / "pack", {"docs/a.txt": "a"})
    (folder / "b.txt").symlink_to("docs/a.txt")
    (folder / "more").symlink_to("docs")
    os.link(folder / "docs/a.txt", folder / "hard.txt")
    pack = read_pack(folder)
    assert not pack.errors
    same = {file.path for file in pack.files if file.sha256 == next(f for f in pack.files if f.path == "b.txt").sha256}
    assert same == {"b.txt", "docs/a.txt", "hard.txt", "more/a.txt"}


def test_all_problems_at_once(tmp_path: Path) -> None:
    make_pack(tmp_path / "packs/a", version="1+2", layer="x", name=None)
    make_pack(tmp_path / "packs/b", kubeManifests=["nope.yaml"])
    make_pack(tmp_path / "packs/good")
    make_pack(tmp_path / "packs/good-again")
    (tmp_path / "packs/empty").mkdir()
    (tmp_path / "packs/file.txt").touch()
    with pytest.raises(PackError) as caught:
        read_catalogue(tmp_path, ["packs/*", "nothing/*", "packs/missing"])
    text = str(caught.value)
    for expected in (
        '"nothing/*" matches no folder', "packs/missing does not exist", '"1+2" cannot be an OCI tag', '"name" is missing',
        '"layer" is "x"', '"nope.yaml", which is missing from the pack', "packs/empty:", "the folder has no pack.json",
        "hello 1.0.0 is in 3 folders: packs/b, packs/good, packs/good-again", "8 problems to correct",
    ):  # fmt: skip
        assert expected in text


def test_rules_go_with_the_last_pattern(tmp_path: Path) -> None:
    for name in ("a", "b"):
        make_clean_pack(tmp_path / f"packs/{name}", name=name)
        (tmp_path / f"packs/{name}/README.md").unlink()
    rules: dict[str, RuleSettings] = {"packs/*": {"readme-missing": "error"}, "packs/b": {}}
    with pytest.raises(PackError) as caught:
        read_catalogue(tmp_path, ["packs/*", "packs/b"], rules)
    assert "pack packs/a (a 1.0.0):\n  the folder has no README.md [readme-missing]" in str(caught.value)
    assert "packs/b" not in str(caught.value)
    packs = read_catalogue(tmp_path, ["packs/*"]).packs
    assert [[problem.rule for problem in packs[name][0].warnings] for name in ("a", "b")] == [["readme-missing"]] * 2


def test_later_patterns_override(tmp_path: Path) -> None:
    make_pack(tmp_path / "packs/a", name="a")
    make_pack(tmp_path / "packs/b", name="b")
    catalogue = read_catalogue(tmp_path, ["packs/*", "packs/b"])
    assert catalogue.found_by == {"a": "packs/*", "b": "packs/b"}
    assert read_catalogue(tmp_path, ["**"]).packs.keys() == {"a", "b"}
