"""Copies between scripted registries: requests, odd responses, damaged sources. Real ones: tests/oci/test_copy.py."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from packinfra.http.retry import RetryPolicy
from packinfra.oci import Client, Descriptor, Reference, RegistryError
from packinfra.oci.copy import Copied, Copier, End, Limits
from packinfra.oci.errors import BlobMissing, DigestMismatch, NotAnArtifact, NotAuthorized, Unreachable
from packinfra.oci.raw import INDEX
from packinfra.oci.streams import AHEAD, BlobStream, SourceFailed
from packinfra.oci.transport import Transport
from tests.support.images import Artifact, blob_entry, image, index, referrer
from tests.support.oci import sha
from tests.support.scripted_registry import Reply, ScriptedRegistry, error

PLATFORMS = index(image(b"amd64" * 100, b"shared" * 100), image(b"arm64" * 100, b"shared" * 100))
SIGNATURE = referrer(PLATFORMS, b"a signature")
OF_SIGNATURE = referrer(SIGNATURE, b"a countersignature")


class Bench:
    """Two registries, and what it takes to copy from one to the other."""

    def __init__(self, source: ScriptedRegistry, target: ScriptedRegistry) -> None:
        self.source, self.target = source, target
        self.sleeps: list[float] = []
        self.ends = (self.end(source, "team/app", "source"), self.end(target, "base/app", "target"))

    def end(self, registry: ScriptedRegistry, repository: str, side: str) -> End:
        transport = Transport(registry.host, plain_http=True, policy=RetryPolicy(jitter=0.0), sleep=self.sleeps.append)
        return End(Client(transport), registry.host, repository, side)

    def push(self, *artifacts: Artifact) -> None:
        source = self.ends[0]
        for artifact in artifacts:
            artifact.push(source.client, Reference(source.host, source.repository, artifact.digest))
        self.source.seen.clear()

    def copy(self, artifact: Artifact = PLATFORMS, *tags: str, referrers: bool = False, **options: Any) -> Copied:
        self.source.seen.clear()
        self.target.seen.clear()
        return Copier(*self.ends, artifact.digest, **options).run(tags or ("1.0.0",), referrers=referrers)

    @property
    def writes(self) -> list[str]:
        return [
            f"{seen.method} {seen.path.partition('?')[0]}"
            for seen in self.target.seen
            if seen.method in ("PUT", "POST")
        ]

    def tagged(self, tag: str = "1.0.0") -> str | None:
        body = self.target.manifests.get(("base/app", tag))
        return sha(body) if body else None


@pytest.fixture
def bench() -> Iterator[Bench]:
    with ScriptedRegistry(referrers=True) as source, ScriptedRegistry(referrers=True) as target:
        yield Bench(source, target)


def test_children_by_digest_first_tags_last(bench: Bench) -> None:
    bench.push(PLATFORMS)
    copied = bench.copy(PLATFORMS, "1.0.0", "latest")
    puts = [write.removeprefix("PUT /v2/base/app/manifests/") for write in bench.writes if "manifests" in write]
    assert puts == [*(child.digest for child in PLATFORMS.children), "1.0.0", "latest"]
    assert copied.children == tuple(child.digest for child in PLATFORMS.children)
    assert bench.target.manifests["base/app", "latest"] == PLATFORMS.manifest  # white space and all
    assert bench.target.types[PLATFORMS.digest] == INDEX
    uploads = [write for write in bench.writes if write.startswith("POST")]
    assert len(uploads) == 4, "the shared layer and the config go once"
    assert copied.sent == sum(len(blob) for blob in {b for child in PLATFORMS.children for b in child.blobs})


def test_what_is_there_is_not_written_again(bench: Bench) -> None:
    bench.push(PLATFORMS)
    first = bench.copy()
    second = bench.copy(PLATFORMS, "2.0.0")
    assert bench.source.seen == [], "the source isn't needed"
    assert bench.writes == ["PUT /v2/base/app/manifests/2.0.0"]
    assert (second.children, second.sent) == (first.children, 0)


@pytest.mark.parametrize("at", range(11))
def test_an_interrupted_copy_converges(bench: Bench, at: int) -> None:
    """The target's n-th write fails for good; the next run sends only what is missing."""
    bench.push(PLATFORMS)
    bench.copy()
    writes = bench.writes
    assert len(writes) == 11
    bench.target.blobs.clear()
    bench.target.manifests.clear()
    regular, left = bench.target.scripted, [at]

    def scripted(method: str, path: str) -> Reply | None:
        left[0] -= method in ("PUT", "POST")
        return Reply(403, body=error("DENIED")) if left[0] < 0 and method != "HEAD" else regular(method, path)

    bench.target.scripted = scripted  # type: ignore[method-assign]
    with pytest.raises(NotAuthorized, match=rf"\(target {bench.target.host}/base/app"):
        bench.copy()
    assert bench.tagged() is None
    bench.target.scripted = regular  # type: ignore[method-assign]
    done = {digest for repository, digest in bench.target.blobs if repository == "base/app"}
    bench.copy()
    assert bench.tagged() == PLATFORMS.digest
    again = {
        seen.path.rpartition("digest=")[2].replace("%3A", ":") for seen in bench.target.seen if "digest=" in seen.path
    }
    assert not again & done


