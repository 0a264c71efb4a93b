"""The ready program: a stack's config -> one pack registry -> what Palette's registration form asks for."""

import pulumi

from packinfra import EcrPackRegistry
from packinfra.settings import SettingsError, load

try:
    settings = load(pulumi.runtime.config.CONFIG.get())
except SettingsError as error:
    raise pulumi.RunError(f"{error}\n  in stacks/Pulumi.{pulumi.get_stack()}.yaml") from None

registry = EcrPackRegistry(
    "packs",
    base_path=settings.registry.base_path,
    packs=settings.packs,
    repositories=settings.repositories,
    access=settings.access,
)
for key, value in registry.exports.items():
    pulumi.export(key, value)
