"""Images, indexes and what refers to them, with known bytes, on any registry."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from packinfra.oci import Client, Descriptor, Reference
from packinfra.oci.raw import INDEX, RawManifest
from packinfra.oci.uploads import Upload
from tests.support.oci import sha

IMAGE = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


@dataclass(frozen=True)
class Artifact:
    """manifest: its bytes, as they go over the wire; blobs, children: what it needs"""

    manifest: bytes
    media_type: str
    blobs: Sequence[bytes] = ()
    children: Sequence[Artifact] = ()

    @property
    def digest(self) -> str:
        return sha(self.manifest)

    @property
    def entry(self) -> dict[str, Any]:
        return {"mediaType": self.media_type, "digest": self.digest, "size": len(self.manifest)}

    def push(self, client: Client, at: Reference) -> str:
        """Children by digest, then itself; returns its digest."""
        for child in self.children:
            child.push(client, Reference(at.host, at.repository, child.digest))
        for blob in self.blobs:
            Upload(client.call(at), Descriptor("", sha(blob), len(blob)), lambda blob=blob: io.BytesIO(blob)).run()  # type: ignore[misc]
        client.publish(at, RawManifest.parse(self.manifest, self.media_type))
        return self.digest


def blob_entry(blob: bytes, media_type: str = LAYER, **more: Any) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": sha(blob), "size": len(blob), **more}


def image(
    *layers: bytes, config: bytes = b'{"os":"linux"}', extra: Sequence[dict[str, Any]] = (), **more: Any
) -> Artifact:
    """With white space in its bytes, which whoever writes it anew loses. extra: more layers, without their blobs."""
    document = {
        "schemaVersion": 2,
        "mediaType": IMAGE,
        "config": blob_entry(config, CONFIG),
        "layers": [*map(blob_entry, layers), *extra],
        **more,
    }
    return Artifact(json.dumps(document, indent=3).encode(), IMAGE, (config, *layers))


def index(*children: Artifact, extra: Sequence[dict[str, Any]] = (), **more: Any) -> Artifact:
    """extra: more entries, without what they name"""
    document = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [*(c.entry for c in children), *extra], **more}
    return Artifact(json.dumps(document, indent=1).encode(), INDEX, (), children)


def referrer(subject: Artifact, content: bytes, artifact_type: str = "application/vnd.acme.signature") -> Artifact:
    subject_entry = subject.entry
    return image(content, config=b"{}", artifactType=artifact_type, subject=subject_entry)
