"""The archive: the same bytes everywhere, readable by anybody."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import random
import stat
import subprocess
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packinfra.packs import Archive, read_pack, save_archive, write_archive
from packinfra.packs import archive as archive_module
from packinfra.packs.archive import MEMBER, PROBE, WHOLE, ArchiveError, Headers, timestamp
from packinfra.packs.ignore import JUNK
from tests.support.packs import make_pack

GOLDEN = Path(__file__).parents[1] / "golden"
CREATED = "2026-01-01T00:00:00Z"
PART = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="/"), min_size=1, max_size=30).filter(
    lambda p: p not in (".", "..") and not p.endswith("~") and len(p.encode()) < 200
)
TREE = st.dictionaries(
    st.lists(PART, min_size=1, max_size=3).map(lambda parts: "/".join(["tree", *parts])),
    st.tuples(st.binary(max_size=600), st.booleans()),
    max_size=6,
)


def archived(folder: Path) -> tuple[Archive, bytes]:
    out = io.BytesIO()
    pack = read_pack(folder)
    assert not pack.errors, pack.errors
    return write_archive(pack, out, CREATED), out.getvalue()


def golden(name: str, made: dict[str, str]) -> Any:
    if os.environ.get("REGENERATE_GOLDEN") == "archive":  # deliberately: REGENERATE_GOLDEN=archive make test-unit
        (GOLDEN / name).write_text(json.dumps(made, indent=2) + "\n")
    return json.loads((GOLDEN / name).read_text())


def test_golden_bytes(tmp_path: Path) -> None:
    """The format may never change by accident: these bytes and digests are in registries and in users' state."""
    folder = make_pack(
        tmp_path / "any-name",
        {"run.sh": "#!/bin/sh\n", "ümlaut/" + "long" * 30 + "/日本.yaml": "a: 1\n", "empty": b""},
    )
    (folder / "run.sh").chmod(0o700)
    archive, data = archived(folder)
    made = {
        "title": archive.title,
        "codec": archive.codec,
        "contentDigest": read_pack(folder).content_digest,
        "layerDigest": archive.digest,
        "base64": base64.b64encode(data).decode(),
    }
    assert made == golden("archive.json", made)
    assert archive.digest == f"sha256:{hashlib.sha256(data).hexdigest()}"
    assert archive.size == len(data)


@pytest.mark.parametrize("workers", [None, 1])
def test_golden_members(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int | None) -> None:
    """The same of larger packs, below and above what is one member, however many of them are compressed at a time. Each
    file fills a member; the first are nearly all noise and stored, of the last the beginning can be compressed."""
    if workers:
        monkeypatch.setattr(archive_module, "_WORKERS", workers)
        archive_module._pool.cache_clear()
    files: dict[str, bytes] = {}
    for number in range(12):
        blanks = PROBE * number // 200
        size = MEMBER - tarfile.BLOCKSIZE * (1 if number else 2)  # beside its header, and the top folder's
        files[f"data-{number:02}"] = bytes(blanks) + hashlib.shake_256(bytes([number])).digest(size - blanks)
    made: dict[str, str] = {}
    for count in (7, 12):
        folder = make_pack(tmp_path / f"{count}", dict(list(files.items())[:count]))
        made[f"layerDigest of {count} MiB"] = archived(folder)[0].digest
    archive_module._pool.cache_clear()
    assert made == golden("archive-members.json", made)


def test_entries(tmp_path: Path) -> None:
    folder = make_pack(tmp_path / "p", {"run.sh": "x", ".git/HEAD": "junk", ".DS_Store": "junk"})
    (folder / "run.sh").chmod(0o711)
    (folder / "values.yaml").chmod(0o600)
    (folder / "nothing-in-here").mkdir()
    _, data = archived(folder)
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        entries = tar.getmembers()
    assert [(e.name, oct(e.mode), e.isdir()) for e in entries] == [
        ("hello-1.0.0", "0o755", True),
        ("hello-1.0.0/manifests", "0o755", True),
        ("hello-1.0.0/manifests/hello.yaml", "0o644", False),
        ("hello-1.0.0/pack.json", "0o644", False),
        ("hello-1.0.0/run.sh", "0o755", False),
        ("hello-1.0.0/values.yaml", "0o644", False),
    ]
    assert {(e.uid, e.gid, e.uname, e.gname, e.mtime) for e in entries} == {(0, 0, "", "", timestamp(CREATED))}


