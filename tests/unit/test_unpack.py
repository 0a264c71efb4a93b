"""Archives that others made: the same content is recognised, and nothing that two programs could read differently."""

from __future__ import annotations

import gzip
import io
import subprocess
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from packinfra.packs import Pack, read_pack, write_archive
from packinfra.packs.files import ignore_rules
from packinfra.packs.ignore import Ignore
from packinfra.packs.unpack import Unpacked, UnpackError, read_archive
from tests.support.packs import make_pack

LIMIT = 1 << 20
LINK, HARD_LINK, FOLDER, FIFO = tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_pack(tmp_path / "any folder", {"ümlaut/日本.yaml": "a: 1\n", "empty": b"", "bin/run.sh": "#!/bin/sh\n"})


def by_hand(folder: Path, *options: str) -> io.BytesIO:
    """As the guide says: tar -czf NAME-VERSION.tar.gz FOLDER."""
    made = subprocess.run(
        ["tar", "-czf", "-", *options, folder.name], cwd=folder.parent, check=True, capture_output=True
    )
    return io.BytesIO(made.stdout)


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--format=gnu",),
        ("--format=pax",),
        ("--format=ustar",),
        ("--format=v7",),
        ("--owner=7",),
        ("--transform=s,^,./,",),
    ],
)
def test_tar_of_the_guide(folder: Path, options: tuple[str, ...]) -> None:
    (folder / "bin/run.sh").chmod(0o755)
    (folder / ".DS_Store").write_text("junk")
    (folder / ".git").mkdir()
    (folder / ".git/HEAD").write_text("junk")
    (folder / "ignored.log").write_text("junk")
    (folder / ".packignore").write_text("*.log\n")
    (folder / "link.yaml").symlink_to("values.yaml")
    (folder / "bin/again.yaml").symlink_to("../link.yaml")
    (folder / "hard.yaml").hardlink_to(folder / "values.yaml")
    pack = read_pack(folder)
    assert not pack.errors
    unpacked = read_archive(by_hand(folder, *options), pack.name, pack.version, LIMIT, ignore_rules(folder))
    assert unpacked.content_digest == pack.content_digest
    assert [(f.path, f.size, f.sha256, f.executable) for f in unpacked.files] == [
        (f.path, f.size, f.sha256, f.executable) for f in pack.files
    ]


def test_long_names(tmp_path: Path) -> None:
    folder = make_pack(tmp_path / "p", {"a" * 120 + "/" + "b" * 200 + ".txt": "long", "c" * 90 + "/" + "d" * 90: "x"})
    (folder / "link").symlink_to("a" * 120 + "/" + "b" * 200 + ".txt")
    pack = read_pack(folder)
    for options in ("--format=gnu", "--format=pax"):
        archive = by_hand(folder, options)
        assert read_archive(archive, pack.name, pack.version, LIMIT).content_digest == pack.content_digest


def test_our_own(folder: Path) -> None:
    pack, out = read_pack(folder), io.BytesIO()
    write_archive(pack, out)
    out.seek(0)
    assert read_archive(out, pack.name, pack.version, LIMIT).content_digest == pack.content_digest


def test_our_own_of_several_members(tmp_path: Path) -> None:
    pack, out = read_pack(make_pack(tmp_path / "p", {"big": bytes(9 << 20)})), io.BytesIO()
    write_archive(pack, out)
    out.seek(0)
    assert read_archive(out, pack.name, pack.version, 1 << 24).content_digest == pack.content_digest


def test_another_version_or_file_is_another_content(folder: Path) -> None:
    pack = read_pack(folder)
    assert read_archive(by_hand(folder), pack.name, "9", LIMIT).content_digest != pack.content_digest
    (folder / "values.yaml").write_text("changed: true\n")
    assert read_archive(by_hand(folder), pack.name, pack.version, LIMIT).content_digest != pack.content_digest


def test_ignore_rules_of_the_archive_dont_count(folder: Path) -> None:
    pack = read_pack(folder)
    (folder / "presets.yaml").write_text("presets: []\n")
    (folder / ".packignore").write_text("presets.yaml\n")
    assert read_archive(by_hand(folder), pack.name, pack.version, LIMIT).content_digest != pack.content_digest
    with pytest.raises(UnpackError, match=r"contains presets\.yaml, which this pack leaves out"):
        read_archive(by_hand(folder), pack.name, pack.version, LIMIT, ignore_rules(folder))


