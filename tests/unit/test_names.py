"""One registry has many names: respelled hosts, ECR's endpoints, and true aliases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from packinfra.lifecycle.base_path import BasePathLifecycle
from packinfra.lifecycle.clients import normalize_repository, repository_identity
from packinfra.lifecycle.packs.published_pack import PublishedPackLifecycle
from tests.support.pack_bench import URN, Bench, Props
from tests.support.scripted_registry import Reply, ScriptedRegistry, error

ECR = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
PLAIN = {"kind": "basic", "plainHttp": True}


@pytest.fixture
def bench(registry: ScriptedRegistry, tmp_path: Path) -> Iterator[Bench]:
    made = Bench(registry, tmp_path / "hello")
    yield made
    made.run.archives.close()


@pytest.fixture
def other_registry() -> Iterator[ScriptedRegistry]:
    with ScriptedRegistry() as running:
        yield running


@pytest.mark.parametrize(
    ("one", "other", "access"),
    [
        ("Harbor.Example.com/a/hello", "harbor.example.com/a/hello", None),
        ("harbor.example.com:443/a/hello", "harbor.example.com/a/hello", {"kind": "basic"}),
        ("harbor.example.com:80/a/hello", "harbor.example.com/a/hello", PLAIN),
        (f"{ECR}/a/hello", f"{ECR.replace('.ecr.', '.ecr-fips.')}/a/hello", None),
        (f"{ECR}/a/hello", "123456789012.dkr-ecr.eu-west-1.on.aws/a/hello", None),
    ],
)
def test_spellings_of_one_place(one: str, other: str, access: dict[str, Any] | None) -> None:
    assert repository_identity(one, access) == repository_identity(other, access)


@pytest.mark.parametrize(
    ("one", "other", "access"),
    [
        ("harbor.example.com:443/a/hello", "harbor.example.com/a/hello", PLAIN),
        ("harbor.example.com:80/a/hello", "harbor.example.com/a/hello", None),
        (f"{ECR}/a/hello", f"{ECR.replace('eu-west-1', 'eu-west-2')}/a/hello", None),
        (f"{ECR}/a/hello", f"{ECR}/b/hello", None),
    ],
)
def test_different_places(one: str, other: str, access: dict[str, Any] | None) -> None:
    assert repository_identity(one, access) != repository_identity(other, access)


def test_a_respelled_host_is_no_replacement(bench: Bench, registry: ScriptedRegistry) -> None:
    """State that an older packinfra wrote has the host as it was given."""
    respelled = bench.repository.replace("127.0.0.1", "LOCALHOST")
    inputs = bench.check(repository=respelled)
    assert inputs["repository"] == normalize_repository(respelled, PLAIN) != respelled
    old = {**inputs, "repository": respelled}
    outs = {**bench.lifecycle.create(inputs).outputs, "repository": respelled}
    bench.new_run()
    news = bench.check(old, repository=respelled)
    outcome = bench.lifecycle.diff("id", outs, news)
    assert (outcome.changes, list(outcome.replaces)) == (True, []), "only to record the spelling"
    registry.seen.clear()
    outs = bench.lifecycle.update("id", outs, news)
    assert registry.seen == []
    assert not bench.lifecycle.diff("id", outs, news).changes


def test_ecr_by_another_endpoint_is_no_replacement(bench: Bench) -> None:
    inputs = bench.check(repository=f"{ECR}/a/hello", registryAccess=None)
    outs = {**inputs, "currentVersions": ["1.0.0"]}
    fips = bench.check(inputs, repository=f"{ECR.replace('.ecr.', '.ecr-fips.')}/a/hello", registryAccess=None)
    outcome = bench.lifecycle.diff("id", outs, fips)
    assert (outcome.changes, list(outcome.replaces)) == (True, [])


def replaced(bench: Bench, host: str, urn: str = URN) -> tuple[Props, Props]:
    """The pack is published, then its replacement is made at another host; (old outputs, new outputs)."""
    _, outs = bench.publish("1.0.0")
    bench.new_run()
    sources = [str(bench.folder.with_name("1.0.0"))]
    news = bench.check(repository=f"{host}/{bench.name}", sources=sources, ownUrn=urn)
    return outs, bench.lifecycle.create(news).outputs


def alias(registry: ScriptedRegistry) -> str:
    return registry.host.replace("127.0.0.1", "localhost")


@pytest.mark.parametrize("urn", [URN, f"{URN}-renamed"])
def test_an_alias_keeps_its_tags(bench: Bench, registry: ScriptedRegistry, urn: str) -> None:
    outs, new = replaced(bench, alias(registry), urn)
    assert new["versions"]["1.0.0"]["adopted"]
    bench.lifecycle.delete("id", outs)
    assert registry.tags(bench.name) == ["1.0.0"]
    assert registry.uploads == set(), "the probe was cancelled"
    assert bench.messages.infos[-1] == (
        f"{bench.repository} stays as it is: {urn} owns it now (as {alias(registry)}/{bench.name})"
    )


@pytest.mark.parametrize("host", ["same", "alias"])
def test_versions_without_a_folder_stay_and_are_named(bench: Bench, registry: ScriptedRegistry, host: str) -> None:
    """The engine checks a replacement without the old inputs, so the new resource can't know them."""
    inputs, outs = bench.publish("1.0.0")
    _, outs = bench.publish("1.1.0", olds=inputs, outs=outs)
    bench.new_run()
    repository = f"{alias(registry) if host == 'alias' else registry.host}/{bench.name}"
    sources = [str(bench.folder.with_name("1.1.0"))]
    new = bench.lifecycle.create(bench.check(repository=repository, sources=sources)).outputs
    bench.lifecycle.delete("id", outs)
    assert registry.tags(bench.name) == ["1.0.0", "1.1.0"]
    (warning,) = bench.messages.warnings
    assert warning.startswith("hello 1.0.0 stays published, but no folder holds it")

    inputs, outs = bench.publish("1.0.0", "1.1.0", olds=None, outs={**new, "incomplete": True})
    assert outs["versions"]["1.0.0"]["adopted"], "its folder is back"