@given(
    name=st.one_of(st.text("ab/.", min_size=1, max_size=120), PART, st.integers(90, 110).map("x".__mul__)),
    size=st.one_of(st.integers(0, 9000), st.integers(8**11 - 2, 8**11 + 2), st.integers(0, 1 << 40)),
    folder=st.booleans(),
    executable=st.booleans(),
    mtime=st.integers(0, 1 << 34),
)
def test_headers_are_those_of_tarfile(name: str, size: int, folder: bool, executable: bool, mtime: int) -> None:
    entry = tarfile.TarInfo(name.rstrip("/") or "x")
    entry.size, entry.mtime, entry.mode = size, mtime, 0o755 if folder or executable else 0o644
    entry.type = tarfile.DIRTYPE if folder else tarfile.REGTYPE
    made = Headers(mtime).of(entry.name, size, folder=folder, executable=executable and not folder)
    assert made == entry.tobuf(tarfile.PAX_FORMAT, "utf-8", "strict")


def test_gnu_tar_extracts_it(tmp_path: Path) -> None:
    folder = make_pack(tmp_path / "p", {"a" * 120 + "/" + "b" * 200 + ".txt": "long", "größe": "ü"})
    _, data = archived(folder)
    (tmp_path / "out").mkdir()
    (tmp_path / "it.tar.gz").write_bytes(data)
    subprocess.run(["tar", "-xzf", "../it.tar.gz"], cwd=tmp_path / "out", check=True)
    subprocess.run(["diff", "-r", tmp_path / "out/hello-1.0.0", folder], check=True)


@settings(max_examples=40, deadline=None)
@given(tree=TREE, seed=st.integers())
def test_machine_leaves_no_trace(tree: dict[str, tuple[bytes, bool]], seed: int) -> None:
    """Order of creation, umask, times, folder name, working folder, time zone: none is in the bytes."""
    with tempfile.TemporaryDirectory() as base:
        one = _written(Path(base, "one"), tree, random.Random(seed), 0o022)
        two = _written(Path(base, "zwei", "deep"), tree, random.Random(seed + 1), 0o077)
        first = archived(one)
        before, zone = os.getcwd(), os.environ.get("TZ")
        try:
            os.chdir(base)
            os.environ["TZ"] = "Pacific/Auckland"
            time.tzset()
            assert archived(Path("zwei/deep")) == first
        finally:
            os.chdir(before)
            os.environ.pop("TZ") if zone is None else os.environ.update(TZ=zone)
            time.tzset()
        assert read_pack(one).content_digest == read_pack(two).content_digest
        with tarfile.open(fileobj=io.BytesIO(first[1])) as tar:
            read_back = {e.name.partition("/")[2]: (_bytes(tar, e), e.mode) for e in tar.getmembers() if e.isfile()}
        for path, (data, executable) in _usable(tree).items():
            assert read_back[path] == (data, 0o755 if executable else 0o644)


@settings(max_examples=30, deadline=None)
@given(tree=TREE.filter(lambda t: bool(_usable(t))), data=st.data())
def test_every_change_changes_the_content_digest(tree: dict[str, tuple[bytes, bool]], data: Any) -> None:
    with tempfile.TemporaryDirectory() as base:
        folder = _written(Path(base, "p"), tree, random.Random(0), 0o022)
        before = read_pack(folder).content_digest
        path = data.draw(st.sampled_from(sorted(_usable(tree))))
        change = data.draw(st.sampled_from(["bytes", "execute bit", "name", "version"]))
        target = folder / path
        if change == "bytes":
            target.write_bytes(target.read_bytes() + b"x")
        elif change == "execute bit":
            target.chmod(target.stat().st_mode ^ 0o100)
        elif change == "name":
            target.rename(target.with_name("renamed-for-the-test"))
        else:
            make_pack(folder, version="1.0.1")
        assert read_pack(folder).content_digest != before


