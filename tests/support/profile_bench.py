"""A provider process for ClusterProfile, packs of this stack that Palette lists, and a bystander in Palette's console."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from packinfra.providers import ClusterProfileProvider
from packinfra.settings import PACKS_PATH
from tests.support.ecr import Ecr
from tests.support.palette import Palette, role_spec
from tests.support.palette_resources import URN, Reader, Shelf
from tests.support.profiles import LIST, P, new_name, scope
from tests.support.provider_host import ProviderError, ProviderHost
from tests.support.sandbox import Sandbox

PROJECT = "Default"


class Packs:
    """The pack hello in ECR, and its registry in Palette. Many tests share one: a sync takes a while."""

    def __init__(self, sandbox: Sandbox, ecr: Ecr, base: str) -> None:
        self.sandbox, self.ecr, self.base, self.palette = sandbox, ecr, base, Palette(sandbox)
        reader = Reader(sandbox, base)
        spec = role_spec(base, reader.role(), reader.principal["externalId"])
        self.registry, self.digests = self.palette.create("ecr", base, spec), dict[str, str]()

    def publish(self, *versions: str) -> None:
        shelf = Shelf(self.ecr, self.base)
        self.digests |= {version: shelf.push(version) for version in versions}
        self.palette.sync("ecr", self.registry)

    def delete_tag(self, version: str) -> None:
        self.ecr.delete_tag(f"{self.base}/{PACKS_PATH}/hello", version)
        del self.digests[version]
        self.palette.sync("ecr", self.registry)


class Bench:
    """host: ClusterProfile's provider; name: of the profile, which nobody else has"""

    def __init__(self, host: ProviderHost, packs: Packs, folder: Path) -> None:
        self.host, self.packs, self.folder, self.name = host, packs, folder, new_name()
        self.sandbox, self.base, self.registry, self.digests = packs.sandbox, packs.base, packs.registry, packs.digests
        self.palette = Palette(packs.sandbox)
        self.scope = scope(self.palette, PROJECT)

    def another(self, **environment: str) -> ProviderHost:
        """A run of its own."""
        variables = {**self.sandbox.environment(), **environment}
        return ProviderHost(variables, self.folder, provider=ClusterProfileProvider())

    def inputs(self, version: str = "1.0.0", pack: str = "1.0.0", **more: Any) -> dict[str, Any]:
        """Of a profile with the pack hello in this version; None removes a key."""
        plain = {
            "profileName": self.name, "project": PROJECT, "version": version, "type": "add-on", "cloud": "all",
            "layers": [{"name": "hello", "registry": self.base, "version": pack}],
            "packDigests": {"hello": self.digests.get(pack, "")}, "published": {"hello": list(self.digests)},
            "registryUid": self.registry, "host": "api.spectrocloud.com", "ownUrn": URN,
        }  # fmt: skip
        return {key: value for key, value in {**plain, **more}.items() if value is not None}

    def checked(self, news: dict[str, Any], olds: dict[str, Any] | None = None) -> dict[str, Any]:
        inputs, failures = self.host.check(olds or {}, news)
        assert failures == []
        return inputs

    def created(self, **more: Any) -> tuple[str, dict[str, Any], dict[str, Any]]:
        """(id, inputs, outputs)"""
        inputs = self.checked(self.inputs(**more))
        id_, outs = self.host.create(inputs)
        assert self.host.diff(id_, outs, inputs) == (False, []), "the second preview is clean"
        assert self.refreshed(id_, outs)[1] == outs, "nothing has drifted"
        return id_, inputs, outs

    def refreshed(self, id_: str, outs: dict[str, Any]) -> tuple[str, dict[str, Any], dict[str, Any]]:
        return self.host.read(id_, outs)

    def updated(
        self, id_: str, olds: tuple[dict[str, Any], dict[str, Any]], **more: Any
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """olds, and what comes back: (inputs, outputs)"""
        inputs = self.checked(self.inputs(**more), olds[0])
        assert self.host.diff(id_, olds[1], inputs) == (True, [])
        outs = self.host.update(id_, olds[1], inputs)
        assert self.host.diff(id_, outs, inputs) == (False, []), "the next preview is clean"
        assert self.refreshed(id_, outs)[1] == outs, "nothing has drifted"
        return inputs, outs

    def fails(self, inputs: dict[str, Any]) -> str:
        with pytest.raises(ProviderError) as caught:
            self.host.create(inputs)
        assert "Traceback" not in str(caught.value)
        return str(caught.value)

    def get(self, uid: str) -> dict[str, Any]:
        profile: dict[str, Any] = self.palette.get(f"{P}/{uid}", headers=self.scope)
        return profile

    def variables(self, uid: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.palette.get(f"{P}/{uid}/variables", headers=self.scope)["variables"]
        return found

    def versions(self) -> dict[str, str]:
        """Version -> uid, as Palette lists them."""
        items = self.palette.get(LIST, headers=self.scope)["items"]
        return {i["spec"]["version"]: i["metadata"]["uid"] for i in items if i["metadata"]["name"] == self.name}

    def layer(self, uid: str, index: int = 0) -> dict[str, Any]:
        layer: dict[str, Any] = self.get(uid)["spec"]["published"]["packs"][index]
        return layer

    def edit(self, uid: str, **layer: Any) -> None:
        """Somebody changes the first layer in the console, and publishes it."""
        profile = self.get(uid)
        packs = [{**pack, "uid": pack["packUid"]} for pack in profile["spec"]["published"]["packs"]]
        packs[0] |= layer
        body = {
            "metadata": {"name": self.name, "uid": uid},
            "spec": {"version": profile["spec"]["version"], "template": {"type": "add-on", "packs": packs}},
        }
        self.send("PUT", f"{P}/{uid}", body)
        self.send("PATCH", f"{P}/{uid}/publish")

    def send(self, method: str, path: str, body: Any = None) -> None:
        response = self.palette.send(method, path, body, headers=self.scope)
        assert response.status_code in (200, 201, 204), response.text

    def asked(self, since: int, pattern: str = "*") -> list[str]:
        return [a.summary.removeprefix("palette: ") for a in self.sandbox.requests(f"palette: {pattern}", since)]

    def written(self, since: int) -> list[str]:
        return [asked for asked in self.asked(since) if not asked.startswith("GET ") and "validate" not in asked]


@contextmanager
def packs_in_palette(sandbox: Sandbox, base: str, *versions: str) -> Iterator[Packs]:
    packs = Packs(sandbox, Ecr(sandbox), base)
    packs.publish(*versions)
    yield packs
    assert packs.palette.send("DELETE", f"/v1/registries/{packs.registry}").status_code == 204


@contextmanager
def running(packs: Packs, folder: Path) -> Iterator[Bench]:
    """A bench, whose profiles are deleted in the end."""
    with ProviderHost(packs.sandbox.environment(), folder, provider=ClusterProfileProvider()) as host:
        bench = Bench(host, packs, folder)
        yield bench
        for uid in bench.versions().values():
            packs.sandbox.palette.clusters(uid)
            assert bench.palette.send("DELETE", f"{P}/{uid}", headers=bench.scope).status_code in (204, 403)
