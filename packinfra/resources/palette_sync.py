"""PaletteSync: Palette lists what was published, as a Pulumi resource."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
from pulumi.dynamic import Resource

from packinfra.providers import PaletteSyncProvider
from packinfra.resources._inputs import given, own_urn
from packinfra.resources.palette_registry import PaletteRegistry


class PaletteSync(Resource, module="packinfra", name="PaletteSync"):
    """A sync of `registry` whenever it or the packs change; done when Palette lists every version.

    Depend on every PublishedPack (`opts.depends_on`): packs must be published before.

    Args:
        name: logical name.
        registry: the registry to sync.
        packs: pack name -> version -> manifest digest, as EcrPackRegistry and BasicPackRegistry export it; a changed
            digest starts another sync.
        content: the same of what Palette reads and `packs` doesn't have: a change starts another sync, and nothing is looked
            up.
        timeout_seconds: until the sync is over and every version is listed.

    Outputs: `packs`: the versions that Palette listed.
    """

    packs: pulumi.Output[dict[str, dict[str, str]]]

    def __init__(
        self,
        name: str,
        *,
        registry: PaletteRegistry,
        packs: pulumi.Input[Mapping[str, pulumi.Input[Mapping[str, str]]]],
        content: pulumi.Input[Mapping[str, pulumi.Input[Mapping[str, str]]]] | None = None,
        timeout_seconds: float = 600.0,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        props = {
            "registryUid": registry.uid,
            "revision": registry.revision,
            "kind": registry.kind,
            "tenant": registry.tenant,
            # Not Output.concat: a registry that `--target` doesn't create has None here, known.
            "location": pulumi.Output.all(registry.endpoint, registry.base_path).apply("{0[0]}/{0[1]}".format),
            **registry.palette_location,
            "packs": packs,
            **given(content=content),
            "timeoutSeconds": timeout_seconds,
            "ownUrn": own_urn(self, name, opts),
        }
        super().__init__(PaletteSyncProvider(), name, props, opts)
