"""A login with email and password in place of an API key: its token, its renewal, and what it may say."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from packinfra.http.rate_limit import RateLimiter
from packinfra.http.retry import RetryPolicy
from packinfra.lifecycle.palette.clients import PaletteClients
from packinfra.palette import PaletteClient, PaletteTransport
from packinfra.palette.errors import KeyRejected, NotPalette
from packinfra.palette.login import Login
from tests.support.scripted_palette import Reply, ScriptedPalette, error, items

LOGIN = Login("ops@example.com", "pa55-w0rd", "acme")
AUTH = "/v1/auth/authenticate"
SUMMARY = "GET /v1/registries/oci/summary"


def token(text: str, *, mfa: bool = False) -> Reply:
    return Reply(body={"Authorization": text, "isMfa": mfa})


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def client(palette: ScriptedPalette, clock: Clock) -> PaletteClient:
    transport = PaletteTransport(
        palette.host, LOGIN, ca_file=palette.ca_file, policy=RetryPolicy(), clock=clock, sleep=lambda _: None,
        limiter=RateLimiter(10.0, lambda: 0.0, lambda _: None),
    )  # fmt: skip
    return PaletteClient(transport)


def test_one_login_for_many_requests(client: PaletteClient, palette: ScriptedPalette, clock: Clock) -> None:
    palette.on("POST", AUTH, token("t.1"), token("t.2"))
    palette.on("GET", "/summary", items())
    for _ in range(3):
        client.registries()
    assert palette.requests == [f"POST {AUTH}", *[SUMMARY] * 3]
    login, first = palette.seen[:2]
    assert login.body == {"emailId": "ops@example.com", "password": "pa55-w0rd", "org": "acme"}
    assert not {"ApiKey", "Authorization"} & login.headers.keys()
    assert first.headers["Authorization"] == "t.1", "without Bearer"
    assert "ApiKey" not in first.headers
    clock.now = 601.0
    client.registries()
    assert palette.seen[-1].headers["Authorization"] == "t.2", "before the 15 minutes are over"


def test_a_token_that_expired_early(client: PaletteClient, palette: ScriptedPalette) -> None:
    palette.on("POST", AUTH, token("t.1"), token("t.2"))
    palette.on("GET", "/summary", error(401, "Unauthorized", "expired"), items(("u1", "a", "ecr")))
    assert [each.uid for each in client.registries()] == ["u1"]
    assert palette.requests == [f"POST {AUTH}", SUMMARY] * 2


def test_a_token_that_is_always_rejected(client: PaletteClient, palette: ScriptedPalette) -> None:
    palette.on("POST", AUTH, token("t.1"))
    palette.on("GET", "/summary", error(401, "Unauthorized", "t.1 of ops with pa55-w0rd is not valid"))
    with pytest.raises(KeyRejected) as caught:
        client.registries()
    assert len(palette.seen) == 4, "one other login is tried"
    assert "t.1" not in str(caught.value)
    assert "pa55" not in str(caught.value) + repr(LOGIN)


@pytest.mark.parametrize(
    ("reply", "kind", "message"),
    [
        (
            error(401, "Unauthorized", "no: pa55-w0rd"),
            KeyRejected,
            "401 Unauthorized: no: ...\n  -> check email, password",
        ),
        (error(400, "InvalidOrg", "x"), KeyRejected, "packinfra:paletteLogin"),
        (token("t.1", mfa=True), KeyRejected, "ops@example.com needs a second factor"),
        (Reply(body={}), NotPalette, "describes: Authorization"),
        (token("a b"), NotPalette, "describes: Authorization"),
        (token("a\r\nX: y"), NotPalette, "describes: Authorization"),
        (Reply(200), NotPalette, "an empty response"),
        (Reply(404, "<html>"), NotPalette, "a web page"),
    ],
)
def test_a_login_that_is_refused(
    client: PaletteClient, palette: ScriptedPalette, reply: Reply, kind: type[Exception], message: str
) -> None:
    palette.on("POST", AUTH, reply)
    with pytest.raises(kind) as caught:
        client.registries()
    assert message in str(caught.value)
    assert "pa55" not in str(caught.value)
    assert palette.requests == [f"POST {AUTH}"], "what can't pass is tried once"


def test_a_login_that_fails_for_a_while(client: PaletteClient, palette: ScriptedPalette) -> None:
    palette.on("POST", AUTH, Reply(503), token("t.1"))
    palette.on("GET", "/summary", items())
    assert client.registries() == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "[]",
        "{}",
        '{"email": "a"}',
        '{"email": "a", "password": 1}',
        '{"email": "a", "password": "b", "x": "c"}',
        "[" * 9999,
    ],
)
def test_a_secret_of_another_form(text: str) -> None:
    with pytest.raises(ValueError, match=r'write \{"email"'):
        Login.parse(text)
    if text:
        clients = PaletteClients({"packinfra:paletteLogin": text}.get)
        with pytest.raises(KeyRejected, match=r"paletteLogin: write .*\n  -> set it anew"):
            clients.get({"host": "palette.example.com"})


SECRET = json.dumps({"email": "ops@example.com", "password": "pa55-w0rd"})


@pytest.mark.parametrize(
    ("config", "environ", "expected"),
    [
        ({"packinfra:paletteApiKey": "k1", "packinfra:paletteLogin": SECRET}, "k2", "k1"),
        ({"packinfra:paletteLogin": SECRET}, "k2", Login("ops@example.com", "pa55-w0rd")),
        ({}, "k2", "k2"),
    ],
)
def test_what_comes_first(
    monkeypatch: pytest.MonkeyPatch, config: dict[str, str], environ: str, expected: str | Login
) -> None:
    monkeypatch.setenv("SPECTROCLOUD_APIKEY", environ)
    used: list[str | Login] = []
    real: Callable[..., PaletteTransport] = PaletteTransport

    def recording(host: str, key: str | Login, **options: str | None) -> PaletteTransport:
        used.append(key)
        return real(host, key, **options)

    monkeypatch.setattr("packinfra.lifecycle.palette.clients.PaletteTransport", recording)
    PaletteClients(config.get).get({"host": "palette.example.com"})
    assert used == [expected]
