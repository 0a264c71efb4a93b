"""What both registry components do with Palette: the registry registered, synced, and every version looked up.

PalettePrincipal -> reader role -> PaletteRegistry -> PaletteSync, and every PublishedPack -> PaletteRegistry: so that
destroy asks Palette first, and no pack is gone if cluster profiles still use them and Palette refuses.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi

from packinfra.resources.palette_principal import PalettePrincipal
from packinfra.resources.palette_registry import PaletteRegistry
from packinfra.resources.palette_sync import PaletteSync
from packinfra.resources.published_pack import PublishedPack
from packinfra.settings import PaletteSettings


@dataclass(frozen=True)
class Login:
    """How Palette reads the registry: a role, an access key, or user name and password. See PaletteRegistry.

    ready: what must be there before Palette gets in with it
    """

    role_arn: pulumi.Input[str] | None = None
    external_id: pulumi.Input[str] | None = None
    access_key_id: str | None = None
    secret_key: pulumi.Input[str] | None = None
    username: str | None = None
    password: pulumi.Input[str] | None = None
    registry_ca_file: str | None = None
    ready: Sequence[pulumi.Resource] = ()


def principal(name: str, palette: PaletteSettings, opts: pulumi.ResourceOptions) -> PalettePrincipal:
    return PalettePrincipal(name, partition=_partition(), **_where(palette), opts=opts)


def register(
    name: str,
    palette: PaletteSettings,
    login: Login,
    *,
    kind: str,
    endpoint: pulumi.Input[str],
    base_path: pulumi.Input[str],
    versions: pulumi.Output[dict[str, dict[str, str]]],
    packs: Sequence[PublishedPack],
    child: Callable[..., pulumi.ResourceOptions],
) -> PaletteRegistry:
    """
    versions: what Palette must offer in the end: pack name -> version -> manifest digest, as the PublishedPacks say it
    packs:    published before the registry is registered, removed after it
    child:    makes the options of a child of the component
    """
    given = {key: value for key, value in vars(login).items() if key != "ready"}
    opts = child()
    opts.depends_on = [*login.ready, *packs]
    registry = PaletteRegistry(
        name,
        registry_name=palette.name,
        kind=kind,
        endpoint=endpoint,
        base_path=base_path,
        partition=_partition(),
        **given,
        **_where(palette),
        opts=opts,
    )
    PaletteSync(name, registry=registry, packs=versions, timeout_seconds=palette.sync_timeout, opts=child())
    return registry


def _partition() -> str:
    """Of the stack's region: Palette asks for roles from another account in AWS GovCloud."""
    region = pulumi.Config("aws").get("region") or ""
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"


def _where(palette: PaletteSettings) -> dict[str, Any]:
    return {"host": palette.host, "ca_file": palette.ca_file}
