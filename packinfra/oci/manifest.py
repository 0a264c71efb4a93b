"""Descriptors and manifest bytes, exactly as ORAS 1.0.0 writes them.

Palette's guide demands ORAS 1.0.0 for pushing packs; the manifest's shape is the one thing in which later versions
differ (they add `artifactType` and an inlined empty config). The rules, each seen on the wire of that version:

- one line, no white space, no final newline; keys in the order below, keys of `annotations` sorted;
- `<`, `>`, `&`, U+2028 and U+2029 escaped as Go's encoding/json does, other non-ASCII raw;
- the config is the two bytes `{}` and its descriptor has no annotations (ECR refuses both an empty blob and
  annotations there: devcontainers/cli#814, falcosecurity/falcoctl#310);
- the layer's media type is `...layer.v1.tar` although the file is gzip: ORAS doesn't look into a file argument.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from oras.defaults import (
    annotation_title,
    blank_config_hash,
    default_blob_media_type,
    default_manifest_media_type,
    unknown_config_media_type,
)

ANNOTATION_CREATED = "org.opencontainers.image.created"
CONFIG = b"{}"
_GO_ESCAPES = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}


@dataclass(frozen=True)
class Descriptor:
    """A manifest's entry for a blob: media type, digest ("sha256:" and 64 hex digits), size in bytes."""

    media_type: str
    digest: str
    size: int
    annotations: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        described: dict[str, Any] = {"mediaType": self.media_type, "digest": self.digest, "size": self.size}
        if self.annotations:
            described["annotations"] = dict(sorted(self.annotations.items()))
        return described


@dataclass(frozen=True)
class Manifest:
    """A manifest as it goes over the wire: its bytes, media type and digest, and the blobs it needs."""

    body: bytes
    config: Descriptor
    layers: tuple[Descriptor, ...]
    media_type: str = default_manifest_media_type

    @property
    def digest(self) -> str:
        return f"sha256:{hashlib.sha256(self.body).hexdigest()}"

    @classmethod
    def parse(cls, body: bytes, media_type: str) -> Manifest:
        """From a registry's bytes, whoever wrote them. Raises ValueError if it isn't the manifest of one artifact."""
        try:
            document = json.loads(body)
            config, *layers = (_descriptor(d) for d in (document["config"], *(document.get("layers") or ())))
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(f"not the manifest of an artifact, but {media_type or 'something else'}") from error
        return cls(body, config, tuple(layers), media_type)


def _descriptor(described: Mapping[str, Any]) -> Descriptor:
    annotations = {str(key): str(value) for key, value in (described.get("annotations") or {}).items()}
    return Descriptor(str(described["mediaType"]), str(described["digest"]), int(described["size"]), annotations)


def pack_manifest(title: str, digest: str, size: int, created: str) -> Manifest:
    """The manifest of `oras push REFERENCE TITLE`.

    title:   the archive's bare file name; Palette keys on it, so a path would break it. Raises ValueError for one.
    digest, size: of the archive
    created: RFC 3339, UTC, whole seconds
    """
    if "/" in title or any(c < " " or c == "\x7f" for c in title):
        raise ValueError(f"a layer's title must be a bare file name without control characters, not {title!r}")
    return _manifest((Descriptor(default_blob_media_type, digest, size, {annotation_title: title}),), created)


def base_path_manifest(created: str) -> Manifest:
    """The manifest without layers that `oras push HOST/BASE/spectro-packs/archive` stores for a Basic registry."""
    return _manifest((), created)


def _manifest(layers: tuple[Descriptor, ...], created: str) -> Manifest:
    config = Descriptor(unknown_config_media_type, blank_config_hash, len(CONFIG))
    document = {
        "schemaVersion": 2,
        "mediaType": default_manifest_media_type,
        "config": config.as_json(),
        "layers": [layer.as_json() for layer in layers],
        "annotations": {ANNOTATION_CREATED: created},
    }
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    return Manifest(text.translate(_GO_ESCAPES).encode(), config, layers)
