"""The life of a BasePath: the empty artifact that marks a Basic registry's base path.

Palette's guide pushes it once for each Harbor project (`oras push HOST/PROJECT/spectro-packs/archive`). Here it carries
the mark of its resource, so that each resource has an artifact of its own: one that is there already was written by an
earlier run that was killed, and two stacks on one base path don't remove each other's.
"""

from __future__ import annotations

from packinfra.artifacts.base_path import base_path_manifest
from packinfra.http.redact import clean
from packinfra.lifecycle.clients import RegistryClients, normalize_repository, repository_problems, same_place
from packinfra.lifecycle.results import CheckOutcome, CreateOutcome, DiffOutcome, Props, ReadOutcome, changed_keys
from packinfra.lifecycle.run import Config, Run, own_urn
from packinfra.lifecycle.successors import claim_digest, successor
from packinfra.oci.client import Client
from packinfra.oci.reference import Reference
from packinfra.packs.archive import CREATED


class BasePathLifecycle:
    def __init__(self, run: Run, config: Config) -> None:
        self._run = run
        self._clients = RegistryClients(config, run.reporter_of("").warning)

    def check(self, olds: Props, news: Props) -> CheckOutcome:
        repository = news.get("repository")
        if isinstance(repository, str):
            if problems := repository_problems(repository):
                return CheckOutcome(news, problems)
            news = {**news, "repository": normalize_repository(repository, news.get("registryAccess"))}
        kept = olds.get("digest") if same_place(olds, news) else None  # state of an older packinfra has another one
        digest = kept or base_path_manifest(CREATED, own_urn(news)).digest
        if isinstance(repository, str):
            claim_digest(self._run, news, digest)
        return CheckOutcome({**news, "digest": digest})

    def diff(self, _id: str, olds: Props, news: Props) -> DiffOutcome:
        if not same_place(olds, news):
            return DiffOutcome(changes=True, replaces=["repository"])
        replaces = changed_keys(olds, news, ("digest",))
        return DiffOutcome(bool(replaces or changed_keys(olds, news, ("repository", "registryAccess"))), replaces)

    def create(self, props: Props) -> CreateOutcome:
        manifest = base_path_manifest(CREATED, own_urn(props))
        props = {**props, "digest": manifest.digest}
        client, reference = self._target(props)
        if client.resolve(reference, publishing=True) is None:
            client.push(reference, manifest)
        return CreateOutcome(str(reference), {**props, "adopted": False})

    def update(self, _id: str, olds: Props, news: Props) -> Props:
        return {**news, "adopted": olds.get("adopted")}

    def read(self, _id: str, props: Props) -> ReadOutcome | None:
        client, reference = self._target(props)
        if client.resolve(reference, confirm_missing=True):
            return ReadOutcome(props)
        self._run.reporter(props).warning(
            f"{reference}, which marks the base path, is gone from the registry; the next up pushes it again. If the "
            "registry removes images without a tag by itself, set registry: {basePathArtifact: false}"
        )
        return None

    def delete(self, _id: str, props: Props) -> None:
        client, reference = self._target(props)
        digest, removal, reporter = reference.reference, client.removal(reference), self._run.reporter(props)
        if props.get("adopted") or not removal.resolve(digest):
            return
        if owner := successor(self._run, self._clients, props, digest):
            reporter.info(f"{reference} stays: {owner.urn} owns it now")
        elif tags := removal.tags_with(digest):
            reporter.info(f"{reference} stays: it was tagged {', '.join(map(clean, tags))}")
        else:
            removal.delete(digest, digest)

    def _target(self, props: Props) -> tuple[Client, Reference]:
        repository = str(props["repository"])
        return self._clients.get(repository, props.get("registryAccess")), Reference.of(
            repository, str(props["digest"])
        )