Add = Callable[[tarfile.TarFile], None]


def entry(name: str, kind: bytes = tarfile.REGTYPE, data: bytes = b"", link: str = "", **pax: str) -> Add:
    def add(tar: tarfile.TarFile) -> None:
        made = tarfile.TarInfo(name)
        made.type, made.size, made.linkname, made.pax_headers = kind, len(data), link, dict(pax)
        tar.addfile(made, io.BytesIO(data))

    return add


def patched(name: str, *changes: tuple[int, bytes], data: bytes = b"", kind: bytes = tarfile.REGTYPE) -> Add:
    """An entry with other bytes at some offsets of its header, and the checksum that goes with them."""

    def add(tar: tarfile.TarFile) -> None:
        made = tarfile.TarInfo(name)
        made.size, made.type = len(data), kind
        header = bytearray(made.tobuf(tarfile.USTAR_FORMAT))
        for offset, value in changes:
            header[offset : offset + len(value)] = value
        header[148:156] = b"%06o\0 " % sum(header[:148] + b" " * 8 + header[156:])
        tar.fileobj.write(bytes(header) + data + bytes(-len(data) % 512))

    return add


def cut(tar: tarfile.TarFile, offset: int, data: bytes) -> None:
    """Overwrites bytes of what has been written."""
    out = tar.fileobj
    assert isinstance(out, io.BytesIO)
    end = out.tell()
    out.seek(end + offset)
    out.write(data)
    out.seek(end)


def targz(*entries: Add, behind: bytes = b"") -> io.BytesIO:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for add in entries:
            add(tar)
    return io.BytesIO(gzip.compress(out.getvalue() + behind, mtime=0))


def read(*entries: Add, ignore: Ignore | None = None, behind: bytes = b"") -> Unpacked:
    return read_archive(targz(*entries, behind=behind), "hello", "1.0.0", LIMIT, ignore)


def record(key: str, value: str) -> bytes:
    text = f" {key}={value}\n".encode()
    length = next(n for n in range(len(text), len(text) + 9) if len(str(n)) + len(text) == n)
    return str(length).encode() + text


