"""packinfra: Spectro Cloud Palette packs in OCI registries, declared with Pulumi.

    import packinfra

    packinfra.EcrPackRegistry("packs", base_path="spectro-oci-registry", packs=["packs/*"])

The names below are loaded on first use (PEP 562), so that `packinfra.packs` works where Pulumi isn't installed.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from packinfra.components.basic_registry import BasicPackRegistry as BasicPackRegistry
    from packinfra.components.ecr_registry import EcrPackRegistry as EcrPackRegistry
    from packinfra.lifecycle.clients import Connection as Connection
    from packinfra.resources.palette_principal import PalettePrincipal as PalettePrincipal
    from packinfra.resources.palette_registry import PaletteRegistry as PaletteRegistry
    from packinfra.resources.palette_sync import PaletteSync as PaletteSync
    from packinfra.resources.published_pack import PublishedPack as PublishedPack
    from packinfra.settings import AccessSettings as AccessSettings
    from packinfra.settings import PackSettings as PackSettings
    from packinfra.settings import PaletteSettings as PaletteSettings
    from packinfra.settings import RepositorySettings as RepositorySettings
    from packinfra.settings import Settings as Settings

__all__ = [
    "AccessSettings",
    "BasicPackRegistry",
    "Connection",
    "EcrPackRegistry",
    "PackSettings",
    "PalettePrincipal",
    "PaletteRegistry",
    "PaletteSettings",
    "PaletteSync",
    "PublishedPack",
    "RepositorySettings",
    "Settings",
]

_HOMES = {
    "AccessSettings": "packinfra.settings",
    "PackSettings": "packinfra.settings",
    "PaletteSettings": "packinfra.settings",
    "RepositorySettings": "packinfra.settings",
    "BasicPackRegistry": "packinfra.components.basic_registry",
    "Connection": "packinfra.lifecycle.clients",
    "EcrPackRegistry": "packinfra.components.ecr_registry",
    "PalettePrincipal": "packinfra.resources.palette_principal",
    "PaletteRegistry": "packinfra.resources.palette_registry",
    "PaletteSync": "packinfra.resources.palette_sync",
    "PublishedPack": "packinfra.resources.published_pack",
    "Settings": "packinfra.settings",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'packinfra' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
