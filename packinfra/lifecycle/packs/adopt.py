"""Compares an image that somebody else pushed with a pack: title and media type, then the content of its layer, which is
pulled within bounds."""

from __future__ import annotations

import tempfile
from dataclasses import replace

from oras.defaults import annotation_title

from packinfra.artifacts.pack import LAYER_MEDIA_TYPE
from packinfra.lifecycle.publishing.family import Foreign
from packinfra.lifecycle.publishing.file_hashes import short_hashes
from packinfra.lifecycle.publishing.state import FOREIGN, PublishedVersion
from packinfra.oci.client import Client
from packinfra.oci.errors import NotAnArtifact
from packinfra.oci.reference import Reference
from packinfra.packs.archive import archive_title
from packinfra.packs.ignore import Ignore
from packinfra.packs.unpack import UnpackError, read_archive
from packinfra.text import printable

_SLACK = 64 << 20
"""Bytes that a foreign archive may be larger than four times ours: other compression, junk that we leave out."""
_UNPACKED = 100
"""How many times an archive's size its content may be: text, at most, compresses that well."""


def compare(client: Client, reference: Reference, record: PublishedVersion, ignore: Ignore) -> Foreign:
    """Pulls the image under the tag and compares its content with `record`'s.

    An image that can't be a pack (an index, several layers, no tar, far too large) differs, and `reason` says why. So
    does one with another title or media type than `oras push` gives it, since Palette finds packs by their titles.
    Raises a RegistryError if the registry doesn't respond.
    """
    try:
        manifest = client.manifest(reference)
    except NotAnArtifact as error:
        return Foreign(record, reason=f"it is no pack: {error.text}")
    if manifest is None:
        return Foreign(record, reason="it vanished while it was looked at")
    if len(manifest.layers) != 1:
        return Foreign(record, reason=f"it has {len(manifest.layers)} layers; a pack has one")
    (layer,) = manifest.layers
    name = reference.repository.rpartition("/")[2]
    expected = {annotation_title: archive_title(name, reference.reference), "media type": LAYER_MEDIA_TYPE}
    theirs = {annotation_title: layer.annotations.get(annotation_title, ""), "media type": layer.media_type}
    for key, value in expected.items():
        if theirs[key] != value:
            return Foreign(
                record, reason=f'its layer has the {key} "{printable(theirs[key][:200])}" instead of "{value}"'
            )
    if layer.size > 4 * record.size + _SLACK:
        return Foreign(record, reason=f"its layer has {layer.size} bytes, this pack's {record.size}")
    with tempfile.TemporaryFile(prefix="packinfra-") as archive:
        client.pull(reference, layer, archive)
        archive.seek(0)
        try:
            content = read_archive(archive, name, reference.reference, _UNPACKED * record.size + _SLACK, ignore)
        except UnpackError as error:
            return Foreign(record, reason=str(error))
    adopted = replace(record.stored_as(manifest, FOREIGN), adopted=True)
    return Foreign(adopted, content.content_digest == record.contentDigest, short_hashes(content.files))
