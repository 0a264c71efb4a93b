"""What check makes of folders and old inputs, without engine and network; and how often it reads a file."""

from __future__ import annotations

import errno
import os
import shutil
import sys
import tempfile
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packinfra.lifecycle.clients import RegistryClients
from packinfra.lifecycle.packs.content import Packs, build
from packinfra.lifecycle.publishing.archive_cache import ArchiveCache
from packinfra.lifecycle.publishing.file_changes import changed_bits, file_changes
from packinfra.lifecycle.publishing.file_hashes import folded
from packinfra.lifecycle.publishing.plan import make_plan
from packinfra.lifecycle.publishing.publish import Publisher
from packinfra.lifecycle.publishing.state import by_version, versions_to_props
from packinfra.lifecycle.registry_access import BasicAccess, access_to_props
from packinfra.packs import read_catalogue, read_pack
from packinfra.packs.archive import CREATED, ArchiveError
from packinfra.packs.contents import KEEP
from packinfra.packs.spool import Spool
from tests.support.packs import make_pack
from tests.support.run import new_run
from tests.support.scripted_registry import ScriptedRegistry


@contextmanager
def opens(below: Path) -> Iterator[Counter[str]]:
    """Counts how often each file below the folder is opened."""
    found: Counter[str] = Counter()
    on = True

    def note(event: str, arguments: tuple[Any, ...]) -> None:
        if on and event == "open" and isinstance(arguments[0], (str, bytes)):
            path = os.fsdecode(arguments[0])
            if path.startswith(f"{below}/"):
                found[path.removeprefix(f"{below}/")] += 1

    sys.addaudithook(note)
    yield found
    on = False


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_pack(tmp_path / "hello", {f"files/{n}.txt": str(n) for n in range(20)})


def inputs(folder: Path, **more: Any) -> dict[str, Any]:
    return {"repository": "h.example/a/hello", "sources": [str(folder)], **more}


@pytest.fixture
def archives() -> Iterator[ArchiveCache]:
    cache = ArchiveCache()
    yield cache
    cache.close()


def test_each_file_is_read_once(folder: Path, archives: ArchiveCache) -> None:
    with opens(folder) as by_program:
        read_catalogue(folder.parent, ["*"])
    with opens(folder) as by_check:
        plan = make_plan(Packs(), {}, inputs(folder), archives)
    for counted in (by_program, by_check):
        assert set(counted.values()) == {1}
        assert len(counted) == 23
    archive = archives.take(plan.versions["1.0.0"].layerDigest)
    assert archive, "create takes the archive that check built, and reads nothing"
    archive.close()


def test_several_versions_are_not_held_in_memory(tmp_path: Path, archives: ArchiveCache) -> None:
    """All are read before the first is archived, so each is read again for that: the page cache has it, and the memory
    that a pack needs doesn't grow with the number of its versions."""
    sources = [str(make_pack(tmp_path / f"hello-{n}", {"big": bytes(1 << 20)}, version=f"1.{n}.0")) for n in range(10)]
    tracemalloc.start()
    with opens(tmp_path) as by_check:
        plan = make_plan(Packs(), {}, {"repository": "h.example/a/hello", "sources": sources}, archives)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert set(by_check.values()) == {2}
    assert len(plan.versions) == 10
    assert peak < 7 << 20, peak


def test_archives_that_were_crowded_out(tmp_path: Path) -> None:
    """Built anew while they are published, and no folder is searched again for a version that it doesn't hold."""
    sources = [str(make_pack(tmp_path / f"hello-{n}", version=f"1.{n}.0")) for n in reversed(range(5))]
    with ScriptedRegistry() as registry:
        access = access_to_props(BasicAccess(plain_http=True))
        props = {"repository": f"{registry.host}/a/hello", "sources": sources, "registryAccess": access}
        planned = make_plan(Packs(), {}, props, ArchiveCache(memory=0)).versions
        publisher = Publisher(Packs(), RegistryClients(lambda _: None, print), props, new_run())
        with opens(tmp_path) as by_create:
            for version, record in planned.items():
                publisher.push(version, record)
    assert len(by_create) == 15
    assert max(by_create.values()) == 3  # searched, found, archived


def test_packs_that_the_program_has_validated(folder: Path, archives: ArchiveCache) -> None:
    """Published and unchanged: check opens nothing. To be published: read once, not validated again. Changed since the
    program read it: validated after all."""
    validated = {str(folder): ["hello", "1.0.0", read_pack(folder).content_digest]}
    with opens(folder) as by_first_check:
        first = make_plan(Packs(), {}, inputs(folder, validated=validated), archives)
    assert set(by_first_check.values()) == {1}
    olds = inputs(folder, versions=versions_to_props(first.versions), fileHashes=first.file_hashes)
    with opens(folder) as by_check:
        again = make_plan(Packs(), olds, inputs(folder, validated=validated), archives)
    assert not by_check
    assert again == first

    (folder / "values.yaml").write_text("a: [\n")
    (problem,) = make_plan(Packs(), {}, inputs(folder, validated=validated), archives).problems
    assert "values.yaml:2" in problem