LONG_LINK = entry("././@LongLink", tarfile.GNUTYPE_LONGNAME, b"top/b\0")
NO_PACK: dict[str, tuple[list[Add], str]] = {
    "two top folders": ([entry("top/a"), entry("other/b")], "exactly one top folder"),
    "an empty folder beside": ([entry("top/a"), entry("other", FOLDER)], "exactly one top folder"),
    "no top folder": ([entry("file-without-folder")], "exactly one top folder"),
    "nothing": ([], "exactly one top folder"),
    "a parent folder": ([entry("../a")], "leads out of it"),
    "a parent folder inside": ([entry("top/x/../a")], "leads out of it"),
    "an absolute path": ([entry("/etc/passwd")], "leads out of it"),
    "no path": ([entry(".", data=b"x")], "is no path"),
    "a FIFO": ([entry("top/fifo", FIFO)], "neither file nor folder"),
    "a device": ([entry("top/null", tarfile.CHRTYPE)], "neither file nor folder"),
    "a contiguous file": ([entry("top/a", tarfile.CONTTYPE)], "neither file nor folder"),
    "an unknown type": ([patched("top/a", kind=b"V")], "neither file nor folder"),
    "a sparse file": ([patched("top/a", kind=b"S")], "a sparse file"),
    "a link outside": ([entry("top/a", LINK, link="../../etc/passwd")], "leads to no file"),
    "a link out and in again": ([entry("top/b"), entry("top/a", LINK, link="../top/b")], "leads to no file"),
    "an absolute link": ([entry("top/b"), entry("top/a", LINK, link="/top/b")], "leads to no file"),
    "a link to nothing": ([entry("top/a", LINK, link="b")], "leads to no file"),
    "a link to a folder": ([entry("top/b/c"), entry("top/a", LINK, link="b")], "leads to no file"),
    "a link without a target": ([entry("top/x~", LINK)], "a link to nothing"),
    "a link through a link": (
        [entry("top/b/c"), entry("top/d", LINK, link="b"), entry("top/a", LINK, link="d/c")], "leads to no file",
    ),
    "a link through a file": ([entry("top/b"), entry("top/a", LINK, link="b/../b")], "leads to no file"),
    "a loop": ([entry("top/a", LINK, link="b"), entry("top/b", LINK, link="a")], "leads to no file"),
    "a link to itself": ([entry("top/a", LINK, link="a")], "leads to no file"),
    "a link to junk": ([entry("top/.DS_Store"), entry("top/a", LINK, link=".DS_Store")], "leads to no file"),
    "a link by way of junk": (
        [entry("top/b"), entry("top/x~", LINK, link="b"), entry("top/a", LINK, link="x~")], "leads to no file",
    ),
    "a hard link outside": ([entry("top/a", HARD_LINK, link="etc/passwd")], "leads to no file before it"),
    "a hard link to what comes later": ([entry("top/a", HARD_LINK, link="top/b"), entry("top/b")], "no file before it"),
    "a hard link to a link": (
        [entry("top/c"), entry("top/b", LINK, link="c"), entry("top/a", HARD_LINK, link="top/b")], "no file before it",
    ),
    "a hard link of another mode": (
        [entry("top/a"), patched("top/b", (100, b"0000755"), (157, b"top/a"), kind=HARD_LINK)], "another execute bit",
    ),
    "data between entries": ([entry("top/a", data=b"x"), lambda tar: cut(tar, -511, b"y"), entry("top/b")], "between its"),
    "a file twice": ([entry("top/a", data=b"1"), entry("top/a", data=b"2")], '"top/a" twice'),
    "a file twice in other words": ([entry("top/a"), entry("./top//./a")], "twice"),
    "a folder twice": ([entry("top/a", FOLDER), entry("top/a", FOLDER)], "twice"),
    "a link, then a file": ([entry("top/b"), entry("top/a", LINK, link="b"), entry("top/a")], "twice"),
    "a file, then a link": ([entry("top/b"), entry("top/a"), entry("top/a", LINK, link="b")], "twice"),
    "a file, then a hard link": ([entry("top/b"), entry("top/a"), entry("top/a", HARD_LINK, link="top/b")], "twice"),
    "a folder, then a file": ([entry("top/a/b"), entry("top/a")], "twice"),
    "a file below a file": ([entry("top/a"), entry("top/a/b")], "below a file or link"),
    "a file below a link": ([entry("top/b/c"), entry("top/a", LINK, link="b"), entry("top/a/d")], "below a file or link"),
    "a line feed": ([entry("top/a\nb")], "control characters"),
    "a terminal escape": ([entry("top/\x1b[2J")], r'"top/\\x1b\[2J", a name with control characters'),
    "no UTF-8": ([patched("top/a", (5, b"\xff"))], "not in UTF-8"),
    "a link with a line feed": ([entry("top/b"), entry("top/a", LINK, link="b\n")], "control characters"),
    "more behind the name": ([patched("top/a", (7, b"x"))], "unused bytes"),
    "more behind the link": ([patched("top/a", (160, b"x"))], "unused bytes"),
    "more behind the header": ([patched("top/a", (505, b"x"))], "unused bytes"),
    "a prefix in GNU's format": ([patched("a", (257, b"ustar  \0"), (345, b"top"))], "unused bytes"),
    "a prefix in the oldest format": ([patched("a", (257, bytes(8)), (345, b"top"))], "unused bytes"),
    "an unknown format": ([patched("top/a", (257, b"custar"))], "unknown format"),
    "a size in base 256": ([patched("top/a", (124, b"\x80" + bytes(11)))], "unusual numbers"),
    "a time in words": ([patched("top/a", (136, b"noon"))], "unusual numbers"),
    "a record of a time in words": ([entry("x", b"x", record("mtime", "noon")), entry("top/a")], "damaged extended header"),
    "a header for all entries in between": (
        [entry("x", b"x", record("path", "top/b")), entry("g", b"g", record("comment", "x")), entry("top/a")], "behind that",
    ),
    "an empty extended header": ([entry("x", b"x"), entry("top/a")], "empty extended header"),
    "an extended header of no use for nothing": ([entry("top/a"), entry("x", b"x", record("comment", "x"))], "ends after"),
    "a mode in words": ([patched("top/a", (100, b"-rwx"))], "unusual numbers"),
    "a size of nothing": ([patched("top/a", (124, b"00000000001\0"), kind=FOLDER, data=b"x")], "for some programs"),
    "a file like a folder": ([entry("top/a/", data=b"x")], "for some programs"),
    "an old file like a folder": ([patched("top/a/", kind=b"\0")], "for some programs"),
    "a path for all entries": ([entry("g", b"g", record("path", "top/b")), entry("top/a")], "for all its entries"),
    "a size beside the header's": ([entry("x", b"x", record("size", "1")), entry("top/a", data=b"xx")], "two sizes"),
    "another size for nothing": ([entry("x", b"x", record("size", "512")), entry("top/a")], "two sizes"),
    "two paths": ([entry("x", b"x", record("path", "top/c") + record("path", "top/d")), entry("top/a")], "two values"),
    "two extended headers": (
        [entry("x", b"x", record("path", "top/c")), entry("x", b"x", record("path", "top/d")), entry("top/a")],
        "two extended headers",
    ),
    "a GNU path beside a PAX path": ([entry("x", b"x", record("path", "top/c")), LONG_LINK, entry("top/a")], "two extended"),
    "an empty path": ([entry("x", b"x", record("path", "")), entry("top/a")], "damaged extended header"),
    "a zero byte in a path": ([entry("x", b"x", record("path", "top/b\0c")), entry("top/a")], "damaged extended header"),
    "a zero byte in a GNU path": (
        [entry("././@LongLink", tarfile.GNUTYPE_LONGNAME, b"top/b\0c\0"), entry("top/a")], "damaged extended header",
    ),
    "a record of a wrong length": ([entry("x", b"x", b"99 path=top/b\n"), entry("top/a")], "damaged extended header"),
    "another encoding": ([entry("x", b"x", record("hdrcharset", "BINARY")), entry("top/a")], '"hdrcharset"'),
    "another sparse file": ([entry("x", b"x", record("GNU.sparse.name", "top/b")), entry("top/a")], r'"GNU\.sparse\.name"'),
    "an unknown record": ([entry("x", b"x", record("EVIL.path", "top/b")), entry("top/a")], r'"EVIL\.path"'),
    "a huge extended header": ([entry("x", b"x", bytes(1 << 20) + b"x"), entry("top/a")], "more than 1 MiB"),
    "a huge name": ([entry("x", b"x", record("path", "top/" + "b" * 17_000)), entry("top/a")], "name of more than"),
    "an extended header for nothing": ([entry("top/a"), entry("x", b"x", record("path", "top/b"))], "ends after"),
    "a bomb": ([entry("top/big", data=bytes(2 * LIMIT))], "unpacks to more than 1,048,576 bytes"),
}  # fmt: skip


