"""PublishedPack: the versions of one pack, published in one repository, as a Pulumi resource.

Module path, class names and the provider's empty `__dict__` are part of users' state: the engine stores the provider
as a pickled reference to them, and read and delete run from that string. Renaming any of them breaks destroy.

    check   reads and validates the folders; adds what will be published to the inputs. No network.
    diff    compares content digests; an unknown or changed repository is a replacement.
    create  for each version, by the tag: our digest = adopt; absent = push; another digest = refuse.
    update  the same for versions whose content is new; removes withdrawn ones.
    read    keeps what the registry still has under our digest; only a definite 404 is "gone".
    delete  removes each tag that still carries our digest.
"""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

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

from packinfra.aws.ecr import ecr_client
from packinfra.aws.identity import AwsConfig
from packinfra.errors import PackinfraError
from packinfra.oci.client import Client
from packinfra.oci.reference import Reference, split
from packinfra.packs.archive import CREATED, write_archive
from packinfra.packs.contents import PackError
from packinfra.packs.pack import Pack, read_pack
from packinfra.resources.claims import CLAIMS
from packinfra.resources.engine import Log, speak_plainly
from packinfra.resources.versions import (
    PublishedVersion,
    by_version,
    current_again,
    file_hashes,
    kept,
    to_publish,
    versions_of,
)

_SETTINGS = ("overwrite", "unpublish", "keepVersions", "created")
_AWS_KEYS = (
    "profile", "accessKey", "secretKey", "token", "region", "assumeRole", "assumeRoles", "assumeRoleWithWebIdentity",
    "allowedAccountIds", "forbiddenAccountIds",
)  # fmt: skip


class PublishError(PackinfraError):
    """A version cannot be published as asked; nothing of it was."""


class PublishedPackProvider(ResourceProvider):
    """The CRUD of PublishedPack, called by the engine through the SDK's provider host, in up to four threads.

    It captures nothing, so state holds only a short reference to it; what a run needs comes with `configure`.
    """

    serialize_as_secret_always = False

    def configure(self, req: ConfigureRequest) -> None:
        speak_plainly()
        self._aws = AwsConfig.of({f"aws:{key}": req.config.get(f"aws:{key}") for key in _AWS_KEYS})
        self._clients: dict[str, Client] = {}
        self._lock = threading.Lock()

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        plan = _Plan(_olds, news)
        if plan.failures:
            return CheckResult(news, [CheckFailure("", text) for text in plan.failures])
        repository, urn = news.get("repository"), str(news.get("urn") or "")
        if isinstance(repository, str):
            for version in plan.versions:
                CLAIMS.want(repository, version, urn)
        return CheckResult({**news, "files": plan.files, "versions": _props(plan.versions)}, [])

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        # An unknown repository is one that is being created or replaced: even under the same name it will be empty.
        if not isinstance(_news.get("repository"), str) or _news["repository"] != _olds.get("repository"):
            # changes=True is needed: with False the engine silently ignores `replaces`.
            return DiffResult(changes=True, replaces=["repository"])
        old, new = versions_of(_olds), versions_of(_news)
        changed = (
            {v: record.contentDigest for v, record in old.items()} != {v: r.contentDigest for v, r in new.items()}
            or any(old[v].seq != new[v].seq for v in new)
            or any((_olds.get(key) or None) != (_news.get(key) or None) for key in _SETTINGS)
            or _olds.get("__provider") != _news.get("__provider")
        )
        return DiffResult(changes=changed)

    def create(self, props: dict[str, Any]) -> CreateResult:
        work = _Work(self, props)
        done = {v: work.publish(v, record) for v, record in _in_order(versions_of(props))}
        return CreateResult(work.repository, _outs(props, done))

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        work, old, new = _Work(self, _news), versions_of(_olds), versions_of(_news)
        done: dict[str, PublishedVersion] = {}
        for version, record in _in_order(new):
            was = old.get(version)
            if was and was.contentDigest == record.contentDigest:
                done[version] = replace(was, seq=record.seq)
                CLAIMS.want(work.repository, version, work.urn, published=True)
            else:
                done[version] = work.publish(version, record)
        for version in sorted(old.keys() - new.keys()):
            CLAIMS.drop(work.repository, version, work.urn)
            work.withdraw(version, old[version])
        return UpdateResult(_outs(_news, done))

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        work = _Work(self, props)
        there = {v: record for v, record in _in_order(versions_of(props)) if work.is_there(v, record)}
        if not there:
            return ReadResult("", {})
        outs = _outs(props, there)
        files = outs.get("files")
        outs["files"] = {v: f for v, f in files.items() if v in there} if isinstance(files, dict) else {}
        return ReadResult(id_, outs, dict(outs))

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        work = _Work(self, _props)
        for version, record in _in_order(versions_of(_props)):
            work.withdraw(version, record)

    def client(self, repository: str) -> Client:
        """The client for the repository's registry, one per host and process."""
        host, _ = split(repository)
        with self._lock:
            if host not in self._clients:
                self._clients[host] = ecr_client(host, self._aws, on_warning=Log("").warning)
            return self._clients[host]


