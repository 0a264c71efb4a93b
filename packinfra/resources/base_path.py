"""BasePath: the empty artifact that marks a Basic registry's base path, as a Pulumi resource."""

from __future__ import annotations

import pulumi
from pulumi.dynamic import Resource

from packinfra.lifecycle.registry_access import RegistryAccess, access_to_props
from packinfra.providers import BasePathProvider
from packinfra.resources._inputs import own_urn


class BasePath(Resource, module="packinfra", name="BasePath"):
    """The empty artifact that marks the base path of a Basic registry.

    Args:
        name: logical name.
        repository: "host/basePath/spectro-packs/archive".
        registry_access: how to reach the registry.

    Outputs: `digest`; `adopted`: false, and true in the state of packinfra 0.1 where the artifact had been there before:
    destroy leaves that in place.
    """

    repository: pulumi.Output[str]
    digest: pulumi.Output[str]
    adopted: pulumi.Output[bool]

    def __init__(
        self, name: str, *, repository: str, registry_access: RegistryAccess, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        props = {
            "repository": repository,
            "registryAccess": access_to_props(registry_access),
            "ownUrn": own_urn(self, name, opts),
            "digest": None,
            "adopted": None,
        }
        super().__init__(BasePathProvider(), name, props, opts)
