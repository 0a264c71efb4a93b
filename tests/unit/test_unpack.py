"""Archives that others made: the same content is recognised, whatever their archiver did."""

from __future__ import annotations

import gzip
import io
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from packinfra.packs import read_pack, write_archive
from packinfra.packs.unpack import UnpackError, read_archive
from tests.support.packs import make_pack

LIMIT = 1 << 20


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_pack(tmp_path / "any folder", {"ümlaut/日本.yaml": "a: 1\n", "empty": b"", "bin/run.sh": "#!/bin/sh\n"})


def by_hand(folder: Path, *options: str) -> io.BytesIO:
    """As the guide says: tar -czf NAME-VERSION.tar.gz FOLDER."""
    made = subprocess.run(
        ["tar", "-czf", "-", *options, folder.name], cwd=folder.parent, check=True, capture_output=True
    )
    return io.BytesIO(made.stdout)


@pytest.mark.parametrize("options", [(), ("--format=gnu",), ("--format=pax",), ("--format=ustar",), ("--owner=7",)])
def test_tar_of_the_guide(folder: Path, options: tuple[str, ...]) -> None:
    (folder / "bin/run.sh").chmod(0o755)
    (folder / ".DS_Store").write_text("junk")
    (folder / ".git").mkdir()
    (folder / ".git/HEAD").write_text("junk")
    (folder / "ignored.log").write_text("junk")
    (folder / ".packignore").write_text("*.log\n")
    (folder / "link.yaml").symlink_to("values.yaml")
    (folder / "hard.yaml").hardlink_to(folder / "values.yaml")
    pack = read_pack(folder)
    assert not pack.errors
    found = read_archive(by_hand(folder, *options), pack.name, pack.version, LIMIT)
    assert found.content_digest == pack.content_digest
    assert [(f.path, f.size, f.sha256, f.executable) for f in found.files] == [
        (f.path, f.size, f.sha256, f.executable) for f in pack.files
    ]


def test_our_own(folder: Path) -> None:
    pack, out = read_pack(folder), io.BytesIO()
    write_archive(pack, out)
    out.seek(0)
    assert read_archive(out, pack.name, pack.version, LIMIT).content_digest == pack.content_digest


def test_another_version_or_file_is_another_content(folder: Path) -> None:
    pack = read_pack(folder)
    assert read_archive(by_hand(folder), pack.name, "9", LIMIT).content_digest != pack.content_digest
    (folder / "values.yaml").write_text("changed: true\n")
    assert read_archive(by_hand(folder), pack.name, pack.version, LIMIT).content_digest != pack.content_digest


def entry(
    name: str, kind: bytes = tarfile.REGTYPE, data: bytes = b"", link: str = ""
) -> Callable[[tarfile.TarFile], None]:
    def add(tar: tarfile.TarFile) -> None:
        made = tarfile.TarInfo(name)
        made.type, made.size, made.linkname = kind, len(data), link
        tar.addfile(made, io.BytesIO(data))

    return add


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ([entry("top/a"), entry("other/b")], "exactly one top folder"),
        ([entry("file-without-folder")], "exactly one top folder"),
        ([], "exactly one top folder"),
        ([entry("../a")], "leads out of it"),
        ([entry("/etc/passwd")], "leads out of it"),
        ([entry("top/fifo", tarfile.FIFOTYPE)], "neither file nor folder"),
        ([entry("top/a", tarfile.SYMTYPE, link="../../etc/passwd")], "leads to no file"),
        ([entry("top/a", tarfile.SYMTYPE, link="b"), entry("top/b", tarfile.SYMTYPE, link="a")], "leads to no file"),
        ([entry("top/big", data=bytes(2 * LIMIT))], "unpacks to more than"),
    ],
)
def test_no_pack(entries: list[Callable[[tarfile.TarFile], None]], reason: str) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for add in entries:
            add(tar)
    out.seek(0)
    with pytest.raises(UnpackError, match=reason):
        read_archive(out, "hello", "1.0.0", LIMIT)


@pytest.mark.parametrize(
    "data",
    [b"", b"no gzip", gzip.compress(b"no tar" * 200), gzip.compress(bytes(5000))[:-9]],
    ids=["nothing", "no gzip", "no tar", "cut"],  # of the bytes, each worker would make others: they hold the time
)
def test_no_archive(data: bytes) -> None:
    with pytest.raises(UnpackError, match=r"no readable \.tar\.gz|exactly one top folder"):
        read_archive(io.BytesIO(data), "hello", "1.0.0", LIMIT)