class _Plan:
    """What the folders and the old inputs make of the next state: versions, files, or the reasons why not."""

    def __init__(self, olds: Mapping[str, Any], news: Mapping[str, Any]) -> None:
        self.failures: list[str] = []
        self.files: dict[str, dict[str, str]] = {}
        self.versions: dict[str, PublishedVersion] = {}
        self._created = str(news.get("created") or CREATED)
        self._overwrite = bool(news.get("overwrite"))
        packs = self._read([str(source) for source in news.get("sources") or ()])
        if self.failures:
            return
        old, were_current = versions_of(olds), olds.get("files") or {}
        self.files = {pack.version: file_hashes(pack) for pack in packs}
        keep = news.get("keepVersions")
        self.versions = kept(
            old, list(self.files), unpublish=news.get("unpublish") or (),
            keep=int(keep) if isinstance(keep, (int, float)) else None,
        )  # fmt: skip
        for pack in packs:
            if pack.version in (news.get("unpublish") or ()):
                self.failures.append(
                    f"{pack.name} {pack.version} is to be withdrawn (unpublish), but {pack.folder} holds it\n"
                    "      -> remove the folder, or the version from unpublish"
                )
        seq = max((record.seq for record in old.values()), default=0)
        for pack in packs:
            seq += 1
            self._add(pack, old.get(pack.version), pack.version in were_current, seq)

    def _read(self, sources: Sequence[str]) -> list[Pack]:
        packs: list[Pack] = []
        for source in sources:
            try:
                pack = read_pack(Path(source))
            except PackError as error:
                self.failures.append(str(error))
                continue
            self.failures += [f"pack {source}: {problem}" for problem in pack.errors]
            packs.append(pack)
        if len(names := sorted({pack.name for pack in packs})) > 1:
            self.failures.append(f"one repository holds one pack, but these sources hold {', '.join(names)}")
        return sorted(packs, key=lambda pack: by_version(pack.version))

    def _add(self, pack: Pack, was: PublishedVersion | None, was_current: bool, seq: int) -> None:
        if was and was.contentDigest == pack.content_digest:
            self.versions[pack.version] = current_again(was, was_current, seq)
        elif was and not self._overwrite:
            self.failures.append(_changed(pack, was))
        else:
            with open(os.devnull, "wb") as nowhere:  # only the digest is wanted: preview promises it
                archive = write_archive(pack, nowhere, self._created)
            self.versions[pack.version] = to_publish(pack, archive, self._created, seq)


def _changed(pack: Pack, was: PublishedVersion) -> str:
    return (
        f"the content of {pack.name} {pack.version} ({pack.folder}) has changed since it was published: it was "
        f"{was.contentDigest}, it is {pack.content_digest}\n"
        '      -> give it a new version in pack.json, or undo the change. "overwrite: true" for this pack publishes it '
        "again under the same version, in a repository that isn't immutable; Palette caches digests and may keep "
        "asking for the old one"
    )


