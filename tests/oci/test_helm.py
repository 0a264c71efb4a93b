"""Charts beside the real Helm: what it pushes has our config and annotations, and what it packages has our identity."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from packinfra.artifacts.chart import ChartContent
from packinfra.artifacts.manifest import manifest_of
from packinfra.artifacts.sources import HelmChart
from tests.support.artifacts import make_chart_folder, make_files, make_tgz
from tests.support.helm import Helm
from tests.support.registry import PASSWORD, USER, RealRegistry, real_registry

pytestmark = pytest.mark.registry
OCI = "org.opencontainers.image."

SCALARS = """
1.10 1.0 010 0x1F 1_000 72225e2 0.123456789 yes on y n OFF True ~ null 2020-01-01 1:30 08 1e3 100000.5 123456 0.0001
0.00001 1e38 -0 +5 0o17 .5 1. 12345678.9 0b11 1e21 v1 1.2.3 18446744073709551615 18446744073709551616
-9223372036854775808 -9223372036854775809 .inf -.Inf .nan +.5 -.5 ._5 1__0 0x 0x_f 1e 1e+3 0.1 1.5e-7 16777217 33554433
0777 0o8 0b2 1e5 999999 1000000 9999995 1e-4 123e-2 +1e3 -1_0.5 Yes YES yEs NULL Null nan inf Infinity 1_e3 0b -0x1F -010
"""


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRegistry]:
    with real_registry(tmp_path_factory.mktemp("registry") / "r", tls=True) as running:
        running.crane("auth", "login", running.host, "-u", USER, "-p", PASSWORD)
        yield running


@pytest.fixture
def helm(registry: RealRegistry, tmp_path: Path) -> Helm:
    return Helm(registry, tmp_path / "helm")


def test_every_scalar_is_read_as_helm_reads_it(registry: RealRegistry, helm: Helm, tmp_path: Path) -> None:
    lines = "".join(f"  k{number}: {text}\n" for number, text in enumerate(SCALARS.split()))
    make_chart_folder(tmp_path / "scalars", name="scalars")
    make_files(
        tmp_path / "scalars", {"Chart.yaml": f"apiVersion: v2\nname: scalars\nversion: 1.0.0\nannotations:\n{lines}"}
    )
    helm.push(helm.package(tmp_path / "scalars"), "charts")
    stored = json.loads(_config(registry, "charts/scalars:1.0.0"))["annotations"]
    content = HelmChart(str(tmp_path / "scalars")).read()
    assert isinstance(content, ChartContent)
    ours = content.metadata.values["annotations"]
    pairs = {text: (stored.get(f"k{n}"), ours.get(f"k{n}")) for n, text in enumerate(SCALARS.split())}
    assert {text: pair for text, pair in pairs.items() if pair[0] != pair[1]} == {}


FULL = """\
type: application
dependencies: [{alias: b, name: sub, version: 1.0.0, tags: [x], enabled: yes, import-values: [a, {child: c, parent: 1.5}]}]
kubeVersion: ">=1.20-0 <2"
annotations: {b: 1, a: "<&>", org.opencontainers.image.vendor: we}
deprecated: true
appVersion: "a\\tb\\x07c\\u2028d"
tags: t
condition: c
icon: i
maintainers: [{url: u, name: Ann, email: e}, {email: f}]
keywords: [k]
description: a  b
version: 1.0.0
version: 1.0.1+b5
sources: [s1, s2]
home: h
name: full
apiVersion: v2
unknown: x
"""


def test_a_whole_chart(registry: RealRegistry, helm: Helm, tmp_path: Path) -> None:
    """The same config and annotations, and of the archives the same identity, though Helm has rewritten it."""
    folder = tmp_path / "full"
    sub = make_tgz({"sub/Chart.yaml": "# x\nversion: 1.0.0\nname: sub\napiVersion: v2\n", "sub/values.yaml": "a: 1\n"})
    ignored = {
        ".helmignore": "*.tmp\n/docs/\n!*[a-z]*\n",
        "a.tmp": "x",
        "docs/a.md": "x",
        "templates/.x": "x",
        "123": "x",
    }
    lock = "dependencies:\n- name: sub\n  repository: ''\n  version: 1.0.0\ndigest: sha256:00\ngenerated: 2021-04-27T14:01:09.1468+02:00\n"
    make_files(folder, {"Chart.yaml": FULL, "charts/sub-1.0.0.tgz": sub, "Chart.lock": lock, "a/b.txt": "x", **ignored})
    content = HelmChart(str(folder)).read()
    assert content.errors == ()
    archive = helm.package(folder)
    helm.push(archive, "charts")
    crane = registry.crane("manifest", f"{registry.host}/charts/full:1.0.1_b5")
    stored = json.loads(crane)
    assert content.identify(io.BytesIO(archive.read_bytes())) == content.content_digest
    made = HelmChart(str(archive)).read()
    assert made.version == content.version == "1.0.1_b5"
    for each in (made, content):
        with each.parts(stored["annotations"][f"{OCI}created"]) as parts:
            ours = manifest_of(parts)
            assert parts.config == _config(registry, "charts/full:1.0.1_b5")
        if each is made:
            assert ours.body.decode() == crane
        else:
            assert json.loads(ours.body)["annotations"] == stored["annotations"]


def test_a_chart_of_api_version_1(registry: RealRegistry, helm: Helm, tmp_path: Path) -> None:
    sub = {"charts/sub/Chart.yaml": "name: sub\nversion: 1.0.0\napiVersion: v1\n"}
    requirements = {"requirements.yaml": "dependencies: [{name: sub, version: 1.0.0, repository: r}]\n"}
    make_chart_folder(tmp_path / "old", {**sub, **requirements}, name="old", apiVersion="v1")
    helm.push(helm.package(tmp_path / "old"), "charts")
    content = HelmChart(str(tmp_path / "old")).read()
    assert isinstance(content, ChartContent)
    assert content.errors == ()
    assert content.metadata.config == _config(registry, "charts/old:1.0.0")


def _config(registry: RealRegistry, image: str) -> bytes:
    return registry.crane_bytes("config", f"{registry.host}/{image}")
