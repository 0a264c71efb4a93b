"""CopiedArtifact's provider, in the SDK's real host process, between two registries on loopback."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from packinfra.oci import Client, Reference
from packinfra.oci.transport import Transport
from packinfra.providers import CopiedArtifactProvider
from tests.support.images import Artifact, image, index, referrer
from tests.support.oci import manifest, sha
from tests.support.provider_host import UNKNOWN, URN, ProviderError, ProviderHost
from tests.support.scripted_registry import Reply, ScriptedRegistry, error

APP = index(image(b"amd64", b"shared"), image(b"arm64", b"shared"))
NEXT = index(image(b"amd64, next", b"shared"), APP.children[1])
SIGNATURE = referrer(APP, b"a signature")
ACCESS = {"kind": "basic", "plainHttp": True}
CHILDREN = [child.digest for child in APP.children]


class Bench:
    def __init__(self, host: ProviderHost, source: ScriptedRegistry, target: ScriptedRegistry, folder: Path) -> None:
        self.folder, self.environment = folder, environment(folder)
        self.host, self.source, self.target = host, source, target
        self.repository = f"{target.host}/base/app"
        self.client = Client(Transport(source.host, plain_http=True))

    def push(self, *artifacts: Artifact, tag: str = "") -> None:
        for artifact in artifacts:
            artifact.push(self.client, Reference(self.source.host, "team/app", tag or artifact.digest))

    def entry(self, artifact: Artifact = APP, *tags: str, tag: str = "", **more: Any) -> dict[str, Any]:
        source = f"{self.source.host}/team/app{tag and f':{tag}'}@{artifact.digest}"
        return {"from": source, "tags": list(tags or ("1.0.0",)), "access": ACCESS, **more}

    def inputs(self, *entries: dict[str, Any], **more: Any) -> dict[str, Any]:
        plain = {"repository": self.repository, "registryAccess": ACCESS, "ownUrn": URN}
        return {**plain, "copies": [*(entries or (self.entry(),))], **more}

    def checked(self, *entries: dict[str, Any], olds: Any = None, **more: Any) -> dict[str, Any]:
        inputs, failures = self.host.check(olds or {}, self.inputs(*entries, **more))
        assert failures == []
        return inputs

    def created(self, *entries: dict[str, Any], **more: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """(inputs, outputs)"""
        inputs = self.checked(*entries, **more)
        id_, outs = self.host.create(inputs)
        assert id_ == self.repository
        return inputs, outs

    def updated(self, olds: dict[str, Any], outs: dict[str, Any], *entries: Any, **more: Any) -> tuple[Any, Any]:
        inputs = self.checked(*entries, olds=olds, **more)
        assert self.host.diff(self.repository, outs, inputs) == (True, [])
        return inputs, self.host.update(self.repository, outs, inputs)

    def delete(self, outs: dict[str, Any]) -> None:
        """In a run of its own: in this one the resource is declared."""
        with ProviderHost(self.environment, self.folder, provider=CopiedArtifactProvider()) as host:
            host.delete(self.repository, outs)

    @property
    def tags(self) -> dict[str, str]:
        return {tag: sha(self.target.manifests["base/app", tag]) for tag in self.target.tags("base/app")}

    @property
    def digests(self) -> set[str]:
        return {reference for repository, reference in self.target.manifests if ":" in reference}


def environment(folder: Path) -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "HOME": str(folder)}


@contextlib.contextmanager
def bench_of(tmp_path: Path, *, deletes: str = "tag", referrers: bool = True) -> Iterator[Bench]:
    with (
        ScriptedRegistry(referrers=True) as source,
        ScriptedRegistry(referrers=referrers, deletes=deletes) as target,
        ProviderHost(environment(tmp_path), tmp_path, provider=CopiedArtifactProvider()) as host,
    ):
        yield Bench(host, source, target, tmp_path)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with bench_of(tmp_path) as running:
        yield running


def test_preview_names_source_digest_and_tags(bench: Bench) -> None:
    bench.source.seen.clear()
    inputs = bench.checked(bench.entry(APP, "1.0.0", "stable", referrers=True))
    assert (
        f"app 1.0.0, stable will be copied from {bench.source.host}/team/app as {APP.digest}, with what refers to it"
        in (bench.host.logs)
    )
    assert {tag: record["manifestDigest"] for tag, record in inputs["versions"].items()} == {
        "1.0.0": APP.digest,
        "stable": APP.digest,
    }
    assert bench.source.seen == bench.target.seen == [], "check needs no network"
    assert bench.checked(repository=UNKNOWN)["versions"]


@pytest.mark.parametrize("deletes", ["tag", "digest", "distribution-2"])
def test_life(tmp_path: Path, deletes: str) -> None:
    with bench_of(tmp_path, deletes=deletes) as bench:
        bench.push(APP, NEXT, SIGNATURE)
        inputs, outs = bench.created(bench.entry(APP, "1.0.0", "stable", referrers=True))
        assert bench.tags == {"1.0.0": APP.digest, "stable": APP.digest}
        assert outs["versions"]["1.0.0"]["children"].split() == CHILDREN
        assert outs["versions"]["1.0.0"]["referrerDigests"] == SIGNATURE.digest
        assert bench.host.diff(
            bench.repository, outs, bench.checked(bench.entry(APP, "1.0.0", "stable", referrers=True), olds=inputs)
        ) == (False, [])
        assert bench.host.read(bench.repository, outs) == (bench.repository, outs, {})

        # another version beside it; the first stays though no entry has it any more
        inputs, outs = bench.updated(inputs, outs, bench.entry(NEXT, "2.0.0"))
        assert bench.tags == {"1.0.0": APP.digest, "stable": APP.digest, "2.0.0": NEXT.digest}

        # until it is withdrawn; what the second shares with it stays
        inputs, outs = bench.updated(inputs, outs, bench.entry(NEXT, "2.0.0"), unpublish=["1.0.0", "stable"])
        assert any("1.0.0, stable will be withdrawn and no longer be pullable" in line for line in bench.host.logs)
        assert bench.tags == {"2.0.0": NEXT.digest}
        assert bench.digests == {NEXT.digest, *(child.digest for child in NEXT.children)}

        bench.delete(outs)
        assert bench.target.manifests == {}


def test_without_the_referrers_api(tmp_path: Path) -> None:
    """The fallback tag goes with the last referrer, and keeps those of others."""
    with bench_of(tmp_path, referrers=False) as bench:
        bench.push(APP, SIGNATURE)
        _, outs = bench.created(bench.entry(referrers=True))
        fallback = APP.digest.replace(":", "-")
        assert {*bench.tags} == {"1.0.0", fallback}
        other = referrer(APP, b"of somebody else")
        other.push(
            client := Client(Transport(bench.target.host, plain_http=True)),
            at := Reference(bench.target.host, "base/app", other.digest),
        )
        index(SIGNATURE, other).push(client, Reference(at.host, at.repository, fallback))
        bench.delete(outs)
        assert {*bench.tags} == {fallback}
        assert other.digest in bench.digests
        assert SIGNATURE.digest not in bench.digests


def test_the_stack_own_login_goes_to_its_own_registry_alone(tmp_path: Path) -> None:
    login = {"PACKINFRA_REGISTRY_USERNAME": "robot", "PACKINFRA_REGISTRY_PASSWORD": "s3cret"}
    with (
        ScriptedRegistry(referrers=True) as source,
        ScriptedRegistry(referrers=True, login="robot:s3cret") as target,
        ProviderHost({**environment(tmp_path), **login}, tmp_path, provider=CopiedArtifactProvider()) as host,
    ):
        bench = Bench(host, source, target, tmp_path)
        bench.push(APP)
        bench.created()
        assert bench.tags == {"1.0.0": APP.digest}
        assert not [seen for seen in source.seen if "Authorization" in seen.headers]
        # where source and target are one registry, it is the right one
        entry = {"from": f"{target.host}/base/app@{APP.digest}", "tags": ["1"]}
        bench.repository = f"{target.host}/prod/app"
        bench.created(entry)
        assert ("prod/app", "1") in target.manifests


def test_what_is_there_is_adopted(bench: Bench) -> None:
    bench.push(APP)
    bench.created()
    bench.source.seen.clear()
    bench.target.seen.clear()
    _, outs = bench.created()
    assert bench.source.seen == []
    assert {seen.method for seen in bench.target.seen} == {"GET", "HEAD"}
    assert outs["versions"]["1.0.0"]["adopted"] is True
    assert outs["versions"]["1.0.0"]["children"].split() == CHILDREN
    assert any("adopted" in line for line in bench.host.logs)


def test_another_digest_under_the_tag_is_refused(bench: Bench) -> None:
    bench.push(APP, NEXT)
    inputs, outs = bench.created()
    with pytest.raises(
        ProviderError, match=rf"{bench.repository}:1.0.0 is already there with another digest"
    ) as refused:
        bench.host.create(bench.checked(bench.entry(NEXT, "0.9.0"), bench.entry(NEXT, "1.0.0")))
    assert APP.digest in str(refused.value)
    assert NEXT.digest in str(refused.value)
    assert bench.tags == {"1.0.0": APP.digest}, "nothing was copied"
    _, failures = bench.host.check(inputs, bench.inputs(bench.entry(NEXT)))
    assert any("overwrite: true" in failure for failure in failures), "preview says so too"
    _, outs = bench.updated(inputs, outs, bench.entry(NEXT, overwrite=True))
    assert bench.tags == {"1.0.0": NEXT.digest}
    bench.delete(outs)
    assert bench.target.manifests == {}, "with what it carried before"


def test_drift_and_repair(bench: Bench) -> None:
    bench.push(APP, SIGNATURE)
    entry = bench.entry(APP, "1.0.0", "stable", referrers=True)
    inputs, outs = bench.created(entry)
    manifests = bench.target.manifests
    for lost in (("1.0.0",), (CHILDREN[0],), (SIGNATURE.digest,), ("1.0.0", "stable")):
        for reference in lost:
            del manifests["base/app", reference]
        _, seen, corrected = bench.host.read(bench.repository, outs)
        assert "is gone from the registry; the next up copies it again" in bench.host.logs[-1]
        if "stable" in lost:
            assert seen == {}, "all tags are"
            inputs, outs = bench.created(entry)
        else:
            inputs, outs = bench.updated(corrected or inputs, seen, entry)
        assert ("base/app", lost[0]) in manifests
        assert bench.host.read(bench.repository, outs)[1] == outs
    manifests["base/app", "stable"] = manifests["base/app", CHILDREN[0]]
    _, seen, corrected = bench.host.read(bench.repository, outs)
    assert "stable was moved by somebody else" in bench.host.logs[-1]
    assert {*seen["versions"]} == {"1.0.0"}
    bench.delete(outs)
    assert {*bench.tags} == {"stable"}, "what somebody else wrote stays"


def test_a_registry_that_does_not_answer_is_not_gone(bench: Bench) -> None:
    bench.push(APP)
    _, outs = bench.created()
    bench.target.next("HEAD", "/manifests/", Reply(401))
    bench.target.next("GET", "/manifests/", Reply(401, body=error("UNAUTHORIZED")))
    with pytest.raises(ProviderError, match="401 UNAUTHORIZED"):
        bench.host.read(bench.repository, outs)


def test_only_what_was_copied_goes(bench: Bench) -> None:
    """A tag that somebody added keeps the artifact; an index of somebody else keeps the child that it names."""
    bench.push(APP)
    _, outs = bench.created()
    client = Client(Transport(bench.target.host, plain_http=True))
    at = Reference(bench.target.host, "base/app", "theirs")
    index(index(APP.children[0])).push(client, at)
    bench.delete(outs)
    assert {*bench.tags} == {"theirs"}
    assert CHILDREN[0] in bench.digests
    assert CHILDREN[1] not in bench.digests
    _, outs = bench.created()
    APP.push(client, Reference(at.host, at.repository, "also"))
    bench.delete(outs)
    assert {*bench.tags} == {"also", "theirs"}
    assert {*CHILDREN} <= bench.digests


def test_an_artifact_that_is_part_of_another(tmp_path: Path) -> None:
    """One platform has a tag of its own. Its tag goes alone while the index stays, and after the index otherwise."""
    with bench_of(tmp_path) as bench:
        bench.push(APP)
        child = APP.children[0]
        entries = bench.entry(child, "amd64"), bench.entry(APP, "1.0.0")
        inputs, outs = bench.created(*entries)
        _, less = bench.updated(inputs, outs, entries[1], unpublish=["amd64"])
        assert bench.tags == {"1.0.0": APP.digest}
        assert child.digest in bench.digests
        bench.target.seen.clear()
        bench.delete(outs)
        deleted = [seen.path.rpartition("/")[2] for seen in bench.target.seen if seen.method == "DELETE"]
        assert deleted.index(APP.digest) < deleted.index(child.digest)
        assert bench.target.manifests == {}
    with bench_of(tmp_path, deletes="distribution-2") as bench:  # which can't remove a tag alone
        bench.push(APP)
        inputs, outs = bench.created(*(bench.entry(child, "amd64"), bench.entry(APP, "1.0.0")))
        _, less = bench.updated(inputs, outs, bench.entry(APP, "1.0.0"), unpublish=["amd64"])
        assert {*less["pendingWithdrawals"]} == {"amd64"}
        assert child.digest in bench.digests


def test_a_referrer_that_is_an_index_goes_before_its_children(bench: Bench) -> None:
    sbom = index(image(b"sbom"), subject=APP.entry)
    bench.push(APP, sbom)
    _, outs = bench.created(bench.entry(referrers=True))
    assert outs["versions"]["1.0.0"]["referrerDigests"].split() == [sbom.children[0].digest, sbom.digest]
    bench.target.seen.clear()
    bench.delete(outs)
    deleted = [seen.path.rpartition("/")[2] for seen in bench.target.seen if seen.method == "DELETE"]
    assert deleted.index(sbom.digest) < deleted.index(sbom.children[0].digest)
    assert bench.target.manifests == {}


def test_a_removal_that_is_refused_is_tried_again(tmp_path: Path) -> None:
    with bench_of(tmp_path, deletes="") as bench:
        bench.push(APP, NEXT)
        inputs, outs = bench.created(bench.entry(), bench.entry(NEXT, "2.0.0"))
        inputs, outs = bench.updated(inputs, outs, bench.entry(NEXT, "2.0.0"), unpublish=["1.0.0"])
        assert {*outs["pendingWithdrawals"]} == {"1.0.0"}
        assert "stays: could not delete the tag" in "\n".join(bench.host.logs)
        assert {*bench.host.read(bench.repository, outs)[1]["pendingWithdrawals"]} == {"1.0.0"}
        with pytest.raises(ProviderError, match="allow deletion in the registry"):
            bench.delete(outs)
        bench.target.deletes = "tag"
        bench.delete(outs)
        assert bench.target.manifests == {}


def test_a_failure_midway_is_recorded(bench: Bench) -> None:
    bench.push(APP, NEXT)
    bench.target.next("PUT", "/manifests/2.0.0", Reply(403, body=error("DENIED", "no")))
    entries = bench.entry(), bench.entry(NEXT, "2.0.0")
    with pytest.raises(ProviderError, match=r"publish the manifest .*target .*app:2\.0\.0.*DENIED") as failed:
        bench.created(*entries)
    assert failed.value.recorded
    _, outs = failed.value.recorded
    assert {*outs["versions"]} == {"1.0.0"}
    _, seen, inputs = bench.host.read(bench.repository, outs)
    _, outs = bench.updated(inputs, seen, *entries)
    assert bench.tags == {"1.0.0": APP.digest, "2.0.0": NEXT.digest}


def test_a_refused_signature_leaves_the_artifact(bench: Bench) -> None:
    bench.push(APP, SIGNATURE)
    bench.target.next("PUT", SIGNATURE.digest, Reply(405, body=error("UNSUPPORTED")))
    with pytest.raises(ProviderError, match=r"target .*405 UNSUPPORTED\n  -> the artifact itself is copied") as failed:
        bench.created(bench.entry(referrers=True))
    assert bench.tags == {"1.0.0": APP.digest}
    assert failed.value.recorded
    _, seen, inputs = bench.host.read(bench.repository, failed.value.recorded[1])
    _, outs = bench.updated(inputs or seen, seen, bench.entry(referrers=True))
    assert outs["versions"]["1.0.0"]["referrerDigests"] == SIGNATURE.digest


def test_a_source_tag_that_moved_is_a_warning(bench: Bench) -> None:
    bench.push(APP, tag="1.0.0")
    bench.push(NEXT, tag="1.0.0")
    bench.created(bench.entry(APP, "1.0.0", tag="1.0.0"))
    assert f"source {bench.source.host}/team/app:1.0.0 now carries {NEXT.digest}" in "\n".join(bench.host.logs)
    assert bench.tags == {"1.0.0": APP.digest}


def test_packs_must_be_named_as_packs(bench: Bench) -> None:
    """Palette finds them by their layers' titles."""
    pack = manifest()
    for blob in (b"{}", b"a layer" * 1000):
        bench.source.blobs["team/app", sha(blob)] = blob
    bench.source.manifests["team/app", pack.digest] = pack.body
    hello = Artifact(pack.body, pack.media_type)
    bench.repository = f"{bench.target.host}/base/spectro-packs/archive/hello"
    bench.created(bench.entry(hello), pack=True)
    bench.push(APP)
    for artifact, tag in ((hello, "1.0.1"), (APP, "1.0.2")):
        with pytest.raises(ProviderError, match=rf"it is not the pack hello {tag}(.|\n)*leave out pack: true"):
            bench.host.create(bench.checked(bench.entry(artifact, tag), pack=True))
    name = "base/spectro-packs/archive/hello"
    assert {tag for repository, tag in bench.target.manifests if repository == name and ":" not in tag} == {"1.0.0"}


