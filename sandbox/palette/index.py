"""Palette's index of a registry: the packs below the base path, each read from its layer.

Blocking, so it runs in a thread (``source.py``).
"""

import gzip
import hashlib
import json
import secrets
import tarfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sandbox.palette.source import RegistryProbe, Source
from sandbox.palette.spec import Json

# For each of the three files: a larger one is skipped.
_LIMIT = 4 * 1024 * 1024
_WANTED = {"pack.json", "values.yaml", "readme.md"}
# The fields of pack.json that Palette keeps; a field of another type counts as absent.
_FIELDS = {
    "name": str, "version": str, "displayName": str, "layer": str, "addonType": str, "cloudTypes": list,
    "annotations": dict,
}  # fmt: skip


@dataclass(frozen=True)
class Pack:
    """One version of a pack, with its tag."""

    uid: str
    tag: str
    digest: str  # of its manifest
    about: Json  # of pack.json
    values: str
    readme: str

    @property
    def name(self) -> str:
        return str(self.about["name"])

    @property
    def version(self) -> str:
        return str(self.about["version"])


class _NoPackError(Exception):
    """The artifact of a tag is not a pack; the message says why."""


def read(probe: RegistryProbe, kind: str, spec: Json, known: Iterable[Pack]) -> tuple[list[Pack], list[str]]:
    """The packs of a registry, and the tags that were skipped, with reasons. Raises AccessError.

    known: those of the run before; a pack whose manifest is the same is not pulled again, and keeps its uid.
    """
    source = probe.open(kind, spec)
    if spec["providerType"] != "pack":
        return [], []
    old = {(pack.name, pack.tag, pack.digest): pack for pack in known}
    prefix = f"{spec['baseContentPath'].strip('/')}/spectro-packs/archive/".removeprefix("/")
    packs, skipped = [], []
    for repository in source.repositories():
        name = repository.removeprefix(prefix)
        if name == repository or "/" in name:
            continue
        for tag in source.tags(repository):
            manifest = source.manifest(repository, tag)
            digest = "sha256:" + hashlib.sha256(manifest).hexdigest()
            try:
                packs.append(old.get((name, tag, digest)) or _pull(source, repository, tag, digest, manifest))
            except _NoPackError as error:
                skipped.append(f"{repository}:{tag}: {error}")
    return packs, skipped


def _pull(source: Source, repository: str, tag: str, digest: str, manifest: bytes) -> Pack:
    try:
        layer = json.loads(manifest)["layers"][0]["digest"]
    except (ValueError, KeyError, IndexError, TypeError):
        raise _NoPackError("no manifest with a layer") from None
    with source.get(f"/v2/{repository}/blobs/{layer}") as response:
        files = _files(response)
    try:
        metadata = json.loads(files["pack.json"])
        about = {name: metadata[name] for name, kind in _FIELDS.items() if isinstance(metadata.get(name), kind)}
        title = f"{about['name']} {about['version']}"
    except (ValueError, KeyError, AttributeError):
        raise _NoPackError("no pack.json with name and version in its layer") from None
    if about["name"] != repository.rpartition("/")[2]:
        raise _NoPackError(f"its pack.json is that of {title}")
    texts = (files.get(file, b"").decode("utf-8", "replace") for file in ("values.yaml", "readme.md"))
    return Pack(secrets.token_hex(12), tag, digest, about, *texts)


def _files(stream: Any) -> dict[str, bytes]:
    """The files of _WANTED in a .tar.gz, in its root or its top folder; read in pieces, to the end."""
    files = {}
    try:
        # Not tarfile's own "r|gz": it stops at the end of the first gzip member (PAL-65).
        with gzip.open(stream) as tar, tarfile.open(fileobj=tar, mode="r|") as archive:
            for member in archive:
                *folders, name = member.name.removeprefix("./").split("/")
                if len(folders) < 2 and name.lower() in _WANTED and member.isreg() and member.size <= _LIMIT:
                    file = archive.extractfile(member)
                    files[name.lower()] = file.read() if file else b""
    except (tarfile.TarError, zlib.error, EOFError, OSError):
        raise _NoPackError("its layer is no .tar.gz") from None
    return files
