"""Whatever a strict reader accepts, other programs unpack to the same files; and it never fails in another way."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import random
import subprocess
import tarfile
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from packinfra.packs.files import list_files
from packinfra.packs.unpack import UnpackError, read_archive

KINDS = [tarfile.REGTYPE] * 4 + [tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE]
PLAIN = ["a", "b", "c", "e", "f", "g", "h", "x~", "ü", "d" * 60]
NAMES = st.lists(st.sampled_from(PLAIN * 3 + [".", "..", "", "a\n", "d" * 120]), min_size=1, max_size=3)
TARGETS = st.lists(st.sampled_from(["a", "b", "c", "x~", ".", "..", "top", ""]), min_size=1, max_size=3).map("/".join)
ENTRIES = st.lists(
    st.tuples(NAMES.map(lambda parts: "/".join(["top", *parts])), st.sampled_from(KINDS), TARGETS, st.booleans()),
    min_size=1, max_size=6,
)  # fmt: skip
VALID = [
    ("top/a", tarfile.REGTYPE, "", True), ("top/b", tarfile.DIRTYPE, "", False), ("top/b/c", tarfile.REGTYPE, "", False),
    ("top/" + "d" * 60 + "/" + "d" * 60, tarfile.REGTYPE, "", False), ("top/e", tarfile.SYMTYPE, "b/c", False),
    ("top/f", tarfile.LNKTYPE, "a", True),
]  # fmt: skip
FORMATS = st.sampled_from([tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
BOUNDED = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


def made(entries: list[tuple[str, bytes, str, bool]], form: int) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as tar:
        for number, (name, kind, target, executable) in enumerate(entries):
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = kind, 0o755 if executable or kind == tarfile.DIRTYPE else 0o644
            entry.linkname = f"top/{target}" if kind == tarfile.LNKTYPE else target
            data = str(number).encode() if kind in (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE) else b""
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def on_disk(folder: Path) -> dict[str, tuple[str, bool]]:
    """The files of a pack folder, as publishing reads them."""
    return {
        e.path: (hashlib.sha256(Path(e.source).read_bytes()).hexdigest(), e.executable)
        for e in list_files(folder).entries
    }


def accepted(tar: bytes) -> dict[str, tuple[str, bool]] | None:
    try:
        unpacked = read_archive(io.BytesIO(gzip.compress(tar, 1)), "hello", "1.0.0", 1 << 20)
    except UnpackError as error:
        assert str(error).isprintable()
        return None
    return {file.path: (file.sha256, file.executable) for file in unpacked.files}


def check(tar: bytes) -> None:
    files = accepted(tar)
    if files is None:
        return
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "tar").write_bytes(tar)
        for name, command in (("gnu", ["tar", "-xf", "../tar"]), ("python", None)):
            os.mkdir(f"{folder}/{name}")
            if command:
                subprocess.run(command, cwd=f"{folder}/{name}", check=True, capture_output=True)
            else:
                with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
                    archive.extractall(f"{folder}/{name}", filter="tar")
            (top,) = os.listdir(f"{folder}/{name}")
            assert on_disk(Path(folder, name, top)) == files, name


@BOUNDED
@given(entries=ENTRIES, form=FORMATS)
def test_other_programs_unpack_the_same(entries: list[tuple[str, bytes, str, bool]], form: int) -> None:
    try:
        check(made(entries, form))
    except ValueError as error:  # the format cannot express the name
        assert "name" in str(error)


@BOUNDED
@given(form=FORMATS, seed=st.integers(), fix=st.sampled_from([True, True, False]))
def test_changed_bytes(form: int, seed: int, fix: bool) -> None:
    """Some bytes of an archive changed, with the checksum made right again or not."""
    dice = random.Random(seed)
    tar = bytearray(made(VALID, form))
    block = 512 * dice.randrange(len(tar) // 512)
    for _ in range(dice.randrange(1, 3)):
        at = dice.choice([0, 4, 5, 6, 100, 124, 135, 156, 157, 160, 257, 345, 500, dice.randrange(512)])
        tar[block + at] = dice.choice(b" /01257axLK\0\xff" + bytes([dice.randrange(256)]))
    if fix:
        header = tar[block : block + 512]
        tar[block + 148 : block + 156] = b"%06o\0 " % sum(header[:148] + b" " * 8 + header[156:])
    check(bytes(tar))
