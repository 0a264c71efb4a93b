"""CopiedArtifact's provider: what is copied, and what later runs find."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from packinfra.providers import CopiedArtifactProvider
from tests.support.copy_bench import APP, CHILDREN, NEXT, SIGNATURE, CopyBench, bench_of, environment
from tests.support.provider_host import ProviderError, ProviderHost
from tests.support.scripted_registry import Reply, ScriptedRegistry, error


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[CopyBench]:
    with bench_of(tmp_path) as running:
        yield running


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


def test_the_stack_own_login_goes_to_its_own_registry_alone(tmp_path: Path) -> None:
    login = {"PACKINFRA_REGISTRY_USERNAME": "robot", "PACKINFRA_REGISTRY_PASSWORD": "s3cret"}
    with (
        ScriptedRegistry(referrers=True) as source,
        ScriptedRegistry(referrers=True, login="robot:s3cret") as target,
        ProviderHost({**environment(tmp_path), **login}, tmp_path, provider=CopiedArtifactProvider()) as host,
    ):
        bench = CopyBench(host, source, target, tmp_path)
        bench.push(APP)
        bench.created()
        assert bench.tags == {"1.0.0": APP.digest}
        assert not [seen for seen in source.seen if "Authorization" in seen.headers]
        # where source and target are one registry, it is the right one
        entry = {"from": f"{target.host}/base/app@{APP.digest}", "tags": ["1"]}
        bench.repository = f"{target.host}/prod/app"
        bench.created(entry)
        assert ("prod/app", "1") in target.manifests


def test_what_is_there_is_adopted(bench: CopyBench) -> None:
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


def test_another_digest_under_the_tag_is_refused(bench: CopyBench) -> None:
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


def test_drift_and_repair(bench: CopyBench) -> None:
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


def test_a_registry_that_does_not_answer_is_not_gone(bench: CopyBench) -> None:
    bench.push(APP)
    _, outs = bench.created()
    bench.target.next("HEAD", "/manifests/", Reply(401))
    bench.target.next("GET", "/manifests/", Reply(401, body=error("UNAUTHORIZED")))
    with pytest.raises(ProviderError, match="401 UNAUTHORIZED"):
        bench.host.read(bench.repository, outs)


def test_a_failure_midway_is_recorded(bench: CopyBench) -> None:
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


def test_a_refused_signature_leaves_the_artifact(bench: CopyBench) -> None:
    bench.push(APP, SIGNATURE)
    bench.target.next("PUT", SIGNATURE.digest, Reply(405, body=error("UNSUPPORTED")))
    with pytest.raises(ProviderError, match=r"target .*405 UNSUPPORTED\n  -> the artifact itself is copied") as failed:
        bench.created(bench.entry(referrers=True))
    assert bench.tags == {"1.0.0": APP.digest}
    assert failed.value.recorded
    _, seen, inputs = bench.host.read(bench.repository, failed.value.recorded[1])
    _, outs = bench.updated(inputs or seen, seen, bench.entry(referrers=True))
    assert outs["versions"]["1.0.0"]["referrerDigests"] == SIGNATURE.digest


def test_a_source_tag_that_moved_is_a_warning(bench: CopyBench) -> None:
    bench.push(APP, tag="1.0.0")
    bench.push(NEXT, tag="1.0.0")
    bench.created(bench.entry(APP, "1.0.0", tag="1.0.0"))
    assert f"source {bench.source.host}/team/app:1.0.0 now carries {NEXT.digest}" in "\n".join(bench.host.logs)
    assert bench.tags == {"1.0.0": APP.digest}
