"""What the client does with a registry that keeps to the specification: requests, bytes, connections, responses."""

from __future__ import annotations

import io
import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from functools import partial

import pytest

from packinfra.artifacts.base_path import base_path_manifest
from packinfra.oci import Manifest, PushResult, Reference, RegistryError
from packinfra.oci.blobs import PROBE_ABOVE
from packinfra.oci.errors import DeleteDisabled, DigestMismatch, NotAnArtifact
from packinfra.oci.manifest import Descriptor
from tests.support.oci import CREATED, LAYER, Setup, manifest, sha
from tests.support.scripted_registry import Reply, ScriptedRegistry, error

BLOB = ["HEAD blob", "POST upload", "PUT upload"]


def test_requests_of_a_push(registry: ScriptedRegistry, setup: Setup) -> None:
    result = setup.publish()
    assert result == PushResult(manifest().digest, len(LAYER) + 2)
    assert Counter(registry.requests) == Counter(["HEAD manifest", *BLOB, *BLOB, "PUT manifest"])  # 8
    assert (registry.requests[0], registry.requests[-1]) == ("HEAD manifest", "PUT manifest")
    assert registry.manifests[setup.reference.repository, "1.0.0"] == manifest().body
    assert registry.sent == len(LAYER) + 2 + len(manifest().body)
    assert registry.connections <= 2  # config and layer side by side, and each connection used again

    registry.seen.clear()
    layer = b"another"
    assert setup.client.resolve(setup.tagged("1.1.0")) is None
    setup.client.push(setup.tagged("1.1.0"), manifest(layer), lambda: io.BytesIO(layer))
    assert Counter(registry.requests) == Counter(["HEAD manifest", "HEAD blob", *BLOB, "PUT manifest"])  # 6
    assert registry.sent == len(layer) + len(manifest(layer).body)
    assert registry.connections <= 2

    registry.seen.clear()
    assert setup.client.resolve(setup.reference) == manifest().digest
    assert registry.requests == ["HEAD manifest"]  # 1


@pytest.mark.parametrize(("size", "asked"), [(PROBE_ABOVE, []), (PROBE_ABOVE + 1, ["HEAD blob"])])
def test_requests_of_a_push_to_a_new_repository(
    size: int, asked: list[str], registry: ScriptedRegistry, setup: Setup
) -> None:
    """And again, as after a run that was killed: what is there already is borne."""
    layer = bytes(size)
    for blobs in (2, 1 if asked else 2):
        registry.seen.clear()
        setup.client.push(setup.reference, manifest(layer), lambda: io.BytesIO(layer), new_repository=True)
        assert Counter(registry.requests) == Counter([*asked, *BLOB[1:] * blobs, "PUT manifest"])


def test_no_request_asks_for_compression_or_keeps_cookies(registry: ScriptedRegistry, setup: Setup) -> None:
    registry.next("HEAD", "/manifests/", Reply(404, {"Set-Cookie": "sid=harbor"}))
    setup.publish()
    assert {seen.headers["Accept-Encoding"] for seen in registry.seen} == {"identity"}
    assert not any("Cookie" in seen.headers for seen in registry.seen)


def test_config_and_layer_go_side_by_side(registry: ScriptedRegistry, setup: Setup) -> None:
    """Each response to a blob's HEAD waits until the other has been asked for: one after another would take for ever."""
    both = threading.Barrier(2, timeout=5)
    ask = registry.scripted

    def meeting(method: str, path: str) -> Reply | None:
        if method == "HEAD" and "/blobs/" in path:
            both.wait()
        return ask(method, path)

    registry.scripted = meeting  # type: ignore[method-assign]
    setup.publish()


