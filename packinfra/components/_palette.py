"""The registration of both registry components in Palette.

PalettePrincipal -> reader role -> PaletteRegistry -> PaletteSync, and every PublishedPack -> PaletteRegistry: so destroy
deletes the registration first, and if Palette refuses because cluster profiles use packs, the packs stay.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TypedDict

import pulumi
from pydantic.alias_generators import to_snake

from packinfra.components._packs import PublishedPacks
from packinfra.components._registry import PackRegistry
from packinfra.palette.credentials import Kind
from packinfra.resources.palette_principal import PalettePrincipal
from packinfra.resources.palette_registry import PaletteRegistry
from packinfra.resources.palette_sync import PaletteSync
from packinfra.settings import PaletteSettings

_ARGUMENTS = {"secretKey": "palette_secret_key", "password": "palette_password"}


class CredentialArguments(TypedDict, total=False):
    """Arguments of PaletteRegistry."""

    role_arn: pulumi.Input[str]
    external_id: pulumi.Input[str]
    access_key_id: str
    secret_key: pulumi.Input[str] | None
    username: str | None
    password: pulumi.Input[str] | None
    registry_ca_file: str | None


def credentials_or_error(palette: PaletteSettings | None, kind: Kind, secret: pulumi.Input[str] | None) -> None:
    """Raises a RunError if the credentials in `palette` and the component's secret don't fit together."""
    if palette:
        secret_key = "secretKey" if kind == "ecr" else "password"
        problems = palette.credential_problems(kind, [] if secret is None else [secret_key], _argument, {})
        if problems:
            raise pulumi.RunError("\n".join(problems))


def principal(name: str, palette: PaletteSettings, opts: pulumi.ResourceOptions) -> PalettePrincipal:
    return PalettePrincipal(name, host=palette.host, ca_file=palette.ca_file, partition=_partition(), opts=opts)


def register(
    component: PackRegistry,
    name: str,
    palette: PaletteSettings,
    credentials: CredentialArguments,
    *,
    kind: Kind,
    endpoint: pulumi.Input[str],
    packs: PublishedPacks,
    depends_on: Sequence[pulumi.Resource],
) -> pulumi.Output[str]:
    """Registers the component's registry and has it synced. Returns the uid.

    depends_on: must exist before Palette can read
    """
    registry = PaletteRegistry(
        name,
        registry_name=palette.name,
        kind=kind,
        endpoint=endpoint,
        base_path=component.base_path,
        partition=_partition(),
        host=palette.host,
        ca_file=palette.ca_file,
        opts=pulumi.ResourceOptions(parent=component, depends_on=[*depends_on, *packs.packs]),
        **credentials,
    )
    opts = pulumi.ResourceOptions(parent=component)
    PaletteSync(name, registry=registry, packs=packs.versions, timeout=palette.sync_timeout, opts=opts)
    return registry.uid


def _partition() -> str:
    """Palette assumes roles in AWS GovCloud from another account."""
    environ = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or ""
    region = pulumi.Config("aws").get("region") or environ
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"


def _argument(key: str) -> str:
    """The name of a key in a program."""
    return _ARGUMENTS.get(key) or f"palette.{to_snake(key)}"
