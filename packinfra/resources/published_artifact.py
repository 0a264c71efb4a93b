"""PublishedArtifact: the versions of one chart, policy or other artifact, published in one repository, as a Pulumi resource."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pulumi
from pulumi.dynamic import Resource

from packinfra.artifacts.sources import ArtifactSource, source_to_props
from packinfra.lifecycle.registry_access import RegistryAccess
from packinfra.packs.archive import CREATED
from packinfra.providers import PublishedArtifactProvider
from packinfra.resources._inputs import own_urn, publishing_settings


class PublishedArtifact(Resource, module="packinfra", name="PublishedArtifact"):
    """The versions of one artifact, published in one repository, with the life of PublishedPack.

        PublishedArtifact("web", repository="harbor.example.com/team/charts/web", sources=[HelmChart("charts/web")])

    It owns the repository's tags: declare one per repository. Versions whose source is gone stay published until they are
    withdrawn (`unpublish`, `keep_versions`) or the resource is destroyed.

    Args:
        name: logical name.
        repository: "host/path" without scheme and tag; of a chart, its last component is the chart's name.
        sources: HelmChart, OpaBundle, ConftestPolicy or Files, one per version; paths are relative to the program's
            working folder.
        overwrite: publish changed content under a version that is already published.
        unpublish: versions to withdraw.
        keep_versions: how many versions to keep in all, current ones included; None = all.
        delete_adopted: on destroy, also remove what somebody else pushed and this resource only adopted.
        created: RFC 3339, UTC, whole seconds; in the manifest (conftest's has none) and in archives made of folders.
        registry_access: how to reach the registry, and as whom, where the stack's config doesn't say it.

    Outputs: `repository`; `versions`: tag -> record (lifecycle/publishing/state.py). The tag of a chart's version has _ in
    place of +.
    """

    repository: pulumi.Output[str]
    versions: pulumi.Output[dict[str, dict[str, Any]]]

    def __init__(
        self,
        name: str,
        *,
        repository: pulumi.Input[str],
        sources: Sequence[ArtifactSource],
        overwrite: bool = False,
        unpublish: Sequence[str] = (),
        keep_versions: int | None = None,
        delete_adopted: bool = False,
        created: str = CREATED,
        registry_access: RegistryAccess | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        props = {
            "repository": repository,
            "sources": [source_to_props(source) for source in sources],
            **publishing_settings(
                overwrite=overwrite,
                unpublish=unpublish,
                keep_versions=keep_versions,
                delete_adopted=delete_adopted,
                created=created,
                registry_access=registry_access,
            ),
            "ownUrn": own_urn(self, name, opts),
            "versions": None,
        }
        super().__init__(PublishedArtifactProvider(), name, props, opts)
