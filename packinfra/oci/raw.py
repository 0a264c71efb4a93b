"""Manifests as they are: the bytes that a registry has, of any kind, with their media type.

A copy has the digest of its source only if not a byte changes. So nothing is written anew here: an index keeps all its
entries, Docker's media types stay Docker's, and the media type of the PUT is that of the GET (Helm's manifests don't name
their own).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from oras.defaults import default_manifest_accepted_media_types

from packinfra.http.redact import clean
from packinfra.oci.bodies import parse_json
from packinfra.oci.errors import DigestMismatch, NotAnArtifact, RegistryError, Step
from packinfra.oci.manifest import Descriptor
from packinfra.oci.reference import DIGEST, digest_of
from packinfra.oci.transport import Call

INDEX = "application/vnd.oci.image.index.v1+json"
INDEXES = (INDEX, "application/vnd.docker.distribution.manifest.list.v2+json")
_KINDS = (*default_manifest_accepted_media_types, "application/vnd.oci.artifact.manifest.v1+json")
LIMIT = 4 << 20
"""Bytes of a manifest: what registries accept (ECR quotas; Harbor: 413 beyond)."""
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}")
_SAYS_NOTHING = ("", "application/json", "application/octet-stream", "text/plain")
"""Types with which a registry or proxy serves what it doesn't know. A PUT as one of them gets 400."""
_NOT_DISTRIBUTABLE = ("nondistributable", "foreign.diff")
"""Layers of Windows' base images, which live elsewhere (image-spec, layer.md). crane and oras don't copy them either."""


@dataclass(frozen=True)
class RawManifest:
    """children: the manifests that it names (an index); blobs: what it needs besides; subject: the digest that it refers
    to, "" = none; artifact_type: as a list of referrers gives it; annotations: likewise"""

    body: bytes
    media_type: str
    children: tuple[Descriptor, ...] = ()
    blobs: tuple[Descriptor, ...] = ()
    subject: str = ""
    artifact_type: str = ""
    annotations: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def digest(self) -> str:
        return digest_of(self.body)

    @classmethod
    def parse(cls, body: bytes, media_type: str) -> RawManifest:
        """Raises ValueError, with the reason, for what can't be copied or verified."""
        if "docker.distribution.manifest.v1+" in media_type:
            raise ValueError("it has Docker's schema 1, which current registries no longer take")
        document = parse_json(body)
        if not isinstance(document, dict):
            raise ValueError(f"it is no manifest, but {clean(media_type, limit=100) or 'something else'}")  # noqa: TRY004
        if document.get("schemaVersion") == 1:
            raise ValueError("it has Docker's schema 1, which current registries no longer take")
        if media_type in _SAYS_NOTHING:
            media_type = str(document.get("mediaType") or _by_content(document))
        if not _MEDIA_TYPE.fullmatch(media_type):
            raise ValueError("nothing says its media type")
        config = document.get("config")
        blobs = [*([config] if config else ()), *_list(document, "layers"), *_list(document, "blobs")]
        described = [_descriptor(blob) for blob in blobs]
        subject = document.get("subject")
        artifact_type = document.get("artifactType") or (config.get("mediaType") if isinstance(config, dict) else "")
        return cls(
            body,
            media_type,
            tuple(_descriptor(child) for child in _list(document, "manifests")),
            tuple(blob for blob in described if not any(part in blob.media_type for part in _NOT_DISTRIBUTABLE)),
            _descriptor(subject).digest if subject else "",
            artifact_type if isinstance(artifact_type, str) else "",
            _annotations(document),
        )

    def as_referrer(self) -> dict[str, Any]:
        """Its descriptor in a list of referrers (image-spec, manifest.md; distribution-spec, "Listing Referrers")."""
        described = Descriptor(self.media_type, self.digest, len(self.body), self.annotations).as_json()
        return described | ({"artifactType": self.artifact_type} if self.artifact_type else {})


def read_raw(call: Call, media_type: str = "") -> RawManifest | None:
    """The manifest at the call's reference; None if there is none. media_type: that its index gives it.

    Raises NotAnArtifact for what can't be copied, DigestMismatch for other bytes than asked for, or another RegistryError.
    """
    accept = {
        "Accept": ", ".join(dict.fromkeys((*_KINDS, *([media_type] if _MEDIA_TYPE.fullmatch(media_type) else ()))))
    }
    at = call.reference
    response = call.send("GET", call.manifest, Step.READ, (200, 404), headers=accept, limit=LIMIT + 1, retry=True)
    if response.status == 404:
        call.confirm_missing(response, Step.READ)
        return None
    if len(response.body) > LIMIT:
        raise RegistryError(
            Step.READ,
            at,
            text=f"it is larger than {LIMIT >> 20} MiB",
            remedy="no registry would take it: correct the digest",
        )
    actual = digest_of(response.body)
    if at.is_digest and actual != at.reference:  # before anything in it is looked at
        raise DigestMismatch(Step.READ, at, text=f"received {actual} instead of {at.reference}")
    try:
        return RawManifest.parse(response.body, response.headers.get("Content-Type", "").partition(";")[0].strip())
    except ValueError as error:
        raise NotAnArtifact(Step.READ, at, text=str(error)) from error


def is_manifest_type(media_type: str) -> bool:
    """Whether every registry takes it for the media type of a manifest, not of a blob."""
    return media_type in _KINDS


def _by_content(document: Mapping[str, Any]) -> str:
    """OCI's manifests needn't name their media type; Docker's do."""
    return INDEX if "manifests" in document else _KINDS[0] if "config" in document else ""


def _list(document: Mapping[str, Any], key: str) -> list[Any]:
    values = document.get(key) or []
    if not isinstance(values, list):
        raise ValueError(f"its {key} are no list")  # noqa: TRY004 - read_raw catches ValueError
    return values


def _descriptor(value: Any) -> Descriptor:
    if not isinstance(value, dict):
        raise ValueError("one of its descriptors is no object")  # noqa: TRY004 - likewise
    digest, size, kind = value.get("digest"), value.get("size"), value.get("mediaType")
    if not isinstance(digest, str) or not DIGEST.fullmatch(digest):
        raise ValueError(f"it names {clean(str(digest), limit=100)}, and only sha256 digests can be verified")
    if type(size) is not int or size < 0 or not isinstance(kind, str):
        raise ValueError(f"its descriptor of {digest} has no size or media type")
    return Descriptor(kind, digest, size)


def _annotations(document: Mapping[str, Any]) -> dict[str, str]:
    annotations = document.get("annotations")
    pairs = annotations.items() if isinstance(annotations, dict) else ()
    return {key: value for key, value in pairs if isinstance(value, str)}
