"""The empty artifact that marks the base path of a Basic registry: a manifest without layers and without a tag."""

from __future__ import annotations

from packinfra.oci.manifest import ANNOTATION_CREATED, Manifest


def base_path_manifest(created: str) -> Manifest:
    """The manifest that `oras push HOST/BASE/spectro-packs/archive` stores."""
    return Manifest.of((), {ANNOTATION_CREATED: created})
