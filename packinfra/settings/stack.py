"""All settings of a stack."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from packinfra.settings.access import AccessSettings
from packinfra.settings.artifacts import ArtifactSettings, ChartEntry, PolicySettings, RemovedArtifacts
from packinfra.settings.copies import EXAMPLE, Copies, RemovedCopies
from packinfra.settings.model import Model
from packinfra.settings.packs import PackEntry, PackSettings, RemovedPacks
from packinfra.settings.palette import PaletteSettings
from packinfra.settings.profiles import ProfileSettings
from packinfra.settings.registry import RegistrySettings
from packinfra.settings.repositories import RepositorySettings


class PartialSettings(Model):
    """The settings of a stack file in which the required one may be missing."""

    registry: RegistrySettings | None = Field(None, examples=[{"kind": "ecr", "basePath": "spectro-oci-registry"}])
    packs: tuple[PackEntry, ...] = Field((PackSettings(path="packs/*"),), examples=[["packs/*"]])
    removed_packs: RemovedPacks = Field(
        (),
        description="names of packs to remove with all their versions, in the registry too; without that, a published "
        "pack whose folder is gone is an error. Remove the name after that `up`",
        examples=[["nginx"]],
    )
    repositories: RepositorySettings = RepositorySettings()
    access: AccessSettings = AccessSettings()
    palette: PaletteSettings | None = Field(None, examples=[{"name": "packs"}])
    profiles: Mapping[str, ProfileSettings] = Field(
        {}, examples=[{"web": {"version": "1.0.0", "packs": [{"name": "web"}]}}]
    )
    charts: tuple[ChartEntry, ...] = Field((), examples=[["charts/*"]])
    policies: tuple[PolicySettings, ...] = Field(
        (), examples=[[{"name": "authz", "version": "1.4.0", "path": "policies/authz"}]]
    )
    artifacts: tuple[ArtifactSettings, ...] = Field(
        (), examples=[[{"name": "cluster-config", "version": "1.0.0", "files": ["config/a.json"]}]]
    )
    removed_artifacts: RemovedArtifacts = Field(
        (),
        description="charts, policies and artifacts to remove with all their versions, by their repositories below the base "
        "path; the same as removedPacks for packs",
        examples=[["charts/web"]],
    )
    copies: Copies = Field((), examples=[[{"from": EXAMPLE, "to": "app", "tags": ["1.2.3"]}]])
    removed_copies: RemovedCopies = Field(
        (),
        description="`to` of copies to remove with all their tags, in the registry too; without that, an entry that is gone "
        "is an error. Remove the name after that `up`",
        examples=[["app"]],
    )


class Settings(PartialSettings):
    """The settings of a stack file."""

    registry: RegistrySettings = Field(examples=[{"kind": "ecr", "basePath": "spectro-oci-registry"}])
