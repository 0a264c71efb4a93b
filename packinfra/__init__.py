"""packinfra: Spectro Cloud Palette packs in OCI registries, declared with Pulumi.

    import packinfra

    packinfra.EcrPackRegistry("packs", base_path="spectro-oci-registry", packs=["packs/*"])

The names below are loaded on first use (PEP 562), so that `packinfra.packs` works where Pulumi isn't installed.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from packinfra.artifacts.files import ArtifactFile as ArtifactFile
    from packinfra.artifacts.sources import ArtifactSource as ArtifactSource
    from packinfra.artifacts.sources import ConftestPolicy as ConftestPolicy
    from packinfra.artifacts.sources import Files as Files
    from packinfra.artifacts.sources import HelmChart as HelmChart
    from packinfra.artifacts.sources import OpaBundle as OpaBundle
    from packinfra.components.basic_registry import BasicPackRegistry as BasicPackRegistry
    from packinfra.components.ecr_registry import EcrPackRegistry as EcrPackRegistry
    from packinfra.errors import PackinfraError as PackinfraError
    from packinfra.lifecycle.registry_access import BasicAccess as BasicAccess
    from packinfra.lifecycle.registry_access import EcrAccess as EcrAccess
    from packinfra.lifecycle.registry_access import RegistryAccess as RegistryAccess
    from packinfra.packs import Pack as Pack
    from packinfra.resources.base_path import BasePath as BasePath
    from packinfra.resources.cluster_profile import ClusterProfile as ClusterProfile
    from packinfra.resources.copied_artifact import CopiedArtifact as CopiedArtifact
    from packinfra.resources.copied_artifact import CopyEntry as CopyEntry
    from packinfra.resources.palette_principal import PalettePrincipal as PalettePrincipal
    from packinfra.resources.palette_registry import PaletteRegistry as PaletteRegistry
    from packinfra.resources.palette_sync import PaletteSync as PaletteSync
    from packinfra.resources.published_artifact import PublishedArtifact as PublishedArtifact
    from packinfra.resources.published_pack import PublishedPack as PublishedPack
    from packinfra.settings import AccessSettings as AccessSettings
    from packinfra.settings import ArtifactSettings as ArtifactSettings
    from packinfra.settings import BasicRegistry as BasicRegistry
    from packinfra.settings import ChartSettings as ChartSettings
    from packinfra.settings import CopySettings as CopySettings
    from packinfra.settings import EcrRegistry as EcrRegistry
    from packinfra.settings import FileSettings as FileSettings
    from packinfra.settings import LifecycleSettings as LifecycleSettings
    from packinfra.settings import PackSettings as PackSettings
    from packinfra.settings import PaletteSettings as PaletteSettings
    from packinfra.settings import PolicySettings as PolicySettings
    from packinfra.settings import ProfilePackSettings as ProfilePackSettings
    from packinfra.settings import ProfileSettings as ProfileSettings
    from packinfra.settings import RepositorySettings as RepositorySettings
    from packinfra.settings import Settings as Settings
    from packinfra.settings import VariableSettings as VariableSettings
    from packinfra.settings.access import CiSettings as CiSettings
    from packinfra.settings.access import GranteeSettings as GranteeSettings
    from packinfra.settings.access import PullSettings as PullSettings
    from packinfra.settings.access import ReaderSettings as ReaderSettings

__version__ = "0.2.0"

_HOMES = {
    "AccessSettings": "packinfra.settings",
    "ArtifactFile": "packinfra.artifacts.files",
    "ArtifactSettings": "packinfra.settings",
    "ArtifactSource": "packinfra.artifacts.sources",
    "BasePath": "packinfra.resources.base_path",
    "BasicAccess": "packinfra.lifecycle.registry_access",
    "BasicPackRegistry": "packinfra.components.basic_registry",
    "BasicRegistry": "packinfra.settings",
    "ChartSettings": "packinfra.settings",
    "CiSettings": "packinfra.settings.access",
    "ClusterProfile": "packinfra.resources.cluster_profile",
    "ConftestPolicy": "packinfra.artifacts.sources",
    "CopiedArtifact": "packinfra.resources.copied_artifact",
    "CopyEntry": "packinfra.resources.copied_artifact",
    "CopySettings": "packinfra.settings",
    "EcrAccess": "packinfra.lifecycle.registry_access",
    "EcrPackRegistry": "packinfra.components.ecr_registry",
    "EcrRegistry": "packinfra.settings",
    "FileSettings": "packinfra.settings",
    "Files": "packinfra.artifacts.sources",
    "GranteeSettings": "packinfra.settings.access",
    "HelmChart": "packinfra.artifacts.sources",
    "LifecycleSettings": "packinfra.settings",
    "OpaBundle": "packinfra.artifacts.sources",
    "Pack": "packinfra.packs",
    "PackSettings": "packinfra.settings",
    "PackinfraError": "packinfra.errors",
    "PalettePrincipal": "packinfra.resources.palette_principal",
    "PaletteRegistry": "packinfra.resources.palette_registry",
    "PaletteSettings": "packinfra.settings",
    "PaletteSync": "packinfra.resources.palette_sync",
    "PolicySettings": "packinfra.settings",
    "PublishedArtifact": "packinfra.resources.published_artifact",
    "ProfilePackSettings": "packinfra.settings",
    "ProfileSettings": "packinfra.settings",
    "PublishedPack": "packinfra.resources.published_pack",
    "PullSettings": "packinfra.settings.access",
    "ReaderSettings": "packinfra.settings.access",
    "RegistryAccess": "packinfra.lifecycle.registry_access",
    "RepositorySettings": "packinfra.settings",
    "Settings": "packinfra.settings",
    "VariableSettings": "packinfra.settings",
}
"""Public name -> the module that has it. A test compares it with the imports above, which type checkers read."""

__all__ = ["__version__", *_HOMES]  # noqa: PLE0604 - ruff cannot see that the keys are text


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        try:
            return getattr(import_module(_HOMES[name]), name)
        except ModuleNotFoundError as error:
            remedy = "it comes with the extra: pip install 'packinfra[pulumi]'"
            raise ImportError(f"packinfra.{name} needs {error.name}; {remedy}", name=error.name) from error
    raise AttributeError(f"module 'packinfra' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
