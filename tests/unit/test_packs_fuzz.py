"""Whatever pack.json, values.yaml, a chart or an ignore file hold: never a crash, always a verdict, soon."""

from __future__ import annotations

import gzip
import io
import json
import random
import tarfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from packinfra.packs import Pack, read_pack
from packinfra.packs.chart import Chart, read_chart
from packinfra.packs.jsontext import parse
from packinfra.packs.report import CheckedFolder, as_json, as_text
from packinfra.packs.yamltext import read_yaml
from tests.support.packs import make_chart, make_pack

BOUNDED = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
KEYS = ["name", "version", "displayName", "layer", "addonType", "charts", "kubeManifests", "constraints", "eol",
        "dependencies", "resources", "components", "cloudTypes", "annotations", "type", "x"]  # fmt: skip
WORDS = st.text(max_size=12) | st.sampled_from(["addon", "1.0.0", "charts/a.tgz", "..", "/", "all", "{{ .x }}"])
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6),
    max_leaves=15,
)
YAML = st.lists(
    st.sampled_from(["a", "pack", ": ", ":\n", "\n  ", "\n", "- ", "[", "]", "{", "}", "{{ .x }}", "{{", "}}", "&a ", "*a",
                     "<<: *a", "|\n", "'", '"', "\t", "---\n", "...", "#", "? ", "!!t ", "%YAML 1.1\n", "\ufeff", "\x00",
                     "namespace", "charts", "presets", "schema", "remove", "name"]) | st.text(max_size=4),
    max_size=40,
).map("".join)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_pack(tmp_path_factory.mktemp("fuzz"), charts=["charts/a.tgz"])


def verdict(folder: Path) -> Pack:
    pack = read_pack(folder)
    assert pack.content_digest.startswith("sha256:")
    checked = [CheckedFolder(str(folder), pack, pack.problems)]
    json.dumps(as_json(checked))
    assert all(line.isprintable() for line in as_text(checked).splitlines())
    return pack


@BOUNDED
@given(raw=st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_pack_json(raw: bytes, folder: Path) -> None:
    (folder / "pack.json").write_bytes(raw)
    verdict(folder)


@BOUNDED
@given(value=JSON, indent=st.sampled_from([None, 0, 2]))
def test_lines_are_those_of_the_keys(value: object, indent: int | None) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=False).encode("utf-8", "replace")
    parsed = parse(text)
    lines = text.decode().split("\n")
    for path, line in parsed.lines.items():
        if isinstance(path[-1], str):
            assert json.dumps(path[-1], ensure_ascii=False) in lines[line - 1]


@BOUNDED
@given(raw=st.binary(max_size=100) | YAML.map(lambda text: text.encode("utf-8", "replace")))
def test_yaml(raw: bytes, folder: Path) -> None:
    for name in ("values.yaml", "schema.yaml", "presets.yaml"):
        (folder / name).write_bytes(raw)
    verdict(folder)


@BOUNDED
@given(raw=st.binary(max_size=100) | st.text(max_size=60).map(lambda text: text.encode("utf-8", "replace")))
def test_packignore(raw: bytes, folder: Path) -> None:
    (folder / ".packignore").write_bytes(raw)
    try:
        verdict(folder)
    finally:
        (folder / ".packignore").unlink()


@BOUNDED
@given(seed=st.integers(), outside=st.booleans())
def test_charts(seed: int, outside: bool, folder: Path) -> None:
    """Bytes of a real chart, changed in a few places: outside (gzip) or inside (tar)."""
    dice = random.Random(seed)
    chart = make_chart("web", {"web/Chart.yaml": b"name: web\n", "web/" + "x" * 120: b"y" * 1000, "web/z": b""})
    data = bytearray(chart if outside else gzip.decompress(chart))
    for _ in range(dice.randrange(1, 6)):
        data[dice.randrange(len(data))] = dice.randrange(256)
    data = data[: dice.randrange(len(data))] if dice.random() < 0.3 else data
    path = folder / "charts/a.tgz"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data if outside else gzip.compress(data, 1))
    assert isinstance(read_chart(lambda: open(path, "rb"), "a.tgz"), Chart | str)


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.REGTYPE])
@pytest.mark.parametrize("size", [2**33 - 1, 2**62, -1])
def test_charts_that_lie_about_sizes(kind: bytes, size: int, tmp_path: Path) -> None:
    entry = tarfile.TarInfo("web/Chart.yaml")
    entry.type = kind
    header = bytearray(entry.tobuf(tarfile.GNU_FORMAT))
    header[124:136] = tarfile.itn(size, 12, tarfile.GNU_FORMAT)  # type: ignore[attr-defined]
    header[148:156] = b"%06o\0 " % sum(header[:148] + b" " * 8 + header[156:])
    path = tmp_path / "a.tgz"
    path.write_bytes(gzip.compress(bytes(header) + b"name: web\n"))
    assert isinstance(read_chart(lambda: open(path, "rb"), "a.tgz"), str)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 1_000_000,
        "{" * 1_000_000,
        "{{" * 1_000_000,
        "{{ " * 500_000 + "}}" * 500_000,
        "- " * 1_000_000,
        "? " * 500_000,
        "a: " * 500_000,
        "&a " * 500_000,
        "'" + "''" * 500_000,
        '"' + "\\n" * 500_000,
        "[" + "a, " * 1_000_000,
        "a: &a\n" + "b: *a\n" * 400_000,
        "!" * 1_000_000,
        "a:\n" + "\n" * 3_000_000,
        "%TAG ! !\n" * 200_000,
        "---\n" * 500_000,
        "a{{x}}: 1\n" * 200_000 + "[",
    ],
    ids=lambda text: text[:8],
)
def test_texts_made_to_be_slow(text: str) -> None:
    read_yaml(text.encode())


def test_json_made_to_be_slow() -> None:
    parse(("[" * 900 + "1," * 200_000 + "1" + "]" * 900).encode())
    parse(("{" + ",".join(f'"k{n}": {{}}' for n in range(60_000)) + "}").encode())
    parse(io.BytesIO(b'{"a":' * 900 + b"1" + b"}" * 900).getvalue())
