"""PublishedNames without the engine: what it refuses, says and records."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path
from typing import Any

import pytest

from packinfra.lifecycle.packs.content import Packs
from packinfra.lifecycle.published_names import PublishedNamesLifecycle
from packinfra.lifecycle.publishing.archive_cache import ArchiveCache
from packinfra.lifecycle.publishing.plan import make_plan
from packinfra.lifecycle.publishing.state import versions_to_props
from packinfra.lifecycle.retention import kept
from tests.support.packs import make_pack
from tests.support.run import Messages, new_run


def source(*versions: str, **more: Any) -> dict[str, Any]:
    return {"versions": list(versions), **more}


def inputs(removed: tuple[str, ...] = (), **sources: dict[str, Any]) -> dict[str, Any]:
    return {"family": "packs", "ownUrn": "urn", "sources": sources, "removed": list(removed)}


@pytest.fixture
def messages() -> Messages:
    return Messages()


@pytest.fixture
def names(messages: Messages) -> PublishedNamesLifecycle:
    return PublishedNamesLifecycle(new_run(messages), lambda _key: None)


def recorded(lifecycle: PublishedNamesLifecycle, *steps: dict[str, Any]) -> dict[str, str]:
    """After these runs."""
    olds: dict[str, Any] = {}
    for news in steps:
        outcome = lifecycle.check(olds, news)
        assert not outcome.problems
        olds = outcome.inputs
    assert olds.keys() == {"family", "ownUrn", "published"}
    published: dict[str, str] = olds["published"]
    return published


def test_what_is_recorded(names: PublishedNamesLifecycle) -> None:
    """A text for each name: versions in the order in which they became current; * = with a folder."""
    first, second = (
        inputs(nginx=source("1.0.0"), redis=source("7.0.0")),
        inputs(nginx=source("1.1.0"), redis=source("7.0.0")),
    )
    assert recorded(names, first, second) == {"nginx": "1.0.0 1.1.0*", "redis": "7.0.0*"}
    pruned = inputs(nginx=source("1.2.0", keepVersions=2.0), redis=source("8.0.0", unpublish=["7.0.0"]))
    assert recorded(names, first, second, pruned) == {"nginx": "1.1.0 1.2.0*", "redis": "8.0.0*"}


def test_names_without_a_source(names: PublishedNamesLifecycle, messages: Messages) -> None:
    old = {"published": {"nginx": " ".join(f"1.{n}.0" for n in range(10)), "redis": "7.0.0 7.1.0*", "web": "1.0.0*"}}
    (problem,) = names.check(old, inputs(web=source("1.0.0"))).problems
    assert problem == (
        "2 published packs have no folder any more:\n"
        "  nginx: 1.0.0, 1.1.0, 1.2.0, 1.3.0, 1.4.0, 1.5.0, 1.6.0, 1.7.0 and 2 more\n"
        "  redis: 7.0.0, 7.1.0\n"
        "  -> bring the folders back, or correct packinfra:packs. To remove them with all versions, add "
        'packinfra:removedPacks: [nginx, redis] (in a program: removed_packs=["nginx", "redis"]). To move them to another '
        "stack, see docs/versions.md"
    )
    (problem,) = names.check(old, inputs(("nginx",), web=source("1.0.0"))).problems
    assert problem.startswith(
        "this published pack has no folder any more:\n  redis: 7.0.0, 7.1.0\n  -> bring the folder"
    )
    assert messages.infos == messages.warnings == [], "nothing is announced beside a refusal"


def test_removed_names(names: PublishedNamesLifecycle, messages: Messages) -> None:
    old = {"published": {"nginx": "1.0.0 1.1.0*", "web": "1.0.0*"}}
    for _ in range(2):
        outcome = names.check(old, inputs(("nginx", "gone"), web=source("1.0.0")))
        assert outcome.inputs["published"] == {"web": "1.0.0*"}
    assert messages.warnings == ["nginx will be removed: 1.0.0, 1.1.0 will no longer be pullable"]
    assert messages.infos == ["packinfra:removedPacks: gone is not published here: remove the entry"]


def test_bytes_of_state(names: PublishedNamesLifecycle) -> None:
    """A guard: the engine writes all state after each step, this much more for a pack of a dozen versions."""
    versions = [f"1.{n}.10" for n in range(12)]
    state = names.check({}, inputs((), **{f"pack-number-{n}": source(*versions) for n in range(100)})).inputs
    indented = json.dumps({"checkpoint": {"latest": {"resources": [{"inputs": state}]}}}, indent=4)
    assert len(indented) / 100 < 200


def test_it_never_shows_a_change(names: PublishedNamesLifecycle) -> None:
    created = names.create({"family": "packs", "published": {"nginx": "1.0.0*"}})
    assert (created.id, created.outputs) == ("packs", {})
    assert not names.diff("packs", {}, {"published": {"nginx": "1.0.0 2.0.0*"}}).changes
    assert names.update("packs", {}, {}) == {}
    read = names.read("packs", {"__provider": "x"})
    assert (read.outputs, read.inputs) == ({"__provider": "x"}, None)
    names.delete("packs", {})


def test_kept() -> None:
    order = ["1", "2", "3", "4"]
    assert kept(order, ["4"], unpublish=(), keep=None) == ["1", "2", "3"]
    assert kept(order, ["4"], unpublish=("2",), keep=2) == ["3"]
    assert kept(order, ["4", "1"], unpublish=(), keep=1) == []
    assert kept(order, (), unpublish=(), keep=9) == order


@pytest.mark.parametrize("seed", range(12))
def test_it_names_what_the_pack_keeps(tmp_path: Path, names: PublishedNamesLifecycle, seed: int) -> None:
    """Whatever comes and goes: the versions that PublishedPack keeps, in the order in which it prunes them."""
    rng, archives = random.Random(seed), ArchiveCache()
    versions = [f"1.{n}.0" for n in (1, 2, 9, 10)]
    for version in versions:
        make_pack(tmp_path / version, version=version)
    pack_olds: dict[str, Any] = {}
    names_olds: dict[str, Any] = {}
    for _ in range(8):
        current = sorted(rng.sample(versions, rng.choice((1, 1, 2))), key=versions.index)
        keep = rng.choice((None, 1, 2, 3))
        unpublish = [v for v in rng.sample(versions, rng.choice((0, 0, 1))) if v not in current]
        sources = [str(tmp_path / version) for version in current]
        plan = make_plan(
            Packs(), pack_olds, {"sources": sources, "keepVersions": keep, "unpublish": unpublish}, archives
        )
        assert not plan.problems
        pack_olds = {"versions": versions_to_props(plan.versions), "fileHashes": plan.file_hashes}
        news = inputs(hello=source(*current, unpublish=unpublish, **({} if keep is None else {"keepVersions": keep})))
        names_olds = names.check(names_olds, news).inputs
        by_order = sorted(plan.versions, key=lambda version: plan.versions[version].order)
        assert names_olds["published"]["hello"].replace("*", "").split() == by_order
    archives.close()
    shutil.rmtree(tmp_path)


def test_artifacts_beside_packs(names: PublishedNamesLifecycle, messages: Messages) -> None:
    """Both families at once, each by its own setting."""
    both = {"artifacts": {"charts/web": source("1.0.0"), "policies/authz": source("2.0.0")}}
    first = names.check({}, {**inputs(nginx=source("1.0.0")), **both}).inputs
    assert first["publishedArtifacts"] == {"charts/web": "1.0.0*", "policies/authz": "2.0.0*"}
    assert first.keys() == {"family", "ownUrn", "published", "publishedArtifacts"}
    packs, artifacts = names.check(first, inputs(other=source("1.0.0"))).problems
    assert packs.startswith("this published pack has no folder any more:\n  nginx: 1.0.0\n")
    assert artifacts == (
        "2 published artifacts have no source any more:\n"
        "  charts/web: 1.0.0\n"
        "  policies/authz: 2.0.0\n"
        "  -> bring the sources back, or correct packinfra:charts, packinfra:policies or packinfra:artifacts. To remove them "
        "with all versions, add packinfra:removedArtifacts: [charts/web, policies/authz] (in a program: "
        'removed_artifacts=["charts/web", "policies/authz"]). To move them to another stack, see docs/versions.md'
    )
    removed = {"removedArtifacts": ["charts/web", "policies/authz", "charts/old"]}
    outcome = names.check(first, {**inputs(nginx=source("1.0.0")), **removed})
    assert not outcome.problems
    assert outcome.inputs.keys() == {"family", "ownUrn", "published"}
    assert messages.warnings == [
        "charts/web will be removed: 1.0.0 will no longer be pullable",
        "policies/authz will be removed: 2.0.0 will no longer be pullable",
    ]
    assert messages.infos == ["packinfra:removedArtifacts: charts/old is not published here: remove the entry"]