def test_bad_input_all_at_once(bench: Bench) -> None:
    h, zeros = bench.source.host, "sha256:" + "0" * 64
    entries: list[dict[str, Any]] = [
        {"from": f"{h}/team/app:1.0.0", "tags": ["1"]},
        {"from": f"{h}/team/app@sha256:12", "tags": ["1"]},
        {"from": f"docker.io/library/nginx@{zeros}", "tags": ["1"]},
        {"from": f"nginx@{zeros}", "tags": ["1"]},
        {"from": f"{h}/team/app@{zeros}"},
        {"from": f"{h}/team/app@{zeros}", "tags": ["a b", zeros]},
        {"from": f"{bench.repository}@{zeros}", "tags": ["2"], "access": ACCESS},
        {"from": f"{h}/team/x@{zeros}", "tags": ["2"]},
    ]
    _, failures = bench.host.check({}, bench.inputs(*entries, keepVersions=0, unpublish=["2"]))
    text = "\n".join(failures)
    for expected in (
        "it names no digest",
        "a digest is sha256: and 64 hex digits",
        "Docker Hub's registry is registry-1.docker.io",
        "must begin with the registry's host",
        "name its tags",
        "not an OCI tag: 'a b'",
        f"a digest is no tag: {zeros}",
        "source and target are one repository",
        "the tag 2 is in 2 entries",
        "the tag 2 is to be withdrawn (unpublish), but an entry has it",
        "keep at least 1",
    ):
        assert expected in text
    entry = bench.entry()
    unknown: list[Any] = [
        {**entry, "from": UNKNOWN},
        {**entry, "tags": [UNKNOWN]},
        {**entry, "access": UNKNOWN},
        UNKNOWN,
    ]
    _, failures = bench.host.check({}, bench.inputs(*unknown))
    assert [failure.partition(": ")[0] for failure in failures] == [
        "copies[0]", entry["from"], entry["from"], "copies[3]",
    ]  # fmt: skip
    _, more = bench.host.check({}, {**bench.inputs(), "copies": UNKNOWN})
    assert all("must be a text that preview knows" in failure for failure in [*failures, *more])
    _, more = bench.host.check({}, {**bench.inputs(), "unpublish": UNKNOWN})
    assert more == [
        "unpublish: it must be a value that preview knows, not the output of a resource that this run creates"
    ]
    _, failures = bench.host.check({}, {**bench.inputs(), "copies": []})
    assert failures == ["nothing is to be copied: remove the resource instead"]


def test_a_second_resource_for_one_repository_is_refused(bench: Bench) -> None:
    bench.checked()
    _, failures = bench.host.check({}, {**bench.inputs(), "ownUrn": URN + "2"})
    assert "declare one resource for each repository" in failures[0]


def test_a_repository_that_is_replaced(bench: Bench) -> None:
    bench.push(APP)
    inputs, outs = bench.created(bench.entry(APP, "1.0.0"))
    assert bench.host.diff(bench.repository, outs, {**inputs, "repository": UNKNOWN}) == (True, ["repository"])
    assert "will be replaced: 1.0.0 will no longer be pullable from it; all are copied" in bench.host.logs[-1]
