"""The OCI client against a registry that can be told to misbehave."""

from __future__ import annotations

import hashlib
import io
import logging
from collections.abc import Callable, Iterator

import pytest

from packinfra.oci import Client, Manifest, PushResult, Reference, RegistryError, pack_manifest
from packinfra.oci.errors import (
    DigestMismatch,
    NotAuthorized,
    RepositoryMissing,
    TagImmutable,
    Throttled,
    Unreachable,
)
from packinfra.oci.transport import Login, Transport
from packinfra.retry import RetryPolicy
from tests.support.scripted_registry import Reply, ScriptedRegistry, error

LAYER = b"a layer" * 1000
SECRET = "p4ssw0rd-of-the-registry"


class Counting:
    """Credentials whose first login is stale."""

    def __init__(self) -> None:
        self.renewed = 0

    def login(self, *, renew: bool = False) -> Login:
        self.renewed += renew
        return Login("robot", f"{SECRET}-{self.renewed}")


@pytest.fixture
def registry() -> Iterator[ScriptedRegistry]:
    with ScriptedRegistry() as running:
        yield running


class Setup:
    def __init__(self, registry: ScriptedRegistry) -> None:
        self.credentials, self.sleeps = Counting(), list[float]()
        policy = RetryPolicy(jitter=0.0)
        transport = Transport(registry.host, self.credentials, plain_http=True, policy=policy, sleep=self.sleeps.append)
        self.client = Client(transport, remove=lambda *_: None)
        self.reference = Reference(registry.host, "base/spectro-packs/archive/hello", "1.0.0")

    def push(self, layer: bytes = LAYER, progress: Callable[[int, int], None] | None = None) -> PushResult:
        return self.client.push(self.reference, manifest(layer), lambda: io.BytesIO(layer), progress)


def manifest(layer: bytes = LAYER) -> Manifest:
    digest = f"sha256:{hashlib.sha256(layer).hexdigest()}"
    return pack_manifest("hello-1.0.0.tar.gz", digest, len(layer), "2026-01-01T00:00:00Z")


@pytest.fixture
def setup(registry: ScriptedRegistry) -> Setup:
    return Setup(registry)


def test_requests_of_a_push(registry: ScriptedRegistry, setup: Setup) -> None:
    assert setup.client.resolve(setup.reference) is None
    result = setup.push()
    assert result == PushResult(manifest().digest, len(LAYER) + 2)
    blob = ["HEAD blob", "POST upload", "PUT upload"]
    assert registry.requests == ["HEAD manifest", *blob, *blob, "PUT manifest"]
    assert registry.manifests[setup.reference.repository, "1.0.0"] == manifest().body
    assert sum(seen.sent for seen in registry.seen) == len(LAYER) + 2 + len(manifest().body)

    registry.seen.clear()
    other = Reference(setup.reference.host, setup.reference.repository, "1.1.0")
    assert setup.client.resolve(other) is None
    layer = b"another"
    setup.client.push(other, manifest(layer), lambda: io.BytesIO(layer))
    assert registry.requests == ["HEAD manifest", "HEAD blob", *blob, "PUT manifest"]

    registry.seen.clear()
    assert setup.client.resolve(setup.reference) == manifest().digest
    assert registry.requests == ["HEAD manifest"]


def test_progress(setup: Setup) -> None:
    seen: list[tuple[int, int]] = []
    setup.push(progress=lambda sent, size: seen.append((sent, size)))
    assert seen[-1] == (len(LAYER), len(LAYER))


