"""packinfra:charts, packinfra:policies, packinfra:artifacts and packinfra:removedArtifacts.

Each artifact has a repository below the base path: `charts/<name>`, `policies/<name>`, `artifacts/<name>`; so none is ever
below `spectro-packs`, where Palette looks for packs, and no two families meet.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from packinfra.artifacts.files import TAG
from packinfra.packs.rules.metadata import REPOSITORY_COMPONENT
from packinfra.settings.model import Model, path_alone
from packinfra.settings.publishing import DeleteAdopted, KeepingSettings, KeepVersions, Overwrite, Unpublish

FAMILIES = CHARTS, POLICIES, ARTIFACTS = "charts", "policies", "artifacts"
_LONGEST_NAME = 100


def _name(value: str) -> str:
    if not all(REPOSITORY_COMPONENT.fullmatch(part) for part in value.split("/")) or len(value) > _LONGEST_NAME:
        raise ValueError(
            "use lower-case letters and digits, with single . _ - or / between them, at most 100 characters: it is the "
            "end of the repository's name"
        )
    return value


def _version(value: str) -> str:
    if not TAG.fullmatch(value):
        raise ValueError("a version is a tag: letters, digits, _ . -, at most 128, and not first . or -")
    return value


def _path(value: str) -> str:
    family, _, name = value.partition("/")
    if family not in FAMILIES or not name:
        raise ValueError(
            f"write its repository below the base path: {CHARTS}/, {POLICIES}/ or {ARTIFACTS}/ and its name"
        )
    return f"{family}/{_name(name)}"


Name = Annotated[str, AfterValidator(_name)]
Version = Annotated[str, AfterValidator(_version)]
RemovedArtifacts = tuple[Annotated[str, AfterValidator(_path)], ...]


class ChartSettings(KeepingSettings):
    """Helm charts, and how packinfra publishes them: each in `<basePath>/charts/<name>`, under the version in its
    Chart.yaml."""

    path: str = Field(
        min_length=1,
        description="a chart's folder, the .tgz that helm package made (a .prov beside it goes along), or a glob, relative "
        "to the project",
        examples=["charts/*"],
    )
    overwrite: Overwrite = False
    unpublish: Unpublish = ()
    keep_versions: KeepVersions = "all"
    delete_adopted: DeleteAdopted = False


class PolicySettings(KeepingSettings):
    """A version of a policy, in `<basePath>/policies/<name>`. Several entries of one name are its versions; the
    settings of the last one apply to the name."""

    name: Name = Field(description="end of the repository's name", examples=["authz"])
    version: Version = Field(description="the tag, in quotes", examples=["1.4.0"])
    path: str = Field(
        min_length=1,
        description="folder with policies and data; with format opa also the archive that opa build made",
        examples=["policies/authz"],
    )
    format: Literal["opa", "conftest"] = Field("opa", description="a bundle for OPA, or files for conftest")
    overwrite: Overwrite = False
    unpublish: Unpublish = ()
    keep_versions: KeepVersions = "all"
    delete_adopted: DeleteAdopted = False


class FileSettings(Model):
    """A file of an artifact."""

    path: str = Field(min_length=1, description="the file, relative to the project", examples=["config/a.json"])
    media_type: str | None = Field(
        None,
        description="its media type; absent: application/vnd.oci.image.layer.v1.tar (of a config: "
        "application/vnd.unknown.config.v1+json)",
        examples=["application/json"],
    )
    title: str | None = Field(
        None, description="its path for those who pull it; absent: `path`", examples=["a.json"], min_length=1
    )


FileEntry = Annotated[FileSettings, BeforeValidator(path_alone)]


class ArtifactSettings(KeepingSettings):
    """A version of any files, in `<basePath>/artifacts/<name>`, in the shapes of `oras push` (docs/artifacts.md). Several
    entries of one name are its versions; the settings of the last one apply to the name."""

    name: Name = Field(description="end of the repository's name", examples=["cluster-config"])
    version: Version = Field(description="the tag, in quotes", examples=["1.0.0"])
    files: tuple[FileEntry, ...] = Field((), description="the layers, in this order", examples=[["config/a.json"]])
    config: FileEntry | None = Field(None, description="the file of the config; absent: an empty one")
    artifact_type: str | None = Field(
        None, description="what the artifact is, a media type", examples=["application/vnd.acme.config"]
    )
    annotations: Mapping[str, str] = Field(
        {}, description="annotations of the manifest", examples=[{"org.opencontainers.image.vendor": "Acme"}]
    )
    image_spec: Literal["v1.1", "v1.0"] = Field("v1.1", description="the version of the image specification")
    overwrite: Overwrite = False
    unpublish: Unpublish = ()
    keep_versions: KeepVersions = "all"
    delete_adopted: DeleteAdopted = False


ChartEntry = Annotated[ChartSettings, BeforeValidator(path_alone)]
