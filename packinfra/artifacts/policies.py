"""Policies: an OPA bundle in the form that its documentation pushes with ORAS, and a folder as `conftest push` stores it.

A bundle is made of a folder, with the files that OPA reads, or is an archive that `opa build` made, which stays as it is: it
may be signed or compiled. OPA reads the first layer of type LAYER; the config is the one of the documentation.

conftest stores each file as a layer; its order is that of a Go map, ours that of the titles, policies first. Titles are
relative to the folder, as `conftest push REFERENCE -p .` in it makes them, so `conftest pull` puts them where they belong
(open-policy-agent/conftest#597).
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from packinfra.artifacts.content import EMPTY, Content, Layer, Parts, in_order, layer_of, read_folder, read_one
from packinfra.artifacts.files import CREATED_ANNOTATION, version_problems
from packinfra.artifacts.rules import problem
from packinfra.packs.contents import PackFile, content_digest
from packinfra.packs.files import MOST_FILES, LeftOut
from packinfra.packs.ignore import JUNK
from packinfra.packs.inflate import ArchiveReadError, Stream
from packinfra.packs.rules.rule import Problem
from packinfra.packs.tar import TarReader
from packinfra.packs.unpack import read_files
from packinfra.packs.yamltext import Map, read_yaml

BUNDLE_CONFIG = "application/vnd.oci.image.config.v1+json"
BUNDLE_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
BUNDLE_TITLE = "bundle.tar.gz"
CONFTEST_CONFIG = "application/vnd.unknown.config.v1+json"
CONFTEST_POLICY = "application/vnd.cncf.openpolicyagent.policy.layer.v1+rego"
CONFTEST_DATA = "application/vnd.cncf.openpolicyagent.data.layer.v1+json"
_UNPACKED_LIMIT = 1 << 30
"""Bytes of a bundle that OPA unpacks unless it is told otherwise (size_limit_bytes)."""
_LOADED = re.compile(r".*\.rego|data\.(?:json|ya?ml)|policy\.wasm|plan\.json")
_OTHERS = (".manifest", ".signatures.json", "patch.json")


class _Only:
    """Ignore rules: only files whose base name is wanted, and no junk."""

    def __init__(self, wanted: Callable[[str], bool]) -> None:
        self._wanted = wanted

    def leaves_out(self, path: str, *, folder: bool) -> str | None:
        name = posixpath.basename(path)
        if JUNK.fullmatch(name):
            return "junk"
        return None if folder or self._wanted(name) else "not read"


@dataclass(frozen=True)
class BundleContent(Content):
    """An OPA bundle. archive: the .tar.gz, if there is one"""

    archive: PackFile | None = field(default=None, kw_only=True)

    @property
    def noun(self) -> str:
        return "bundle"

    @property
    def made(self) -> bool:
        return self.archive is None

    @contextmanager
    def parts(self, created: str) -> Iterator[Parts]:
        if self.archive:
            yield _bundle(layer_of(self.archive, BUNDLE_LAYER, BUNDLE_TITLE), created)
            return
        with self.archived(created, BUNDLE_LAYER, top="", title=BUNDLE_TITLE) as layer:
            yield _bundle(replace(layer, title=BUNDLE_TITLE), created)

    def identify(self, archive: BinaryIO) -> str | None:
        if self.archive:
            return None
        files = read_files(archive, _UNPACKED_LIMIT, top=False)
        return content_digest("", self.version, files)


@dataclass(frozen=True)
class ConftestContent(Content):
    """A folder of policies for conftest."""

    @property
    def noun(self) -> str:
        return "policy"

    @contextmanager
    def parts(self, created: str) -> Iterator[Parts]:
        del created  # conftest's manifests have no annotations
        layers = [
            layer_of(file, CONFTEST_POLICY if rego else CONFTEST_DATA, file.path)
            for rego in (True, False)
            for file in sorted(self.files, key=lambda file: file.path)
            if file.path.endswith(".rego") is rego
        ]
        yield Parts(EMPTY, CONFTEST_CONFIG, tuple(layers), {}, typed=False)


def _bundle(layer: Layer, created: str) -> Parts:
    return Parts(EMPTY, BUNDLE_CONFIG, (layer,), {CREATED_ANNOTATION: created})


def read_bundle(path: str, version: str) -> BundleContent:
    """Never raises for what is at the path."""
    problems, archive = [*version_problems(version)], None
    left_out: tuple[LeftOut, ...] = ()
    if Path(path).is_file():
        read = read_one(Path(path), posixpath.basename(path))
        files: tuple[PackFile, ...] = () if isinstance(read, Problem) else (read,)
        if isinstance(read, Problem):
            problems.append(read)
        else:
            archive = read
            problems += _archive_problems(read)
    else:
        folder = read_folder(Path(path), _Only(lambda name: bool(_LOADED.fullmatch(name)) or name in _OTHERS))
        files, left_out = folder.files, folder.left_out
        problems += folder.problems or _bundle_problems(file.path for file in files)
        problems += [found for file in files if file.data is not None for found in _file_problems(file.path, file.data)]
    identity = content_digest("", version, files)
    return BundleContent(path, "", version, identity, files, in_order(problems), left_out=left_out, archive=archive)


def read_conftest(path: str, version: str) -> ConftestContent:
    """Never raises for what is at the path."""
    folder = read_folder(Path(path), _Only(lambda name: name.endswith((".rego", ".json", ".yaml", ".yml"))))
    problems = [*version_problems(version), *folder.problems]
    if not folder.problems and not any(file.path.endswith(".rego") for file in folder.files):
        problems.append(problem("policy-empty", "the folder has no .rego file"))
    problems += [problem("policy-empty", "it is empty", file.path) for file in folder.files if not file.size]
    identity = content_digest("", version, folder.files)
    return ConftestContent(path, "", version, identity, folder.files, in_order(problems), left_out=folder.left_out)


def _archive_problems(archive: PackFile) -> list[Problem]:
    try:
        with archive.open() as file:
            names = [
                entry.path
                for entry in TarReader(Stream(file, _UNPACKED_LIMIT), most=3 * MOST_FILES)
                if entry.kind == "file"
            ]
    except ArchiveReadError as error:
        return [problem("bundle-unreadable", str(error))]
    except OSError as error:
        return [problem("file-unusable", f"it cannot be read: {error.strerror}")]
    return _bundle_problems(names)


def _file_problems(path: str, data: bytes) -> Iterator[Problem]:
    """What OPA would refuse, and the whole bundle with it (seen with OPA 1.22). Its policies are not parsed here."""
    name = posixpath.basename(path)
    if name.endswith(".rego") and not data.strip():
        yield problem("bundle-file", "it is empty", path)
    elif name in ("data.json", ".manifest"):
        try:
            top: object = json.loads(data)
        except ValueError as error:
            yield problem("bundle-file", f"it is not JSON: {error}", path)
            return
        except RecursionError:
            return
        if not isinstance(top, dict) and path in ("data.json", ".manifest"):
            yield problem("bundle-file", "it is no object ({...})", path)
    elif name in ("data.yaml", "data.yml"):
        text = read_yaml(data)
        if text.problem:
            yield problem("bundle-file", f"it cannot be read: {text.problem}", path, text.line)
        elif path == name and not isinstance(text.top, Map):
            yield problem("bundle-file", "it has no keys and values at the top", path)


def _bundle_problems(paths: Iterable[str]) -> list[Problem]:
    names = [posixpath.basename(path) for path in paths]
    problems = []
    if not any(_LOADED.fullmatch(name) for name in names):
        problems.append(problem("bundle-empty", "it contains neither policies nor data"))
    if names.count(".manifest") > 1:
        problems.append(problem("bundle-manifests", f"it contains {names.count('.manifest')} files named .manifest"))
    return problems
