"""Requests to Palette on a scripted server: what is tried again, what an error says, and which response is none of Palette's."""

from __future__ import annotations

import logging
import re
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from packinfra.http.client import Timeouts
from packinfra.http.rate_limit import RateLimiter
from packinfra.http.retry import RetryPolicy
from packinfra.palette import PaletteClient, PaletteError, PaletteTransport
from packinfra.palette.errors import (
    Forbidden,
    KeyRejected,
    NotFound,
    NotPalette,
    PaletteThrottled,
    PaletteUnreachable,
)
from tests.support.palette_transport import scripted_transport
from tests.support.registrations import BASIC, ROLE, SECRET, USER
from tests.support.scripted_palette import KEY, Reply, ScriptedPalette, error, items

OCI = "/v1/registries/oci"
NO_CONTENT = Reply(204)


@pytest.fixture
def sleeps() -> list[float]:
    return []


@pytest.fixture
def client(palette: ScriptedPalette, sleeps: list[float]) -> PaletteClient:
    return PaletteClient(scripted_transport(palette, sleeps))


def test_netrc_is_not_read(
    client: PaletteClient, palette: ScriptedPalette, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login a password b\n")
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    palette.on("GET", "/summary", items())
    client.registries()
    assert "Authorization" not in palette.seen[0].headers


def test_every_page_is_read(client: PaletteClient, palette: ScriptedPalette) -> None:
    palette.on("GET", "/summary", items(("u1", "a", "ecr"), following="t1"), items(("u2", "b", "basic")))
    assert [listed.uid for listed in client.registries()] == ["u1", "u2"]
    assert [seen.query for seen in palette.seen] == [{}, {"continue": "t1"}]


PASSING = [
    ("429 in seconds", error(429, "TooManyRequests", **{"Retry-After": "7"}), 7.0),
    ("429", error(429, "TooManyRequests"), 2.0),
    ("502, a page", Reply(502, "<html>bad gateway</html>"), 2.0),
    ("503", error(503, "x"), 2.0),
    ("504", Reply(504), 2.0),
    ("507", Reply(507), 2.0),
    ("dropped", Reply(drop=True), 2.0),
]


@pytest.mark.parametrize(("reply", "pause"), [case[1:] for case in PASSING], ids=[case[0] for case in PASSING])
def test_what_is_tried_again(
    client: PaletteClient, palette: ScriptedPalette, sleeps: list[float], reply: Reply, pause: float
) -> None:
    palette.on("PUT", "/u1/ecr", reply, NO_CONTENT)
    client.update("u1", ROLE)
    assert len(palette.seen) == 2
    assert sleeps == [pause]


REFUSALS: list[tuple[str, Reply, type[PaletteError], str]] = [
    ("wrong key", error(401, "Unauthorized", "no"), KeyRejected, "401 Unauthorized: no\n  -> give an API key"),
    ("wrong key, no code", Reply(401, {"message": "x"}), KeyRejected, "SPECTROCLOUD_APIKEY"),
    ("wrong key, no body", Reply(401), KeyRejected, "paletteApiKey"),
    ("no admin", error(403, "Forbidden", "not allowed"), Forbidden, "the API key of a tenant admin"),
    ("project", error(400, "ProjectUidIsNotEmpty", "x"), Forbidden, "belong to the tenant"),
    ("gone", error(404, "ResourceNotFound", "x"), NotFound, "pulumi refresh"),
    ("another 404", error(404, "RouteNotFound", "x"), PaletteError, "see what Palette says"),
    ("404 of a proxy", Reply(404, "<html>"), NotPalette, "a web page, where Palette sends JSON"),
    ("a console", Reply(200, "<!DOCTYPE html>"), NotPalette, "or the host of your own console"),
    ("403 of a proxy", Reply(403, "denied", {"Content-Type": "text/html"}), NotPalette, "a web page"),
    ("a list", Reply(200, "[]"), NotPalette, "not a response of Palette"),
    ("a redirect", Reply(302, None, {"Location": "https://sso.example.com/in?state=1"}), NotPalette,
     "a redirect to https://sso.example.com/in\n"),
    ("a redirect to nowhere", Reply(302, None, {"Location": "https://[x?state=1"}), NotPalette, "a redirect to https://[x\n"),
    ("escapes in a text", error(400, "Invalid\x1b[1m", "a\x1b[2J\nb"), PaletteError, "400 Invalid\\x1b[1m: a\\x1b[2J b\n"),
    ("500", error(500, "InternalError", "oops"), PaletteError, "500 InternalError: oops"),
    ("503 for ever", Reply(503, "<html>"), PaletteError, "perhaps it comes from something before Palette"),
    ("429 for ever", error(429, "TooManyRequests", "slow down"), PaletteThrottled, "run again in a minute"),
    ("invalid", error(400, "InvalidRequest", "spec.endpoint"), PaletteError, "400 InvalidRequest: spec.endpoint"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("reply", "kind", "message"), [case[1:] for case in REFUSALS], ids=[case[0] for case in REFUSALS]
)
def test_refusals(
    client: PaletteClient, palette: ScriptedPalette, reply: Reply, kind: type[PaletteError], message: str
) -> None:
    palette.on("GET", "/sync/status", reply)
    with pytest.raises(PaletteError) as caught:
        client.sync_status("ecr", "u1")
    assert type(caught.value) is kind
    assert message in str(caught.value)
    where = f"could not read the sync status of the registry from Palette ({palette.host}{OCI}/u1/ecr/sync/status): "
    assert str(caught.value).startswith(where)
    assert "\n  -> " in str(caught.value)
    assert len(palette.seen) == (5 if "for ever" in message or reply.status in (429, 503) else 1)


FOREIGN: list[tuple[str, Reply, str]] = [
    ("empty 200", Reply(200), "200: an empty response, where Palette sends JSON"),
    ("empty 204", Reply(204), "204: an empty response"),
    ("empty object", Reply(body={}), "not the response that Palette's API describes: "),
    ("text for an object", Reply(body={"items": ["a"], "tags": ["1"], "spec": "s", "status": 1, "uid": 1}), "describes: "),
    ("list for an object", Reply(body={"items": [[]], "tags": [[]], "spec": [1], "status": []}), "describes: "),
    ("lone surrogate", Reply(body='{"uid": "\\ud800", "items": [{"metadata": {"uid": "\\ud800"}}], "metadata": {}}'),
     "describes: "),
    ("a path for a uid", Reply(body={"uid": "../x", "items": [{"metadata": {"uid": "../x"}}]}), "describes: "),
]  # fmt: skip


@pytest.mark.parametrize(("reply", "message"), [case[1:] for case in FOREIGN], ids=[case[0] for case in FOREIGN])
def test_what_is_not_palettes_word(
    client: PaletteClient, palette: ScriptedPalette, reply: Reply, message: str, sleeps: list[float]
) -> None:
    """No part of it becomes state, nor a traceback."""
    for method in ("GET", "POST"):
        palette.on(method, "", reply)
    calls: list[Callable[[], object]] = [
        client.principal,
        lambda: client.read("ecr", "u1"),
        lambda: client.create(ROLE),
    ]
    if reply.body != {}:
        calls.append(client.registries)
    for call in calls:
        with pytest.raises(NotPalette, match=re.escape(message)):
            call()
    assert sleeps == []


@pytest.mark.parametrize("reply", [Reply(200), Reply(200, "<html>"), Reply(201), Reply(206, "[]")])
def test_a_write_that_nobody_confirms(client: PaletteClient, palette: ScriptedPalette, reply: Reply) -> None:
    for method in ("PUT", "POST", "DELETE"):
        palette.on(method, "", reply)
    calls: list[Callable[[], None]] = [
        lambda: client.update("u1", ROLE), lambda: client.delete("ecr", "u1"), lambda: client.sync("ecr", "u1"),
        lambda: client.validate(ROLE),
    ]  # fmt: skip
    for call in calls:
        with pytest.raises(NotPalette):
            call()


def test_pages_without_end(client: PaletteClient, palette: ScriptedPalette) -> None:
    palette.on("GET", "/summary", *(items((f"u{n}", "a", "ecr"), following=f"t{n % 3}") for n in range(4)), items())
    assert len(client.registries()) == 4, "a token that comes again ends it"


def test_secrets_show_nowhere(
    client: PaletteClient, palette: ScriptedPalette, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    echo = error(400, "InvalidCredentials", f"tried {SECRET} for {KEY}")
    palette.on("POST", "/validate", echo)
    palette.on("POST", "/basic", echo)
    palette.on("PUT", "/basic", echo)
    for operation in (lambda: client.validate(BASIC), lambda: client.create(BASIC), lambda: client.update("u1", BASIC)):
        with pytest.raises(PaletteError, match=r"InvalidCredentials: tried \.\.\. for \.\.\.") as caught:
            operation()
        assert SECRET not in repr(caught.value)
    palette.on("GET", "/summary", error(400, "Invalid", "x" * 990 + KEY))
    with pytest.raises(PaletteError) as caught:
        client.registries()
    assert KEY[:5] not in str(caught.value), "nor the half of one at the end of a text that is cut"
    assert SECRET not in repr(BASIC)
    assert SECRET not in repr(USER)
    assert SECRET not in caplog.text
    assert KEY not in caplog.text
    assert "https" in caplog.text, "there was a log to search"


def test_no_redirect_gets_the_key(client: PaletteClient, palette: ScriptedPalette, tmp_path: Path) -> None:
    with ScriptedPalette(tmp_path) as other:
        other.on("GET", "", items())
        palette.on("GET", "/summary", Reply(307, None, {"Location": f"https://{other.host}/"}))
        with pytest.raises(NotPalette):
            client.registries()
        assert other.seen == []


def test_at_its_pace(palette: ScriptedPalette) -> None:
    palette.on("GET", "/summary", *[items()] * 6, error(429, "TooManyRequests"), items())
    waits: list[float] = []
    client = PaletteClient(
        scripted_transport(palette, [], limiter=RateLimiter(10.0, lambda: 0.0, waits.append, burst=5))
    )
    for _ in range(7):
        client.registries()
    assert waits == pytest.approx([0.1, 0.2, 0.3])


def test_no_response(palette: ScriptedPalette, tmp_path: Path, sleeps: list[float], monkeypatch: Any) -> None:
    def fails(host: str, message: str, attempts: int = 1, **options: Any) -> None:
        sleeps.clear()
        client = PaletteClient(PaletteTransport(host, KEY, policy=RetryPolicy(), sleep=sleeps.append, **options))
        with pytest.raises(PaletteUnreachable, match=message) as caught:
            client.registries()
        assert "could not list the registries in Palette" in str(caught.value)
        assert len(sleeps) == attempts - 1

    with ScriptedPalette(tmp_path) as stranger:
        fails(
            palette.host,
            r"certificate.*\n  -> add the CA certificate of Palette to the system's store, or name it \(packinfra:palette: caFile",
        )
        fails(palette.host, "certificate", ca_file=stranger.ca_file)
    with ScriptedPalette(tmp_path, tls=False) as plain:
        fails(plain.host, "no TLS at")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        fails(address, "no connection or response in time", 5, timeouts=Timeouts(0.05, 0.05))
    fails(address, r"refused.*\n  -> check host", 5)
    fails("palette.invalid", "no such host: palette.invalid")
    with ScriptedPalette(tmp_path, tls=False) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy.host}")
        monkeypatch.setenv("NO_PROXY", "")
        fails("palette.invalid", "HTTPS_PROXY", 5)  # it knows no CONNECT: 501
