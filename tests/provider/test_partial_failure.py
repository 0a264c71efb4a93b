"""What the provider host tells the engine of an operation that failed midway, over gRPC as the engine reads it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.packs import make_pack
from tests.support.provider_host import URN, ProviderError, ProviderHost
from tests.support.scripted_registry import Reply, ScriptedRegistry, error

REFUSED = Reply(403, body=error("DENIED", "requested access to the resource is denied"))


@pytest.fixture
def registry() -> Iterator[ScriptedRegistry]:
    with ScriptedRegistry() as running:
        yield running


@pytest.fixture
def host(tmp_path: Path) -> Iterator[ProviderHost]:
    with ProviderHost({"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}, tmp_path) as running:
        yield running


def inputs(registry: ScriptedRegistry, folder: Path, *versions: str) -> dict[str, Any]:
    for version in versions:
        make_pack(folder / version, version=version)
    access = {"kind": "basic", "plainHttp": True}
    repository = f"{registry.host}/team/spectro-packs/archive/hello"
    return {"repository": repository, "sources": list(versions), "registryAccess": access, "ownUrn": URN}


def checked(host: ProviderHost, olds: dict[str, Any], news: dict[str, Any]) -> dict[str, Any]:
    result, failures = host.check(olds, news)
    assert not failures
    return result


def test_create_and_update(host: ProviderHost, registry: ScriptedRegistry, tmp_path: Path) -> None:
    news = checked(host, {}, inputs(registry, tmp_path, "1.0.0", "1.1.0"))
    registry.next("PUT", "/manifests/1.1.0", REFUSED)
    with pytest.raises(ProviderError, match=r"could not publish the manifest") as caught:
        host.create(news)
    assert "Traceback" not in str(caught.value)
    assert caught.value.recorded
    id_, outs = caught.value.recorded
    assert (id_, list(outs["versions"])) == (news["repository"], ["1.0.0"])

    id_, outs, news = host.read(id_, outs)
    news = checked(host, news, inputs(registry, tmp_path, "1.0.0", "1.1.0", "1.2.0"))
    registry.next("PUT", "/manifests/1.2.0", REFUSED)
    with pytest.raises(ProviderError) as caught:
        host.update(id_, outs, news)
    assert caught.value.recorded
    id_, outs = caught.value.recorded
    assert outs["versions"].keys() == {"1.0.0", "1.1.0"}
    assert host.diff(id_, outs, news) == (True, [])
    outs = host.update(id_, outs, news)
    assert sorted(outs["versions"]) == ["1.0.0", "1.1.0", "1.2.0"] == registry.tags("team/spectro-packs/archive/hello")


def test_nothing_done_leaves_no_state(host: ProviderHost, registry: ScriptedRegistry, tmp_path: Path) -> None:
    news = checked(host, {}, inputs(registry, tmp_path, "1.0.0"))
    registry.next("PUT", "/manifests/1.0.0", REFUSED)
    with pytest.raises(ProviderError) as caught:
        host.create(news)
    assert caught.value.recorded is None