def test_blobs_that_the_target_lost_are_sent_again(bench: Bench) -> None:
    """A cache, or a collection of garbage that went wrong: the manifest is there and its layer isn't."""
    app = image(b"layer")
    bench.push(app)
    bench.copy(app)
    del bench.target.blobs["base/app", sha(b"layer")]
    bench.copy(app, "2.0.0")
    assert bench.tagged("2.0.0") == app.digest
    assert ("base/app", sha(b"layer")) in bench.target.blobs


def test_a_child_that_the_target_lost_is_sent_again(bench: Bench) -> None:
    bench.push(PLATFORMS)
    bench.copy()
    del bench.target.manifests["base/app", PLATFORMS.children[0].digest]
    bench.copy(PLATFORMS, "2.0.0", limits=Limits(manifests=3))
    assert ("base/app", PLATFORMS.children[0].digest) in bench.target.manifests


def test_the_media_type_is_that_of_the_response(bench: Bench) -> None:
    """Helm's manifests don't name theirs, and some registries serve what they don't know as JSON."""
    helm = json.dumps({"schemaVersion": 2, "config": blob_entry(b"{}"), "layers": []}).encode()
    untyped = Artifact(helm, "application/vnd.oci.image.manifest.v1+json", (b"{}",))
    bench.push(untyped)
    bench.source.types[untyped.digest] = "application/json"
    bench.copy(untyped)
    assert bench.target.types[untyped.digest] == untyped.media_type


def test_an_entry_of_an_unknown_type_may_be_a_blob(bench: Bench) -> None:
    odd = index(image(b"layer"), extra=[blob_entry(b"notes", "text/x-notes")])
    bench.source.blobs["team/app", sha(b"notes")] = b"notes"
    bench.push(*odd.children)
    bench.source.manifests["team/app", odd.digest], bench.source.types[odd.digest] = odd.manifest, INDEX
    bench.target.next("PUT", "/manifests/1.0.0", Reply(201))  # the scripted registry takes only manifests in an index
    bench.copy(odd)
    assert bench.target.blobs["base/app", sha(b"notes")] == b"notes"


def test_foreign_layers_stay_where_they_are(bench: Bench) -> None:
    foreign = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
    base = image(b"own", extra=[blob_entry(b"elsewhere", foreign, urls=["https://example.com/x"])])
    bench.source.blobs["team/app", sha(b"elsewhere")] = b"elsewhere"
    bench.push(base)
    bench.target.blobs["base/app", sha(b"elsewhere")] = b""  # else the scripted registry would refuse
    bench.copy(base)
    assert not [seen for seen in bench.target.seen if sha(b"elsewhere") in seen.path]


