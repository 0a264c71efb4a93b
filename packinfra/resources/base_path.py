"""BasePath: the empty artifact that marks a Basic registry's base path, as a Pulumi resource.

Palette's guide pushes it once for each Harbor project (`oras push HOST/PROJECT/spectro-packs/archive`): a manifest
without layers and without a tag. Here its bytes are always the same, so it has one digest everywhere, and whoever finds
it there already leaves it there.

Module path and class names are part of users' state, as in published_pack.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi.dynamic import (
    CheckResult,
    ConfigureRequest,
    CreateResult,
    DiffResult,
    ReadResult,
    Resource,
    ResourceProvider,
    UpdateResult,
)

from packinfra.host.engine import install_error_formatter
from packinfra.lifecycle.clients import Clients, Connection
from packinfra.oci.client import Client
from packinfra.oci.manifest import base_path_manifest
from packinfra.oci.reference import Reference
from packinfra.packs.archive import CREATED


class BasePathProvider(ResourceProvider):
    """The CRUD of BasePath. It captures nothing."""

    serialize_as_secret_always = False

    def configure(self, req: ConfigureRequest) -> None:
        install_error_formatter()
        self._clients = Clients(req.config.get)

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        return CheckResult({**news, "digest": base_path_manifest(CREATED).digest}, [])

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        replaces = [key for key in ("repository", "digest") if _olds.get(key) != _news.get(key)]
        changed = any((_olds.get(key) or None) != (_news.get(key) or None) for key in ("connection", "__provider"))
        return DiffResult(changes=changed or bool(replaces), replaces=replaces)

    def create(self, props: dict[str, Any]) -> CreateResult:
        client, reference = self._place(props)
        found = client.resolve(reference) is not None
        if not found:
            client.push(reference, base_path_manifest(CREATED))
        return CreateResult(str(reference), {**_plain(props), "adopted": found})

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        return UpdateResult({**_plain(_news), "adopted": _olds.get("adopted")})

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        client, reference = self._place(props)
        if client.resolve(reference, confirm_missing=True) is None:
            return ReadResult("", {})
        return ReadResult(id_, _plain(props), _plain(props))

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        client, reference = self._place(_props)
        if not _props.get("adopted") and client.resolve(reference):
            client.delete(reference, reference.reference)

    def _place(self, props: Mapping[str, Any]) -> tuple[Client, Reference]:
        repository = str(props["repository"])
        return self._clients.of(repository, props.get("connection")), Reference.of(repository, str(props["digest"]))


class BasePath(Resource, module="packinfra", name="BasePath"):
    """The empty artifact in `repository` ("host/basePath/spectro-packs/archive").

    Outputs: `digest`; `adopted`: it was there before, so destroy leaves it in place.
    """

    repository: pulumi.Output[str]
    digest: pulumi.Output[str]
    adopted: pulumi.Output[bool]

    def __init__(
        self, name: str, *, repository: str, connection: Connection, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        props = {"repository": repository, "connection": connection.as_props(), "digest": None, "adopted": None}
        super().__init__(BasePathProvider(), name, props, opts)


def _plain(props: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in props.items() if key != "__provider"}
