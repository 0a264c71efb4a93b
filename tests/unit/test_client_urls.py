"""Where the client's requests go: upload URLs, warnings, connections that fail. Redirects: test_client_redirects.py."""

from __future__ import annotations

import re

import pytest

from packinfra.oci.errors import Unreachable
from tests.support.oci import LAYER, Setup, manifest, prepared, sha
from tests.support.scripted_registry import Reply, ScriptedRegistry

LOOK_UP, FIND, BEGIN = ("HEAD", "/manifests/"), ("HEAD", sha(LAYER)), ("POST", "/uploads/")
PAUSES = [0.5, 1.0, 2.0, 4.0]


@pytest.mark.parametrize(
    "location", ["/v2/x/{}?_state=a%2Fb&empty=&twice=1&twice=2", "uploads/{}?_state=a%2Fb&empty=&twice=1&twice=2"]
)
def test_relative_locations(registry: ScriptedRegistry, location: str) -> None:
    setup = prepared(registry)
    path = (
        "/v2/x/blobs/uploads/1" if location[0] == "/" else f"/v2/{setup.reference.repository}/blobs/uploads/uploads/1"
    )
    registry.uploads.add(path)
    registry.next(*BEGIN, Reply(202, {"Location": location.format("blobs/uploads/1" if location[0] == "/" else "1")}))
    registry.next("PUT", re.escape(path), Reply(201))
    registry.blobs[setup.reference.repository, sha(LAYER)] = b""  # so that the manifest is taken
    registry.next(*FIND, Reply(404))
    assert setup.publish().digest == manifest().digest
    assert next(s.path.partition("?")[0] for s in registry.seen if s.method == "PUT") == path


def test_credentials_stay_at_their_origin(registry: ScriptedRegistry) -> None:
    setup = prepared(registry)
    with ScriptedRegistry() as foreign:
        session = "/v2/x/blobs/uploads/1"
        foreign.uploads.add(session)
        location = f"http://{foreign.host}{session}?_state=a%2Fb&empty=&twice=1&twice=2"
        registry.next(*BEGIN, Reply(202, {"Location": location}))
        setup.publish()  # our registry has not seen the blob, and gets it in the second attempt
        assert [(seen.method, seen.sent) for seen in foreign.seen] == [("PUT", len(LAYER))]
        assert "Authorization" not in foreign.seen[0].headers
    assert all("Authorization" in seen.headers for seen in registry.seen)


def test_a_presigned_address_that_has_expired(registry: ScriptedRegistry) -> None:
    """A 403 from elsewhere says nothing of our login: the next attempt gets a new address."""
    setup = prepared(registry)
    with ScriptedRegistry() as foreign:
        foreign.next("PUT", "/x", Reply(403, body=b"<Error>Request has expired</Error>"))
        registry.next(*BEGIN, Reply(202, {"Location": f"http://{foreign.host}/x"}))
        setup.publish()
    assert setup.credentials.renewed == 0
    assert setup.sleeps == [0.5]


def test_warnings_are_told_once(registry: ScriptedRegistry) -> None:
    setup = prepared(registry)
    warning = {"Warning": '299 - "this registry \x1b[2Jcloses in May", 299 - "and \\"this\\" too", 110 x "stale"'}
    registry.next(*LOOK_UP, Reply(404, warning))
    registry.next(*FIND, Reply(404, warning))
    setup.publish()
    assert setup.warnings == [
        f"{registry.host} says: this registry \\x1b[2Jcloses in May",
        f'{registry.host} says: and \\"this\\" too',
    ]


def test_nobody_there() -> None:
    with ScriptedRegistry() as closed:
        setup = Setup(closed)
    with pytest.raises(Unreachable, match="refused"):
        setup.client.resolve(setup.reference)
    assert setup.sleeps == PAUSES


@pytest.mark.parametrize(
    ("host", "options", "message"),
    [
        ("registry.invalid", {}, "no such host: registry.invalid"),
        (None, {"plain_http": False}, "no TLS at"),
    ],
)
def test_hopeless_connections_are_not_tried_again(
    registry: ScriptedRegistry,
    monkeypatch: pytest.MonkeyPatch,
    host: str | None,
    options: dict[str, object],
    message: str,
) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    if host:
        registry.host = host
    setup = Setup(registry, **options)
    with pytest.raises(Unreachable, match=message):
        setup.client.resolve(setup.reference)
    assert setup.sleeps == []


def test_a_proxy_that_refuses(registry: ScriptedRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://user:{'s3cret'}@{registry.host}")
    monkeypatch.delenv("NO_PROXY", raising=False)
    registry.host = "registry.example.com"
    setup = Setup(registry, plain_http=False)
    with pytest.raises(Unreachable, match=r"the proxy .* \(HTTPS_PROXY\) refused: \d+") as caught:
        setup.client.resolve(setup.reference)
    assert "s3cret" not in str(caught.value)
    assert setup.sleeps == []
