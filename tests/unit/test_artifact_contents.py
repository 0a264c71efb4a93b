"""The wire form of charts, policies and files against the golden vectors (tests/golden/artifacts.json), and their identity."""

from __future__ import annotations

import gzip
import io
import json
import os
import tarfile
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from packinfra.artifacts.chart import LAYER, PROVENANCE, ChartContent
from packinfra.artifacts.content import Content, Layer
from packinfra.artifacts.files import ArtifactFile
from packinfra.artifacts.manifest import blobs_of, manifest_of
from packinfra.artifacts.sources import ArtifactSource, ConftestPolicy, Files, HelmChart, OpaBundle
from packinfra.artifacts.sources import source_from_props as from_props
from packinfra.artifacts.sources import source_to_props as to_props
from packinfra.oci.manifest import Manifest
from packinfra.packs.archive import CREATED, ArchiveError
from tests.support.artifacts import make_chart_folder, make_files, make_tgz

GOLDEN = json.loads((Path(__file__).parents[1] / "golden/artifacts.json").read_text())
AT = "2026-01-01T00:00:00Z"
PROV = b"fake prov\n"
TYPE, CONFIG = "application/vnd.me.type", "application/vnd.me.config+json"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def manifest(source: ArtifactSource, created: str = AT) -> Manifest:
    content = read(source)
    with content.parts(created) as parts:
        return manifest_of(parts)


def read(source: ArtifactSource) -> Content:
    content = source.read()
    assert content.errors == ()
    return content


def sized(manifest: Manifest) -> list[Any]:
    return [len(manifest.body), manifest.digest]


@pytest.mark.parametrize("vector", ["H1", "H2"])
def test_chart_vectors(folder: Path, vector: str) -> None:
    content = read(HelmChart(str(make_chart_folder(folder / "mini", name="mini", version="0.1.0"))))
    assert isinstance(content, ChartContent)
    assert content.metadata.config.decode() == GOLDEN["helm config"]["body"]
    chart = "sha256:b214e43a0032684ee6666e185df9aa820465d44825b807380715caca4853df44"
    layers = [Layer(LAYER, chart, 193, io.BytesIO)]
    if vector == "H2":
        prov = "sha256:5c279f529dd2b6e9f4f5c2d632a797ab09f459e1fcb57e694515389fd58a2790"
        layers.append(Layer(PROVENANCE, prov, len(PROV), partial(io.BytesIO, PROV)))
    made = manifest_of(content._parts(layers, "2026-11-25T18:13:52Z"))
    assert made.config.digest == GOLDEN["helm config"]["digest"]
    assert sized(made) == GOLDEN[vector]


HI, CFG = ArtifactFile("hi.txt", "text/plain"), ArtifactFile("cfg.json", CONFIG)


@pytest.mark.parametrize(
    ("vector", "source"),
    [
        ("F1", Files("1", [HI], CFG)),
        ("F1", Files("1", [HI], CFG, image_spec="v1.0")),
        ("F2", Files("1", [HI], artifact_type=TYPE)),
        ("F3", Files("1", [HI], CFG, artifact_type=TYPE)),
        ("F4", Files("1", artifact_type=TYPE)),
        ("F5", Files("1", [HI], artifact_type=TYPE, image_spec="v1.0")),
    ],
)
def test_file_vectors(folder: Path, vector: str, source: Files) -> None:
    make_files(folder, {"hi.txt": "hi", "cfg.json": '{"k":1}'})
    assert sized(manifest(source)) == GOLDEN[vector]
    assert sized(manifest(from_props(json.loads(json.dumps(to_props(source)))))) == GOLDEN[vector]


def test_conftest_vector(folder: Path) -> None:
    rego = 'package main\n\ndeny contains msg if {{ input.kind == "{}"; msg := "no" }}\n'
    files = {f"all/policy/{letter}.rego": rego.format(letter) for letter in "dbca"}
    make_files(folder, {**files, "all/policy/sub/data.json": '{"k":1}', "all/policy/sub/e.yaml": "y: 2\n"})
    assert sized(manifest(ConftestPolicy("all", "1.0.0"))) == GOLDEN["K1"]
    titles = [
        layer.annotations["org.opencontainers.image.title"]
        for layer in manifest(ConftestPolicy("all/policy", "1")).layers
    ]
    assert titles == ["a.rego", "b.rego", "c.rego", "d.rego", "sub/data.json", "sub/e.yaml"]


