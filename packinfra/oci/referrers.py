"""What refers to a manifest (signatures, SBOMs, attestations): found, listed, and taken off the list.

A registry with the Referrers API lists by itself what is pushed with a `subject`. Without it (distribution 2.8 and 3), the
client keeps the list: an index under the fallback tag `sha256-<hex>` (distribution-spec 1.1, "Referrers Tag Schema").
Whether there is the API only a GET tells: ECR sent OCI-Subject before it had it (sigstore-js#1183).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence

from packinfra.http.client import Response
from packinfra.oci.bodies import next_page
from packinfra.oci.client import Client
from packinfra.oci.deletion import Removal
from packinfra.oci.destinations import absolute
from packinfra.oci.errors import NotAnArtifact, RegistryError, Step
from packinfra.oci.manifest import Descriptor
from packinfra.oci.raw import INDEX, LIMIT, RawManifest, read_raw
from packinfra.oci.reference import Reference
from packinfra.oci.transport import Call

_NO_API = (400, 404, 405, 501)
_PAGES = 100

At = Callable[[str], Reference]
"""A tag or digest -> the reference in one repository."""


def fallback_tag(digest: str) -> str:
    """
    >>> fallback_tag("sha256:0123")
    'sha256-0123'
    """
    return digest.replace(":", "-")


def referrers_of(client: Client, at: At, digest: str) -> list[Descriptor]:
    """What refers to the manifest. Raises a RegistryError."""
    listed = _from_api(client.call(at(digest)), digest)
    if listed is not None:
        return listed
    index = read_raw(client.call(at(fallback_tag(digest))))
    return [*index.children] if index else []


def ensure_listed(client: Client, at: At, digest: str, referrers: Sequence[RawManifest]) -> None:
    """Puts the referrers on the list of the manifest, where the registry doesn't do that by itself."""
    if _from_api(client.call(at(digest)), digest) is not None:
        return
    reference = at(fallback_tag(digest))
    index = read_raw(client.call(reference))
    there = {entry.digest for entry in index.children} if index else set()
    if new := [referrer.as_referrer() for referrer in referrers if referrer.digest not in there]:
        client.publish(reference, _index([*_entries(index, reference), *new]))


def take_off_list(client: Client, at: At, removal: Removal, digest: str, referrers: Collection[str]) -> None:
    """Takes removed referrers off the fallback tag, which goes with the last one. Other entries stay."""
    reference = at(fallback_tag(digest))
    index = read_raw(client.call(reference))
    if index is None:
        return
    entries = _entries(index, reference)
    left = [entry for entry in entries if entry.get("digest") not in referrers]
    if not left:
        removal.delete(reference.reference, index.digest)
    elif len(left) < len(entries):
        client.publish(reference, _index(left))


def _from_api(call: Call, digest: str) -> list[Descriptor] | None:
    """None: the registry has no Referrers API."""
    url, listed = f"{call.repository}/referrers/{digest}", list[Descriptor]()
    for _ in range(_PAGES):
        page = call.send(
            "GET", url, Step.REFERRERS, (200, *_NO_API), headers={"Accept": INDEX}, limit=LIMIT + 1, retry=True
        )
        if page.status != 200:
            return None
        listed += _parsed(page, call.reference).children
        following = next_page(page)
        if not following:
            return listed
        url = absolute(page.url, following, Step.REFERRERS, call.reference)
    raise RegistryError(Step.REFERRERS, call.reference, text=f"no end after {_PAGES} pages")


def _parsed(page: Response, reference: Reference) -> RawManifest:
    try:
        return RawManifest.parse(page.body, INDEX)
    except ValueError as error:
        raise RegistryError(Step.REFERRERS, reference, status=200, text=f"the list is unusable: {error}") from error


def _entries(index: RawManifest | None, reference: Reference) -> list[dict[str, object]]:
    if index is None:
        return []
    if "manifests" not in (document := json.loads(index.body)):
        text = "it is no list of referrers, but its tag is the one for it"
        raise NotAnArtifact(Step.REFERRERS, reference, text=text)
    return list(document["manifests"] or ())


def _index(entries: Sequence[dict[str, object]]) -> RawManifest:
    document = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [*entries]}
    return RawManifest.parse(json.dumps(document, separators=(",", ":")).encode(), INDEX)
