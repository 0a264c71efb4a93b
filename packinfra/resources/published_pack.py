"""PublishedPack: the versions of one pack, published in one repository, as a Pulumi resource.

Module path, class names and the provider's empty `__dict__` are part of users' state: the engine stores the provider
as a pickled reference to them, and read and delete run from that string. Renaming any of them breaks destroy.

    check   reads and validates the folders; adds what will be published to the inputs. No network.   plan.py
    diff    compares content digests; an unknown or changed repository is a replacement.
    create  for each version, by the tag: our digest or our content = adopt; absent = push; else refuse.   publishing.py
    update  the same for versions whose content is new; removes withdrawn ones.
    read    keeps what the registry still has under our digest; only a definite 404 is "gone".
    delete  removes each tag that still carries our digest.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pulumi
from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    ConfigureRequest,
    CreateResult,
    DiffResult,
    ReadResult,
    Resource,
    ResourceProvider,
    UpdateResult,
)

from packinfra.host.engine import Log, install_error_formatter
from packinfra.lifecycle.clients import Clients
from packinfra.lifecycle.ownership import CLAIMS
from packinfra.lifecycle.packs.narration import file_changes
from packinfra.lifecycle.packs.plan import Plan
from packinfra.lifecycle.packs.publish import Publishing
from packinfra.lifecycle.packs.state import PublishedVersion, by_version, versions_of
from packinfra.lifecycle.registry_access import RegistryAccess, access_to_props
from packinfra.packs.archive import CREATED
from packinfra.packs.pack import Pack

_SETTINGS = ("overwrite", "unpublish", "keepVersions", "deleteAdopted", "created", "registryAccess")


class PublishedPackProvider(ResourceProvider):
    """The CRUD of PublishedPack, called by the engine through the SDK's provider host, in up to four threads.

    It captures nothing, so state holds only a short reference to it; what a run needs comes with `configure`.
    """

    serialize_as_secret_always = False

    def configure(self, req: ConfigureRequest) -> None:
        install_error_formatter()
        self._clients = Clients(req.config.get)
        self._lock = threading.Lock()
        self._told: set[tuple[str, str]] = set()

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        plan = Plan(_olds, news)
        if plan.failures:
            return CheckResult(news, [CheckFailure("", text) for text in plan.failures])
        repository, urn = news.get("repository"), str(news.get("ownUrn") or "")
        if isinstance(repository, str):
            for version in plan.versions:
                CLAIMS.want(repository, version, urn)
        inputs = {key: value for key, value in news.items() if key != "validated"}  # of this moment only: not for state
        return CheckResult({**inputs, "fileHashes": plan.files, "versions": _props(plan.versions)}, [])

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        old, new = versions_of(_olds), versions_of(_news)
        # An unknown repository is one that is being created or replaced: even under the same name it will be empty.
        if not isinstance(_news.get("repository"), str) or _news["repository"] != _olds.get("repository"):
            if lost := sorted(new.keys() - (_news.get("fileHashes") or {}).keys(), key=by_version):
                self._tell(
                    _news,
                    f"in the new repository {_pack(_olds)} {', '.join(lost)} will be missing: no folder holds "
                    f"{'it' if len(lost) == 1 else 'them'} any more, so only the old repository has "
                    f"{'it' if len(lost) == 1 else 'them'}",
                )
            # changes=True is needed: with False the engine silently ignores `replaces`.
            return DiffResult(changes=True, replaces=["repository"])
        for version, record in new.items():
            if version not in old or old[version].contentDigest != record.contentDigest:
                self._tell(_news, _what_changed(version, record, _olds, _news), warn=False)
        changed = (
            {v: record.contentDigest for v, record in old.items()} != {v: r.contentDigest for v, r in new.items()}
            or any(old[v].order != new[v].order for v in new)
            or any((_olds.get(key) or None) != (_news.get(key) or None) for key in _SETTINGS)
            or _olds.get("__provider") != _news.get("__provider")
        )
        return DiffResult(changes=changed)

    def create(self, props: dict[str, Any]) -> CreateResult:
        publishing = self._publishing(props, new=True)
        done = {v: publishing.publish(v, record) for v, record in _in_order(versions_of(props))}
        return CreateResult(publishing.repository, _outs(props, done))

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        publishing, old, new = self._publishing(_news), versions_of(_olds), versions_of(_news)
        done: dict[str, PublishedVersion] = {}
        for version, record in _in_order(new):
            was = old.get(version)
            if was and was.contentDigest == record.contentDigest:
                done[version] = replace(was, order=record.order)
                CLAIMS.want(publishing.repository, version, publishing.urn, published=True)
            else:
                done[version] = publishing.publish(version, record)
        for version in sorted(old.keys() - new.keys()):
            CLAIMS.drop(publishing.repository, version, publishing.urn)
            publishing.withdraw(version, old[version])
        return UpdateResult(_outs(_news, done))

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        publishing = self._publishing(props)
        there = {v: record for v, record in _in_order(versions_of(props)) if publishing.is_there(v, record)}
        if not there:
            return ReadResult("", {})
        files = {v: listed for v, listed in (props.get("fileHashes") or {}).items() if v in there}
        outs = {**_outs(props, there), "fileHashes": files}
        return ReadResult(id_, outs, dict(outs))

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        publishing = self._publishing(_props)
        for version, record in _in_order(versions_of(_props)):
            publishing.withdraw(version, record)

    def _publishing(self, props: Mapping[str, Any], *, new: bool = False) -> Publishing:
        return Publishing(self._clients.of(str(props["repository"]), props.get("registryAccess")), props, new=new)

    def _tell(self, props: Mapping[str, Any], message: str, *, warn: bool = True) -> None:
        """Says it once per run: the engine asks for a diff more than once."""
        urn = str(props.get("ownUrn") or "")
        with self._lock:
            if (urn, message) in self._told:
                return
            self._told.add((urn, message))
        (Log(urn).warning if warn else Log(urn).info)(message)


class PublishedPack(Resource, module="packinfra", name="PublishedPack"):
    """The versions of one pack, published in `repository`.

    It owns the repository's tags: declare one per repository. Versions whose folder is gone stay published until
    they are withdrawn (`unpublish`, `keep_versions`) or the resource is destroyed.

    name:          logical name; `<component>-<packName>` in packinfra's components, never from a folder or digest
    repository:    "host/path" without scheme and tag; its last component is the pack's name
    sources:       folders of this pack, one per version, relative to the program's working folder
    overwrite:     publish changed content under a version that is already published
    unpublish:     versions to withdraw
    keep_versions: how many versions to keep in all, current ones included; None = all
    delete_adopted: also remove what somebody else pushed with the same content and this resource only adopted
    created:       RFC 3339, UTC, whole seconds; in the manifest and the archive
    registry_access: how to reach the registry, and as whom, where the stack's config doesn't say it
    validated:     packs of `sources` that the program has just read and found without errors: they aren't judged
                   again, and what is published already isn't read again

    Outputs: `repository`, `versions` (version -> record, see lifecycle/packs/state.py), `fileHashes` (version -> path -> short
    hash, for versions that have a folder).
    """

    repository: pulumi.Output[str]
    versions: pulumi.Output[dict[str, dict[str, Any]]]
    fileHashes: pulumi.Output[dict[str, dict[str, str]]]  # noqa: N815 - the keys are state

    def __init__(
        self,
        name: str,
        *,
        repository: pulumi.Input[str],
        sources: Sequence[str],
        overwrite: bool = False,
        unpublish: Sequence[str] = (),
        keep_versions: int | None = None,
        delete_adopted: bool = False,
        created: str = CREATED,
        registry_access: RegistryAccess | None = None,
        validated: Sequence[Pack] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        settings = {
            "overwrite": overwrite or None,
            "unpublish": sorted(unpublish) or None,
            "keepVersions": keep_versions,
            "deleteAdopted": delete_adopted or None,
            "created": created if created != CREATED else None,
            "registryAccess": access_to_props(registry_access) if registry_access else None,
            "validated": {os.path.relpath(p.folder): [p.name, p.version, p.content_digest] for p in validated} or None,
        }
        urn = pulumi.create_urn(name, f"pulumi-python:{self._resource_type_name}", opts.parent if opts else None)
        props = {
            "repository": repository,
            "sources": list(sources),
            # Only what isn't the default: the SDK makes an Output of every property, and the program waits for all of
            # them again whenever one of them is known, which at 220 packs is what most of its time goes to.
            **{key: value for key, value in settings.items() if value is not None},
            # The provider is told no URN, and without it its messages belong to no resource. diff ignores it.
            # Without its dependencies: it follows from the parent's URN, and the parent waits for its children.
            "ownUrn": pulumi.Output(set(), urn.future(), urn.is_known()),
            "versions": None,
            "fileHashes": None,
        }
        super().__init__(PublishedPackProvider(), name, props, opts)


def _what_changed(version: str, record: PublishedVersion, olds: Mapping[str, Any], news: Mapping[str, Any]) -> str:
    """Which files, compared with the same version, or else with the one that was current before."""
    old = versions_of(olds)
    listed: Mapping[str, Mapping[str, str]] = olds.get("fileHashes") or {}
    base = version if version in listed else max(listed, key=lambda v: old[v].order if v in old else 0, default=None)
    since = f"; since {base}: {file_changes(listed[base], news['fileHashes'][version])}" if base else ""
    again = " again" if version in old else ""
    return f"{_pack(news)} {version} will be published{again} as {record.manifestDigest}{since}"


def _pack(props: Mapping[str, Any]) -> str:
    return str(props.get("repository") or "").rpartition("/")[2]


def _in_order(versions: Mapping[str, PublishedVersion]) -> list[tuple[str, PublishedVersion]]:
    """By order: maps lose their order on the way through the engine."""
    return sorted(versions.items(), key=lambda item: (item[1].order, by_version(item[0])))


def _props(versions: Mapping[str, PublishedVersion]) -> dict[str, Any]:
    return {version: record.as_props() for version, record in versions.items()}


def _outs(props: Mapping[str, Any], versions: Mapping[str, PublishedVersion]) -> dict[str, Any]:
    """All outputs are inputs too; the host adds `__provider` itself."""
    return {**{k: v for k, v in props.items() if k != "__provider"}, "versions": _props(versions)}
