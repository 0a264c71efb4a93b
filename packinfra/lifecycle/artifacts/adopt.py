"""Compares what somebody else pushed with an artifact: the manifest, but for when it was made, and the content of an archive
that other tools make with other bytes."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from packinfra.artifacts.content import Content
from packinfra.artifacts.files import CREATED_ANNOTATION
from packinfra.artifacts.manifest import manifest_of
from packinfra.http.redact import clean
from packinfra.lifecycle.publishing.family import Foreign
from packinfra.lifecycle.publishing.state import FOREIGN, PublishedVersion
from packinfra.oci.client import Client
from packinfra.oci.errors import NotAnArtifact
from packinfra.oci.manifest import Descriptor, Manifest
from packinfra.oci.reference import Reference
from packinfra.packs.unpack import UnpackError

_SLACK = 64 << 20
"""Bytes that a foreign archive may be larger than four times ours."""


def compare(client: Client, reference: Reference, record: PublishedVersion, content: Content) -> Foreign:
    """Raises a RegistryError if the registry doesn't respond."""
    try:
        theirs = client.manifest(reference)
    except NotAnArtifact as error:
        return Foreign(record, reason=f"it is no {content.noun}: {error.text}")
    if theirs is None:
        return Foreign(record, reason="it vanished while it was looked at")
    with content.parts(record.created) as parts:
        ours = manifest_of(parts)
    if difference := _difference(ours, theirs, content):
        return Foreign(record, reason=difference)
    pairs = zip(_sorted(ours), _sorted(theirs), strict=True)
    for our, their in [(our, their) for our, their in pairs if our.digest != their.digest]:
        if reason := _other_archive(client, reference, content, our, their):
            return Foreign(record, reason=reason)
    return Foreign(replace(record.stored_as(theirs, FOREIGN, content.main_type), adopted=True), same=True)


def _difference(ours: Manifest, theirs: Manifest, content: Content) -> str:
    """What differs in the manifests, layers' digests apart where `content.made`; "" if nothing does."""
    our, their = _described(ours), _described(theirs)
    for key in ("artifactType", "config", *(["annotations"] if content.annotated else [])):
        if our[key] != their[key]:
            return f"its {key} is {_shown(their[key])} instead of {_shown(our[key])}"
    if len(ours.layers) != len(theirs.layers):
        return f"it has {len(theirs.layers)} layers instead of {len(ours.layers)}"
    for mine, other in zip(_sorted(ours), _sorted(theirs), strict=True):
        same = (mine.media_type, mine.annotations) == (other.media_type, other.annotations)
        if content.made:  # titles of archives are whatever their pusher called them
            same = mine.media_type == other.media_type
        if not same or (mine.digest != other.digest and not content.made):
            return f"its layer is {_shown(other.as_json())} instead of {_shown(mine.as_json())}"
    return ""


def _other_archive(client: Client, reference: Reference, content: Content, ours: Descriptor, theirs: Descriptor) -> str:
    """Why somebody else's archive has other content than ours; "" if it has the same."""
    if theirs.size > 4 * ours.size + _SLACK:
        return f"its layer has {theirs.size} bytes, this {content.noun}'s {ours.size}"
    with tempfile.TemporaryFile(prefix="packinfra-") as archive:
        client.pull(reference, theirs, archive)
        archive.seek(0)
        try:
            identity = content.identify(archive)
        except UnpackError as error:
            return str(error)
    return "" if identity == content.content_digest else "the files in its archive differ"


def _described(manifest: Manifest) -> Mapping[str, Any]:
    document = json.loads(manifest.body)
    annotations = {k: v for k, v in (document.get("annotations") or {}).items() if k != CREATED_ANNOTATION}
    config = (manifest.config.media_type, manifest.config.digest)
    return {"artifactType": document.get("artifactType") or "", "config": config, "annotations": annotations}


def _sorted(manifest: Manifest) -> list[Descriptor]:
    return sorted(
        manifest.layers, key=lambda layer: (layer.media_type, sorted(layer.annotations.items()), layer.digest)
    )


def _shown(value: object) -> str:
    return clean(json.dumps(value), limit=300)
