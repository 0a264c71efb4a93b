"""Manifests and images: which may be pushed under which tag, and what a delete removes."""

import hashlib
import json
import re
import time
from typing import Any

from sandbox.ecr.errors import ApiError, digest_list, invalid
from sandbox.ecr.state import Json, Manifest, Repository

MANIFEST_LIMIT = 4 * 1024 * 1024
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
# The API model gives tags no pattern; this is the distribution spec's, at ECR's length.
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,299}")

IMAGES = {"application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json"}
INDEXES = {"application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json"}


def digest_of(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def put(
    repository: Repository, content: bytes, media_type: str | None, tag: str | None, digest: str | None
) -> tuple[str, bool]:
    """Stores a manifest, and moves the tag to it. Returns its digest, and whether exactly this was there before."""
    if tag is not None and not TAG.fullmatch(tag):
        raise invalid("imageTag", f"must satisfy regular expression '{TAG.pattern}'")
    document = _parse(content)
    media_type = _media_type(document, media_type)
    actual = digest_of(content)
    if digest is not None and digest != actual:
        raise ApiError(
            "ImageDigestDoesNotMatchException", f"The provided digest '{digest}' is not that of the manifest"
        )
    if media_type in INDEXES:
        _check_children(repository, document)
    else:
        _check_blobs(repository, document)
    known = actual in repository.manifests and (tag is None or repository.tags.get(tag) == actual)
    # An immutable tag rejects even the same digest (containers-roadmap#2179, #2380).
    if tag is not None and tag in repository.tags and repository.is_immutable(tag):
        raise ApiError(
            "ImageTagAlreadyExistsException",
            f"The image tag '{tag}' already exists in the '{repository.name}' repository and cannot be overwritten "
            "because the tag is immutable.",
        )
    repository.manifests.setdefault(actual, Manifest(content, media_type, time.time()))
    if tag is not None:
        repository.tags[tag] = actual
    return actual, known


def _bad(reason: str) -> ApiError:
    return invalid("imageManifest", f"Invalid image manifest provided: {reason}")


def _parse(content: bytes) -> Json:
    if len(content) > MANIFEST_LIMIT:
        raise _bad(f"larger than {MANIFEST_LIMIT} bytes")
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        raise _bad("not JSON") from None
    if not isinstance(document, dict) or document.get("schemaVersion") != 2:
        raise _bad("not an object of schemaVersion 2")
    return document


def _media_type(document: Json, announced: str | None) -> str:
    own = document.get("mediaType")
    media_type = announced or own
    if media_type not in IMAGES | INDEXES:
        raise _bad(f"media type {media_type} is not supported")
    if own is not None and own != media_type:
        raise _bad(f"announced as {media_type}, but its mediaType is {own}")
    return str(media_type)


def _descriptor(value: Any) -> Json:
    if not (
        isinstance(value, dict)
        and isinstance(value.get("mediaType"), str)
        and isinstance(value.get("digest"), str)
        and DIGEST.fullmatch(value["digest"])
        and type(value.get("size")) is int
        and value["size"] >= 0
    ):
        raise _bad("a descriptor needs mediaType, size and a sha256 digest")
    return value


def _descriptors(document: Json, key: str) -> list[Json]:
    values = document.get(key)
    if not isinstance(values, list):
        raise _bad(f"{key} is not a list")
    return [_descriptor(value) for value in values]


def _check_blobs(repository: Repository, document: Json) -> None:
    config = _descriptor(document.get("config"))
    if config.get("annotations"):
        raise _bad("annotations on the config descriptor")  # falcoctl#310
    descriptors = [config, *_descriptors(document, "layers")]
    missing = dict.fromkeys(item["digest"] for item in descriptors if not repository.blob(item["digest"]).is_file())
    if missing:
        raise ApiError(
            "LayersNotFoundException",
            f"Layers with digests '{digest_list(missing)}' required for pushing image into repository with name "
            f"'{repository.name}' in the registry with id '{repository.registry.account}' do not exist",
        )
    for item in descriptors:
        if repository.blob(item["digest"]).stat().st_size != item["size"]:
            raise _bad(f"size {item['size']} is not that of {item['digest']}")


def _check_children(repository: Repository, document: Json) -> None:
    children = dict.fromkeys(item["digest"] for item in _descriptors(document, "manifests"))
    missing = [digest for digest in children if digest not in repository.manifests]
    if missing:
        raise ApiError(
            "ReferencedImagesNotFoundException",
            f"Images with digests '{digest_list(missing)}' required for pushing image into repository with name "
            f"'{repository.name}' in the registry with id '{repository.registry.account}' do not exist",
        )


def find(repository: Repository, image_id: Json) -> tuple[str | None, str]:
    """The digest of an image id, or None with the failure code of behaviour.md IMG-3 to IMG-5."""
    tag, digest = image_id.get("imageTag"), image_id.get("imageDigest")
    if tag is None and digest is None:
        return None, "MissingDigestAndTag"
    if digest is not None and not DIGEST.fullmatch(digest):
        return None, "InvalidImageDigest"
    target = digest if tag is None else repository.tags.get(tag)
    if target not in repository.manifests:
        return None, "ImageNotFound"
    if digest is not None and digest != target:
        return None, "ImageTagDoesNotMatchDigest"
    return target, ""


REASONS = {
    "MissingDigestAndTag": "Invalid request parameters: both tag and digest cannot be null",
    "InvalidImageDigest": "Invalid request parameters: image digest should satisfy the regex '[a-zA-Z0-9-_+.]+:"
    "[a-fA-F0-9]+'",
    "ImageNotFound": "Requested image not found",
    "ImageTagDoesNotMatchDigest": "Requested image tag does not belong to the image with the requested digest",
    "ImageReferencedByManifestList": "Requested image is referenced by a manifest list",
}


def delete(repository: Repository, image_id: Json) -> tuple[list[Json], str]:
    """Untags or deletes; returns the ids that are gone, or the failure code."""
    digest, failure = find(repository, image_id)
    if digest is None:
        return [], failure
    tags = repository.tags_of(digest)
    gone = [image_id["imageTag"]] if "imageTag" in image_id else tags
    if set(gone) == set(tags):  # an image goes with its last tag
        if any(digest in manifest.children for manifest in repository.manifests.values()):
            return [], "ImageReferencedByManifestList"
        del repository.manifests[digest]
    for tag in gone:
        del repository.tags[tag]
    return [{"imageDigest": digest, "imageTag": tag} for tag in gone] or [{"imageDigest": digest}], ""
