"""Whatever pack.json, values.yaml, a chart or an ignore file hold: never a crash, always a verdict, soon."""

from __future__ import annotations

import gzip
import io
import json
import random
import tarfile
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from packinfra.packs import Pack, read_pack
from packinfra.packs.chart import ChartArchive, read_chart
from packinfra.packs.jsontext import parse
from packinfra.packs.report import CheckedFolder, as_text
from packinfra.packs.report_formats import FORMATS
from packinfra.packs.secrets import find_secrets
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


YAML_TREE = st.dictionaries(
    st.sampled_from(["a", "b", "web", "global", "version", "type", "dependencies", "name", "content", "images"]),
    st.recursive(
        st.none() | st.text(max_size=5) | st.integers(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["a", "b", "name", "image"]), inner, max_size=3)
        ),
        max_leaves=8,
    ),
    max_size=5,
)
SECRETS = [b"-----BEGIN RSA PRIVATE KEY-----", b"-----END RSA PRIVATE KEY-----", b"\n", b"MIIBAAAB", b"=", b"AKIA", b"ABCDEFGHIJKLMNOP",
           b"xoxb-", b"123456789012-", b"ghp_", b"# ", b"Proc-Type: 4,ENCRYPTED\n"]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_pack(tmp_path_factory.mktemp("fuzz"), charts=["charts/a.tgz"])


def verdict(folder: Path) -> Pack:
    pack = read_pack(folder)
    assert pack.content_digest.startswith("sha256:")
    checked = [CheckedFolder(str(folder), pack, pack.problems)]
    for write in FORMATS.values():
        write(checked).encode()
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
    for name in ("values.yaml", "schema.yaml", "presets.yaml", "manifests/hello.yaml"):
        (folder / name).write_bytes(raw)
    verdict(folder)


@BOUNDED
@given(ours=YAML_TREE, theirs=YAML_TREE, chart_yaml=YAML_TREE)
def test_values_and_charts(ours: object, theirs: object, chart_yaml: dict[str, object], folder: Path) -> None:
    """Any values for a chart with any values, and any Chart.yaml."""
    (folder / "values.yaml").write_text(json.dumps({"charts": {"web": ours}, "pack": theirs}))
    (folder / "charts").mkdir(exist_ok=True)
    chart = {"Chart.yaml": {"name": "web", **chart_yaml}, "values.yaml": theirs}
    (folder / "charts/a.tgz").write_bytes(
        make_chart("web", {f"web/{name}": json.dumps(content).encode() for name, content in chart.items()})
    )
    verdict(folder)


@pytest.mark.parametrize(
    "values",
    [
        "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {{x: *a{n - 1}, y: *a{n - 1}}}\n" for n in range(1, 80)),
        "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {{x: *a{n - 1}}}\n" for n in range(1, 20_000)),
        "a: &a {b: *a, c: *a}\n",
    ],
    ids=["laughter", "a long chain", "itself"],
)
def test_aliases_in_values_of_charts(values: str, folder: Path) -> None:
    """The same mapping by many paths, in ours and in the chart's."""
    indented = "".join(f"    {line}\n" for line in values.splitlines())
    (folder / "values.yaml").write_text(f"pack: {{namespace: a}}\ncharts:\n  web:\n{indented}")
    chart = {"web/Chart.yaml": b"name: web\nversion: 1.0.0", "web/values.yaml": values.replace("x: 1", "z: 1").encode()}
    (folder / "charts").mkdir(exist_ok=True)
    (folder / "charts/a.tgz").write_bytes(make_chart("web", chart))
    start = time.process_time()
    verdict(folder)
    assert time.process_time() - start < 10


@BOUNDED
@given(parts=st.lists(st.sampled_from(SECRETS) | st.binary(max_size=9), max_size=30))
def test_secrets(parts: list[bytes]) -> None:
    text = b"".join(parts)
    for secret in find_secrets("a.txt", text):
        assert secret.line is not None
        assert 1 <= secret.line <= text.count(b"\n") + 1


@pytest.mark.parametrize(
    "text",
    [
        b"-----BEGIN PRIVATE KEY-----" * 30_000 + b"-----END PRIVATE KEY-----",
        (b"-----BEGIN PRIVATE KEY-----" * 500 + b"-----END PRIVATE KEY-----") * 70,
        b"-----BEGIN " + b"A " * 500_000,
        b"xoxb-" + b"1" * 1_000_000,
        b"glpat-" * 170_000,
        b"AKIA" * 250_000,
        b"PRIVATE KEY" * 90_000,
    ],
    ids=lambda text: text[:12].decode(),
)
def test_secrets_made_to_be_slow(text: bytes) -> None:
    start = time.process_time()
    find_secrets("a.txt", text[: 1 << 20])
    assert time.process_time() - start < 10


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
    assert isinstance(read_chart(lambda: open(path, "rb"), "a.tgz"), ChartArchive | str)


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
