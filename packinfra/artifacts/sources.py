"""What an artifact is made of, in the words of a program or a stack file: one class for each content.

Each is an input of PublishedArtifact, so it has a form in state, whose keys are frozen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from packinfra.artifacts.chart import read_chart_source
from packinfra.artifacts.content import Content
from packinfra.artifacts.files import ArtifactFile, ImageSpec, read_file_set
from packinfra.artifacts.policies import read_bundle, read_conftest


@dataclass(frozen=True)
class HelmChart:
    """A Helm chart: its folder, or the .tgz that `helm package` made, with a .prov beside it if there is one. Name and
    version are those in Chart.yaml."""

    kind: ClassVar[str] = "chart"

    path: str

    def read(self) -> Content:
        return read_chart_source(self.path)


@dataclass(frozen=True)
class OpaBundle:
    """A bundle for Open Policy Agent: a folder with policies and data, or the archive that `opa build` made."""

    kind: ClassVar[str] = "opa"

    path: str
    version: str

    def read(self) -> Content:
        return read_bundle(self.path, self.version)


@dataclass(frozen=True)
class ConftestPolicy:
    """A folder with policies and data for conftest."""

    kind: ClassVar[str] = "conftest"

    path: str
    version: str

    def read(self) -> Content:
        return read_conftest(self.path, self.version)


@dataclass(frozen=True)
class Files:
    """Any files, in the shapes of `oras push` (packinfra/artifacts/files.py).

    Args:
        version: The tag.
        files: In the order of the layers.
        config: A file for the config blob; None = an empty one.
        artifact_type: What the artifact is, a media type.
        annotations: Of the manifest; org.opencontainers.image.created overrides the resource's `created`.
        image_spec: The version of the image specification, "v1.1" or "v1.0".
    """

    kind: ClassVar[str] = "files"

    version: str
    files: Sequence[ArtifactFile] = ()
    config: ArtifactFile | None = None
    artifact_type: str = ""
    annotations: Mapping[str, str] = field(default_factory=dict)
    image_spec: ImageSpec = "v1.1"

    def read(self) -> Content:
        return read_file_set(
            self.version,
            self.files,
            self.config,
            artifact_type=self.artifact_type,
            annotations=self.annotations,
            image_spec=self.image_spec,
        )


ArtifactSource = HelmChart | OpaBundle | ConftestPolicy | Files


def source_to_props(source: ArtifactSource) -> dict[str, Any]:
    """The form in state."""
    if not isinstance(source, Files):
        return {"kind": source.kind, **vars(source)}
    props = {
        "kind": source.kind,
        "version": source.version,
        "files": [_file_to_props(file) for file in source.files],
        "config": _file_to_props(source.config) if source.config else None,
        "artifactType": source.artifact_type or None,
        "annotations": dict(source.annotations) or None,
        "imageSpec": source.image_spec,
    }
    return {key: value for key, value in props.items() if value is not None}


def source_from_props(props: Mapping[str, Any]) -> ArtifactSource:
    kind = props.get("kind")
    if kind == HelmChart.kind:
        return HelmChart(str(props["path"]))
    if kind in (OpaBundle.kind, ConftestPolicy.kind):
        policy = OpaBundle if kind == OpaBundle.kind else ConftestPolicy
        return policy(str(props["path"]), str(props["version"]))
    return Files(
        version=str(props["version"]),
        files=[_file_from_props(file) for file in props.get("files") or ()],
        config=_file_from_props(props["config"]) if props.get("config") else None,
        artifact_type=str(props.get("artifactType") or ""),
        annotations=props.get("annotations") or {},
        image_spec="v1.0" if props.get("imageSpec") == "v1.0" else "v1.1",
    )


def _file_to_props(file: ArtifactFile) -> dict[str, str]:
    props = {"path": file.path, "mediaType": file.media_type, "title": file.title}
    return {key: value for key, value in props.items() if value is not None}


def _file_from_props(props: Mapping[str, Any]) -> ArtifactFile:
    return ArtifactFile(str(props["path"]), props.get("mediaType"), props.get("title"))
