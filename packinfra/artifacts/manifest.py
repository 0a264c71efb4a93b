"""The manifest of an artifact, and its blobs, from its parts."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Mapping
from functools import partial
from typing import BinaryIO

from oras.defaults import annotation_title

from packinfra.artifacts.content import EMPTY, Layer, Parts
from packinfra.oci.manifest import Descriptor, Manifest


def manifest_of(parts: Parts) -> Manifest:
    config = Descriptor.of(parts.config_type, parts.config, inlined=parts.inlined)
    return Manifest.of(
        tuple(map(_descriptor, parts.layers)), parts.annotations, config=config, artifact_type=parts.artifact_type,
        typed=parts.typed,
    )  # fmt: skip


def blobs_of(parts: Parts) -> Mapping[str, Callable[[], BinaryIO]]:
    """Digest -> opens the blob."""
    config = Descriptor.of(parts.config_type, parts.config).digest
    return {config: partial(io.BytesIO, parts.config), **{layer.digest: layer.open for layer in parts.layers}}


def _descriptor(layer: Layer) -> Descriptor:
    title = {annotation_title: layer.title} if layer.title else {}
    data = base64.b64encode(EMPTY).decode() if layer.inlined else ""
    return Descriptor(layer.media_type, layer.digest, layer.size, title, data)