@pytest.mark.parametrize(
    ("method", "path", "reply", "sleeps"),
    [
        ("HEAD", "/manifests/", Reply(503), [0.5]),
        ("HEAD", "/blobs/", Reply(429), [0.5]),
        ("HEAD", "/blobs/", Reply(429, {"Retry-After": "7"}), [7.0]),
        ("POST", "/uploads/", Reply(502, body=b"<html>bad gateway</html>"), [0.5]),
        ("POST", "/uploads/", Reply(drop=True), [0.5]),
        ("PUT", "/uploads/", Reply(drop=True), [0.5]),
        ("PUT", "/uploads/", Reply(500, after=True), [0.5]),
        ("PUT", "/uploads/", Reply(416, body=error("BLOB_UPLOAD_INVALID")), [0.5]),
        ("PUT", "/uploads/", Reply(404, body=error("BLOB_UPLOAD_UNKNOWN")), [0.5]),
        ("PUT", "/manifests/", Reply(504), [0.5]),
        ("PUT", "/manifests/", Reply(drop=True, after=True), [0.5]),
        ("HEAD", "/manifests/", Reply(401), []),
        ("PUT", "/uploads/", Reply(401), []),
        ("PUT", "/manifests/", Reply(403, body=b"Your authorization token has expired. Reauthenticate"), []),
    ],
)  # fmt: skip
def test_what_passes(
    registry: ScriptedRegistry, setup: Setup, method: str, path: str, reply: Reply, sleeps: list[float]
) -> None:
    registry.next(method, path, reply)
    assert setup.client.resolve(setup.reference) is None
    assert setup.push().digest == manifest().digest
    assert setup.sleeps == sleeps
    assert setup.credentials.renewed == (0 if sleeps else 1)
    assert registry.manifests[setup.reference.repository, "1.0.0"] == manifest().body


def test_every_attempt_of_an_upload_is_a_new_session(registry: ScriptedRegistry, setup: Setup) -> None:
    registry.next("PUT", "/uploads/", *[Reply(500)] * 2)
    setup.push()
    uploads = [seen.path for seen in registry.seen if seen.method == "PUT" and "/uploads/" in seen.path]
    assert len(uploads) == len(set(uploads)) == 4


@pytest.mark.parametrize(
    ("method", "path", "replies", "kind", "said"),
    [
        ("HEAD", "/manifests/", [Reply(503)] * 5, RegistryError, "could not ask for the tag"),
        ("HEAD", "/manifests/", [Reply(403)], NotAuthorized, "what it may do"),
        ("HEAD", "/manifests/", [Reply(401)] * 2, NotAuthorized, "401"),
        ("POST", "/uploads/", [Reply(404, body=error("NAME_UNKNOWN", "no repository"))], RepositoryMissing, "no repos"),
        ("POST", "/uploads/", [Reply(404)], RepositoryMissing, "404"),
        ("POST", "/uploads/", [Reply(drop=True)] * 5, Unreachable, "ecr:InitiateLayerUpload"),
        ("POST", "/uploads/", [Reply(403, body=error("DENIED", "not authorized to perform: ecr:X"))], NotAuthorized, "X"),
        ("POST", "/uploads/", [Reply(202)], RegistryError, "names no Location"),
        ("PUT", "/manifests/", [Reply(400, body=error("TAG_INVALID", "immutable"))], TagImmutable, "another version"),
        ("PUT", "/manifests/", [Reply(412)], TagImmutable, "another version"),
        ("PUT", "/manifests/", [Reply(429)] * 5, Throttled, "in a minute"),
        ("PUT", "/manifests/", [Reply(201, {"Docker-Content-Digest": "sha256:0"})], DigestMismatch, "stored sha256:0"),
        ("PUT", "/uploads/", [Reply(400, body=error("DIGEST_INVALID", "no"))], RegistryError, "DIGEST_INVALID: no"),
        ("PUT", "/uploads/", [Reply(413, body=b"<html>too large</html>", headers={"Content-Type": "text/html"})],
         RegistryError, "413"),
    ],
)  # fmt: skip
def test_what_fails(
    registry: ScriptedRegistry, setup: Setup, method: str, path: str, replies: list[Reply],
    kind: type[RegistryError], said: str,
) -> None:  # fmt: skip
    registry.next(method, path, *replies)
    with pytest.raises(kind) as caught:
        setup.client.resolve(setup.reference)
        setup.push()
    assert said in str(caught.value)
    assert "\n  -> " in str(caught.value)
    assert (setup.reference.repository, "1.0.0") not in registry.manifests


