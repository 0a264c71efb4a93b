"""Any files, in the shapes that `oras push` gives them: of image-spec 1.0 and of 1.1.

| | 1.0 (ORAS 1.0, `--image-spec v1.0`) | 1.1 (ORAS 1.3) |
|---|---|---|
| nothing said | config unknown.config `{}` | artifactType unknown.artifact, the empty config |
| artifactType | the type of the config `{}` | artifactType, the empty config |
| config | that file | the same bytes as 1.0 |
| both | refused | both |
| no files | refused | one empty layer |
"""

from __future__ import annotations

import hashlib
import io
import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Literal

from packinfra import gojson
from packinfra.artifacts.content import EMPTY, Content, Layer, Parts, in_order, layer_of, read_one
from packinfra.artifacts.rules import problem
from packinfra.packs.archive import ArchiveError
from packinfra.packs.contents import PackFile, content_digest
from packinfra.packs.rules.rule import Problem
from packinfra.text import quoted

ImageSpec = Literal["v1.0", "v1.1"]
CREATED_ANNOTATION = "org.opencontainers.image.created"
UNKNOWN_CONFIG = "application/vnd.unknown.config.v1+json"
UNKNOWN_ARTIFACT = "application/vnd.unknown.artifact.v1"
EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
DEFAULT_TYPE = "application/vnd.oci.image.layer.v1.tar"
"""ORAS doesn't look into files."""
_EMPTY_DIGEST = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
_NAME = r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}"
_MEDIA_TYPE = re.compile(rf"{_NAME}/{_NAME}", re.ASCII)
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}", re.ASCII)
_CONFIG_LIMIT = 4 << 20


@dataclass(frozen=True)
class ArtifactFile:
    """A file of an artifact.

    Args:
        path: Where it is, relative to the project.
        media_type: Of its layer; None = ORAS's default, application/vnd.oci.image.layer.v1.tar (of a config:
            application/vnd.unknown.config.v1+json).
        title: Its path for those who pull; None = `path`. A config has none.
    """

    path: str
    media_type: str | None = None
    title: str | None = None


@dataclass(frozen=True)
class FilesContent(Content):
    config: PackFile | None = field(default=None, kw_only=True)
    config_type: str = field(default="", kw_only=True)
    types: tuple[str, ...] = field(default=(), kw_only=True)
    titles: tuple[str, ...] = field(default=(), kw_only=True)
    artifact_type: str = field(default="", kw_only=True)
    annotations: Mapping[str, str] = field(default_factory=dict, kw_only=True)
    image_spec: ImageSpec = field(default="v1.1", kw_only=True)

    @property
    def noun(self) -> str:
        return "artifact"

    @property
    def annotated(self) -> bool:
        return True

    @contextmanager
    def parts(self, created: str) -> Iterator[Parts]:
        of_files = self.files[: len(self.types)]
        layers = tuple(map(layer_of, of_files, self.types, self.titles))
        new = self.image_spec == "v1.1"
        if not layers and new:
            layers = (Layer(EMPTY_TYPE, _EMPTY_DIGEST, len(EMPTY), lambda: io.BytesIO(EMPTY), inlined=True),)
        config, config_type, artifact_type = EMPTY, self.config_type, self.artifact_type
        if self.config:
            config = _read_config(self.config, self.source)
            artifact_type = artifact_type if new else ""
        elif new:
            config_type, artifact_type = EMPTY_TYPE, artifact_type or UNKNOWN_ARTIFACT
        else:
            config_type, artifact_type = artifact_type or UNKNOWN_CONFIG, ""
        annotations = {CREATED_ANNOTATION: created, **self.annotations}
        yield Parts(
            config, config_type, layers, annotations, artifact_type, inlined=new and not self.config,
        )  # fmt: skip


