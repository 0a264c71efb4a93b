"""`packinfra new`: what it writes passes every check, whatever chart or manifest it is given."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from packinfra.cli import command
from packinfra.packs import read_pack
from tests.support.packs import make_chart

CHART = b"apiVersion: v2\nname: web\nversion: 1.2.3\ndescription: A web server\n"
VALUES = b"# How many\nreplicas: 1\nimage:\n  tag: |\n    a\n    b\n"
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: a}
spec:
  template:
    spec:
      initContainers: [{name: i, image: "busybox:1"}]
      containers:
      - {name: c, image: "example.org:5000/a/b@sha256:0"}
      - {name: d, image: "{{ .Values.image }}"}
"""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder without helm on PATH, beside a chart and a manifest."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    (tmp_path / "chart.tgz").write_bytes(make_chart("web", {"web/Chart.yaml": CHART, "web/values.yaml": VALUES}))
    (tmp_path / "app.yml").write_text(DEPLOYMENT)
    return tmp_path


def helm(place: Path, script: str) -> None:
    """A helm that does what the script says."""
    (place / "bin").mkdir()
    (place / "bin/helm").write_text(f"#!/bin/sh\n{script}\n")
    (place / "bin/helm").chmod(0o755)


def test_from_a_chart(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(["new", "web-server", "--chart", "chart.tgz"]) == 0
    pack = read_pack(place / "web-server-1.2.3")
    assert pack.problems == ()
    assert (pack.name, pack.version, pack.layer, pack.type) == ("web-server", "1.2.3", "addon", "app services")
    assert [file.path for file in pack.files] == [
        "README.md", "charts/web-1.2.3.tgz", "logo.png", "pack.json", "values.yaml",
    ]  # fmt: skip
    assert pack.metadata["displayName"] == "Web Server"
    assert pack.values == (
        "pack:\n  namespace: web-server\ncharts:\n  web:\n    # How many\n    replicas: 1\n    image:\n      tag: |\n"
        "        a\n        b\n"
    )
    assert "A web server" in (pack.folder / "README.md").read_text()
    output = capsys.readouterr().out
    assert "note: helm is not on PATH, so pack.content.images is left out" in output
    assert output.endswith("1 pack: 1 good.\n")


def test_images_by_helm(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    helm(
        place,
        f'test "$1 $2" = "template pack" && test -f "$3" && while read -r l; do echo "$l"; done < {place}/rendered',
    )
    (place / "rendered").write_text(
        json.dumps({"kind": "Pod", "spec": {"containers": [{"image": "a/b:1"}, {"image": "a/b:1"}]}}) + "\n"
    )
    assert command(["new", "web", "--chart", "chart.tgz", "--namespace", "on"]) == 0
    pack = read_pack(place / "web-1.2.3", {"images-missing": "error"})
    assert pack.problems == ()
    assert pack.values.startswith('pack:\n  namespace: "on"\n  content:\n    images:\n      - image: a/b:1\ncharts:')


@pytest.mark.parametrize(
    ("script", "note"),
    [
        (
            "echo 'Error: value x is required' >&2; exit 1",
            'helm cannot render the chart with its defaults: "Error: value x',
        ),
        ("echo 'kind: ConfigMap'", "the chart's defaults use no images"),
        ("echo '['", "use no images"),
    ],
)
def test_helm_fails(script: str, note: str, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    helm(place, script)
    assert command(["new", "web", "--chart", "chart.tgz"]) == 0
    assert note in capsys.readouterr().out


def test_from_manifests(place: Path) -> None:
    (place / "more.yaml").write_text("kind: ConfigMap\nmetadata: {name: a}\n")
    arguments = [
        "--manifest",
        "app.yml",
        "--manifest",
        "more.yaml",
        "--version",
        "2.0",
        "--layer",
        "csi",
        "--out",
        "x/y",
    ]
    assert command(["new", "settings", *arguments, "--display-name", "Überall: alles"]) == 0
    pack = read_pack(place / "x/y", {"images-missing": "error"})
    assert pack.problems == ()
    assert pack.manifests == ("manifests/app.yaml", "manifests/more.yaml")
    assert (pack.version, pack.layer, pack.type) == ("2.0", "csi", "")
    assert "image: example.org:5000/a/b@sha256:0\n" in pack.values
    assert "Values" not in pack.values


@pytest.mark.parametrize(
    "values",
    [b"", b"[]", b"a: 1\na: 2\n", b"a: [", b"a: {{ .x }}-y\n", b"\xff", b"a: 1\n---\nb: 1\n", b"\xef\xbb\xbfa: 1\n",
     b"key: AKIAABCDEFGHIJKLMNOP\n", b"global: {}\n"],
)  # fmt: skip
def test_charts_with_odd_values(values: bytes, place: Path) -> None:
    (place / "chart.tgz").write_bytes(make_chart("web", {"web/Chart.yaml": CHART, "web/values.yaml": values}))
    assert command(["new", "web", "--chart", "chart.tgz"]) == 0
    assert read_pack(place / "web-1.2.3").problems == ()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["new", "Web", "--chart", "chart.tgz"], "cannot be a pack's name"),
        (["new", "web"], "give either --chart or --manifest"),
        (["new", "web", "--chart", "chart.tgz", "--manifest", "app.yml"], "give either"),
        (["new", "web", "--chart", "app.yml"], "is not a chart that Helm can install: it is not a gzip file"),
        (["new", "web", "--chart", "library.tgz"], "it is a library chart"),
        (["new", "web", "--chart", "absent.tgz"], "cannot be read: No such file"),
        (["new", "web", "--chart", "chart.tgz", "--version", "1+2"], '"1+2" cannot be a pack\'s version'),
        (["new", "web", "--manifest", "broken.yaml"], "is not a manifest"),
        (["new", "web", "--manifest", "app.yml", "--manifest", "other/app.yaml"], "two manifests are named app"),
        (["new", "web", "--chart", "chart.tgz", "--out", "other"], "other exists already"),
        (["new", "web", "--chart", "chart.tgz", "--out", "app.yml"], "app.yml exists already"),
    ],
)
def test_refused(arguments: list[str], message: str, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "library.tgz").write_bytes(make_chart("web", {"web/Chart.yaml": CHART + b"type: library\n"}))
    (place / "broken.yaml").write_text("[")
    (place / "other").mkdir()
    (place / "other/app.yaml").write_text(DEPLOYMENT)
    before = sorted(os.listdir())
    with pytest.raises(SystemExit) as caught:
        command(arguments)
    assert caught.value.code == 2
    assert message in capsys.readouterr().err
    assert sorted(os.listdir()) == before


def test_files_that_cannot_be_read_or_written(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, message in (
        (["--manifest", "absent.yaml"], "absent.yaml: No such file or directory"),
        (["--manifest", "app.yml", "--out", "app.yml/x"], "Not a directory"),
    ):
        with pytest.raises(SystemExit) as caught:
            command(["new", "web", *arguments])
        assert caught.value.code == 1
        assert message in capsys.readouterr().err
