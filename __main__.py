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
pulumi.export("endpoint", registry.endpoint)
pulumi.export("basePath", registry.base_path)
pulumi.export("repositories", registry.repositories)
pulumi.export("versions", registry.versions)
pulumi.export("publisherPolicyArn", registry.publisher_policy_arn)
