"""CopiedArtifact's provider, in the SDK's real host process, between two registries on loopback."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from packinfra.oci import Client, Reference
from packinfra.oci.transport import Transport
from packinfra.providers import CopiedArtifactProvider
from tests.support.images import Artifact, image, index, referrer
from tests.support.oci import sha
from tests.support.provider_host import URN, ProviderHost
from tests.support.scripted_registry import ScriptedRegistry

APP = index(image(b"amd64", b"shared"), image(b"arm64", b"shared"))
NEXT = index(image(b"amd64, next", b"shared"), APP.children[1])
SIGNATURE = referrer(APP, b"a signature")
ACCESS = {"kind": "basic", "plainHttp": True}
CHILDREN = [child.digest for child in APP.children]


class CopyBench:
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
def bench_of(tmp_path: Path, *, deletes: str = "tag", referrers: bool = True) -> Iterator[CopyBench]:
    with (
        ScriptedRegistry(referrers=True) as source,
        ScriptedRegistry(referrers=referrers, deletes=deletes) as target,
        ProviderHost(environment(tmp_path), tmp_path, provider=CopiedArtifactProvider()) as host,
    ):
        yield CopyBench(host, source, target, tmp_path)
