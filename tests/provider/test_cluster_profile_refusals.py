"""What a ClusterProfile refuses, and what its preview knows: as in test_cluster_profile.py, against Palette's stand-in."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.profile_bench import Bench, Packs, packs_in_palette, running
from tests.support.provider_host import UNKNOWN, ProviderError
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.sandbox


@pytest.fixture(scope="module")
def packs(sandbox: Sandbox) -> Iterator[Packs]:
    with packs_in_palette(sandbox, f"t-{uuid.uuid4().hex[:10]}", "1.0.0", "1.1.0", "1.2.0") as made:
        yield made


@pytest.fixture
def bench(packs: Packs, tmp_path: Path) -> Iterator[Bench]:
    with running(packs, tmp_path) as made:
        yield made


def test_immutable_and_what_no_digest_shows(bench: Bench) -> None:
    settings: dict[str, Any] = {"variables": [{"name": "admin", "sensitive": True}], "immutable": True}
    id_, inputs, outs = bench.created(**settings, sensitiveDefaults={"admin": "hush"})
    news = bench.checked(bench.inputs(**settings, sensitiveDefaults={"admin": "shh"}), inputs)
    with pytest.raises(ProviderError, match="immutable is true") as caught:
        bench.host.diff(id_, outs, news)
    assert "shh" not in str(caught.value)
    unknown = bench.checked(bench.inputs(**settings, packDigests=UNKNOWN, sensitiveDefaults=UNKNOWN), inputs)
    assert bench.host.diff(id_, outs, unknown) == (True, []), "up knows whether it is a change"


def test_values_that_were_a_secret_stay_hidden(bench: Bench) -> None:
    layers = [{"name": "hello", "registry": bench.base, "version": "1.0.0", "values": "a: hush\n"}]
    id_, inputs, outs = bench.created(layers=layers, secretValues=True)
    news = bench.checked(bench.inputs(layers=[{**layers[0], "values": "a: open\n"}]), inputs)
    assert bench.host.diff(id_, outs, news) == (True, [])
    assert "(not shown: packinfra:profiles is a secret)" in bench.host.logs[-1]
    assert "hush" not in bench.host.logs[-1]


@pytest.mark.parametrize("key", ["wrong", "other tenant", "not its project"])
def test_a_key_that_sees_nothing_is_no_deletion(bench: Bench, key: str) -> None:
    id_, _, outs = bench.created()
    keys = {
        "wrong": "wrong",
        "other tenant": bench.sandbox.palette.key(admin=True, tenant="other"),
        "not its project": bench.sandbox.palette.key(projects=["none"]),
    }
    with bench.another(SPECTROCLOUD_APIKEY=keys[key]) as host:
        for operation in (host.read, host.delete):
            with pytest.raises(ProviderError) as caught:
                operation(id_, outs)
            assert "\n  -> " in str(caught.value)
    assert bench.versions() == {"1.0.0": outs["uid"]}


def test_adoption_and_refusal(bench: Bench) -> None:
    id_, inputs, outs = bench.created()
    again = bench.checked(bench.inputs())
    mark = bench.sandbox.mark()
    assert bench.host.create(again)[1] == outs, "a lost state is found again"
    assert bench.written(mark) == []
    assert "was in Palette already, with the same content: it is taken over" in bench.host.logs[-1]

    other = bench.checked(bench.inputs(tags={"team": "x"}))
    text = bench.fails(other)
    assert (
        f"profile {bench.name} 1.0.0 is in Palette already, and this stack did not write it; it differs:\n  tag team: none -> x"
        in text
    )
    text = bench.fails(bench.checked(bench.inputs("2.0.0", cloud="aws")))
    assert (
        f"profile {bench.name} 2.0.0 can't be of type add-on, cloud aws:\n  Palette has {bench.name} 1.0.0 of type add-on, cloud all"
        in text
    )
    for key, value in (("type", "full"), ("cloud", "aws")):
        news = bench.checked(bench.inputs(**{key: value, "cloud": "aws"}, layers=[{**inputs["layers"][0]}]), inputs)
        with pytest.raises(ProviderError, match=f"its {key} is fixed once it is created"):
            bench.host.diff(id_, outs, news)


def test_what_clusters_use_is_not_deleted(bench: Bench) -> None:
    id_, inputs, outs = bench.created(keepVersions=1)
    first = outs["uid"]
    bench.sandbox.palette.clusters(first, "prod")
    _, outs, _ = bench.refreshed(id_, outs)
    with bench.sandbox.palette.overrides(deletes_in_use=True):  # we don't rely on Palette's refusal
        inputs, outs = bench.updated(id_, (inputs, outs), version="1.1.0", pack="1.1.0", keepVersions=1)
        assert set(bench.versions()) == {"1.0.0", "1.1.0"}
        assert "1.0.0 stays, beyond keepVersions: it is used by 1 cluster (prod)" in bench.host.logs[-1]
        with bench.another() as host, pytest.raises(ProviderError) as caught:
            host.delete(id_, outs)
        assert (
            f"profile {bench.name} was not deleted, because clusters use it:\n  {bench.name} 1.0.0 is used by 1 cluster (prod)"
            in str(caught.value)
        )
        assert set(bench.versions()) == {"1.0.0", "1.1.0"}, "all are asked for before the first is deleted"
    bench.sandbox.palette.clusters(first)
    bench.updated(id_, (inputs, outs), version="1.2.0", pack="1.2.0", keepVersions=1)
    assert (
        f"profile {bench.name} 1.0.0, 1.1.0 will be deleted (keepVersions), unless a cluster uses it" in bench.host.logs
    )
    assert set(bench.versions()) == {"1.2.0"}


def test_a_version_that_a_profile_uses_is_not_withdrawn(bench: Bench) -> None:
    id_, inputs, outs = bench.created()
    inputs, outs = bench.updated(id_, (inputs, outs), version="1.1.0", pack="1.1.0")
    mark = bench.sandbox.mark()
    news = bench.checked(bench.inputs("1.1.0", "1.1.0", published={"hello": ["1.1.0"]}), inputs)
    with pytest.raises(ProviderError) as caught:
        bench.host.diff(id_, outs, news)
    assert f"pack hello 1.0.0 can't be withdrawn: the profile {bench.name} 1.0.0 uses it\n  -> " in str(caught.value)
    _, failures = bench.host.check(inputs, bench.inputs("1.1.0", "1.1.0", published={"hello": ["1.0.0"]}))
    assert failures == [
        f"profile {bench.name}: pack hello 1.1.0 is to be withdrawn (unpublish, keepVersions, removedPacks), but it is a layer here"
    ]
    _, failures = bench.host.check(inputs, bench.inputs("1.1.0", "9.9.9"))
    assert failures == [
        f"profile {bench.name}: pack hello 9.9.9 is not published by this stack, which has 1.0.0, 1.1.0, 1.2.0"
    ]
    assert bench.asked(mark) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"project": "Defualt"}, ["shows this API key no project Defualt; it shows Default"]),
        ({"layers": [{"name": "hello", "registry": "nope", "version": "1.0.0"}]}, ['Palette has no registry "nope"; the nearest are']),
        (
            {"layers": [{"name": "ubuntu-aws", "registry": "Public Repo", "version": "22.4"}, {"name": "none", "registry": "Public Repo", "version": "1"}]},
            ['Palette lists no ubuntu-aws "22.4" in Public Repo; the nearest are 22.04', 'Palette lists no pack "none" in Public Repo'],
        ),
        ({"layers": [{"name": "ubuntu-aws", "registry": "Public Repo", "version": "22.04"}]}, ["a profile of type add-on has no layer os"]),
    ],
)  # fmt: skip
def test_what_palette_lacks_is_said_before_anything_is_written(
    bench: Bench, change: dict[str, Any], expected: list[str]
) -> None:
    mark = bench.sandbox.mark()
    text = bench.fails(bench.checked(bench.inputs(**{"packDigests": None, "published": None, **change})))
    for each in expected:
        assert each in text
    assert bench.written(mark) in ([], ["POST /v1/packs/search"])


def test_what_is_not_known_yet(bench: Bench) -> None:
    """In the preview of a program whose values come from other resources."""
    id_, inputs, outs = bench.created()
    for key in ("version", "layers", "registryUid", "packDigests", "published", "variables", "sensitiveDefaults"):
        news = bench.checked(bench.inputs(**{key: UNKNOWN}), inputs)
        assert bench.host.diff(id_, outs, news) == (key != "published", [])
    layers = [{**inputs["layers"][0], "values": UNKNOWN, "version": UNKNOWN}]
    assert bench.host.diff(id_, outs, bench.checked(bench.inputs(layers=layers), inputs)) == (True, [])


def test_the_dry_run_comes_first(bench: Bench) -> None:
    layers = [{"name": "hello", "registry": bench.base, "version": "1.0.0", "values": "other: 1\n"}]
    mark = bench.sandbox.mark()
    text = bench.fails(bench.checked(bench.inputs(layers=layers)))
    assert (
        f"profile {bench.name} 1.0.0 was not written: Palette's validation rejects it:\n  pack hello: PackValuesInvalid: "
        in text
    )
    assert bench.written(mark) == []