def test_another_registry_is_no_alias(
    bench: Bench, registry: ScriptedRegistry, other_registry: ScriptedRegistry
) -> None:
    outs, _ = replaced(bench, other_registry.host)
    bench.lifecycle.delete("id", outs)
    assert (registry.tags(bench.name), other_registry.tags(bench.name)) == ([], ["1.0.0"])


def test_where_nobody_can_tell_tags_stay(
    bench: Bench, registry: ScriptedRegistry, other_registry: ScriptedRegistry
) -> None:
    outs, _ = replaced(bench, other_registry.host)
    registry.next("POST", "/uploads/", Reply(403))
    bench.lifecycle.delete("id", outs)
    assert (registry.tags(bench.name), other_registry.tags(bench.name)) == (["1.0.0"], ["1.0.0"])


def test_a_destroy_of_its_own_removes(bench: Bench, registry: ScriptedRegistry) -> None:
    outs, new = replaced(bench, alias(registry))
    bench.lifecycle.delete("id", outs)
    bench.destroy(new)
    assert registry.manifests == {}


# ---- the base path


class BasePathBench:
    def __init__(self, registry: ScriptedRegistry, bench: Bench) -> None:
        self.bench = bench
        self.name = "team/spectro-packs/archive"
        self.registry = registry

    @property
    def lifecycle(self) -> BasePathLifecycle:
        return BasePathLifecycle(self.bench.run, lambda _: None)

    def check(self, olds: Props | None = None, host: str = "", urn: str = URN) -> Props:
        repository = f"{host or self.registry.host}/{self.name}"
        news = {"repository": repository, "registryAccess": PLAIN, "ownUrn": urn}
        outcome = self.lifecycle.check(olds or {}, news)
        assert not outcome.problems
        return outcome.inputs

    def create(self, host: str = "", urn: str = URN) -> Props:
        return self.lifecycle.create(self.check(host=host, urn=urn)).outputs

    def stored(self) -> list[str]:
        return sorted(reference for name, reference in self.registry.manifests if name == self.name)


@pytest.fixture
def base_path(registry: ScriptedRegistry, bench: Bench) -> BasePathBench:
    return BasePathBench(registry, bench)


def test_base_path_of_a_killed_run_is_removed(base_path: BasePathBench) -> None:
    base_path.create()  # and the engine records nothing
    base_path.bench.new_run()
    outs = base_path.create()
    assert base_path.stored() == [outs["digest"]]
    base_path.bench.new_run()
    base_path.lifecycle.delete("id", outs)
    assert base_path.stored() == []


@pytest.mark.parametrize("host", ["same", "alias"])
def test_base_path_survives_its_replacement(base_path: BasePathBench, registry: ScriptedRegistry, host: str) -> None:
    outs = base_path.create()
    base_path.bench.new_run()
    base_path.create(host=alias(registry) if host == "alias" else registry.host)
    base_path.lifecycle.delete("id", outs)
    assert base_path.stored() == [outs["digest"]]


def test_base_path_whose_replacement_was_killed(base_path: BasePathBench) -> None:
    """The next run checks and diffs the live one, then deletes the predecessor."""
    outs = base_path.create()
    base_path.bench.new_run()
    inputs = base_path.check()
    assert not base_path.lifecycle.diff("id", outs, inputs).changes
    base_path.lifecycle.delete("id", outs)
    assert base_path.stored() == [outs["digest"]]
    base_path.bench.new_run()
    base_path.lifecycle.diff("id", outs, inputs)  # a refresh; destroy follows in the same process
    base_path.lifecycle.delete("id", outs)
    assert base_path.stored() == []


