"""Chart.yaml as Helm reads it; what is written here was measured with Helm 3.16 (docs/fidelity.md), and a test with the real
Helm compares the whole (tests/oci/test_helm.py)."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packinfra.artifacts.helm_metadata import read_metadata
from packinfra.artifacts.helmignore import HelmIgnore
from packinfra.artifacts.yaml_values import scalar_value, text_of
from packinfra.packs.yamltext import Scalar, read_yaml

READ = {
    "1.10": "1.1", "1.0": "1", "010": "8", "0x1F": "31", "1_000": "1000", "72225e2": "7.2225e+06",
    "0.123456789": "0.12345679", "yes": "true", "on": "true", "y": "true", "No": "false", "2020-01-01": "2020-01-01",
    "1:30": "1:30", "v1": "v1", "'1.10'": "1.10", '"yes"': "yes", "!!str 1.10": "1.10", "08": "8", "1e39": "+Inf",
    ".nan": "NaN", "-.inf": "-Inf", "0b11": "3", "-5": "-5", "1.2.3": "1.2.3", "0.00001": "1e-05", "123456.5": "123456.5",
    "._5": "._5", "3.4028235e38": "3.4028235e+38",
    "1e999": "1e999", ".1e999": ".1e999", "18446744073709551616": "1.8446744e+19", "0x" + "f" * 65: "0x" + "f" * 65,
    "9" * 5000: "9" * 5000,
}  # fmt: skip


@pytest.mark.parametrize(("written", "read"), READ.items())
def test_scalars(written: str, read: str) -> None:
    (node,) = read_yaml(written.encode()).documents
    assert isinstance(node, Scalar)
    assert text_of(scalar_value(node)) == read


@given(st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"))))
def test_any_scalar_is_read(text: str) -> None:
    for node in read_yaml(text.encode()).documents:
        if isinstance(node, Scalar):
            text_of(scalar_value(node))


ALL = """\
type: application
dependencies: [{alias: b, name: sub, tags: [x], enabled: yes, import-values: [a, {child: 1}]}, {name: c, repository: r}]
kubeVersion: ">=1.20 <2 & x"
annotations: {b: 1, a: x}
deprecated: true
appVersion: "a\\tb\\x07c\\u2028d"
tags: t
condition: c
icon: i
maintainers: [{url: u, name: Ann, email: e}, {email: f}]
keywords: [k]
description: ~
version: 1.0.0
version: 1.0.1
sources: [s1, s2]
home: h
name: web
unknown: x
"""


def test_the_config() -> None:
    """Keys in Helm's order, unknown ones gone, the last of two counts, white space and unprintable characters cleaned."""
    config = read_metadata(read_yaml(ALL.encode()).top).config.decode()
    assert config == (
        '{"name":"web","home":"h","sources":["s1","s2"],"version":"1.0.1","keywords":["k"],'
        '"maintainers":[{"name":"Ann","email":"e","url":"u"},{"email":"f"}],"icon":"i","apiVersion":"v1","condition":"c",'
        '"tags":"t","appVersion":"a bc d","deprecated":true,"annotations":{"a":"x","b":"1"},'
        '"kubeVersion":"\\u003e=1.20 \\u003c2 \\u0026 x","dependencies":[{"name":"sub","repository":"","tags":["x"],'
        '"enabled":true,"import-values":["a",{"child":1}],"alias":"b"},{"name":"c","repository":"r"}],"type":"application"}'
    )


def test_annotations() -> None:
    oci = "org.opencontainers.image."
    own = {f"{oci}title": "no", f"{oci}created": "2020-01-01T00:00:00Z", "x": "y"}
    chart = f"name: web\nversion: 1.0.0\nhome: h\nsources: [s]\nmaintainers: [{{name: Ann, email: e}}, {{email: f}}]\nannotations: {json.dumps(own)}\n"
    assert read_metadata(read_yaml(chart.encode()).top).annotations("1980-01-01T00:00:00Z") == {
        f"{oci}title": "web", f"{oci}version": "1.0.0", f"{oci}url": "h", f"{oci}source": "s", f"{oci}authors": "Ann (e),  (f)",
        f"{oci}created": "2020-01-01T00:00:00Z", "x": "y",
    }  # fmt: skip


def test_requirements_replace_the_dependencies() -> None:
    chart, requirements = (
        read_yaml(text).top for text in (b"name: web\ndependencies: [{name: a}]", b"dependencies: [{name: b}]")
    )
    assert read_metadata(chart, requirements).values["dependencies"] == [{"name": "b", "repository": ""}]


def test_merged_mappings() -> None:
    chart = read_yaml(b"a: &a {name: x, home: h}\n<<: *a\nname: web\n").top
    assert dict(read_metadata(chart).values) == {"name": "web", "home": "h", "apiVersion": "v1"}


@pytest.mark.parametrize(
    ("patterns", "out", "stays"),
    [
        ("*.txt", ["a.txt", "b/c.txt"], ["a.txt.md", "txt"]),
        ("/a.txt", ["a.txt"], ["b/a.txt"]),
        ("b/*.txt", ["b/c.txt"], ["b/c/d.txt", "a/b/c.txt"]),
        ("b/", ["b/"], ["b", "c/b"]),
        ("# a\n\n a \n", ["a"], ["# a", "b"]),
        ("[a-c]?", ["ab", "c1"], ["d1", "a"]),
        ("[^a]x", ["bx"], ["ax"]),
        ("\\*", ["*"], ["a"]),
        ("!keep.txt", ["Chart.yaml", "a/"], ["keep.txt"]),
        ("", ["templates/.x"], ["templates/x", "a/templates/.x", "templates/."]),
        ("[c-a]", [], ["b"]),
    ],
)
def test_helmignore(patterns: str, out: list[str], stays: list[str]) -> None:
    ignore = HelmIgnore(patterns)
    assert ignore.problems == []
    for path in (*out, *stays):
        left_out = ignore.leaves_out(path.rstrip("/"), folder=path.endswith("/"))
        assert bool(left_out) is (path in out), path
