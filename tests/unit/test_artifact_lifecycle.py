"""The life of a PublishedArtifact without engine and provider host, on a scripted registry: what differs from a pack's life."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from packinfra.artifacts.chart import CONFIG, LAYER
from packinfra.artifacts.files import ArtifactFile
from packinfra.artifacts.manifest import blobs_of, manifest_of
from packinfra.artifacts.sources import (
    ArtifactSource,
    ConftestPolicy,
    Files,
    HelmChart,
    OpaBundle,
    source_to_props,
)
from packinfra.lifecycle.artifacts.published_artifact import PublishedArtifactLifecycle
from packinfra.lifecycle.clients import RegistryClients
from packinfra.lifecycle.publishing.family import PublishError
from packinfra.lifecycle.registry_access import BasicAccess, access_to_props
from packinfra.lifecycle.results import PartialFailure
from packinfra.oci import Client, Reference
from packinfra.oci.manifest import Descriptor, Manifest
from tests.support.artifacts import make_chart_folder, make_files, make_tgz
from tests.support.run import Messages, new_run
from tests.support.scripted_registry import Reply, ScriptedRegistry

Props = dict[str, Any]
URN = "urn:pulumi:test::packinfra::pulumi-python:dynamic/packinfra:PublishedArtifact::packs-charts/web"
ACCESS = access_to_props(BasicAccess(plain_http=True))
HI = ArtifactFile("hi.txt", "text/plain")


class Bench:
    """An artifact in a scripted registry, from files in the working folder."""

    def __init__(self, registry: ScriptedRegistry, folder: Path) -> None:
        self.registry, self.folder = registry, folder
        self.name = "team/charts/web"
        self.repository = f"{registry.host}/{self.name}"
        self.new_run()

    def new_run(self) -> None:
        self.messages = Messages()
        self.lifecycle = PublishedArtifactLifecycle(new_run(self.messages), lambda _: None)

    def problems(self, sources: Sequence[ArtifactSource], olds: Props | None = None, **more: Any) -> Sequence[str]:
        return self.lifecycle.check(olds or {}, self.news(sources, **more)).problems

    def check(self, sources: Sequence[ArtifactSource], olds: Props | None = None, **more: Any) -> Props:
        self.new_run()
        outcome = self.lifecycle.check(olds or {}, self.news(sources, **more))
        assert not outcome.problems
        return outcome.inputs

    def news(self, sources: Sequence[ArtifactSource], **more: Any) -> Props:
        props = [source_to_props(source) for source in sources]
        return {"repository": self.repository, "sources": props, "registryAccess": ACCESS, "ownUrn": URN, **more}

    def create(self, *sources: ArtifactSource, **more: Any) -> tuple[Props, Props]:
        inputs = self.check(sources, **more)
        return inputs, self.lifecycle.create(inputs).outputs

    def update(self, olds: Props, outs: Props, *sources: ArtifactSource, **more: Any) -> tuple[Props, Props]:
        inputs = self.check(sources, olds, **more)
        assert self.lifecycle.diff(self.repository, outs, inputs).changes
        return inputs, self.lifecycle.update(self.repository, outs, inputs)

    def delete(self, outs: Props) -> None:
        self.new_run()
        self.lifecycle.delete(self.repository, outs)

    @property
    def client(self) -> Client:
        return RegistryClients(lambda _: None, print).get(self.repository, ACCESS)

    def push(self, source: ArtifactSource, created: str = "2026-01-01T00:00:00Z") -> str:
        """As somebody else does."""
        content = source.read()
        with content.parts(created) as parts:
            reference = Reference.of(self.repository, content.version)
            return self.client.push(reference, manifest_of(parts), blobs_of(parts)).digest

    def tags(self) -> list[str]:
        return sorted(tag for name, tag in self.registry.manifests if name == self.name and ":" not in tag)


@pytest.fixture
def bench(registry: ScriptedRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.chdir(tmp_path)
    make_chart_folder(tmp_path / "web")
    make_files(tmp_path, {"hi.txt": "hi", "p/a.rego": "package a\n", "p/data.json": "{}"})
    return Bench(registry, tmp_path)


WEB = HelmChart("web")
ALL = pytest.mark.parametrize(
    "source", [WEB, OpaBundle("p", "1.0.0"), ConftestPolicy("p", "1.0.0"), Files("1.0.0", [HI])], ids=lambda s: s.kind
)


@ALL
def test_whole_life(bench: Bench, registry: ScriptedRegistry, source: ArtifactSource) -> None:
    inputs, outs = bench.create(source)
    record = outs["versions"]["1.0.0"]
    assert registry.manifests[bench.name, "1.0.0"] == registry.manifests[bench.name, record["manifestDigest"]]
    assert outs["versions"] == inputs["versions"], "the digests of the preview"
    assert (bench.name, record["layerDigest"]) in registry.blobs
    registry.seen.clear()
    assert not bench.lifecycle.diff(bench.repository, outs, bench.check([source], inputs)).changes
    assert registry.seen == [], "no network"
    outcome = bench.lifecycle.read(bench.repository, outs)
    assert outcome
    assert (outcome.outputs, outcome.inputs) == (outs, None)
    bench.delete(outs)
    assert bench.tags() == []
    assert bench.lifecycle.read(bench.repository, outs) is None


@ALL
def test_equal_content_is_adopted(bench: Bench, registry: ScriptedRegistry, source: ArtifactSource) -> None:
    """Pushed at another time by another tool; destroy leaves it."""
    theirs = bench.push(source)
    registry.seen.clear()
    _, outs = bench.create(source)
    assert [seen.method for seen in registry.seen if seen.method not in ("HEAD", "GET")] == []
    record = outs["versions"]["1.0.0"]
    assert (record["manifestDigest"], record["adopted"]) == (theirs, True)
    bench.delete(outs)
    assert bench.tags() == (["1.0.0"] if record["codec"] == "foreign" else [])


def test_what_helm_made_of_the_folder_is_adopted(bench: Bench) -> None:
    chart = {f"x/{path}": (bench.folder / "web" / path).read_bytes() for path in ("values.yaml", "templates/map.yaml")}
    layer = make_tgz({**chart, "x/Chart.yaml": "version: 1.0.0\nname: web\napiVersion: v2\n"}, mtime=7)
    config = b'{"name":"web","version":"1.0.0","apiVersion":"v2"}'
    theirs = Manifest.of((Descriptor.of(LAYER, layer),), {"a": "b"}, config=Descriptor.of(CONFIG, config), typed=False)
    opens = {Descriptor.of("", data).digest: partial(io.BytesIO, data) for data in (layer, config)}
    bench.client.push(Reference.of(bench.repository, "1.0.0"), theirs, opens)
    inputs, outs = bench.create(WEB)
    assert outs["versions"]["1.0.0"]["manifestDigest"] == theirs.digest
    assert "pushed by somebody else with the same content" in bench.messages.infos[0]
    assert not bench.lifecycle.diff(bench.repository, outs, inputs).changes


FOREIGN: list[tuple[ArtifactSource, ArtifactSource, str]] = [
    (WEB, HelmChart("other"), "the files in its archive differ"),
    (WEB, HelmChart("described"), "its config is"),
    (WEB, Files("1.0.0", [HI]), 'its artifactType is "application/vnd.unknown.artifact.v1" instead of ""'),
    (OpaBundle("p", "1.0.0"), OpaBundle("q", "1.0.0"), "the files in its archive differ"),
    (ConftestPolicy("p", "1.0.0"), ConftestPolicy("q", "1.0.0"), "its layer is"),
    (Files("1.0.0", [HI]), Files("1.0.0", [HI], annotations={"a": "b"}), 'its annotations is {"a": "b"} instead of {}'),
    (Files("1.0.0", [HI]), Files("1.0.0", [HI, ArtifactFile("p/a.rego")]), "it has 2 layers instead of 1"),
    (Files("1.0.0", [HI]), Files("1.0.0", [ArtifactFile("hi.txt", "text/html")]), "its layer is"),
]


@pytest.mark.parametrize(("ours", "theirs", "reason"), FOREIGN)
def test_other_content_is_refused(bench: Bench, ours: ArtifactSource, theirs: ArtifactSource, reason: str) -> None:
    make_chart_folder(bench.folder / "other", {"values.yaml": "text: other\n"})
    make_chart_folder(bench.folder / "described", description="other")
    make_files(bench.folder, {"q/a.rego": "package b\n", "q/data.json": "{}"})
    digest = bench.push(theirs)
    inputs = bench.check([ours])
    with pytest.raises(PublishError) as caught:
        bench.lifecycle.create(inputs)
    assert digest in str(caught.value)
    assert reason in str(caught.value)
    _, outs = bench.create(ours, overwrite=True)
    assert bench.client.resolve(Reference.of(bench.repository, "1.0.0")) == outs["versions"]["1.0.0"]["manifestDigest"]


def test_versions(bench: Bench) -> None:
    """A build's + is a _ in the tag; keepVersions, unpublish."""
    inputs, outs = bench.create(WEB)
    make_chart_folder(bench.folder / "web", version="1.1.0+b.5")
    inputs, outs = bench.update(inputs, outs, WEB)
    assert bench.tags() == list(outs["versions"]) == ["1.0.0", "1.1.0_b.5"]
    make_chart_folder(bench.folder / "web", version="1.2.0")
    inputs, outs = bench.update(inputs, outs, WEB, keepVersions=2)
    assert bench.tags() == ["1.1.0_b.5", "1.2.0"]
    inputs, outs = bench.update(inputs, outs, WEB, unpublish=["1.1.0_b.5"])
    assert bench.tags() == ["1.2.0"]