def test_versions_of_one_repository_go_one_after_another(registry: ScriptedRegistry, setup: Setup) -> None:
    def push(tag: str) -> None:
        layer = tag.encode() * 1000
        setup.client.push(setup.tagged(tag), manifest(layer), lambda: io.BytesIO(layer))

    threads = [threading.Thread(target=push, args=(f"1.{n}.0",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert registry.tags(setup.reference.repository) == [f"1.{n}.0" for n in range(8)]
    assert Counter(registry.requests) == Counter(
        {"HEAD blob": 16, "POST upload": 9, "PUT upload": 9, "PUT manifest": 8}  # `{}` went only once
    )
    since_manifest = "".join("m" if r == "PUT manifest" else "." for r in registry.requests).split("m")[:-1]
    assert [len(part) for part in since_manifest] == [6] + [4] * 7  # no push began within another
    assert setup.sleeps == []


def test_progress(setup: Setup) -> None:
    seen: list[tuple[int, int]] = []
    layer = b"x" * 300_000
    setup.push(layer, progress=lambda sent, size: seen.append((sent, size)))
    assert [sent for sent, _ in seen] == sorted(sent for sent, _ in seen)
    assert seen[-1] == (len(layer), len(layer))
    assert len(seen) <= 5  # once per 64 KiB


def test_a_manifest_without_layers_and_without_a_tag(registry: ScriptedRegistry, setup: Setup) -> None:
    empty = base_path_manifest(CREATED)
    reference = Reference.of(f"{registry.host}/base/spectro-packs/archive", empty.digest)
    assert str(reference).endswith(f"/archive@{empty.digest}")
    assert setup.client.resolve(reference) is None
    assert setup.client.push(reference, empty) == PushResult(empty.digest, 2)
    assert registry.requests == ["HEAD manifest", *BLOB, "PUT manifest"]
    assert registry.manifests == {(reference.repository, empty.digest): empty.body}
    assert setup.client.resolve(reference) == empty.digest


def test_reading_back(registry: ScriptedRegistry, setup: Setup) -> None:
    assert setup.client.manifest(setup.reference) is None
    setup.push()
    read = setup.client.manifest(setup.reference)
    assert read == manifest()
    into = io.BytesIO(b"before")
    into.seek(6)
    progress: list[int] = []
    setup.client.pull(setup.reference, read.layers[0], into, lambda taken, _: progress.append(taken))
    assert into.getvalue() == b"before" + LAYER
    assert progress[-1] == len(LAYER)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"schemaVersion":2,"manifests":[]}', b'{"config":{"mediaType":"x"}}', b"\xff"]
)
def test_manifests_of_another_kind(registry: ScriptedRegistry, setup: Setup, body: bytes) -> None:
    registry.next("GET", "/manifests/", Reply(200, {"Content-Type": "application/x; charset=utf-8"}, body))
    with pytest.raises(NotAnArtifact, match="not the manifest of an artifact, but application/x\n"):
        setup.client.manifest(setup.reference)


def test_a_manifest_must_have_the_digest_that_was_asked_for(registry: ScriptedRegistry, setup: Setup) -> None:
    setup.push()
    other = setup.tagged(sha(b"other"))
    registry.next("GET", "/manifests/", Reply(200, body=manifest().body))
    with pytest.raises(DigestMismatch, match=r"received sha256:.* instead of"):
        setup.client.manifest(other)


def test_several_layers_and_a_config_of_its_own(registry: ScriptedRegistry, setup: Setup) -> None:
    """Each blob once, the manifest last."""
    content = [LAYER, b"other", LAYER, b"config"]
    blobs = [Descriptor.of("text/plain", data) for data in content]
    several = Manifest.of(tuple(blobs[:3]), {}, config=blobs[3])
    opens = {blob.digest: partial(io.BytesIO, data) for blob, data in zip(blobs, content, strict=True)}
    assert setup.client.push(setup.reference, several, opens).sent == sum(len(data) for data in {*content})
    assert {blob.digest for blob in blobs} <= {digest for _, digest in registry.blobs}
    assert setup.client.resolve(setup.reference) == several.digest


def test_a_manifest_whose_bytes_are_missing(setup: Setup) -> None:
    blobs = tuple(Descriptor.of("text/plain", data) for data in (LAYER, b"other"))
    with pytest.raises(ValueError, match=r"the bytes of these blobs are needed: sha256:.*, sha256:"):
        setup.client.push(setup.reference, Manifest.of(blobs, {}), lambda: io.BytesIO(LAYER))


def test_tags_come_in_pages(registry: ScriptedRegistry, setup: Setup) -> None:
    assert setup.client.tags(setup.reference) == []
    for n in range(5):
        layer = f"{n}".encode()
        setup.client.push(setup.tagged(f"1.{n}.0"), manifest(layer), lambda layer=layer: io.BytesIO(layer))  # type: ignore[misc]
    registry.seen.clear()
    assert setup.client.tags(setup.reference) == [f"1.{n}.0" for n in range(5)]
    assert registry.requests == ["GET tags"] * 3


def test_tags_null_and_nonsense(registry: ScriptedRegistry, setup: Setup) -> None:
    registry.next("GET", "/tags/", Reply(200, body=b'{"name":"x","tags":null}'), Reply(200, body=b"<html>"))
    assert setup.client.tags(setup.reference) == []
    with pytest.raises(RegistryError, match="not what a registry sends"):
        setup.client.tags(setup.reference)
    registry.next("GET", "/tags/", *[Reply(200, {"Link": '</v2/x/tags/list>; rel="next"'}, b'{"tags":[]}')] * 1000)
    with pytest.raises(RegistryError, match="pages"):
        setup.client.tags(setup.reference)


def two_tags_one_image(setup: Setup) -> str:
    setup.push()
    return setup.client.push(setup.tagged("latest"), manifest(), lambda: io.BytesIO(LAYER)).digest


def test_delete_by_tag(registry: ScriptedRegistry, setup: Setup) -> None:
    digest = two_tags_one_image(setup)
    registry.seen.clear()
    setup.client.delete(setup.reference, digest)
    setup.client.delete(setup.reference, digest)  # gone is success
    look = ["GET tags", "HEAD manifest"]
    assert [request for request in registry.requests if request not in look] == ["DELETE manifest"] * 2
    assert registry.tags(setup.reference.repository) == ["latest"]


def test_delete_by_digest_only_if_no_other_tag_needs_it(registry: ScriptedRegistry, setup: Setup) -> None:
    registry.deletes = "digest"
    digest = two_tags_one_image(setup)
    with pytest.raises(DeleteDisabled, match="would take along the tags latest"):
        setup.client.delete(setup.reference, digest)
    assert registry.tags(setup.reference.repository) == ["1.0.0", "latest"]
    del registry.manifests[setup.reference.repository, "latest"]
    setup.client.delete(setup.reference, digest)
    assert registry.tags(setup.reference.repository) == []


def test_delete_one_of_two_tags_in_harbor(registry: ScriptedRegistry, setup: Setup) -> None:
    registry.deletes = "digest"
    digest = two_tags_one_image(setup)
    path = f"/api/v2.0/projects/base/repositories/spectro-packs%252Farchive%252Fhello/artifacts/{digest}/tags/1.0.0"
    registry.next("DELETE", "^/api/", Reply(200))
    setup.client.delete(setup.reference, digest)
    assert [seen.path for seen in registry.seen if seen.path.startswith("/api")] == [path]


def test_deletes_that_are_off(registry: ScriptedRegistry, setup: Setup) -> None:
    registry.deletes = ""
    setup.push()
    with pytest.raises(DeleteDisabled, match=r"405 UNSUPPORTED\n  -> allow deletion"):
        setup.client.delete(setup.reference, manifest().digest)


def test_a_404_of_something_in_between_is_no_deletion(registry: ScriptedRegistry, setup: Setup) -> None:
    registry.next("DELETE", "/manifests/", Reply(404, {"Content-Type": "text/html"}, b"<html>"))
    with pytest.raises(RegistryError, match="is not what a registry sends"):
        setup.client.delete(setup.reference, manifest().digest)


def test_gone_needs_the_registrys_word(registry: ScriptedRegistry, setup: Setup) -> None:
    assert setup.client.resolve(setup.reference, confirm_missing=True) is None
    assert registry.requests == ["HEAD manifest", "GET manifest"]
    registry.next("GET", "/manifests/", Reply(404, body=b"<html>a proxy's page</html>"))
    with pytest.raises(RegistryError, match="is not what a registry sends"):
        setup.client.resolve(setup.reference, confirm_missing=True)


@pytest.mark.parametrize("headers", [{}, {"Docker-Content-Digest": "nonsense"}])
def test_digest_of_a_body_without_header(registry: ScriptedRegistry, setup: Setup, headers: dict[str, str]) -> None:
    setup.push()
    registry.next("HEAD", "/manifests/", Reply(200, headers))
    assert setup.client.resolve(setup.reference) == manifest().digest


def test_a_layer_that_changes_while_it_is_sent(registry: ScriptedRegistry, setup: Setup) -> None:
    registry.next("PUT", "/uploads/", Reply(201), Reply(201))  # a registry that checks nothing
    with pytest.raises(DigestMismatch, match="archive changed"):
        setup.client.push(setup.reference, manifest(), lambda: io.BytesIO(LAYER[::-1]))
    assert not registry.manifests
    assert setup.sleeps == []


class Broken(io.BytesIO):
    def read(self, size: int | None = -1) -> bytes:
        raise OSError(5, "Input/output error")


def no_descriptors() -> io.BytesIO:
    raise OSError(24, "Too many open files")


@pytest.mark.parametrize(
    ("layer", "message"), [(lambda: Broken(LAYER), "Input/output error"), (no_descriptors, "Too many open files")]
)
def test_a_layer_that_cannot_be_read(
    registry: ScriptedRegistry, setup: Setup, layer: Callable[[], io.BytesIO], message: str
) -> None:
    with pytest.raises(RegistryError, match=f"can't be read: {message}\n  -> see to the disk"):
        setup.client.push(setup.reference, manifest(), layer)
    assert setup.sleeps == []
    assert not registry.manifests


def test_one_side_that_fails_ends_the_other(registry: ScriptedRegistry, setup: Setup) -> None:
    """The config is refused while the layer is on its way: the rest of the layer is not sent."""
    layer = b"x" * (64 << 20)
    refused = Reply(403, body=error("DENIED", "no"), delay=0.1)
    registry.next("HEAD", manifest().config.digest, refused)
    registry.next("GET", manifest().config.digest, refused)

    def slowly(_sent: int, _size: int) -> None:
        time.sleep(0.002)

    with pytest.raises(RegistryError, match="DENIED: no"):
        setup.push(layer, progress=slowly)
    assert registry.sent < len(layer)


@pytest.mark.parametrize(
    "wrong", ["https://h.example/a", "hello", "h.example/a:1", "h.example/A", "h.example/a//b", "h.example/"]
)
def test_repositories_are_checked(wrong: str) -> None:
    with pytest.raises(ValueError, match="repository"):
        Reference.of(wrong, "1.0.0")


def test_references() -> None:
    assert str(Reference.of("127.0.0.1:5000/a/b-c/d", "1.0.0")) == "127.0.0.1:5000/a/b-c/d:1.0.0"
    for wrong in ("1+2", "sha256:abc", ""):
        with pytest.raises(ValueError, match="not an OCI tag"):
            Reference.of("h.example/a", wrong)


def test_a_blob_is_pulled_from_where_the_registry_keeps_it(registry: ScriptedRegistry, setup: Setup) -> None:
    """And the login stays at home (oras-go before 2.6.1 sent it along)."""
    setup.push()
    with ScriptedRegistry() as storage:
        storage.next("GET", "/signed", Reply(200, body=LAYER))
        registry.next("GET", "/blobs/", Reply(307, {"Location": f"http://{storage.host}/signed?X-Amz-Signature=s"}))
        into = io.BytesIO()
        setup.client.pull(setup.reference, manifest().layers[0], into)
        assert into.getvalue() == LAYER
        assert "Authorization" not in storage.seen[0].headers


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (Reply(200, body=LAYER + b"!"), r"more than the 7000 B announced"),
        (Reply(200, body=LAYER[:-1]), "received sha256:.* instead of"),
        (Reply(200, body=LAYER[::-1]), "received sha256:.* instead of"),
        (Reply(404, body=error("BLOB_UNKNOWN", "no such blob")), "no such blob"),
        (Reply(307, {"Location": "http://["}), "invalid URL"),
    ],
)
def test_blobs_that_are_not_what_was_asked_for(
    registry: ScriptedRegistry, setup: Setup, reply: Reply, message: str
) -> None:
    registry.next("GET", "/blobs/", reply)
    into = io.BytesIO(b"before")
    into.seek(6)
    with pytest.raises(RegistryError, match=message):
        setup.client.pull(setup.reference, manifest().layers[0], into)
    assert into.getvalue() == b"before"
    assert setup.sleeps == []