def test_the_documented_shape_of_a_bundle(folder: Path) -> None:
    """As `oras push --config config.json:application/vnd.oci.image.config.v1+json bundle.tar.gz:...tar+gzip` writes it."""
    bundle = make_tgz({"/policy/a.rego": "package a\n", "/data.json": "{}"})
    make_files(folder, {"b.tar.gz": bundle})
    document = json.loads(manifest(OpaBundle("b.tar.gz", "1.0.0")).body)
    assert list(document) == ["schemaVersion", "mediaType", "config", "layers", "annotations"]
    assert document["config"]["mediaType"] == "application/vnd.oci.image.config.v1+json"
    assert (document["config"]["size"], document["annotations"]) == (2, {"org.opencontainers.image.created": AT})
    (layer,) = document["layers"]
    assert layer["mediaType"] == "application/vnd.oci.image.layer.v1.tar+gzip"
    assert (layer["size"], layer["annotations"]) == (len(bundle), {"org.opencontainers.image.title": "bundle.tar.gz"})


def test_a_bundle_of_a_folder(folder: Path) -> None:
    make_files(folder, {"p/a.rego": "package a\n", "p/sub/data.json": "{}", "p/README.md": "x", "p/.git/x.rego": "x"})
    content = read(OpaBundle("p", "1.0.0"))
    assert [file.path for file in content.files] == ["a.rego", "sub/data.json"]
    with content.parts(CREATED) as parts, tarfile.open(fileobj=parts.layers[0].open(), mode="r:gz") as tar:
        assert tar.getnames() == ["a.rego", "sub", "sub/data.json"]
    same = make_tgz({"/sub/data.json": "{}", "/a.rego": "package a\n"}, mtime=5)
    assert content.identify(io.BytesIO(same)) == content.content_digest
    assert content.identify(io.BytesIO(make_tgz({"a.rego": "package b\n"}))) != content.content_digest


def test_the_archive_of_a_chart_is_reproducible(folder: Path) -> None:
    make_chart_folder(
        folder / "web", {"charts/sub/Chart.yaml": "name: sub\nversion: 1.0.0\n", ".helmignore": "*.tmp\n"}
    )
    make_files(folder, {"web/a.tmp": "x", "web/templates/.hidden": "x", "web/charts/_old/x": "x", "web/charts/.b": "x"})
    first = manifest(HelmChart("web"), CREATED)
    os.utime(folder / "web/values.yaml", (1, 1))
    (folder / "web/values.yaml").chmod(0o755)
    assert manifest(HelmChart("web"), CREATED) == first
    with read(HelmChart("web")).parts(CREATED) as parts:
        (layer,) = parts.layers
        assert {*blobs_of(parts)} == {layer.digest, first.config.digest}
        with tarfile.open(fileobj=layer.open(), mode="r:gz") as tar:
            assert {entry.mode for entry in tar if entry.isfile()} == {0o644}
            assert [entry.name for entry in tar if entry.isfile()] == [
                "web/.helmignore", "web/Chart.yaml", "web/charts/sub/Chart.yaml", "web/templates/map.yaml", "web/values.yaml",
            ]  # fmt: skip


