"""Reading and judging: every problem is named, with file, rule and remedy, and nothing crashes."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packinfra.packs import PackError, read_catalogue, read_pack
from packinfra.packs.rules import RULES
from tests.support.packs import make_pack


def _write(path: str, data: bytes) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / path).write_bytes(data)

    return change


def _pack_json(**changes: Any) -> Callable[[Path], object]:
    return lambda folder: make_pack(folder, **changes)


def _link(target: str, name: str = "link") -> Callable[[Path], None]:
    return lambda folder: (folder / name).symlink_to(target)


def _socket(folder: Path) -> None:
    before = os.getcwd()
    os.chdir(folder)  # a socket's path has at most 108 characters
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind("socket")
    finally:
        os.chdir(before)


VIOLATIONS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "no pack.json": ("metadata-missing", lambda f: (f / "pack.json").unlink()),
    "not JSON": ("metadata-invalid", _write("pack.json", b'{"name": "x",}')),
    "not UTF-8": ("metadata-invalid", _write("pack.json", b'{"name": "\xff"}')),
    "byte order mark": ("metadata-invalid", _write("pack.json", b"\xef\xbb\xbf{}")),
    "no object": ("metadata-invalid", _write("pack.json", b"[]")),
    "nested too deeply": ("metadata-invalid", _write("pack.json", b"[" * 100_000)),
    "key twice": ("metadata-duplicate-key", _write("pack.json", b'{"name": "a", "name": "b"}')),
    "name missing": ("required-key", _pack_json(name=None)),
    "displayName empty": ("required-key", _pack_json(displayName=" ")),
    "version a number": ("required-key", _pack_json(version=1.0)),
    "layer null": ("required-key", _write("pack.json", b'{"name":"a","displayName":"a","version":"1","layer":null}')),
    "layer unknown": ("layer-unknown", _pack_json(layer="app")),
    "upper-case name": ("name-not-a-repository", _pack_json(name="Hello")),
    "name with slash": ("name-not-a-repository", _pack_json(name="a/b")),
    "plus in version": ("version-not-a-tag", _pack_json(version="1.0.0+build")),
    "long version": ("version-not-a-tag", _pack_json(version="1" * 129)),
    "values.yaml absent": ("values-missing", lambda f: (f / "values.yaml").unlink()),
    "manifest absent": ("listed-file-missing", lambda f: (f / "manifests/hello.yaml").unlink()),
    "manifest outside": ("listed-file-missing", _pack_json(kubeManifests=["../other.yaml"])),
    "charts no list": ("listed-file-missing", _pack_json(charts="charts/a.tgz")),
    "link out": ("link-leaves-pack", _link("/etc/hostname")),
    "relative link out": ("link-leaves-pack", _link("../../other")),
    "link to a sibling with the same prefix": ("link-leaves-pack", _link("../pack-2/file")),
    "link loop": ("link-loop", _link(".", "again")),
    "dangling link": ("unreadable", _link("nowhere")),
    "FIFO": ("special-file", lambda f: os.mkfifo(f / "fifo")),
    "socket": ("special-file", _socket),
    "name not UTF-8": ("name-not-utf8", lambda f: open(os.fsencode(f) + b"/\xff", "w").close()),
    "control character": ("name-control-character", lambda f: (f / "a\nb").touch()),
}


@pytest.mark.parametrize(("rule", "violate"), VIOLATIONS.values(), ids=VIOLATIONS)
def test_violation(rule: str, violate: Callable[[Path], object], tmp_path: Path) -> None:
    folder = make_pack(tmp_path / "pack")
    assert read_pack(folder).problems == ()
    violate(folder)
    problems = read_pack(folder).errors
    assert {p.rule for p in problems} == {rule}
    for problem in problems:
        assert problem.message
        assert problem.remedy


def test_every_rule_has_a_violation() -> None:
    by_machine = {"unreadable", "changing"}  # root may read everything; a changing file is tested in test_archive
    assert {rule.id for rule in RULES} - by_machine == {rule for rule, _ in VIOLATIONS.values()} - {"unreadable"}


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
        '"nothing/*" finds no folder', "packs/missing does not exist", '"1+2" cannot be an OCI tag', '"name" is missing',
        '"layer" is "x"', '"nope.yaml", which the pack lacks', "packs/empty:", "the folder has no pack.json",
        "hello 1.0.0 stands in 3 folders: packs/b, packs/good, packs/good-again", "6 things to correct",
    ):  # fmt: skip
        assert expected in text


def test_later_patterns_override(tmp_path: Path) -> None:
    make_pack(tmp_path / "packs/a", name="a")
    make_pack(tmp_path / "packs/b", name="b")
    catalogue = read_catalogue(tmp_path, ["packs/*", "packs/b"])
    assert catalogue.found_by == {"a": "packs/*", "b": "packs/b"}
    assert read_catalogue(tmp_path, ["**"]).packs.keys() == {"a", "b"}


@settings(max_examples=200, deadline=None)
@given(raw=st.binary(max_size=200) | st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from(["name", "version", "displayName", "layer", "charts", "kubeManifests", "x"]), inner, max_size=6
    ),
    max_leaves=12,
).map(lambda value: json.dumps(value).encode()))  # fmt: skip
def test_any_pack_json_gets_a_verdict(raw: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = make_pack(tmp_path_factory.mktemp("fuzz"))
    (folder / "pack.json").write_bytes(raw)
    pack = read_pack(folder)
    assert pack.content_digest.startswith("sha256:")
    assert all(str(problem) for problem in pack.problems)
