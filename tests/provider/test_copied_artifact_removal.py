"""CopiedArtifact's provider: what goes, in which order, and what stays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from packinfra.oci import Client, Reference
from packinfra.oci.transport import Transport
from tests.support.copy_bench import APP, CHILDREN, NEXT, SIGNATURE, CopyBench, bench_of
from tests.support.images import image, index, referrer
from tests.support.provider_host import ProviderError


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[CopyBench]:
    with bench_of(tmp_path) as running:
        yield running


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


def test_only_what_was_copied_goes(bench: CopyBench) -> None:
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


def test_a_referrer_that_is_an_index_goes_before_its_children(bench: CopyBench) -> None:
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