def test_unchanged_content_is_not_compressed_again(folder: Path, archives: ArchiveCache) -> None:
    first = make_plan(Packs(), {}, inputs(folder), ArchiveCache(memory=0))
    published = versions_to_props(first.versions)
    published["1.0.0"] |= {"codec": "another-1.0", "created": "2000-01-01T00:00:00Z"}
    olds = inputs(folder, versions=published, fileHashes=first.file_hashes)
    again = make_plan(Packs(), olds, inputs(folder, created="2020-01-01T00:00:00Z"), archives)
    assert versions_to_props(again.versions) == published
    assert archives.take(first.versions["1.0.0"].layerDigest) is None


def test_after_a_refresh_that_found_drift(folder: Path, archives: ArchiveCache) -> None:
    """Read keeps no hashes: the folder is read again, the record and its place in the order stay, and nothing is said
    of files that nobody can compare."""
    first = make_plan(Packs(), {}, inputs(folder), archives)
    olds = inputs(folder, versions=versions_to_props(first.versions), fileHashes={"1.0.0": {}})
    assert make_plan(Packs(), olds, inputs(folder), archives) == first
    (folder / "values.yaml").write_text("a: 1\n")
    (problem,) = make_plan(Packs(), olds, inputs(folder), archives).problems
    assert "has changed since it was published: it was sha256:" in problem


def test_the_record_of_files_is_capped(tmp_path: Path, archives: ArchiveCache) -> None:
    """So the state of a pack is, whatever it holds."""
    folder = make_pack(tmp_path / "hello", {f"charts/web/templates/{n}": "x" for n in range(1200)})
    (folder / "charts/web/values.yaml").write_text("a: 1\n")
    (listed,) = make_plan(Packs(), {}, inputs(folder), archives).file_hashes.values()
    assert sorted(listed) == [
        "charts/web/templates/", "charts/web/values.yaml", "manifests/hello.yaml", "pack.json", "values.yaml",
    ]  # fmt: skip
    for n in range(30):
        (folder / f"{n}.txt").touch()
    (listed,) = make_plan(Packs(), {}, inputs(folder), archives).file_hashes.values()
    assert list(listed) == ["(1234 files)"]


NAME = st.text("ab", min_size=1, max_size=2)
HASHES = st.dictionaries(st.lists(NAME, min_size=1, max_size=5).map("/".join), st.sampled_from("01"), max_size=30)


@given(one=HASHES, other=HASHES, depth=st.integers(0, 4))
def test_records_of_different_depth_can_be_compared(one: dict[str, str], other: dict[str, str], depth: int) -> None:
    """Folding twice is folding once; equal files stay equal, different ones different, and changes are named."""
    one, other = ({p: h for p, h in found.items() if f"{p}/" not in str(found)} for found in (one, other))
    assert folded(folded(one, depth + 1), depth) == folded(one, depth)
    assert (file_changes(folded(one, depth), one)) == "no file"
    assert (file_changes(folded(one, depth), other) == "no file") == (one == other)


@pytest.mark.parametrize("size", [8, KEEP + 8], ids=["in memory", "on disk"])
def test_archives_are_bounded(size: int) -> None:
    archives = ArchiveCache(memory=10, disk=KEEP + 10, files=1)
    kept, crowded_out = Spool(), Spool()
    kept.file.write(bytes(size))
    archives.keep("a", size, kept)
    archives.keep("b", 3 if size == 8 else KEEP + 1, crowded_out)
    assert crowded_out.file.closed
    assert (archives.take("a"), archives.take("a"), archives.take("b")) == (kept, None, None)
    for _ in range(2):
        reader = kept.open()
        assert len(reader.read()) == size
        reader.close()
    kept.close()
    assert kept.file.closed


def test_archives_leave_room_on_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """As much as they take: the next one is written before an old one goes."""
    size = KEEP + 1
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=2 * size - 1))
    archives, spools = ArchiveCache(), [Spool(), Spool(), Spool()]
    for number, (spool, bytes_) in enumerate(zip(spools, (size, size, 8), strict=True)):
        archives.keep(str(number), bytes_, spool)
    assert [spool.file.closed for spool in spools] == [False, True, False], "memory is another matter"
    archives.close()
    assert all(spool.file.closed for spool in spools)