@pytest.mark.parametrize(("entries", "reason"), NO_PACK.values(), ids=NO_PACK)
def test_no_pack(entries: list[Add], reason: str) -> None:
    with pytest.raises(UnpackError, match=reason):
        read(*entries)


@pytest.mark.parametrize(
    "behind", [b"x", gzip.decompress(targz(entry("top/b")).getvalue())], ids=["text", "an archive"]
)
def test_more_behind_the_archive(behind: bytes) -> None:
    with pytest.raises(UnpackError, match=r"other data follows its last entry|damaged tar header"):
        read(entry("top/a"), behind=bytes(2048) + behind)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "exactly one top folder"),
        (b"no gzip", "is not a gzip file"),
        (gzip.compress(b"no tar" * 200, mtime=0), "is no tar archive"),
        (gzip.compress(b"no tar", mtime=0), "no tar archive, or only a part"),
        (gzip.compress(bytes(5000), mtime=0)[:-9], "is cut off"),
        (targz(entry("top/a")).getvalue() + b"more", "other data follows its gzip data"),
        (
            gzip.compress(gzip.decompress(targz(entry("top/a", data=b"x" * 900)).getvalue())[:1000], mtime=0),
            "middle of a file",
        ),
    ],
    ids=["nothing", "no gzip", "no tar", "short", "cut", "more", "a cut file"],
)
def test_no_archive(data: bytes, reason: str) -> None:
    with pytest.raises(UnpackError, match=reason):
        read_archive(io.BytesIO(data), "hello", "1.0.0", LIMIT)