def test_two_stacks_on_one_base_path(base_path: BasePathBench) -> None:
    ours = base_path.create()
    base_path.bench.new_run()
    theirs = base_path.create(urn=URN.replace("test", "other"))
    assert base_path.stored() == sorted([ours["digest"], theirs["digest"]])
    base_path.bench.new_run()
    base_path.lifecycle.delete("id", ours)
    assert base_path.stored() == [theirs["digest"]]


def test_base_path_in_older_state(base_path: BasePathBench) -> None:
    """Its digest has no owner, and stays; what was adopted stays at destroy."""
    digest = "sha256:" + "0" * 64
    old = {**base_path.check(), "digest": digest}
    del old["ownUrn"]
    base_path.bench.new_run()
    inputs = base_path.check(old)
    assert inputs["digest"] == digest
    assert not base_path.lifecycle.diff("id", {**old, "adopted": True}, inputs).replaces
    base_path.registry.seen.clear()
    base_path.lifecycle.delete("id", {**old, "adopted": True})
    assert base_path.registry.seen == []


def test_base_path_that_somebody_tagged(base_path: BasePathBench, registry: ScriptedRegistry) -> None:
    outs = base_path.create()
    registry.manifests[base_path.name, "by-hand"] = registry.manifests[base_path.name, outs["digest"]]
    base_path.bench.new_run()
    base_path.lifecycle.delete("id", outs)
    assert base_path.stored() == ["by-hand", outs["digest"]]
    assert "by-hand" in base_path.bench.messages.infos[-1]


def test_base_path_that_vanished(base_path: BasePathBench, registry: ScriptedRegistry) -> None:
    outs = base_path.create()
    registry.manifests.clear()
    assert base_path.lifecycle.read("id", outs) is None
    assert "basePathArtifact: false" in base_path.bench.messages.warnings[-1]


def test_base_path_with_a_scheme(base_path: BasePathBench) -> None:
    outcome = base_path.lifecycle.check({}, {"repository": "https://h.example/a"})
    assert outcome.problems == ["repository: a repository is written without a scheme: 'https://h.example/a'"]


# ---- a PublishedPack's inputs


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"repository": "https://h.example/a/hello"}, "repository: a repository is written without a scheme"),
        ({"repository": "h.example/a/hello:1"}, "repository: not a repository"),
        ({"repository": "h.example/a/other"}, "h.example/a/other is no repository of hello"),
        ({"keepVersions": 0.0}, "keep_versions: 0: keep at least 1"),
        ({"keepVersions": -5.0}, "keep_versions: -5: keep at least 1"),
        ({"created": "yesterday"}, "created: created must look like 1980-01-01T00:00:00Z"),
    ],
)
def test_inputs_are_validated(bench: Bench, change: Props, problem: str) -> None:
    news = {"repository": bench.repository, "sources": [str(bench.folder)], "ownUrn": URN, **change}
    outcome = bench.lifecycle.check({}, news)
    assert [text for text in outcome.problems if text.startswith(problem)], outcome.problems


def test_two_folders_with_one_version(bench: Bench) -> None:
    bench.publish("1.0.0")
    sources = [str(bench.folder), str(bench.folder.with_name("1.0.0"))]
    outcome = bench.lifecycle.check({}, {"repository": bench.repository, "sources": sources, "ownUrn": URN})
    (problem,) = outcome.problems
    assert problem.startswith(f"{sources[0]} and {sources[1]} hold the same version, 1.0.0")


def test_two_resources_on_one_repository(bench: Bench) -> None:
    bench.check()
    news = {"repository": bench.repository.upper().replace("/TEAM/SPECTRO-PACKS/ARCHIVE/HELLO", f"/{bench.name}")}
    lifecycle: PublishedPackLifecycle = bench.lifecycle
    outcome = lifecycle.check({}, {**news, "sources": [str(bench.folder)], "ownUrn": f"{URN}-2"})
    (problem,) = outcome.problems
    assert problem == f"{URN} publishes in {bench.repository} too: declare one resource for each repository"
    assert not lifecycle.check({}, {**news, "sources": [str(bench.folder)], "ownUrn": URN}).problems


def test_base_path_in_a_project_that_is_gone(base_path: BasePathBench, registry: ScriptedRegistry) -> None:
    """Harbor responds with 401 then, and destroy ends well: nothing is left."""
    ours = base_path.create()
    reply = Reply(
        401, {"WWW-Authenticate": ""}, error("UNAUTHORIZED", "project team not found: project team not found")
    )
    registry.next("HEAD", "/manifests/", *[reply] * 2)
    registry.next("GET", "/manifests/", *[reply] * 2)
    base_path.bench.new_run()
    base_path.lifecycle.delete("id", ours)
    assert not any(request.startswith("DELETE") for request in registry.requests)