def test_what_helm_package_makes_of_the_folder_is_the_same_content(folder: Path) -> None:
    sub = {"sub/Chart.yaml": "# comment\nversion: 1.0\nname: sub\n", "sub/values.yaml": "a: 1\n"}
    lock = "# made\ndependencies:\n- name: sub\n  version: 1.0.0\ndigest: sha256:00\n"
    make_chart_folder(folder / "web", {"charts/sub-1.0.0.tgz": make_tgz(sub), "Chart.lock": lock}, unknown="x")
    packaged: dict[str, str | bytes] = {
        "web/Chart.yaml": "apiVersion: v2\nname: web\nversion: 1.0.0\n",
        "web/Chart.lock": "dependencies:\n- name: sub\n  version: 1.0.0\ndigest: sha256:00\n",
        "web/values.yaml": "text: hello\n",
        "web/templates/map.yaml": (folder / "web/templates/map.yaml").read_bytes(),
        "web/charts/sub/Chart.yaml": 'name: sub\nversion: "1"\n',
        "web/charts/sub/values.yaml": "a: 1\n",
    }
    content = read(HelmChart("web"))
    assert content.identify(io.BytesIO(make_tgz(packaged, mtime=9))) == content.content_digest
    for path, data in packaged.items():
        other = {**packaged, path: (data.decode() if isinstance(data, bytes) else data) + "\nversion: '2'\n"}
        assert content.identify(io.BytesIO(make_tgz(other))) != content.content_digest, path


def test_subcharts_in_subcharts_are_looked_into_within_bounds(folder: Path) -> None:
    """An archive can contain itself, or far more than its size: then its own bytes count."""
    inner = make_tgz({"sub/Chart.yaml": "name: sub\nversion: 1.0.0\n"})
    for _ in range(30):
        inner = make_tgz({"sub/Chart.yaml": "name: sub\nversion: 1.0.0\n", "sub/charts/sub.tgz": inner})
    make_chart_folder(folder / "deep", {"charts/sub.tgz": inner})
    assert read(HelmChart("deep")).content_digest
    large, other = (make_tgz({"sub/Chart.yaml": "name: sub\n", "sub/zeros": bytes(60 << 20), "sub/x": x}) for x in "ab")
    make_chart_folder(folder / "bomb", {"charts/a.tgz": large, "charts/b.tgz": large})
    digest = read(HelmChart("bomb")).content_digest
    make_files(folder, {"bomb/charts/b.tgz": other})
    assert read(HelmChart("bomb")).content_digest != digest
    make_files(
        folder, {"bomb/charts/b.tgz": make_tgz({"sub/Chart.yaml": "name: sub\n", "sub/zeros": bytes(101 << 20)})}
    )
    (problem,) = HelmChart("bomb").read().errors
    assert (problem.rule, problem.file) == ("chart-subchart-invalid", "charts/b.tgz")


def test_the_archive_that_helm_package_made(folder: Path) -> None:
    archive = make_tgz({"web/Chart.yaml": "name: web\nversion: 1.0.0+b1\napiVersion: v2\n"})
    make_files(folder, {"web-1.0.0.tgz": archive})
    content = read(HelmChart("web-1.0.0.tgz"))
    assert (content.name, content.version, content.identify(io.BytesIO(archive))) == ("web", "1.0.0_b1", None)
    with content.parts(AT) as parts:
        assert [layer.open().read() for layer in parts.layers] == [archive]


def test_a_chart_that_changes_after_it_was_read(folder: Path) -> None:
    make_chart_folder(
        folder / "web", {"big.txt": bytes(9 << 20)[: 4 << 20], "other.txt": bytes(4 << 20), "z.txt": bytes(4 << 20)}
    )
    content = read(HelmChart("web"))
    (folder / "web/z.txt").write_text("changed")
    with pytest.raises(ArchiveError, match=r"z.txt of chart web changed while it was archived"), content.parts(AT):
        pass


def test_a_config_that_changes_after_it_was_read(folder: Path) -> None:
    make_files(folder, {"hi.txt": "hi", "cfg.json": b"x" * (9 << 18)})
    content = read(Files("1", [HI], CFG))
    changed = Files("1", [HI], CFG).read()
    assert content.content_digest == changed.content_digest
    (folder / "hi.txt").write_text("ho")
    assert Files("1", [HI], CFG).read().content_digest != content.content_digest


def test_gzip_members_of_a_bundle_are_read(folder: Path) -> None:
    """OPA reads several; so does the check."""
    raw = gzip.decompress(make_tgz({"a.rego": "package a\n"}))
    make_files(folder, {"b.tar.gz": gzip.compress(raw[:700]) + gzip.compress(raw[700:])})
    read(OpaBundle("b.tar.gz", "1"))