def test_unusual_archives_of_one_meaning() -> None:
    plain = read(entry("top/a", data=b"1"), entry("top/b/c", data=b"2"))
    for entries in (
        [entry("other", FOLDER), entry("other/b/c", data=b"2"), entry("other/b", FOLDER), entry("other/a", data=b"1")],
        [entry(".", FOLDER), entry("./top/b/c", data=b"2"), entry("top//a", data=b"1")],
        [entry("g", b"g", record("comment", "x")), entry("top/b/c", data=b"2"), entry("top/a", data=b"1", mtime="1.5")],
        [entry("top/a", data=b"1"), entry("top/b/c", data=b"2"), entry("top/.git", LINK, link="nowhere")],
        [entry("top/a", data=b"1"), entry("top/b/x~", data=b"2"), entry("top/b/c", HARD_LINK, link="top/b/x~")],
        [entry("x", b"x", record("path", "top/a")), entry("else", data=b"1"), entry("top/b/c", data=b"2")],
    ):
        assert read(*entries) == plain


def forgeries(pack: Pack) -> dict[str, io.BytesIO]:
    """Archives with the digest of our pack for a careless reader, and other values for GNU tar and Palette."""
    data = {file.path: (pack.folder / file.path).read_bytes() for file in pack.files}
    others = [entry(f"x/{path}", data=content) for path, content in data.items() if path != "values.yaml"]
    values, evil = data["values.yaml"], b"evil: 1\n"
    first, *rest = pack.files
    name = "".join(f"\n{file.sha256} - {file.path}" for file in rest)
    return {
        "a link to junk, then a file": targz(
            *others, entry("x/.DS_Store", data=values), entry("x/values.yaml", LINK, link=".DS_Store"),
            entry("x/values.yaml", data=evil),
        ),
        "one name that hashes like many files": targz(entry(f"x/{first.path}{name}", data=data[first.path])),
        "the file twice": targz(*others, entry("x/values.yaml", data=evil), entry("x/values.yaml", data=values)),
        "a second archive behind": targz(
            *others, entry("x/values.yaml", data=values),
            behind=gzip.decompress(targz(entry("x/values.yaml", data=evil)).getvalue()),
        ),
    }  # fmt: skip


@pytest.mark.parametrize("name", ["a link to junk, then a file", "one name that hashes like many files", "the file twice",
                                  "a second archive behind"])  # fmt: skip
def test_forged_adoption(name: str, folder: Path) -> None:
    pack = read_pack(folder)
    with pytest.raises(UnpackError):
        read_archive(forgeries(pack)[name], pack.name, pack.version, LIMIT)


def test_many_links_take_no_longer_than_many_files() -> None:
    """Each link is followed once, although every one leads through all those before it."""
    count = 20_000
    links = [entry(f"top/l{n}", LINK, link=f"l{n - 1}" if n else "file") for n in range(count)]
    archive = targz(entry("top/file", data=b"x"), *links)
    start = time.process_time()
    unpacked = read_archive(archive, "hello", "1.0.0", 1 << 26)
    assert len({file.sha256 for file in unpacked.files}) == 1
    assert time.process_time() - start < 10  # it took minutes when each was followed to its end


@pytest.mark.parametrize("kind", [tarfile.REGTYPE, FOLDER])
def test_too_many_entries(kind: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("packinfra.packs.unpack.MOST_FILES", 100)
    for entries in ([entry(f"top/{n}", kind) for n in range(101)], [entry("top/" + "d/" * 101 + "f")]):
        with pytest.raises(UnpackError, match="more than 100 files and folders"):
            read(*entries)
    with pytest.raises(UnpackError, match="more than 300 entries"):
        read(*[entry("g", b"g", record("comment", "x"))] * 301)