def test_changed_content_names_the_files(bench: Bench) -> None:
    inputs, _ = bench.create(WEB)
    make_files(bench.folder / "web", {"values.yaml": "text: other\n", "README.md": "x"})
    (problem,) = bench.problems([WEB], inputs)
    assert "the content of web 1.0.0 (web) has changed since it was published" in problem
    assert "(changed values.yaml; added README.md)" in problem
    make_chart_folder(bench.folder / "web", version="1.1.0")
    news = bench.check([WEB], inputs)
    (line,) = bench.messages.infos
    digest = news["versions"]["1.1.0"]["manifestDigest"]
    assert line.startswith(f"web 1.1.0 will be published as {digest}; since 1.0.0: changed Chart.yaml")


def test_what_helm_does_not_read_changes_nothing(bench: Bench) -> None:
    inputs, outs = bench.create(WEB)
    chart = bench.folder / "web/Chart.yaml"
    chart.write_text("# a comment\n" + chart.read_text())
    news = bench.check([WEB], inputs)
    assert news["versions"] == inputs["versions"]
    assert not bench.lifecycle.diff(bench.repository, outs, news).changes


def test_a_failed_push_converges(bench: Bench, registry: ScriptedRegistry) -> None:
    """Even if a comment in Chart.yaml, which is in the archive, has changed since."""
    make_chart_folder(bench.folder / "next", version="1.1.0")
    registry.next("PUT", "/manifests/1.1.0", Reply(400, body=b"no"))
    inputs = bench.check([WEB, HelmChart("next")])
    with pytest.raises(PartialFailure) as caught:
        bench.lifecycle.create(inputs)
    chart = bench.folder / "next/Chart.yaml"
    chart.write_text("# a comment\n" + chart.read_text())
    news, outs = bench.update(inputs, caught.value.outputs, WEB, HelmChart("next"))
    assert bench.tags() == ["1.0.0", "1.1.0"]
    stored = bench.client.resolve(Reference.of(bench.repository, "1.1.0"))
    assert stored == outs["versions"]["1.1.0"]["manifestDigest"]
    again = bench.check([WEB, HelmChart("next")], news)
    assert not bench.lifecycle.diff(bench.repository, outs, again).changes