def test_immutable_tag_with_our_own_digest_is_success(registry: ScriptedRegistry, setup: Setup) -> None:
    setup.push()
    registry.next("PUT", "/manifests/", Reply(400, body=error("TAG_INVALID")))
    assert setup.push() == PushResult(manifest().digest, 0)


def test_gone_needs_the_registrys_word(registry: ScriptedRegistry, setup: Setup) -> None:
    assert setup.client.resolve(setup.reference, definite=True) is None
    assert registry.requests == ["HEAD manifest", "GET manifest"]
    registry.next("GET", "/manifests/", Reply(404, body=b"<html>a proxy's page</html>"))
    with pytest.raises(RegistryError, match="does not come from a registry"):
        setup.client.resolve(setup.reference, definite=True)


def test_digest_of_a_body_without_header(registry: ScriptedRegistry, setup: Setup) -> None:
    setup.push()
    registry.next("HEAD", "/manifests/", Reply(200))
    assert setup.client.resolve(setup.reference) == manifest().digest


def test_credentials_stay_at_their_origin(registry: ScriptedRegistry, setup: Setup) -> None:
    with ScriptedRegistry() as foreign:
        session = "/v2/x/blobs/uploads/1"
        foreign.uploads.add(session)
        location = f"http://{foreign.host}{session}?_state=a%2Fb&empty="
        registry.next("POST", "/uploads/", Reply(202, {"Location": location}))
        with pytest.raises(RegistryError, match="MANIFEST_BLOB_UNKNOWN"):  # our registry has not seen the blob
            setup.push()
        assert [seen.method for seen in foreign.seen] == ["PUT"]
        assert "Authorization" not in foreign.seen[0].headers
    assert all("Authorization" in seen.headers for seen in registry.seen)


def test_redirects_are_not_followed(registry: ScriptedRegistry, setup: Setup) -> None:
    with ScriptedRegistry() as foreign:
        registry.next("HEAD", "/manifests/", Reply(307, {"Location": f"http://{foreign.host}/"}))
        with pytest.raises(RegistryError, match="307"):
            setup.client.resolve(setup.reference)
        assert foreign.seen == []


def test_no_downgrade_to_http() -> None:
    transport = Transport("registry.example.com")
    with pytest.raises(RegistryError, match="without TLS"):
        transport.send("PUT", "http://registry.example.com/x", operation="upload", reference="r", expect=(201,))


def test_a_layer_that_changes_while_it_is_sent(registry: ScriptedRegistry, setup: Setup) -> None:
    registry.next("PUT", "/uploads/", Reply(201), Reply(201))  # a registry that checks nothing
    with pytest.raises(DigestMismatch, match="archive changed"):
        setup.client.push(setup.reference, manifest(), lambda: io.BytesIO(LAYER[::-1]))
    assert not registry.manifests


def test_secrets_stay_out_of_errors_and_logs(
    registry: ScriptedRegistry, setup: Setup, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    registry.next("POST", "/uploads/", Reply(403, body=error("DENIED", "no")))
    with pytest.raises(NotAuthorized) as caught:
        setup.push()
    told = "\n".join([caplog.text, str(caught.value), repr(caught.value), repr(setup.credentials.login())])
    assert SECRET not in told


@pytest.mark.parametrize(
    "wrong", ["https://h.example/a", "hello", "h.example/a:1", "h.example/A", "h.example/a//b", "h.example/"]
)
def test_repositories_are_checked(wrong: str) -> None:
    with pytest.raises(ValueError, match="repository"):
        Reference.of(wrong, "1.0.0")


def test_references() -> None:
    assert str(Reference.of("127.0.0.1:5000/a/b-c/d", "1.0.0")) == "127.0.0.1:5000/a/b-c/d:1.0.0"
    with pytest.raises(ValueError, match="not an OCI tag"):
        Reference.of("h.example/a", "1+2")
