"""`packinfra digest`: what would be published, and under which digests, without network, account or Pulumi's engine.

    packinfra digest packs/* charts/*          packs, charts (folders and .tgz), folders with policies for OPA
    packinfra digest --stack stacks/Pulumi.dev.yaml    everything that the stack file names
    packinfra digest --json ...                the same for programs

A preview shows the same digests, if nothing is published yet: what is published keeps the digest that it has.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import yaml

from packinfra.artifacts.check_command import ChartsAndPolicies, is_archive, read
from packinfra.artifacts.content import Content
from packinfra.artifacts.manifest import manifest_of
from packinfra.artifacts.pack import pack_manifest
from packinfra.errors import PackinfraError
from packinfra.lifecycle.artifacts.selection import select_artifacts
from packinfra.packs.archive import CREATED, write_archive
from packinfra.packs.catalogue import read_catalogue
from packinfra.packs.pack import Pack, read_pack
from packinfra.settings import PACKS_PATH, Settings, SettingsError, load
from packinfra.text import format_size, printable


class DigestError(PackinfraError):
    """A source cannot be published, so it has no digest."""


@dataclass(frozen=True)
class Published:
    """A version as it would be published. repository: below the base path; "" where only a stack file names it"""

    source: str
    kind: str
    repository: str
    version: str
    content_digest: str
    layers: Sequence[tuple[str, int]]
    manifest_digest: str

    def as_json(self) -> dict[str, Any]:
        return {
            "source": self.source,
            "kind": self.kind,
            "repository": self.repository,
            "version": self.version,
            "contentDigest": self.content_digest,
            "layers": [{"digest": digest, "size": size} for digest, size in self.layers],
            "manifestDigest": self.manifest_digest,
        }

    def __str__(self) -> str:
        where = f"{self.repository}:{self.version}" if self.repository else self.kind
        lines = [f"{printable(self.source)}  {where}", f"  manifest  {self.manifest_digest}"]
        lines += [f"  layer     {digest}  {format_size(size)}" for digest, size in self.layers]
        return "\n".join([*lines, f"  content   {self.content_digest}"])


def main(arguments: Sequence[str] | None = None, prog: str = "packinfra digest") -> int:
    """Returns 0: every digest is printed; 1: something cannot be published; 2: wrong arguments."""
    parser = argparse.ArgumentParser(
        prog=prog, description="Prints the digests under which packs, charts and policies would be published."
    )
    parser.add_argument("sources", nargs="*", metavar="SOURCE", help="a pack, a chart, or a folder of policies")
    parser.add_argument("--stack", metavar="FILE", type=Path, help="a stack file: everything that it names")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)
    if bool(options.sources) == bool(options.stack):
        parser.error("name sources, for example packs/* charts/*, or a stack file with --stack")
    try:
        found = list(_of_stack(options.stack) if options.stack else map(_of_source, options.sources))
    except PackinfraError as error:
        print(error, file=sys.stderr)
        return 1
    if options.json:
        print(json.dumps([each.as_json() for each in found], indent=2))
    else:
        print("\n\n".join(map(str, found)))
    return 0


def _of_source(path: str) -> Published:
    named = path if is_archive(path) and os.path.isfile(path) else None
    if not os.path.isfile(os.path.join(path, "pack.json")) and (other := named or ChartsAndPolicies().find(path)):
        content = read(other)
        if content.errors:
            raise DigestError("\n".join([f"{content.noun} {path}:", *(f"  {problem}" for problem in content.errors)]))
        repository = f"charts/{content.name}" if content.name else ""
        return _of_content(content, repository)
    pack = read_pack(Path(path))
    if pack.errors:
        raise DigestError("\n".join([f"pack {path}:", *(f"  {problem}" for problem in pack.errors)]))
    return _of_pack(pack)


def _of_stack(path: Path) -> Iterator[Published]:
    """Paths in a stack file are relative to the project, which is the folder above `stacks`, or that of the file."""
    settings = _settings(path)
    folder = path.resolve().parent
    root = folder if (folder / "Pulumi.yaml").is_file() else folder.parent
    entries = {entry.path: entry.rules for entry in settings.packs}
    here = Path.cwd()
    os.chdir(root)
    try:
        for versions in read_catalogue(Path(), list(entries), entries, removed=settings.removed_packs).packs.values():
            yield from map(_of_pack, versions)
        selected = select_artifacts(settings, ecr=settings.registry.kind == "ecr")
        for repository, each in selected.artifacts.items():
            yield from (_of_content(version.content, repository) for version in each)
    finally:
        os.chdir(here)


def _settings(path: Path) -> Settings:
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DigestError(f"{path} cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # a date that is none, no UTF-8
        raise DigestError(f"{path} is not a stack file: it is not YAML") from error
    config = (document.get("config") or {}) if isinstance(document, dict) else None
    if not isinstance(config, dict):
        raise DigestError(f"{path} is not a stack file: it has no mapping with config")
    try:
        return load({str(key): _as_engine(value) for key, value in config.items()})
    except SettingsError as error:
        raise DigestError(f"{error}\n  in {path}") from None


def _as_engine(value: object) -> object:
    """The engine hands text over as it is, and everything else as JSON; of a secret, only that there is one counts."""
    if isinstance(value, Mapping) and "secure" in value:
        return "secret"
    return value if isinstance(value, str) else json.dumps(value, default=str)  # YAML's dates have no JSON


class _Nowhere(io.RawIOBase):
    """Where archives go whose digest alone is wanted."""

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        return len(data)


def _of_pack(pack: Pack) -> Published:
    nowhere: BinaryIO = _Nowhere()  # type: ignore[assignment]  # a RawIOBase has all that is written to
    archive = write_archive(pack, nowhere)
    manifest = pack_manifest(archive.title, archive.digest, archive.size, CREATED)
    return Published(
        os.path.normpath(pack.folder), "pack", f"{PACKS_PATH}/{pack.name}", pack.version, pack.content_digest,
        [(archive.digest, archive.size)], manifest.digest,
    )  # fmt: skip


def _of_content(content: Content, repository: str) -> Published:
    with content.parts(CREATED) as parts:
        layers = [(layer.digest, layer.size) for layer in parts.layers]
        manifest = manifest_of(parts)
    return Published(
        content.source, content.noun, repository, content.version, content.content_digest, layers, manifest.digest
    )
