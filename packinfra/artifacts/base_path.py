"""The empty artifact that marks the base path of a Basic registry: a manifest without layers and without a tag."""

from __future__ import annotations

import hashlib

from packinfra.oci.manifest import ANNOTATION_CREATED, Manifest

ANNOTATION_OWNER = "dev.packinfra.owner"


def base_path_manifest(created: str, urn: str = "") -> Manifest:
    """The manifest that `oras push --annotation KEY=VALUE HOST/BASE/spectro-packs/archive` stores.

    urn: of the resource that it belongs to; its digest then says whose it is. "" = without the annotation
    """
    owner = {ANNOTATION_OWNER: hashlib.sha256(urn.encode()).hexdigest()[:16]} if urn else {}
    return Manifest.of((), {ANNOTATION_CREATED: created, **owner})