@pytest.mark.parametrize("failing", ["while it is written", "when it is made"])
def test_a_full_disk_is_said_when_the_archive_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    """Not by whoever opens it later: of an archive that compresses well, all may still be in the file's buffer."""
    pack = read_pack(make_pack(tmp_path / "p", {"big": os.urandom(9 << 20)}))

    def temporary(**_options: object) -> BinaryIO:
        if failing == "when it is made":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return open("/dev/full", "w+b", buffering=1 << 20)

    monkeypatch.setattr(tempfile, "TemporaryFile", temporary)
    with pytest.raises(ArchiveError, match=r"hello-1\.0\.0\.tar\.gz could not be written: No space left.*\n.*TMPDIR"):
        build(pack, CREATED)


def test_file_changes() -> None:
    before = {"same": "1", "changed": "1", "gone": "1"}
    after = {"same": "1", "changed": "2", **{f"new{n}": "1" for n in range(10)}}
    assert file_changes(before, after) == (
        "changed changed; added new0, new1, new2, new3, new4, new5, new6, new7 and 2 more; removed gone"
    )
    assert file_changes(before, before) == "no file"


@pytest.mark.parametrize("files", [20, 60], ids=["recorded each", "recorded by folder"])
@pytest.mark.parametrize(("before", "after"), [(0o644, 0o777), (0o777, 0o644)], ids=["WSL", "CI artifact"])
def test_only_execute_bits_differ(tmp_path: Path, archives: ArchiveCache, files: int, before: int, after: int) -> None:
    """On a file system without execute bits all files have the same. Said so instead of a list of changed files."""
    folder = make_pack(tmp_path / "hello", {f"files/{n % 3}/{n}.txt": str(n) for n in range(files)})
    paths = [path for path in folder.rglob("*") if path.is_file()]

    def set_bits(mode: int, to: list[Path]) -> None:
        for path in to:
            path.chmod(mode)

    set_bits(before, paths)
    plan = make_plan(Packs(), {}, inputs(folder), archives)
    olds = {"versions": versions_to_props(plan.versions), "fileHashes": plan.file_hashes}
    set_bits(after, paths)
    (problem,) = make_plan(Packs(), olds, inputs(folder), archives).problems
    assert f"since it was published (only execute bits differ, of {files + 3} files: files/0/0.txt, " in problem
    assert "-> a file system may have lost them (WSL's /mnt, artifacts of CI jobs, archives)" in problem
    assert "git update-index --chmod=+x" in problem
    assert 'give it a new version in pack.json. "overwrite: true"' in problem
    again = make_plan(Packs(), olds, inputs(folder, overwrite=True), archives)
    assert file_changes(olds["fileHashes"]["1.0.0"], again.file_hashes["1.0.0"], again.files["1.0.0"]).startswith(
        "only exec"
    )

    set_bits(before, paths)
    set_bits(after, [folder / "pack.json"])
    (problem,) = make_plan(Packs(), olds, inputs(folder), archives).problems
    assert "(only execute bits differ, of 1 file: pack.json)" in problem
    set_bits(after, paths)
    (folder / "values.yaml").write_text("other: 1\n")
    (problem,) = make_plan(Packs(), olds, inputs(folder), archives).problems
    assert "only execute bits differ" not in problem
    assert "-> give it a new version in pack.json, or undo the change" in problem


@given(hashes=HASHES, depth=st.integers(0, 4), bits=st.sets(st.integers(0, 29)), other=st.booleans())
def test_changed_bits_never_hide_a_changed_file(
    hashes: dict[str, str], depth: int, bits: set[int], other: bool
) -> None:
    """Whichever side is recorded by folder: exactly those files, or none where they can't be told."""
    hashes = {path: value for path, value in hashes.items() if f"{path}/" not in str(hashes)}
    switched = {path: value + "+x" * (n in bits) for n, (path, value) in enumerate(hashes.items())}
    expected = {path for path in hashes if hashes[path] != switched[path]}
    assert set(changed_bits(hashes, switched)) == set(changed_bits(switched, hashes)) == expected
    found = set(changed_bits(folded(hashes, depth), switched))
    assert found == expected, "no file had a bit before"
    assert set(changed_bits(switched, folded(hashes, depth))) == expected
    assert set(changed_bits(folded(switched, depth), hashes)) in (expected, set())
    for path in hashes:
        for record in (hashes, folded(hashes, depth)):
            assert not changed_bits(record, {**switched, path: "different"})
            assert not changed_bits(record, {**switched, f"{path}-more": "0"})


def test_versions_sort_as_people_read_them() -> None:
    assert sorted(["1.10.0", "1.9.0", "1.9.0-rc1", "v2"], key=by_version) == ["1.9.0", "1.9.0-rc1", "1.10.0", "v2"]