class TestReferrers:
    @pytest.mark.parametrize(("source", "target"), [(True, True), (True, False), (False, True), (False, False)])
    def test_recursively(self, source: bool, target: bool) -> None:
        """With the Referrers API and without, on either side."""
        with ScriptedRegistry(referrers=source) as one, ScriptedRegistry(referrers=target) as other:
            bench = Bench(one, other)
            bench.push(PLATFORMS, SIGNATURE, OF_SIGNATURE)
            if not source:
                for subject, entry in ((PLATFORMS, SIGNATURE), (SIGNATURE, OF_SIGNATURE)):
                    tag = subject.digest.replace(":", "-")
                    one.manifests["team/app", tag] = index(entry).manifest
            copied = bench.copy(referrers=True)
            assert copied.referrers == (SIGNATURE.digest, OF_SIGNATURE.digest)
            assert copied.refused == ()
            assert {*copied.referrers} <= {digest for _, digest in other.manifests}
            fallback = other.manifests.get(("base/app", PLATFORMS.digest.replace(":", "-")))
            assert (fallback is None) == target
            if fallback:
                (entry,) = json.loads(fallback)["manifests"]
                assert entry["digest"] == SIGNATURE.digest
                assert entry["artifactType"] == "application/vnd.acme.signature"
            order = [
                seen.path.rpartition("/")[2] for seen in other.seen if seen.method == "PUT" and "manifests" in seen.path
            ]
            assert order[-1] == "1.0.0", "tags last"
            bench.copy(referrers=True)
            assert bench.writes == ["PUT /v2/base/app/manifests/1.0.0"]

    def test_one_that_the_target_refuses_leaves_the_subject(self, bench: Bench) -> None:
        """ECR is said to respond with 405 (aws/containers-roadmap#2783)."""
        bench.push(PLATFORMS, SIGNATURE)
        bench.target.next("PUT", SIGNATURE.digest, Reply(405, body=error("UNSUPPORTED", "no subject")))
        copied = bench.copy(referrers=True)
        assert bench.tagged() == PLATFORMS.digest
        assert copied.referrers == ()
        (refused,) = copied.refused
        assert SIGNATURE.digest in str(refused)
        assert "405 UNSUPPORTED: no subject" in str(refused)

    def test_none_without_the_setting(self, bench: Bench) -> None:
        bench.push(PLATFORMS, SIGNATURE)
        assert bench.copy().referrers == ()
        assert not [seen for seen in bench.source.seen if "referrers" in seen.path]

    def test_what_a_fallback_tag_names_without_a_reason(self) -> None:
        with ScriptedRegistry() as one, ScriptedRegistry() as other:
            bench, stranger = Bench(one, other), image(b"stranger")
            bench.push(PLATFORMS, stranger)
            one.manifests["team/app", PLATFORMS.digest.replace(":", "-")] = index(stranger, PLATFORMS).manifest
            assert bench.copy(referrers=True).referrers == ()


class TestMounts:
    """Both repositories in one registry."""

    def copy(self, registry: ScriptedRegistry) -> Bench:
        bench = Bench(registry, registry)
        bench.push(image(b"layer"))
        bench.copy(image(b"layer"))
        assert bench.tagged() == image(b"layer").digest
        return bench

    def posts(self, bench: Bench) -> list[bool]:
        """Of each POST, whether it asks for a mount."""
        return ["mount=" in seen.path for seen in bench.target.seen if seen.method == "POST"]

    def test_mounted(self) -> None:
        with ScriptedRegistry(mounts=True) as registry:
            bench = self.copy(registry)
            assert self.posts(bench) == [True, True]
            assert not [seen for seen in registry.seen if seen.method == "GET" and "/blobs/" in seen.path]

    def test_the_upload_that_begins_instead_is_used(self) -> None:
        with ScriptedRegistry() as registry:
            assert self.posts(self.copy(registry)) == [True, True]
            assert registry.uploads == set(), "none stays open"

    def test_refused(self) -> None:
        with ScriptedRegistry() as registry:
            registry.next("POST", "mount=", Reply(403, body=error("DENIED")), Reply(400))
            assert self.posts(self.copy(registry)) == [True, False, True, False]

    def test_two_registries(self, bench: Bench) -> None:
        bench.push(PLATFORMS)
        bench.copy()
        assert not any(self.posts(bench))


