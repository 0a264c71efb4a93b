"""A client on a scripted registry, with time that passes only in its sleeps."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from typing import Any

from packinfra.artifacts.pack import pack_manifest
from packinfra.http.retry import RetryPolicy
from packinfra.oci import Client, Manifest, PushResult, Reference
from packinfra.oci.auth.credentials import Credentials
from packinfra.oci.transport import Transport
from tests.support.scripted_registry import ScriptedRegistry

LAYER = b"a layer" * 1000
SECRET = "p4ssw0rd-of-the-registry"
CREATED = "2026-01-01T00:00:00Z"


class Renewable:
    """Credentials that always have another login, as ECR's token has."""

    def __init__(self) -> None:
        self.renewed = 0

    def get(self, repository: str = "", *, rejected: Credentials | None = None) -> Credentials:
        self.renewed += rejected == self._current
        return self._current

    @property
    def _current(self) -> Credentials:
        return Credentials("robot", f"{SECRET}-{self.renewed}")


class Setup:
    """reference: hello 1.0.0; sleeps: what was asked for, in seconds; warnings: what the registry said."""

    def __init__(self, registry: ScriptedRegistry, **options: Any) -> None:
        self.registry = registry
        self.credentials, self.sleeps, self.warnings = Renewable(), list[float](), list[str]()
        settings: dict[str, Any] = {
            "credentials": self.credentials, "plain_http": True, "policy": RetryPolicy(jitter=0.0),
            "sleep": self.sleeps.append, "on_warning": self.warnings.append, **options,
        }  # fmt: skip
        self.client = Client(Transport(registry.host, **settings))
        self.reference = Reference(registry.host, "base/spectro-packs/archive/hello", "1.0.0")

    def push(self, layer: bytes = LAYER, progress: Callable[[int, int], None] | None = None) -> PushResult:
        return self.client.push(self.reference, manifest(layer), lambda: io.BytesIO(layer), progress)

    def publish(self, layer: bytes = LAYER) -> PushResult:
        """As a caller does: ask, then push."""
        assert self.client.resolve(self.reference, publishing=True) is None
        return self.push(layer)

    def tagged(self, tag: str) -> Reference:
        return Reference(self.reference.host, self.reference.repository, tag)


def prepared(registry: ScriptedRegistry, **options: object) -> Setup:
    """With `{}` in the repository, so that publishing one version takes 6 requests."""
    setup = Setup(registry, **options)
    config = manifest().config
    registry.blobs[setup.reference.repository, config.digest] = b"{}"
    return setup


def manifest(layer: bytes = LAYER) -> Manifest:
    return pack_manifest("hello-1.0.0.tar.gz", sha(layer), len(layer), CREATED)


def sha(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"