def test_big_packs_are_members_in_order(tmp_path: Path) -> None:
    noise = random.Random(1).randbytes(3 * MEMBER)
    folder = make_pack(tmp_path / "p", {"noise.bin": noise, "text": b"palette " * (WHOLE // 8)})
    archive, data = archived(folder)
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        assert _bytes(tar, tar.getmember("hello-1.0.0/noise.bin")) == noise
    assert len(noise) < archive.size < len(noise) * 1.05  # noise is stored, text all but vanishes
    subprocess.run(["gzip", "-t"], input=data, check=True)


def test_a_file_that_changes_meanwhile_is_an_error(tmp_path: Path) -> None:
    folder = make_pack(tmp_path / "p")
    for change in (b"pack:\n  namespace: HELLO\n", b"longer than before, by far, as anybody can see", b""):
        pack = read_pack(folder)
        (folder / "values.yaml").write_bytes(change)
        with pytest.raises(ArchiveError, match=r"values\.yaml .* changed while"):
            write_archive(pack, io.BytesIO(), CREATED)


def test_a_full_disk_is_said(tmp_path: Path) -> None:
    with open("/dev/full", "wb", buffering=0) as full, pytest.raises(ArchiveError, match="No space left"):
        write_archive(read_pack(make_pack(tmp_path / "p")), full, CREATED)


def test_saved_whole_or_not_at_all(tmp_path: Path) -> None:
    folder, out = make_pack(tmp_path / "p", {"noise": random.Random(2).randbytes(2 * WHOLE)}), tmp_path / "a.tar.gz"
    pack = read_pack(folder)
    out.write_text("what stood there before")
    (folder / "values.yaml").write_text("changed")
    with pytest.raises(ArchiveError, match="changed while"):
        save_archive(pack, out)
    assert out.read_text() == "what stood there before"
    assert sorted(os.listdir(tmp_path)) == ["a.tar.gz", "p"]
    (folder / "values.yaml").write_text("a: 1")
    saved = save_archive(read_pack(folder), out, CREATED)
    assert (saved, out.read_bytes()) == archived(folder)
    with pytest.raises(ArchiveError, match="Is a directory"):
        save_archive(read_pack(folder), folder)
    assert sorted(os.listdir(tmp_path)) == ["a.tar.gz", "p"]


def test_saving_follows_no_planted_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder that others can write to, somebody has put links under the names that will be used."""
    victim, out = tmp_path / "victim", tmp_path / "out"
    victim.write_text("precious")
    out.mkdir()
    monkeypatch.setattr("packinfra.packs.archive.secrets.token_hex", lambda _: "guessed")
    (out / "a.tar.gz").symlink_to(victim)
    save_archive(read_pack(make_pack(tmp_path / "p")), out / "a.tar.gz")
    assert not (out / "a.tar.gz").is_symlink()
    assert stat.S_IMODE((out / "a.tar.gz").stat().st_mode) == 0o666 & ~umask()
    (out / ".packinfra-guessed.partial").symlink_to(victim)
    with pytest.raises(ArchiveError, match="File exists"):
        save_archive(read_pack(tmp_path / "p"), out / "a.tar.gz")
    assert victim.read_text() == "precious"


def umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_many_files(tmp_path: Path) -> None:
    folder = make_pack(tmp_path / "p")
    for number in range(20_000):
        path = folder / f"d{number % 100}" / f"file-{number}"
        path.parent.mkdir(exist_ok=True)
        path.touch()
    _, data = archived(folder)
    listed = subprocess.run(["tar", "-tz"], input=data, capture_output=True, check=True).stdout.splitlines()
    assert sum(not name.endswith(b"/") for name in listed) == 20_003


@pytest.mark.parametrize(
    "wrong", ["2026-01-01", "2026-01-01T00:00:00", "2026-01-01T00:00:00+01:00", "1969-12-31T23:59:59Z"]
)
def test_created_has_one_form(wrong: str) -> None:
    with pytest.raises(ValueError, match="created must"):
        timestamp(wrong)


def _usable(tree: dict[str, tuple[bytes, bool]]) -> dict[str, tuple[bytes, bool]]:
    """Without paths that need another path to be a folder and a file at once, or that are junk."""
    folders = {"/".join(path.split("/")[:i]) for path in tree for i in range(1, path.count("/") + 1)}
    return {
        p: v for p, v in tree.items() if p not in folders and not any(JUNK.fullmatch(part) for part in p.split("/"))
    }


def _written(folder: Path, tree: dict[str, tuple[bytes, bool]], order: random.Random, umask: int) -> Path:
    before = os.umask(umask)
    try:
        make_pack(folder)
        items = list(_usable(tree).items())
        order.shuffle(items)
        for path, (data, executable) in items:
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
            if executable:
                target.chmod(0o700 | order.choice([0o000, 0o011, 0o055]))
            os.utime(target, (order.randrange(2**31), order.randrange(2**31)))
            if os.getuid() == 0:  # nobody else may give files away
                os.chown(target, order.randrange(2**16), order.randrange(2**16))
    finally:
        os.umask(before)
    return folder


def _bytes(tar: tarfile.TarFile, entry: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(entry)
    assert file
    return file.read()
