"""The life of a BasePath: the empty artifact that marks a Basic registry's base path.

Palette's guide pushes it once for each Harbor project (`oras push HOST/PROJECT/spectro-packs/archive`). Here its bytes
are always the same, so it has one digest everywhere, and an artifact that was there before stays there on destroy.
"""

from __future__ import annotations

from packinfra.artifacts.base_path import base_path_manifest
from packinfra.lifecycle.clients import RegistryClients
from packinfra.lifecycle.results import CheckOutcome, CreateOutcome, DiffOutcome, Props, ReadOutcome, changed_keys
from packinfra.lifecycle.run import Config, Run
from packinfra.oci.client import Client
from packinfra.oci.reference import Reference
from packinfra.packs.archive import CREATED


class BasePathLifecycle:
    def __init__(self, run: Run, config: Config) -> None:
        self._clients = RegistryClients(config, run.reporter_of("").warning)

    def check(self, _olds: Props, news: Props) -> CheckOutcome:
        return CheckOutcome({**news, "digest": base_path_manifest(CREATED).digest})

    def diff(self, _id: str, olds: Props, news: Props) -> DiffOutcome:
        replaces = changed_keys(olds, news, ("repository", "digest"))
        return DiffOutcome(bool(replaces or changed_keys(olds, news, ("registryAccess",))), replaces)

    def create(self, props: Props) -> CreateOutcome:
        client, reference = self._target(props)
        adopted = client.resolve(reference) is not None
        if not adopted:
            client.push(reference, base_path_manifest(CREATED))
        return CreateOutcome(str(reference), {**props, "adopted": adopted})

    def update(self, _id: str, olds: Props, news: Props) -> Props:
        return {**news, "adopted": olds.get("adopted")}

    def read(self, _id: str, props: Props) -> ReadOutcome | None:
        client, reference = self._target(props)
        return None if client.resolve(reference, confirm_missing=True) is None else ReadOutcome(props)

    def delete(self, _id: str, props: Props) -> None:
        client, reference = self._target(props)
        if not props.get("adopted") and client.resolve(reference):
            client.delete(reference, reference.reference)

    def _target(self, props: Props) -> tuple[Client, Reference]:
        repository = str(props["repository"])
        return self._clients.get(repository, props.get("registryAccess")), Reference.of(
            repository, str(props["digest"])
        )