class _Work:
    """One operation on one resource: its repository, its client, its log."""

    def __init__(self, provider: PublishedPackProvider, props: Mapping[str, Any]) -> None:
        self.repository = str(props["repository"])
        self.urn = str(props.get("urn") or "")
        self._props = props
        self._client = provider.client(self.repository)
        self._log = Log(self.urn)

    def publish(self, version: str, record: PublishedVersion) -> PublishedVersion:
        reference = Reference.of(self.repository, version)
        name = f"{self._name} {version}"
        found = self._client.resolve(reference)
        CLAIMS.want(self.repository, version, self.urn, published=True)
        if found == record.manifestDigest:
            self._log.info(f"{name}: adopted {found}, which the registry already had")
            return replace(record, adopted=True)
        if found and not self._props.get("overwrite"):
            raise PublishError(
                f"{name} was not published: {reference} is already there with another digest, and was not pushed by "
                f"this resource.\n  in the registry {found}\n  to be published {record.manifestDigest}\n"
                "  -> give the pack a new version, or remove that tag, or set overwrite: true for this pack"
            )
        begun = time.monotonic()
        with tempfile.TemporaryFile(prefix="packinfra-") as spool:
            archive = self._archive(version, record, spool)
            self._log.status(f"{name}: uploading {_size(record.size)}")
            pushed = self._client.push(
                reference, record.manifest(archive), lambda: _reopened(spool), _percent(self._log, name)
            )
        took = time.monotonic() - begun
        self._log.info(f"{name}: published {pushed.digest} ({_size(record.size)}, {took:.1f} s)")
        return replace(record, adopted=False)

    def withdraw(self, version: str, record: PublishedVersion) -> None:
        reference = Reference.of(self.repository, version)
        if holder := CLAIMS.holder(self.repository, version, self.urn):
            self._log.info(f"{reference} stays: {holder} holds it now")
            return
        found = self._client.resolve(reference)
        if found is None:
            return
        if found != record.manifestDigest:
            self._log.warning(
                f"{reference} stays: it no longer carries what was published ({record.manifestDigest}), but {found}"
            )
            return
        self._client.delete(reference, record.manifestDigest)
        self._log.info(f"{reference}: removed {found}")

    def is_there(self, version: str, record: PublishedVersion) -> bool:
        reference = Reference.of(self.repository, version)
        found = self._client.resolve(reference, definite=True)
        if found is None:
            self._log.warning(f"{reference} is gone from the registry{self._repair(version)}")
        elif found != record.manifestDigest:
            self._log.warning(
                f"{reference} was moved by somebody else: published was {record.manifestDigest}, now it carries "
                f"{found}. It no longer counts as published by this resource; the next up treats it as foreign"
            )
        return found == record.manifestDigest

    def _repair(self, version: str) -> str:
        current = version in (self._props.get("files") or {})
        return "; the next up publishes it again" if current else ", and no folder holds this version any more"

    def _archive(self, version: str, record: PublishedVersion, spool: BinaryIO) -> str:
        """Writes the version's archive, which must be what `check` promised; returns its title."""
        for source in self._props.get("sources") or ():
            pack = read_pack(Path(source))
            if pack.version == version and not pack.errors:
                archive = write_archive(pack, spool, record.created)
                if pack.content_digest == record.contentDigest and archive.digest == record.layerDigest:
                    spool.flush()
                    return archive.title
                break
        raise PublishError(
            f"{self._name} {version} was not published: its folder has changed since this run looked at it\n"
            "  -> run again when whatever writes the folder has finished"
        )

    @property
    def _name(self) -> str:
        return self.repository.rpartition("/")[2]


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
    created:       RFC 3339, UTC, whole seconds; in the manifest and the archive

    Outputs: `repository`, `versions` (version -> record, see resources/versions.py), `files` (version -> path -> short
    hash, for versions that have a folder).
    """

    repository: pulumi.Output[str]
    versions: pulumi.Output[dict[str, dict[str, Any]]]
    files: pulumi.Output[dict[str, dict[str, str]]]

    def __init__(
        self,
        name: str,
        *,
        repository: pulumi.Input[str],
        sources: Sequence[str],
        overwrite: bool = False,
        unpublish: Sequence[str] = (),
        keep_versions: int | None = None,
        created: str = CREATED,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        urn = pulumi.create_urn(name, f"pulumi-python:{self._resource_type_name}", opts.parent if opts else None)
        props = {
            "repository": repository,
            "sources": list(sources),
            "overwrite": overwrite,
            "unpublish": sorted(unpublish),
            "keepVersions": keep_versions,
            "created": created,
            # The provider is told no URN, and without it its messages belong to no resource. diff ignores it.
            # Without its dependencies: it follows from the parent's URN, and the parent waits for its children.
            "urn": pulumi.Output(set(), urn.future(), urn.is_known()),
            "versions": None,
            "files": None,
        }
        super().__init__(PublishedPackProvider(), name, props, opts)


def _in_order(versions: Mapping[str, PublishedVersion]) -> list[tuple[str, PublishedVersion]]:
    """By seq: maps lose their order on the way through the engine."""
    return sorted(versions.items(), key=lambda item: (item[1].seq, by_version(item[0])))


def _props(versions: Mapping[str, PublishedVersion]) -> dict[str, Any]:
    return {version: record.as_props() for version, record in versions.items()}


def _outs(props: Mapping[str, Any], versions: Mapping[str, PublishedVersion]) -> dict[str, Any]:
    """All outputs are inputs too; the host adds `__provider` itself."""
    return {**{k: v for k, v in props.items() if k != "__provider"}, "versions": _props(versions)}


def _reopened(spool: BinaryIO) -> BinaryIO:
    """A new reader from the start, since the HTTP library closes what it has sent. One at a time: they share a
    position."""
    reader = os.fdopen(os.dup(spool.fileno()), "rb")
    reader.seek(0)
    return reader


def _percent(log: Log, name: str) -> Any:
    shown = [-1, 0.0]

    def progress(sent: int, size: int) -> None:
        percent, now = sent * 100 // max(1, size), time.monotonic()
        if percent != shown[0] and now - shown[1] > 0.2:
            shown[:] = percent, now
            log.status(f"{name}: uploading {percent} % of {_size(size)}")

    return progress


def _size(size: int) -> str:
    return f"{size} B" if size < 1000 else f"{size / 1000:.1f} kB" if size < 1e6 else f"{size / 1e6:.1f} MB"
