"""Descriptors and manifest bytes, exactly as the tools of the field write them.

Palette's guide demands ORAS 1.0.0 for pushing packs; the manifest's shape is the one thing in which later versions
differ (they add `artifactType` and an inlined empty config). So that shape is the default. The rules, each seen on the wire
of ORAS, Helm and conftest:

- JSON as Go writes it (packinfra/gojson.py); keys in the order below, keys of `annotations` sorted; empty ones left out;
- the config, if none is named, is the two bytes `{}` and its descriptor has no annotations (ECR refuses both an empty blob and
  annotations there: devcontainers/cli#814, falcosecurity/falcoctl#310).
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from oras.defaults import (
    blank_config_hash,
    default_manifest_media_type,
    unknown_config_media_type,
)

from packinfra import gojson
from packinfra.http.redact import clean
from packinfra.oci.reference import digest_of

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
ANNOTATION_CREATED = "org.opencontainers.image.created"
CONFIG = b"{}"


@dataclass(frozen=True)
class Descriptor:
    """A manifest's entry for a blob: media type, digest ("sha256:" and 64 hex digits), size in bytes.

    data: the blob's bytes in base64, where the manifest repeats them
    """

    media_type: str
    digest: str
    size: int
    annotations: Mapping[str, str] = field(default_factory=dict)
    data: str = ""

    @classmethod
    def of(cls, media_type: str, content: bytes, *, inlined: bool = False) -> Descriptor:
        """Of a blob with these bytes."""
        data = base64.b64encode(content).decode() if inlined else ""
        return cls(media_type, digest_of(content), len(content), data=data)

    def as_json(self) -> dict[str, Any]:
        described: dict[str, Any] = {"mediaType": self.media_type, "digest": self.digest, "size": self.size}
        if self.annotations:
            described["annotations"] = dict(sorted(self.annotations.items()))
        if self.data:
            described["data"] = self.data
        return described


UNKNOWN_CONFIG = Descriptor(unknown_config_media_type, blank_config_hash, len(CONFIG))
"""The config of ORAS 1.0.0 where none is named."""


@dataclass(frozen=True)
class Manifest:
    """A manifest as it goes over the wire: its bytes, media type and digest, and the blobs it needs."""

    body: bytes
    config: Descriptor
    layers: tuple[Descriptor, ...]
    media_type: str = default_manifest_media_type

    @property
    def digest(self) -> str:
        return digest_of(self.body)

    @classmethod
    def of(
        cls,
        layers: tuple[Descriptor, ...],
        annotations: Mapping[str, str],
        *,
        config: Descriptor = UNKNOWN_CONFIG,
        artifact_type: str = "",
        typed: bool = True,
    ) -> Manifest:
        """The manifest of an artifact. typed: the manifest names its own media type, which Helm's and conftest's don't."""
        document = {
            "schemaVersion": 2,
            **({"mediaType": default_manifest_media_type} if typed else {}),
            **({"artifactType": artifact_type} if artifact_type else {}),
            "config": config.as_json(),
            "layers": [layer.as_json() for layer in layers],
            **({"annotations": dict(sorted(annotations.items()))} if annotations else {}),
        }
        return cls(gojson.encode(document), config, layers)

    @classmethod
    def parse(cls, body: bytes, media_type: str) -> Manifest:
        """From a registry's bytes, whoever wrote them. Raises ValueError if it isn't the manifest of one artifact."""
        try:
            document = json.loads(body)
            config, *layers = (_descriptor(d) for d in (document["config"], *(document.get("layers") or ())))
        except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
            other = clean(media_type, limit=100) or "something else"
            raise ValueError(f"not the manifest of an artifact, but {other}") from error
        return cls(body, config, tuple(layers), media_type)


def _descriptor(described: Mapping[str, Any]) -> Descriptor:
    """Raises one of the errors that `parse` catches if a registry wrote something else."""
    kind, digest, size = described["mediaType"], described["digest"], described["size"]
    if not (isinstance(kind, str) and isinstance(digest, str) and _DIGEST.fullmatch(digest)):
        raise ValueError("no descriptor")
    if not isinstance(size, int) or size < 0:
        raise ValueError("no size")
    annotations = {key: value for key, value in (described.get("annotations") or {}).items() if isinstance(value, str)}
    return Descriptor(kind, digest, size, annotations)