def test_drift_is_repaired(bench: Bench, registry: ScriptedRegistry) -> None:
    _, outs = bench.create(WEB)
    del registry.manifests[bench.name, "1.0.0"]
    bench.new_run()
    assert bench.lifecycle.read(bench.repository, outs) is None
    assert "is gone from the registry; the next up publishes it again" in bench.messages.warnings[0]


def test_destroy_removes_only_what_was_published(bench: Bench) -> None:
    _, outs = bench.create(WEB)
    make_chart_folder(bench.folder / "web", {"values.yaml": "text: other\n"})
    moved = bench.push(WEB)
    bench.push(Files("foreign", [HI]))
    bench.delete(outs)
    assert bench.tags() == ["1.0.0", "foreign"]
    assert moved in bench.messages.warnings[0]


def test_all_problems_at_once(bench: Bench) -> None:
    make_chart_folder(bench.folder / "bad", name="Bad", version="1.2.3.4")
    problems = bench.problems([HelmChart("bad"), HelmChart("missing"), Files("a b", [])])
    assert [problem.partition(":")[0] for problem in problems] == [
        "chart bad", "chart bad", "chart missing", "artifact no files", "artifact no files",
    ]  # fmt: skip


def test_one_repository_holds_one_chart(bench: Bench) -> None:
    make_chart_folder(bench.folder / "other", name="other", version="2.0.0")
    make_chart_folder(bench.folder / "again")
    assert bench.problems([WEB, HelmChart("other")]) == [
        "one repository holds one chart, but these sources hold other, web"
    ]
    (problem,) = bench.problems([HelmChart("other")])
    assert f"{bench.repository} is no repository of other: helm pull looks for" in problem
    (problem,) = bench.problems([WEB, HelmChart("again")])
    assert problem.startswith("web and again hold the same version, 1.0.0: give one of them another version")


