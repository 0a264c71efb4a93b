"""A provider process for PaletteRegistry, and a bystander who asks Palette himself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from packinfra.providers import PaletteRegistryProvider
from tests.support.palette import Palette
from tests.support.palette_resources import Reader, ecr_inputs
from tests.support.provider_host import ProviderHost
from tests.support.sandbox import Sandbox

OCI = "/v1/registries/oci"


class Bench:
    """PaletteRegistry's provider, the reader that it registers, and Palette itself."""

    def __init__(self, host: ProviderHost, sandbox: Sandbox, folder: Path, base: str) -> None:
        self.host, self.sandbox, self.folder, self.base = host, sandbox, folder, base
        self.palette, self.reader = Palette(sandbox), Reader(sandbox, base)

    def by_role(self, **more: Any) -> dict[str, Any]:
        external_id = self.reader.principal["externalId"]
        role = more.pop("roleArn", None) or self.reader.role()
        return ecr_inputs(self.base, roleArn=role, externalId=external_id, **more)

    def checked(self, news: dict[str, Any], olds: dict[str, Any] | None = None) -> dict[str, Any]:
        inputs, failures = self.host.check(olds or {}, news)
        assert failures == []
        return inputs

    def created(self, news: dict[str, Any]) -> tuple[str, dict[str, Any], dict[str, Any]]:
        """(uid, inputs, outputs)"""
        inputs = self.checked(news)
        uid, outs = self.host.create(inputs)
        return uid, inputs, outs

    def get(self, uid: str, kind: str = "ecr") -> dict[str, Any]:
        found: dict[str, Any] = self.palette.get(f"{OCI}/{uid}/{kind}")
        return found

    def named(self, name: str | None = None) -> list[str]:
        """The uids of the registries of this name."""
        items = self.palette.get(f"{OCI}/summary")["items"]
        return [item["metadata"]["uid"] for item in items if item["metadata"]["name"] == (name or self.base)]

    def put(self, uid: str, **spec: Any) -> None:
        """Somebody changes the registration in the console."""
        body = self.get(uid)
        body["spec"] |= {"isSyncSupported": True, **spec}
        response = self.palette.send("PUT", f"{OCI}/{uid}/ecr", body)
        assert response.status_code == 204, response.text

    def another(self, **environment: str) -> ProviderHost:
        """A run of its own."""
        variables = {**self.sandbox.environment(), **environment}
        return ProviderHost(variables, self.folder, provider=PaletteRegistryProvider())

    def mark(self) -> int:
        return self.sandbox.mark()

    def asked(self, since: int) -> list[str]:
        """What Palette was asked since then, uids left out."""
        return [a.summary.removeprefix("palette: ") for a in self.sandbox.requests("palette: *", since)]


@contextmanager
def running(sandbox: Sandbox, folder: Path, base_path: str) -> Iterator[Bench]:
    """A bench, whose registries are deleted in the end."""
    with ProviderHost(sandbox.environment(), folder, provider=PaletteRegistryProvider()) as host:
        bench = Bench(host, sandbox, folder, base_path)
        yield bench
        for uid in bench.named():
            assert bench.palette.send("DELETE", f"/v1/registries/{uid}").status_code == 204
