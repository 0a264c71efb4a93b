"""Deleting tags: each kind of registry its way, and how many requests that takes."""

from __future__ import annotations

import io
from collections import Counter
from functools import partial

import pytest

from packinfra.oci.errors import DeleteDisabled, NotAuthorized, RegistryError
from tests.support.oci import LAYER, Setup, manifest
from tests.support.real_responses import HARBOR_API_FORBIDDEN
from tests.support.scripted_registry import Reply, ScriptedRegistry, error

KINDS = ["tag", "digest", "distribution-2"]


def push_versions(setup: Setup, count: int) -> dict[str, str]:
    """tag -> digest"""
    digests = {}
    for number in range(count):
        layer = f"{number}".encode()
        tag, content = f"1.{number}.0", partial(io.BytesIO, layer)
        digests[tag] = setup.client.push(setup.tagged(tag), manifest(layer), content).digest
    return digests


def two_tags_one_image(setup: Setup) -> str:
    setup.push()
    return setup.client.push(setup.tagged("latest"), manifest(), lambda: io.BytesIO(LAYER)).digest


@pytest.mark.parametrize("kind", KINDS)
def test_thirty_versions(registry: ScriptedRegistry, setup: Setup, kind: str) -> None:
    """A guard: linear. packinfra 0.1.0 sent 466 HEADs here."""
    registry.deletes, registry.page = kind, 1000
    digests = push_versions(setup, 30)
    setup.client.push(setup.tagged("foreign"), manifest(), lambda: io.BytesIO(LAYER))
    registry.seen.clear()
    removal = setup.client.removal(setup.reference)
    for tag, digest in digests.items():
        assert removal.resolve(tag) == digest
        removal.delete(tag, digest)
    assert Counter(registry.requests) == {"GET tags": 1, "HEAD manifest": 31, "DELETE manifest": 30}
    assert registry.tags(setup.reference.repository) == ["foreign"]
    left = {reference for _, reference in registry.manifests}
    assert left == {"foreign", manifest().digest}, "a withdrawn version is not pulled by its digest"


@pytest.mark.parametrize("kind", KINDS)
def test_a_refused_way_is_not_tried_again(registry: ScriptedRegistry, setup: Setup, kind: str) -> None:
    registry.deletes, registry.page = kind, 1000
    digest = two_tags_one_image(setup)
    for tag in ("stable", "edge"):
        setup.client.push(setup.tagged(tag), manifest(), lambda: io.BytesIO(LAYER))
    registry.seen.clear()
    removal = setup.client.removal(setup.reference)
    for tag in ("1.0.0", "stable", "edge"):
        if kind == "tag":
            removal.delete(tag, digest)
        else:
            with pytest.raises(DeleteDisabled, match=f"(?s){tag}.*take along the tags .*latest") as caught:
                removal.delete(tag, digest)
            assert "DIGEST" not in str(caught.value)
    deletes = [request for request in registry.requests if request.startswith("DELETE")]
    assert len(deletes) == (3 if kind == "tag" else 2), "the tag, and Harbor's API; once each"
    assert registry.tags(setup.reference.repository) == (
        ["latest"] if kind == "tag" else ["1.0.0", "edge", "latest", "stable"]
    )


def test_deletes_that_are_off(registry: ScriptedRegistry, setup: Setup) -> None:
    registry.deletes = ""
    digests = push_versions(setup, 3)
    registry.seen.clear()
    removal = setup.client.removal(setup.reference)
    for tag, digest in digests.items():
        with pytest.raises(DeleteDisabled, match=rf"{tag}\): 405 UNSUPPORTED\n  -> allow deletion"):
            removal.delete(tag, digest)
    assert [request for request in registry.requests if request.startswith("DELETE")] == ["DELETE manifest"]


def test_a_missing_right_of_harbors_api(registry: ScriptedRegistry, setup: Setup) -> None:
    registry.deletes = "digest"
    digest = two_tags_one_image(setup)
    registry.next("DELETE", "^/api/", HARBOR_API_FORBIDDEN)
    with pytest.raises(NotAuthorized, match=r"allow tag:delete for this user or robot account: latest have the same"):
        setup.client.delete(setup.reference, digest)


def test_an_image_without_a_tag(registry: ScriptedRegistry, setup: Setup) -> None:
    digest = two_tags_one_image(setup)
    removal = setup.client.removal(setup.reference)
    with pytest.raises(DeleteDisabled, match=r"take along the tags 1\.0\.0, latest"):
        removal.delete(digest, digest)
    for tag in ("1.0.0", "latest"):
        removal.delete(tag, digest)
    assert registry.manifests == {}
    removal.delete(digest, digest)  # gone is success


@pytest.mark.parametrize("kind", KINDS)
def test_a_list_that_lacks_the_tag(registry: ScriptedRegistry, setup: Setup, kind: str) -> None:
    """From a cache before the registry, for example: it may lack the tags of others as well."""
    registry.deletes = kind
    digest = two_tags_one_image(setup)
    registry.next("GET", "/tags/list", Reply(200, body=b'{"name": "x", "tags": null}'))
    if kind == "tag":
        setup.client.delete(setup.reference, digest)
    else:
        with pytest.raises(DeleteDisabled, match="take along other tags: its list of tags lacks this one"):
            setup.client.delete(setup.reference, digest)
    assert "latest" in registry.tags(setup.reference.repository)


def test_a_404_that_is_not_the_registrys(registry: ScriptedRegistry, setup: Setup) -> None:
    """Of a gateway, say. Nothing is gone then: destroy would end well, and forget what is published."""
    setup.push()
    page = Reply(404, {"Content-Type": "text/html"}, b"<html>no such service</html>")
    registry.next("HEAD", "/manifests/", page)
    registry.next("GET", "/manifests/", page)
    with pytest.raises(RegistryError, match=r"404.*is not what a registry sends\n  -> check the host"):
        setup.client.removal(setup.reference).resolve("1.0.0")


def test_a_project_that_is_gone(registry: ScriptedRegistry, setup: Setup) -> None:
    """As Harbor says it. Everything in it is gone too."""
    reply = Reply(
        401, {"WWW-Authenticate": ""}, error("UNAUTHORIZED", "project team not found: project team not found")
    )
    registry.next("HEAD", "/manifests/", *[reply] * 2)
    registry.next("GET", "/manifests/", *[reply] * 2)
    assert setup.client.removal(setup.reference).resolve("1.0.0") is None
