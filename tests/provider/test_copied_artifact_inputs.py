"""CopiedArtifact's provider: what a preview says of the entries, and which of them are refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.copy_bench import ACCESS, APP, CopyBench, bench_of
from tests.support.images import Artifact
from tests.support.oci import manifest, sha
from tests.support.provider_host import UNKNOWN, URN, ProviderError


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[CopyBench]:
    with bench_of(tmp_path) as running:
        yield running


def test_preview_names_source_digest_and_tags(bench: CopyBench) -> None:
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


def test_packs_must_be_named_as_packs(bench: CopyBench) -> None:
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


def test_bad_input_all_at_once(bench: CopyBench) -> None:
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


def test_a_second_resource_for_one_repository_is_refused(bench: CopyBench) -> None:
    bench.checked()
    _, failures = bench.host.check({}, {**bench.inputs(), "ownUrn": URN + "2"})
    assert "declare one resource for each repository" in failures[0]


def test_a_repository_that_is_replaced(bench: CopyBench) -> None:
    bench.push(APP)
    inputs, outs = bench.created(bench.entry(APP, "1.0.0"))
    assert bench.host.diff(bench.repository, outs, {**inputs, "repository": UNKNOWN}) == (True, ["repository"])
    assert "will be replaced: 1.0.0 will no longer be pullable from it; all are copied" in bench.host.logs[-1]
