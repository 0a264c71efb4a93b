"""CopiedArtifact: artifacts copied by digest into one repository, as a Pulumi resource."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi.dynamic import Resource

from packinfra.lifecycle.registry_access import RegistryAccess, access_to_props
from packinfra.providers import CopiedArtifactProvider
from packinfra.resources._inputs import given, own_urn, publishing_settings


@dataclass(frozen=True)
class CopyEntry:
    """One artifact of another repository.

    Args:
        source: "HOST/PATH[:TAG]@sha256:HEX". The digest says what is copied; a tag that no longer carries it is a warning.
        tags: those that it gets; none = TAG.
        referrers: copy what refers to it too (signatures, SBOMs, attestations), and what refers to that.
        overwrite: move tags that carry another digest.
        access: how to reach the source: EcrAccess with a profile or role that may read it, BasicAccess with a CA file.
            None = ECR: the stack's own AWS identity; the target's registry: its login; others: the Docker config.
    """

    source: str
    tags: Sequence[str] = ()
    referrers: bool = False
    overwrite: bool = False
    access: RegistryAccess | None = None

    def to_props(self) -> dict[str, Any]:
        values = {
            "from": self.source,
            "tags": [self.tags] if isinstance(self.tags, str) else [*self.tags],  # a text is a sequence of texts, too
            "referrers": self.referrers,
            "overwrite": self.overwrite,
            "access": access_to_props(self.access) if self.access else None,
        }
        return {key: value for key, value in values.items() if value}


class CopiedArtifact(Resource, module="packinfra", name="CopiedArtifact"):
    """Artifacts copied by digest, byte for byte, into one repository: to promote what was tested, or to mirror.

        CopiedArtifact("app", repository="harbor.example.com/prod/app", copies=[
            CopyEntry("harbor.example.com/dev/app:1.2.3@sha256:...", referrers=True),
        ])

    It owns the repository's tags: declare one per repository. A tag that no entry has any more stays until it is withdrawn
    (`unpublish`, `keep_versions`) or the resource is destroyed.

    Args:
        name: logical name.
        repository: "host/path" without scheme and tag.
        copies: what is copied there.
        unpublish: tags to withdraw.
        keep_versions: how many tags to keep in all, those of entries included; None = all.
        pack: the artifacts are packs, and the repository is one that Palette reads: each must be named as a pack is.
        registry_access: how to reach the target, and as whom, where the stack's config doesn't say it.

    Outputs: `repository`; `versions`: tag -> record (lifecycle/copies/state.py).
    """

    repository: pulumi.Output[str]
    versions: pulumi.Output[dict[str, dict[str, Any]]]

    def __init__(
        self,
        name: str,
        *,
        repository: pulumi.Input[str],
        copies: Sequence[CopyEntry],
        unpublish: Sequence[str] = (),
        keep_versions: int | None = None,
        pack: bool = False,
        registry_access: RegistryAccess | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        props = {
            "repository": repository,
            "copies": [entry.to_props() for entry in copies],
            **publishing_settings(unpublish=unpublish, keep_versions=keep_versions, registry_access=registry_access),
            **given(pack=pack or None),
            "ownUrn": own_urn(self, name, opts),
            "versions": None,
        }
        super().__init__(CopiedArtifactProvider(), name, props, opts)