def test_a_pull_goes_on_after_a_break(registry: ScriptedRegistry, setup: Setup) -> None:
    setup.push()
    registry.next("GET", "/blobs/", Reply(200, body=LAYER, cut=100), Reply(503))
    into = io.BytesIO()
    setup.client.pull(setup.reference, manifest().layers[0], into)
    assert into.getvalue() == LAYER
    assert setup.sleeps == [0.5, 1.0]


def test_too_many_redirects(registry: ScriptedRegistry, setup: Setup) -> None:
    registry.next("GET", "/blobs/", *[Reply(307, {"Location": "/v2/x/blobs/y"})] * 9)
    with pytest.raises(RegistryError, match="redirects"):
        setup.client.pull(setup.reference, Descriptor("x", sha(b""), 0), io.BytesIO())


def test_descriptors_survive_parsing() -> None:
    parsed = Manifest.parse(manifest().body, manifest().media_type)
    assert parsed == manifest()
    assert json.loads(parsed.body)["layers"][0]["annotations"] == parsed.layers[0].annotations


def test_a_client_that_is_closed_leaves_nothing(registry: ScriptedRegistry) -> None:
    before = set(threading.enumerate())
    setup = Setup(registry)
    with setup.client as client:
        setup.push()
        assert set(threading.enumerate()) - before
        connections = registry.connections
    assert not [thread for thread in set(threading.enumerate()) - before if "Pool" in thread.name]
    client.resolve(setup.reference)  # what needs no threads still works
    assert registry.connections == connections + 1, "the others were closed"