class TestBadSources:
    def test_a_missing_manifest(self, bench: Bench) -> None:
        missing = (
            rf"source {bench.source.host}/team/app@{PLATFORMS.digest}\): 404: there is no such manifest\n  -> correct"
        )
        with pytest.raises(BlobMissing, match=missing):
            bench.copy()

    def test_a_missing_child(self, bench: Bench) -> None:
        bench.push(PLATFORMS)
        gone = PLATFORMS.children[1].digest
        del bench.source.manifests["team/app", gone]
        with pytest.raises(BlobMissing, match=f"source .*@{gone}"):
            bench.copy()
        assert bench.writes == []

    def test_a_missing_blob(self, bench: Bench) -> None:
        bench.push(PLATFORMS)
        gone = sha(b"shared" * 100)
        del bench.source.blobs["team/app", gone]
        with pytest.raises(
            BlobMissing, match=f"source .*@{gone}.*404 BLOB_UNKNOWN(.|\n)*push the artifact to the source again"
        ):
            bench.copy()
        assert bench.tagged() is None
        assert bench.sleeps == [], "it can't pass"

    def test_other_bytes_than_the_digest(self, bench: Bench) -> None:
        bench.push(PLATFORMS)
        bench.source.manifests["team/app", PLATFORMS.digest] = PLATFORMS.manifest + b" "
        with pytest.raises(DigestMismatch, match=f"source .*instead of {PLATFORMS.digest}"):
            bench.copy()
        assert bench.target.manifests == {}

    def test_a_damaged_blob(self, bench: Bench) -> None:
        bench.push(PLATFORMS)
        bad = sha(b"amd64" * 100)
        bench.source.blobs["team/app", bad] = b"AMD64" * 100
        with pytest.raises(DigestMismatch, match=f"source .*@{bad}"):
            bench.copy()
        assert ("base/app", bad) not in bench.target.blobs

    @pytest.mark.parametrize(
        ("manifest", "kind", "reason"),
        [
            ({"schemaVersion": 1}, "application/vnd.docker.distribution.manifest.v1+prettyjws", "Docker's schema 1"),
            ({"schemaVersion": 1}, "application/json", "Docker's schema 1"),
            ([], "text/html", "no manifest, but text/html"),
            ({"schemaVersion": 2}, "", "nothing says its media type"),
            ({"manifests": "x"}, INDEX, "manifests are no list"),
            ({"manifests": [1]}, INDEX, "no object"),
            ({"manifests": [{"digest": "sha512:" + "0" * 128}]}, INDEX, "only sha256 digests"),
            ({"manifests": [{"digest": "sha256:../../x", "size": 1}]}, INDEX, "only sha256 digests"),
            ({"config": {"digest": sha(b""), "size": True, "mediaType": "x"}}, "", "no size"),
        ],
    )
    def test_no_manifest(self, bench: Bench, manifest: Any, kind: str, reason: str) -> None:
        odd = Artifact(json.dumps(manifest).encode(), kind)
        bench.source.manifests["team/app", odd.digest], bench.source.types[odd.digest] = odd.manifest, kind
        with pytest.raises(NotAnArtifact, match=f"source .*{reason}"):
            bench.copy(odd)

    def test_limits(self, bench: Bench) -> None:
        nested = image(b"layer")
        for _ in range(3):
            nested = index(nested)
        wide = index(*(image(b"%d" % number) for number in range(5)))
        bench.push(nested, wide)
        with pytest.raises(RegistryError, match="nested deeper than 2"):
            bench.copy(nested, limits=Limits(depth=2))
        with pytest.raises(RegistryError, match="more than 5 manifests"):
            bench.copy(wide, limits=Limits(manifests=5))
        with pytest.raises(RegistryError, match="or 0 MiB of them"):
            bench.copy(wide, limits=Limits(size=1000))
        bench.source.next("GET", "/manifests/", Reply(200, body=b" " * ((4 << 20) + 1)))
        with pytest.raises(RegistryError, match="larger than 4 MiB"):
            bench.copy(nested)
        assert bench.target.manifests == {}

    def test_the_side_is_named_where_nothing_responds(self, bench: Bench) -> None:
        bench.push(PLATFORMS)
        bench.source.next("GET", "/blobs/", *[Reply(drop=True)] * 5)
        with pytest.raises(Unreachable, match=r"download a blob .*source "):
            bench.copy()
        assert len(bench.sleeps) == 4, "the target's own attempts are not spent on it"
        bench.target.next("HEAD", "/manifests/", *[Reply(drop=True)] * 5)
        with pytest.raises(Unreachable, match="target "):
            bench.copy()


class TestStream:
    """A layer of any size passes through a few MiB."""

    LAYER = bytes(range(256)) * (64 << 10)  # 16 MiB

    def stream(self, bench: Bench) -> BlobStream:
        layer = self.LAYER
        bench.source.blobs["team/app", sha(layer)] = layer
        return BlobStream(bench.ends[0].call(sha(layer)), Descriptor("", sha(layer), len(layer)))

    def test_it_waits_for_its_reader(self, bench: Bench) -> None:
        stream, most, content = self.stream(bench), 0, bytearray()
        with stream._changed:
            assert stream._changed.wait_for(lambda: stream.ahead >= AHEAD, 20)
        while block := stream.read(64 << 10):
            content += block
            most = max(most, stream.ahead)
        assert content == self.LAYER
        assert 0 < most <= AHEAD + (1 << 20)

    def test_a_broken_download_goes_on_where_the_reader_is(self, bench: Bench) -> None:
        bench.source.next("GET", "/blobs/", Reply(200, body=self.LAYER, cut=3 << 20, headers=_length(self.LAYER)))
        stream, content = self.stream(bench), bytearray()
        while block := stream.read(1 << 20):
            content += block
        assert content == self.LAYER
        assert len(bench.sleeps) == 1

    def test_a_reader_that_gives_up_ends_it(self, bench: Bench) -> None:
        stream = self.stream(bench)
        assert stream.read(10) == self.LAYER[:10]
        stream.close()
        with pytest.raises(SourceFailed):
            while stream.read():
                pass


def _length(body: bytes) -> dict[str, str]:
    return {"Content-Length": str(len(body))}
