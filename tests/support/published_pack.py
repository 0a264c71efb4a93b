"""A pack and the PublishedPack that publishes it, in the SDK's real host process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.support.ecr import Ecr
from tests.support.packs import make_pack
from tests.support.provider_host import URN, ProviderHost

CONFIG = {"aws:region": "eu-west-1", "aws:allowedAccountIds": '["123456789012"]'}


class Pack:
    """A pack folder `src`, and the inputs of the resource that publishes it."""

    def __init__(self, host: ProviderHost, ecr: Ecr, folder: Path, base_path: str) -> None:
        self.host, self.folder = host, folder
        self.name = f"{base_path}/spectro-packs/archive/hello"
        self.repository = ecr.create(self.name)
        make_pack(folder)

    def inputs(self, **more: Any) -> dict[str, Any]:
        plain = {"repository": self.repository, "sources": [self.folder.name], "ownUrn": URN, "overwrite": False}
        return {key: value for key, value in {**plain, **more}.items() if value is not None}

    def checked(self, olds: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
        inputs, failures = self.host.check(olds or {}, self.inputs(**more))
        assert failures == []
        return inputs

    def created(self, **more: Any) -> tuple[str, dict[str, Any], dict[str, Any]]:
        inputs = self.checked(**more)
        id_, outs = self.host.create(inputs)
        return id_, inputs, outs

    def environment(self) -> dict[str, str]:
        """Of the provider's process, for another one."""
        environ = Path(f"/proc/{self.host.pid}/environ").read_bytes().decode()
        return dict(line.split("=", 1) for line in environ.split("\0") if "=" in line)


def digests(props: dict[str, Any]) -> dict[str, str]:
    return {version: record["manifestDigest"] for version, record in props["versions"].items()}