def read_file_set(
    version: str,
    files: Sequence[ArtifactFile],
    config: ArtifactFile | None = None,
    *,
    artifact_type: str = "",
    annotations: Mapping[str, str] | None = None,
    image_spec: ImageSpec = "v1.1",
) -> FilesContent:
    """Never raises for what is at the paths."""
    problems = [*version_problems(version), *_shape_problems(files, config, artifact_type, image_spec)]
    found, titles = list[PackFile](), [file.title or _cleaned(file.path) for file in files]
    types = [file.media_type or DEFAULT_TYPE for file in files]
    for file, title in zip(files, titles, strict=True):
        read = read_one(Path(file.path), title)
        if isinstance(read, Problem):
            problems.append(read)
        else:
            found.append(read)
            if not read.size:
                problems.append(problem("file-empty", "it is empty", file.path))
    problems += [*_title_problems(files, titles), *_type_problems(files, config, artifact_type)]
    problems += _created_problems(annotations or {})
    config_file = None
    if config:
        read = read_one(Path(config.path), "config")
        if isinstance(read, Problem):
            problems.append(read)
        else:
            config_file = read
            if not read.size:
                problems.append(problem("file-empty", "the config is empty", config.path))
            if read.size > _CONFIG_LIMIT:
                problems.append(problem("artifact-shape", "the config is larger than 4 MiB", config.path))
    config_type = (config.media_type or UNKNOWN_CONFIG) if config else ""
    form = [image_spec, artifact_type, config_type, types, dict(sorted((annotations or {}).items()))]
    identity = content_digest(gojson.encode(form).decode(), version, [*found, *([config_file] if config_file else [])])
    return FilesContent(
        ", ".join(file.path for file in files) or "no files", "", version, identity,
        (*found, *([config_file] if config_file else ())), in_order(problems), config=config_file,
        config_type=config_type, types=tuple(types), titles=tuple(titles), artifact_type=artifact_type,
        annotations=annotations or {}, image_spec=image_spec,
    )  # fmt: skip


def version_problems(version: str) -> list[Problem]:
    if TAG.fullmatch(version):
        return []
    return [problem("version-no-tag", f"the version {quoted(version)} cannot be a tag")]


def _cleaned(path: str) -> str:
    return posixpath.normpath(path) if path else ""


def _title_problems(files: Sequence[ArtifactFile], titles: Sequence[str]) -> Iterator[Problem]:
    first: dict[str, str] = {}
    folders = {str(above): title for title in titles for above in PurePosixPath(_cleaned(title)).parents}
    for file, title in zip(files, titles, strict=True):
        path = _cleaned(title)
        if title.startswith("/") or ".." in title.split("/") or path in ("", ".") or not title.isprintable():
            yield problem("file-title", f"the title {quoted(title)} is no relative path inside", file.path)
        elif path in first:
            yield problem("file-title", f"{quoted(first[path])} has the title {quoted(title)} too", file.path)
        elif path in folders:
            message = f"{quoted(title)} is a file, and in the title {quoted(folders[path])} a folder"
            yield problem("file-title", message, file.path)
        first.setdefault(path, file.path)


def _type_problems(files: Sequence[ArtifactFile], config: ArtifactFile | None, artifact_type: str) -> Iterator[Problem]:
    for file in (*files, *([config] if config else [])):
        if file.media_type is not None and not _MEDIA_TYPE.fullmatch(file.media_type):
            yield problem("media-type", f"{quoted(file.media_type)} is no media type", file.path)
    if artifact_type and not _MEDIA_TYPE.fullmatch(artifact_type):
        yield problem("media-type", f"the artifactType {quoted(artifact_type)} is no media type")


def _shape_problems(
    files: Sequence[ArtifactFile], config: ArtifactFile | None, artifact_type: str, image_spec: ImageSpec
) -> Iterator[Problem]:
    old = image_spec == "v1.0"
    if old and config and artifact_type:
        yield problem("artifact-shape", "image-spec v1.0 has either config or artifactType, not both")
    if config and config.media_type == EMPTY_TYPE and not artifact_type:
        yield problem("artifact-shape", f"a config of the type {EMPTY_TYPE} needs artifactType")
    if not files and (old or not artifact_type):
        reason = "image-spec v1.0 needs files" if old else "without files it needs artifactType"
        yield problem("artifact-shape", f"there are no files: {reason}")


def _created_problems(annotations: Mapping[str, str]) -> Iterator[Problem]:
    created = annotations.get(CREATED_ANNOTATION)
    try:
        moment = datetime.fromisoformat(created) if created is not None else None
    except ValueError:
        moment = None
    if created is not None and (moment is None or moment.tzinfo is None or "T" not in created):
        yield problem(
            "artifact-shape", f"the annotation {CREATED_ANNOTATION} is not RFC 3339: {quoted(created)}",
            remedy="write it as 2026-01-01T00:00:00Z",
        )  # fmt: skip


def _read_config(config: PackFile, source: str) -> bytes:
    try:
        with config.open() as file:
            data = file.read(_CONFIG_LIMIT + 1)
    except OSError as error:
        raise ArchiveError(f"the config of {source} can no longer be read: {error.strerror}") from error
    if hashlib.sha256(data).hexdigest() != config.sha256:
        raise ArchiveError(f"the config of {source} changed while it was read; nothing was published\n  -> run again")
    return data
