"""What both registry components do with Palette: the registry registered, synced, and every version looked up.

PalettePrincipal -> reader role -> PaletteRegistry -> PaletteSync <- every PublishedPack
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
    region = pulumi.Config("aws").get("region") or ""
    partition = "aws-us-gov" if region.startswith("us-gov-") else "aws"
    return PalettePrincipal(name, partition=partition, **_where(palette), opts=opts)


def register(
    name: str,
    palette: PaletteSettings,
    login: Login,
    *,
    kind: str,
    endpoint: pulumi.Input[str],
    base_path: pulumi.Input[str],
    published: Mapping[str, PublishedPack],
    versions: pulumi.Output[dict[str, dict[str, str]]],
    child: Callable[..., pulumi.ResourceOptions],
) -> PaletteRegistry:
    """
    published, versions: the packs that Palette must offer in the end; pack name -> version -> manifest digest
    child: makes the options of a child of the component
    """
    given = {key: value for key, value in vars(login).items() if key != "ready"}
    registry = PaletteRegistry(
        name,
        registry_name=palette.name,
        kind=kind,
        endpoint=endpoint,
        base_path=base_path,
        **given,
        **_where(palette),
        opts=_after(child(), login.ready),
    )
    PaletteSync(
        name,
        registry=registry,
        packs=versions,
        timeout=palette.sync_timeout,
        opts=_after(child(), list(published.values())),
    )
    return registry


def _where(palette: PaletteSettings) -> dict[str, Any]:
    return {"host": palette.host, "ca_file": palette.ca_file, "project": palette.project}


def _after(opts: pulumi.ResourceOptions, resources: Sequence[pulumi.Resource]) -> pulumi.ResourceOptions:
    opts.depends_on = list(resources)
    return opts