def test_an_empty_file_is_an_error_for_ecr_only(bench: Bench) -> None:
    make_files(bench.folder, {"hi.txt": ""})
    assert not bench.problems([Files("1", [HI])])
    ecr = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/artifacts/cfg"
    (problem,) = bench.problems([Files("1", [HI])], repository=ecr)
    assert "hi.txt: it is empty [file-empty]" in problem


def test_a_source_that_changes_during_the_run(bench: Bench) -> None:
    inputs = bench.check([WEB])
    make_files(bench.folder / "web", {"values.yaml": "text: other\n"})
    with pytest.raises(PublishError, match=r"web 1.0.0 was not published: its source has changed since this run"):
        bench.lifecycle.create(inputs)
    assert bench.tags() == []


def test_state_survives_json(bench: Bench) -> None:
    """Numbers come back as floats from the engine."""
    inputs, outs = bench.create(Files("1.0.0", [HI], annotations={"a": "b"}, artifact_type="a/b", config=HI))
    loaded = json.loads(json.dumps([inputs, outs]), parse_int=float)
    assert not bench.lifecycle.diff(bench.repository, loaded[1], bench.check(
        [Files("1.0.0", [HI], annotations={"a": "b"}, artifact_type="a/b", config=HI)], loaded[0])
    ).changes  # fmt: skip


def test_a_change_beside_the_files_is_named(bench: Bench) -> None:
    inputs, _ = bench.create(Files("1.0.0", [HI]))
    (problem,) = bench.problems([Files("1.0.0", [ArtifactFile("hi.txt", "text/html")])], inputs)
    assert "(no file, but media types, annotations or the order of the files)" in problem


@pytest.mark.parametrize(
    "unknown", [object(), [object()], [{"kind": "files", "version": "1", "annotations": {"a": object()}}]]
)
def test_unknown_sources(bench: Bench, unknown: Any) -> None:
    outcome = bench.lifecycle.check({}, {**bench.news([]), "sources": unknown})
    assert outcome.problems == [
        "sources: it must be a text that preview knows, not the output of a resource that this run creates"
    ]


@pytest.mark.parametrize(
    ("key", "unknown"), [("unpublish", object()), ("unpublish", [object()]), ("created", object())]
)
def test_unknown_options(bench: Bench, key: str, unknown: Any) -> None:
    outcome = bench.lifecycle.check({}, {**bench.news([Files("1.0.0", [HI])]), key: unknown})
    (problem,) = outcome.problems
    assert problem.startswith(f"{key}: it must be a value that preview knows")
