"""Bad input of charts, policies and files: each row an error or a warning, all of a version at once."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from packinfra.artifacts.files import ArtifactFile
from packinfra.artifacts.rules import RULES
from packinfra.artifacts.sources import ArtifactSource, ConftestPolicy, Files, HelmChart, OpaBundle
from tests.support.artifacts import make_chart_folder, make_files, make_tgz

Make = Callable[[Path], object]


class Case(NamedTuple):
    make: Make
    source: ArtifactSource
    expected: tuple[str, ...]  # "severity rule: message"


def chart(**metadata: str) -> Make:
    return lambda folder: make_chart_folder(folder / "web", None, **metadata)


def files(**content: str | bytes) -> Make:
    return lambda folder: make_files(folder, {path.replace("__", "/"): data for path, data in content.items()})


def at(path: str, content: str | bytes, more: Make = chart()) -> Make:  # noqa: B008
    """Another file beside what `more` makes."""
    return lambda folder: (more(folder), make_files(folder, {path: content}))


def linked(folder: Path) -> None:
    make_chart_folder(folder / "web")
    (folder / "web/hosts").symlink_to("/etc/hostname")
    (folder / "web/again.yaml").symlink_to("values.yaml")


def huge(folder: Path) -> None:
    for number in range(21):
        os.truncate(make_files(make_chart_folder(folder / "web"), {str(number): ""}) / str(number), 5 << 20)


def signed(prov: str) -> Make:
    return at("web.tgz.prov", prov, lambda folder: make_files(folder, {"web.tgz": TGZ}))


WEB, TGZ = HelmChart("web"), make_tgz({"web/Chart.yaml": "apiVersion: v2\nname: web\nversion: 1.0.0\n"})
LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n"
SHA = hashlib.sha256(TGZ).hexdigest()
HI = ArtifactFile("hi.txt", "text/plain")
hi = files(**{"hi.txt": "hi"})
CASES: dict[str, Case] = {
    "a path that isn't there": Case(chart(), HelmChart("nothing"), ("error source-missing: nothing does not exist",)),
    "no Chart.yaml": Case(files(web__x="x"), WEB, ("error chart-invalid: the folder has no Chart.yaml",)),
    "a Chart.yaml that is left out": Case(
        at("web/.helmignore", "*.yaml\n"), WEB, ("error chart-invalid: the folder's Chart.yaml is left out (.helmignore)",)
    ),
    "a name in upper case": Case(chart(name="Web"), WEB, ('error chart-name: the name "Web" cannot be part of',)),
    "a name that leads out": Case(chart(name="../web"), WEB, ('error chart-name: the name "../web"',)),
    "four numbers": Case(chart(version="1.2.3.4"), WEB, ('error chart-version: the version "1.2.3.4" is not a semantic',)),
    "a long version": Case(chart(version=f"1.0.0-{'a' * 130}"), WEB, ("error chart-version: the version has 136 characters",)),
    "two numbers": Case(
        chart(version="'1.0'"), WEB, ('warning chart-version-not-strict: the version "1.0": no version constraint',)
    ),
    "a leading v": Case(chart(version="v1.2.3"), WEB, ('warning chart-version-not-strict: the version "v1.2.3"',)),
    "an unquoted version": Case(
        chart(version="1.10"), WEB,
        ("warning chart-version-not-strict:", "warning chart-value-not-text: version 1.10 is read as 1.1: quote it"),
    ),
    "an unquoted appVersion": Case(
        chart(appVersion="1.10"), WEB, ("warning chart-value-not-text: appVersion 1.10 is read as 1.1: quote it",)
    ),
    "a boolean where Helm wants text": Case(
        chart(annotations="{a: yes}"), WEB, ("warning chart-value-not-text: annotations.a yes is read as true",)
    ),
    "a list where Helm wants text": Case(chart(description="[a]"), WEB, ("error chart-invalid: description must be a text",)),
    "a text where Helm wants a list": Case(chart(keywords="a"), WEB, ("error chart-invalid: keywords must be a list",)),
    "no version": Case(chart(version=""), WEB, ("error chart-invalid: it has no version",)),
    "no name": Case(chart(name=""), WEB, ("error chart-invalid: it has no name",)),
    "another type": Case(chart(type="job"), WEB, ('error chart-invalid: its type "job" is neither',)),
    "no YAML": Case(at("web/Chart.yaml", "a: [\n"), WEB, ("error chart-invalid: it cannot be read: it is not YAML",)),
    "a billion laughs": Case(
        at("web/Chart.yaml", "name: web\nversion: 1.0.0\na: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
            f"{b}: &{b} [{', '.join([f'*{a}'] * 10)}]\n" for a, b in zip("abcdef", "bcdefg", strict=True)
        ) + "dependencies: [{name: sub, import-values: *g}]\n"),
        WEB, ("error chart-invalid: its aliases make too many values",),
    ),
    "a list that aliases multiply": Case(
        at("web/Chart.yaml", f"name: web\nversion: 1.0.0\nx: &t [{', '.join('x' * 1000)}]\ndependencies:\n"
           + "- {name: sub, tags: *t}\n" * 1000),
        WEB, ("error chart-invalid: its aliases make too many values",),
    ),
    "mappings that are merged too often": Case(
        at("web/Chart.yaml", f"name: web\nversion: 1.0.0\nx: &t {{{', '.join(f'k{n}: x' for n in range(1000))}}}\n<<: ["
           + ", ".join(["*t"] * 1000) + "]\n"),
        WEB, ("error chart-invalid: its aliases make too many values",),
    ),
    "a missing dependency": Case(
        chart(dependencies="[{name: sub, version: 1.0.0, repository: ''}]"), WEB,
        ("error chart-dependency-missing: charts/ does not contain sub",),
    ),
    "two dependencies of one name": Case(
        at("web/charts/sub/Chart.yaml", "name: sub\nversion: 1.0.0\n", chart(dependencies="[{name: sub}, {name: sub}]")), WEB,
        ("error chart-invalid: two dependencies have the same name or alias: sub",),
    ),
    "a loose file in charts": Case(at("web/charts/README.md", "x"), WEB, ("error chart-subchart-invalid: it is no chart",)),
    "a subchart that is no archive": Case(
        at("web/charts/sub-1.0.0.tgz", "x", chart(dependencies="[{name: sub}]")), WEB,
        ("error chart-subchart-invalid: it is not a gzip file",),
    ),
    "a subchart that is no YAML": Case(
        at("web/charts/sub/Chart.yaml", "name: [", chart(dependencies="[{name: sub}, {name: sub, alias: b}]")), WEB,
        ("error chart-subchart-invalid: it cannot be read: it is not YAML",),
    ),
    "dependencies without names": Case(chart(dependencies="[~, {name: ~}]"), WEB, ("error chart-invalid: dependencies[0] must",)),
    "a subchart without Chart.yaml": Case(
        at("web/charts/sub/values.yaml", "x"), WEB, ("error chart-subchart-invalid: it has no Chart.yaml",)
    ),
    "** in .helmignore": Case(at("web/.helmignore", "a\n**/b\n"), WEB, ("error chart-ignore-invalid: **/b: Helm knows no **",)),
    "a pattern that is none": Case(at("web/.helmignore", "[a"), WEB, ("error chart-ignore-invalid: [a is not a pattern",)),
    "links": Case(linked, WEB, ("error link-leaves-folder: this link leads out of the folder", "warning link-inside: it is a link")),
    "a large file": Case(
        at("web/big", bytes((5 << 20) + 1)), WEB, ("error chart-large: it is larger than 5.2 MB: 5.2 MB",)
    ),
    "more than 100 MiB": Case(
        huge,
        WEB, ("error chart-large: the chart has 110.1 MB, more than 104.9 MB",),
    ),
    "an empty archive": Case(files(**{"web.tgz": ""}), HelmChart("web.tgz"), ("error chart-archive-unreadable: it is empty",)),
    "no archive": Case(files(**{"web.tgz": "x"}), HelmChart("web.tgz"), ("error chart-archive-unreadable: it is not a gzip",)),
    "an archive without its dependency": Case(
        files(**{"web.tgz": make_tgz({"web/Chart.yaml": "name: web\nversion: 1.0.0\ndependencies: [{name: sub}]\n"})}),
        HelmChart("web.tgz"), ("error chart-dependency-missing: charts/ does not contain sub",),
    ),
    "a .prov of another archive": Case(
        signed(f"web-1.0.0.tgz: sha256:{'0' * 64}\n"), HelmChart("web.tgz"), ("error chart-provenance: it does not name the",)
    ),
    "a good .prov": Case(signed(f"files:\n  web-1.0.0.tgz: sha256:{SHA}\n"), HelmChart("web.tgz"), ()),
    "a .prov of a folder": Case(at("web.tgz.prov", "x"), WEB, ("error chart-provenance: it signs an archive, but the chart",)),
    "a bundle without content": Case(files(p__x="x"), OpaBundle("p", "1"), ("error bundle-empty: it contains neither",)),
    "a bundle with two manifests": Case(
        files(**{"p__.manifest": "{}", "p__sub__.manifest": "{}", "p__a.rego": "package a\n"}), OpaBundle("p", "1"),
        ("error bundle-manifests: it contains 2 files named .manifest",),
    ),
    "a bundle that OPA would not load": Case(
        files(**{
            "p__a.rego": "\n", "p__.manifest": "{", "p__data.json": "[]", "p__sub__data.json": "[]", "p__y__data.yaml": "a: [",
        }), OpaBundle("p", "1"),
        (
            "error bundle-file: it is empty", "error bundle-file: it is not JSON: ", "error bundle-file: it is no object",
            "error bundle-file: it cannot be read: it is not YAML",
        ),
    ),
    "a bundle that is no archive": Case(
        files(**{"b.tar.gz": "x"}), OpaBundle("b.tar.gz", "1"), ("error bundle-unreadable: it is not a gzip file",)
    ),
    "an archive without content": Case(
        files(**{"b.tar.gz": make_tgz({"x": "x"})}), OpaBundle("b.tar.gz", "1"), ("error bundle-empty: it contains neither",)
    ),
    "a policy without policies": Case(
        files(p__a="", **{"p__data.json": "{}"}), ConftestPolicy("p", "1"), ("error policy-empty: the folder has no .rego",)
    ),
    "empty policies": Case(
        files(**{"p__a.rego": "", "p__d.yaml": ""}), ConftestPolicy("p", "1"),
        ("error policy-empty: it is empty", "error policy-empty: it is empty"),
    ),
    "a version that is no tag": Case(hi, Files("1.0+a", [HI]), ('error version-no-tag: the version "1.0+a" cannot',)),
    "an empty file": Case(
        files(**{"hi.txt": ""}), Files("1", [HI]), ("warning file-empty: it is empty",)
    ),
    "titles": Case(
        hi, Files("1", [HI, HI, ArtifactFile("../hi.txt"), ArtifactFile("/hi.txt")]),
        (
            "error source-missing: ../hi.txt does not exist", "error source-missing: /hi.txt does not exist",
            'error file-title: "hi.txt" has the title "hi.txt" too', 'error file-title: the title "../hi.txt" is no',
            'error file-title: the title "/hi.txt" is no relative path',
        ),
    ),
    "titles of one path": Case(
        hi, Files("1", [HI, ArtifactFile("hi.txt", title="./hi.txt"), ArtifactFile("hi.txt", title="hi.txt/again")]),
        (
            'error file-title: "hi.txt" is a file, and in the title "hi.txt/again" a folder',
            'error file-title: "hi.txt" has the title "./hi.txt" too',
        ),
    ),
    "types": Case(
        hi, Files("1", [ArtifactFile("hi.txt", "nomedia")], artifact_type="T"),
        ('error media-type: "nomedia" is no media type', 'error media-type: the artifactType "T" is no'),
    ),
    "both in image-spec 1.0": Case(
        hi, Files("1", [HI], HI, artifact_type="a/b", image_spec="v1.0"), ("error artifact-shape: image-spec v1.0 has either",)
    ),
    "an empty config without artifactType": Case(
        hi, Files("1", [HI], ArtifactFile("hi.txt", "application/vnd.oci.empty.v1+json")),
        ("error artifact-shape: a config of the type application/vnd.oci.empty.v1+json needs artifactType",),
    ),
    "no files": Case(hi, Files("1"), ("error artifact-shape: there are no files: without files it needs artifactType",)),
    "no files in image-spec 1.0": Case(
        hi, Files("1", artifact_type="a/b", image_spec="v1.0"), ("error artifact-shape: there are no files: image-spec v1.0",)
    ),
    "a created that is no time": Case(
        hi, Files("1", [HI], annotations={"org.opencontainers.image.created": "yesterday"}),
        ("error artifact-shape: the annotation org.opencontainers.image.created is not RFC 3339",),
    ),
    "LFS pointers": Case(
        files(**{"hi.txt": LFS}), Files("1", [HI]), ("error lfs-pointer: it is a Git LFS pointer, not the file itself",)
    ),
    "LFS pointers in a folder": Case(
        at("web/big.bin", LFS), WEB, ("error lfs-pointer: it is a Git LFS pointer, not the file itself",)
    ),
    "a folder where a file is wanted": Case(
        files(**{"hi.txt__x": "x"}), Files("1", [HI]), ("error source-missing: hi.txt is a folder",)
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_bad_input(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    case.make(tmp_path)
    problems = case.source.read().problems
    found = [f"{problem.severity} {problem.rule}: {problem.message}" for problem in problems]
    assert len(found) == len(case.expected), found
    for expected in case.expected:
        assert any(text.startswith(expected) for text in found), found
    assert all(problem.remedy for problem in problems)


def test_every_rule_has_a_case() -> None:
    covered = {text.split()[1].rstrip(":") for case in CASES.values() for text in case.expected}
    assert {rule.id for rule in RULES} - covered == {"file-unusable"}


def test_names_that_other_programs_could_not_read(tmp_path: Path) -> None:
    make_chart_folder(tmp_path / "web")
    (tmp_path / "web/a\nb").write_text("x")
    os.mkfifo(tmp_path / "web/fifo")
    problems = HelmChart(str(tmp_path / "web")).read().problems
    assert [problem.rule for problem in problems] == ["file-unusable", "file-unusable"]
