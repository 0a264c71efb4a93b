"""The ready program: a stack's config -> one pack registry -> what Palette's registration form asks for."""

from __future__ import annotations

import os

import pulumi

import packinfra
from packinfra.settings import SettingsError, load

try:
    settings = load(
        pulumi.runtime.config.CONFIG.get(), environ=os.environ, encrypted=pulumi.runtime.config.is_config_secret
    )
except SettingsError as error:
    raise pulumi.RunError(f"{error}\n  in stacks/Pulumi.{pulumi.get_stack()}.yaml") from None

config, where = pulumi.Config(), settings.registry
registry: packinfra.EcrPackRegistry | packinfra.BasicPackRegistry
if where.kind == "ecr":
    registry = packinfra.EcrPackRegistry(
        "packs",
        base_path=where.base_path,
        packs=settings.packs,
        repositories=settings.repositories,
        access=settings.access,
        palette=settings.palette,
        palette_secret_key=config.get_secret("paletteSecretKey"),
    )
else:
    registry = packinfra.BasicPackRegistry(
        "packs",
        host=where.host or "",
        base_path=where.base_path,
        packs=settings.packs,
        ca_file=where.ca_file,
        plain_http=where.plain_http,
        username=where.username,
        palette=settings.palette,
        palette_password=config.get_secret("palettePassword"),
    )
for key, value in registry.exports.items():
    pulumi.export(key, value)
