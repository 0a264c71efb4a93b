"""The ready program: a stack's config -> one pack registry, and profiles of its packs -> outputs."""

from __future__ import annotations

import os

import pulumi

import packinfra
from packinfra.settings import EcrRegistry, SettingsError, load

config = pulumi.Config()
try:
    settings = load(
        pulumi.runtime.config.CONFIG.get(), environ=os.environ, encrypted=pulumi.runtime.config.is_config_secret
    )
except SettingsError as error:
    raise pulumi.RunError(f"{error}\n  in stacks/Pulumi.{pulumi.get_stack()}.yaml") from None

secret_profiles = pulumi.runtime.config.is_config_secret("packinfra:profiles")
registry: packinfra.EcrPackRegistry | packinfra.BasicPackRegistry
if isinstance(settings.registry, EcrRegistry):
    registry = packinfra.EcrPackRegistry(
        "packs",
        base_path=settings.registry.base_path,
        packs=settings.packs,
        removed_packs=settings.removed_packs,
        charts=settings.charts,
        policies=settings.policies,
        artifacts=settings.artifacts,
        removed_artifacts=settings.removed_artifacts,
        copies=settings.copies,
        removed_copies=settings.removed_copies,
        repositories=settings.repositories,
        access=settings.access,
        palette=settings.palette,
        palette_secret_key=config.get_secret("paletteSecretKey"),
        profiles=settings.profiles,
        secret_profiles=secret_profiles,
    )
else:
    registry = packinfra.BasicPackRegistry(
        "packs",
        host=settings.registry.host,
        base_path=settings.registry.base_path,
        packs=settings.packs,
        removed_packs=settings.removed_packs,
        charts=settings.charts,
        policies=settings.policies,
        artifacts=settings.artifacts,
        removed_artifacts=settings.removed_artifacts,
        copies=settings.copies,
        removed_copies=settings.removed_copies,
        ca_file=settings.registry.ca_file,
        plain_http=settings.registry.plain_http,
        token_host=settings.registry.token_host,
        blob_hosts=settings.registry.blob_hosts,
        base_path_artifact=settings.registry.base_path_artifact,
        username=settings.registry.username,
        palette=settings.palette,
        palette_password=config.get_secret("palettePassword"),
        profiles=settings.profiles,
        secret_profiles=secret_profiles,
    )
for key, value in registry.exports.items():
    pulumi.export(key, value)
