"""PublishedPack: the versions of one pack, published in one repository, as a Pulumi resource."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import pulumi
from pulumi.dynamic import Resource

from packinfra.lifecycle.registry_access import RegistryAccess
from packinfra.packs.archive import CREATED
from packinfra.packs.pack import Pack
from packinfra.providers import PublishedPackProvider
from packinfra.resources._inputs import given, own_urn, publishing_settings


class PublishedPack(Resource, module="packinfra", name="PublishedPack"):
    """The versions of one pack, published in one repository.

    It owns the repository's tags: declare one per repository. Versions whose folder is gone stay published until
    they are withdrawn (`unpublish`, `keep_versions`) or the resource is destroyed.

    Args:
        name: logical name; `<component>-<packName>` in packinfra's components, never from a folder or digest.
        repository: "host/path" without scheme and tag; its last component is the pack's name.
        sources: folders of this pack, one per version, relative to the program's working folder.
        overwrite: publish changed content under a version that is already published.
        unpublish: versions to withdraw.
        keep_versions: how many versions to keep in all, current ones included; None = all.
        delete_adopted: on destroy, also remove images that somebody else pushed and this resource only adopted.
        created: RFC 3339, UTC, whole seconds; in the manifest and the archive.
        registry_access: how to reach the registry, and as whom, where the stack's config doesn't say it.
        validated: packs of `sources` that the program has just read and found without errors: they aren't validated
            again, and packs that are published already aren't read again.

    Outputs: `repository`; `versions`: version -> record (lifecycle/publishing/state.py).
    """

    repository: pulumi.Output[str]
    versions: pulumi.Output[dict[str, dict[str, Any]]]

    def __init__(
        self,
        name: str,
        *,
        repository: pulumi.Input[str],
        sources: Sequence[str],
        overwrite: bool = False,
        unpublish: Sequence[str] = (),
        keep_versions: int | None = None,
        delete_adopted: bool = False,
        created: str = CREATED,
        registry_access: RegistryAccess | None = None,
        validated: Sequence[Pack] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        read = {os.path.relpath(p.folder): [p.name, p.version, p.content_digest] for p in validated}
        props = {
            "repository": repository,
            "sources": list(sources),
            **publishing_settings(
                overwrite=overwrite,
                unpublish=unpublish,
                keep_versions=keep_versions,
                delete_adopted=delete_adopted,
                created=created,
                registry_access=registry_access,
            ),
            **given(validated=read or None),
            "ownUrn": own_urn(self, name, opts),
            "versions": None,
        }
        super().__init__(PublishedPackProvider(), name, props, opts)
