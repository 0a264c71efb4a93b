"""A pack version as an artifact: one layer, the pack's archive, under its file name."""

from __future__ import annotations

from oras.defaults import annotation_title, default_blob_media_type

from packinfra.oci.manifest import ANNOTATION_CREATED, Descriptor, Manifest

LAYER_MEDIA_TYPE: str = default_blob_media_type
"""`...layer.v1.tar` although the file is gzip: ORAS doesn't look into a file argument."""


def pack_manifest(title: str, digest: str, size: int, created: str) -> Manifest:
    """The manifest of `oras push REFERENCE TITLE`.

    title:   the archive's bare file name; Palette keys on it, so a path would break it. Raises ValueError for one.
    digest, size: of the archive
    created: RFC 3339, UTC, whole seconds
    """
    if "/" in title or any(c < " " or c == "\x7f" for c in title):
        raise ValueError(f"a layer's title must be a bare file name without control characters, not {title!r}")
    layer = Descriptor(LAYER_MEDIA_TYPE, digest, size, {annotation_title: title})
    return Manifest.of((layer,), {ANNOTATION_CREATED: created})
