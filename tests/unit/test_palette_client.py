"""The Palette client on a scripted server: what it sends, what it tries again, what it makes of each response."""

from __future__ import annotations

import logging
import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from packinfra.http.client import Timeouts
from packinfra.http.rate_limit import RateLimiter
from packinfra.http.retry import RetryPolicy
from packinfra.palette import Listed, PaletteClient, PaletteError, PaletteTransport, Principal, Registration
from packinfra.palette.errors import (
    CredentialsRejected,
    Forbidden,
    KeyRejected,
    NameTaken,
    NotFound,
    NotPalette,
    PaletteThrottled,
    PaletteUnreachable,
)
from tests.support.registrations import BASIC, ROLE, SECRET, USER
from tests.support.scripted_palette import KEY, Reply, ScriptedPalette, error, items

OCI = "/v1/registries/oci"
TLS = {"certificate": "", "enabled": True, "insecureSkipVerify": False}
NO_CONTENT = Reply(204)
GONE = error(404, "ResourceNotFound", "registry u1 not found")


@pytest.fixture
def palette(tmp_path: Path) -> Iterator[ScriptedPalette]:
    with ScriptedPalette(tmp_path) as running:
        yield running


@pytest.fixture
def sleeps() -> list[float]:
    return []


@pytest.fixture
def client(palette: ScriptedPalette, sleeps: list[float]) -> PaletteClient:
    return PaletteClient(transport(palette, sleeps))


def transport(palette: ScriptedPalette, sleeps: list[float], **options: Any) -> PaletteTransport:
    settings = {
        "ca_file": palette.ca_file, "policy": RetryPolicy(first=2.0, jitter=0.0), "sleep": sleeps.append,
        "limiter": RateLimiter(10.0, lambda: 0.0, lambda _: None), **options,
    }  # fmt: skip
    return PaletteTransport(palette.host, KEY, **settings)


def test_what_is_sent(client: PaletteClient, palette: ScriptedPalette) -> None:
    principal = {"accountId": "210987654321", "externalId": "x-1", "partition": "aws"}
    palette.on("GET", "/v1/clouds/aws/account/sts", Reply(body=principal))
    palette.on("GET", f"{OCI}/summary", items(("u1", "packs", "ecr"), ("u2", "other", "basic")))
    palette.on("POST", f"{OCI}/(ecr|basic)/validate", NO_CONTENT)
    palette.on("POST", f"{OCI}/ecr", Reply(201, {"uid": "u1"}))
    palette.on("PUT", f"{OCI}/u1/ecr", NO_CONTENT)
    palette.on("DELETE", f"{OCI}/u1/basic", NO_CONTENT)
    palette.on("POST", f"{OCI}/u1/ecr/sync", Reply(202))
    palette.on("GET", f"{OCI}/u1/ecr/sync/status", Reply(body={"status": "Success", "isSyncSupported": True}))
    tags = [{"version": "1.0.0", "tag": "LTS__1.0.x"}, {"version": "1.1.0", "tag": "1.1.0"}]
    palette.on("GET", "/v1/packs/hello/registries/u1", Reply(body={"tags": tags}))

    assert client.principal("aws-us-gov") == Principal("210987654321", "x-1")
    assert client.find("packs") == Listed("u1", "packs", "ecr")
    assert client.find("none") is None
    client.validate(ROLE)
    client.validate(BASIC)
    assert client.create(ROLE) == "u1"
    client.update("u1", USER)
    client.delete("basic", "u1")
    client.sync("ecr", "u1", force=True)
    assert client.sync_status("ecr", "u1").word == "Success"
    assert client.versions("hello", "u1") == {"1.0.0", "1.1.0"}

    by_request = {str(seen): seen for seen in palette.seen}
    assert len(palette.seen) == 11
    assert {seen.headers["ApiKey"] for seen in palette.seen} == {KEY}
    assert not any({"ProjectUid", "Authorization", "Cookie"} & seen.headers.keys() for seen in palette.seen)
    assert by_request["GET /v1/clouds/aws/account/sts"].query == {"partition": "aws-us-gov"}
    assert by_request[f"POST {OCI}/ecr"].query == {"skipPackSync": "true"}
    assert by_request[f"POST {OCI}/u1/ecr/sync"].query == {"forceSync": "true"}
    assert by_request["GET /v1/packs/hello/registries/u1"].query == {"cloudType": "all"}
    spec = {
        "endpoint": ROLE.endpoint, "baseContentPath": "base", "providerType": "pack", "isSyncSupported": True,
        "isPrivate": True, "tls": TLS,
        "credentials": {"credentialType": "sts", "sts": {"arn": ROLE.role_arn, "externalId": "x-1"}},
    }  # fmt: skip
    assert by_request[f"POST {OCI}/ecr/validate"].body == spec
    assert by_request[f"POST {OCI}/ecr"].body == {"metadata": {"name": "packs"}, "spec": spec}
    secret = {"credentialType": "secret", "accessKey": "AKIAX", "secretKey": SECRET}
    assert by_request[f"PUT {OCI}/u1/ecr"].body["spec"] == {**spec, "credentials": secret}
    assert by_request[f"POST {OCI}/basic/validate"].body == {
        "endpoint": BASIC.endpoint, "baseContentPath": "team", "providerType": "pack", "isSyncSupported": True,
        "auth": {"type": "basic", "username": "robot", "password": SECRET, "tls": TLS},
    }  # fmt: skip


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


@pytest.mark.parametrize("lost", [Reply(drop=True), Reply(502), error(429, "TooManyRequests")])
def test_a_lost_response_to_create(client: PaletteClient, palette: ScriptedPalette, lost: Reply) -> None:
    palette.on("POST", "/ecr", lost, Reply(201, {"uid": "u2"}))
    palette.on("GET", "/summary", items(("u0", "other", "ecr")))
    assert client.create(ROLE) == "u2"
    assert palette.requests == [f"POST {OCI}/ecr", f"GET {OCI}/summary", f"POST {OCI}/ecr"]


def test_a_lost_response_to_a_create_that_worked(
    client: PaletteClient, palette: ScriptedPalette, sleeps: list[float]
) -> None:
    palette.on("POST", "/ecr", Reply(drop=True))
    palette.on("GET", "/summary", Reply(503), items(("u1", "packs", "ecr")))
    assert client.create(ROLE) == "u1"
    assert palette.requests == [f"POST {OCI}/ecr", f"GET {OCI}/summary", f"GET {OCI}/summary"]
    assert sleeps == [2.0, 4.0], "one budget, not one for each request"


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


@pytest.mark.parametrize(
    ("reply", "registration", "message"),
    [
        (
            error(400, "InvalidCredentials", "AccessDenied"),
            ROLE,
            "must trust Palette's AWS account with ExternalId x-1",
        ),
        (error(500, "InternalError", "AccessDenied"), ROLE, "must trust Palette's AWS account"),
        (error(403, "Denied", "not authorized to perform: sts:AssumeRole"), ROLE, "may need another minute"),
        (error(403, "Denied", "not authorized to perform: sts:AssumeRole"), ROLE, "run pulumi up --refresh"),
        (error(400, "InvalidCredentials", "x"), USER, r"accessKeyId \(AKIAX\), its secret"),
        (error(422, "x", "x"), BASIC, "check username and password"),
        (error(401, "Unauthorized", "from Harbor"), BASIC, "check username and password"),
    ],
)
def test_credentials_are_refused(
    client: PaletteClient, palette: ScriptedPalette, reply: Reply, registration: Registration, message: str
) -> None:
    palette.on("POST", "/validate", reply)
    palette.on("GET", "/summary", items())
    with pytest.raises(CredentialsRejected, match=rf"checked by Palette.*\n  -> .*{message}"):
        client.validate(registration)


@pytest.mark.parametrize(
    "reply",
    [error(401, "Unauthorized"), error(403, "Forbidden"), error(400, "ProjectUidIsNotEmpty"), Reply(404, "<html>"),
     error(404, "ResourceNotFound"), error(429, "TooManyRequests"), error(503, "Unavailable")],
)  # fmt: skip
def test_what_says_nothing_of_the_credentials(client: PaletteClient, palette: ScriptedPalette, reply: Reply) -> None:
    palette.on("POST", "/validate", reply)
    palette.on("GET", "/summary", reply)
    with pytest.raises(PaletteError) as caught:
        client.validate(ROLE)
    assert not isinstance(caught.value, CredentialsRejected)


def test_in_use(client: PaletteClient, palette: ScriptedPalette) -> None:
    palette.on("DELETE", "/ecr", error(409, "RegistryInUse", "used by profile web"))
    with pytest.raises(
        PaletteError, match=r"RegistryInUse: used by profile web\n  -> if cluster profiles use its packs"
    ):
        client.delete("ecr", "u1")


@pytest.mark.parametrize("reply", [error(409, "RegistryAlreadyExists", "taken"), error(400, "DuplicateName", "taken")])
def test_the_name_is_taken(client: PaletteClient, palette: ScriptedPalette, reply: Reply) -> None:
    palette.on("POST", "/ecr", reply)
    palette.on("PUT", "/ecr", reply)
    for operation in (lambda: client.create(ROLE), lambda: client.update("u1", ROLE)):
        with pytest.raises(NameTaken, match="taken\n  -> choose another name"):
            operation()


def test_a_404_needs_the_lists_word(client: PaletteClient, palette: ScriptedPalette) -> None:
    palette.on("GET", "/u1/ecr", GONE)
    palette.on("DELETE", "/u1/ecr", GONE)
    palette.on("GET", "/summary", items(), items(), items(("u1", "packs", "basic")))
    assert client.read("ecr", "u1") is None
    client.delete("ecr", "u1")
    for operation in (client.read, client.delete):
        with pytest.raises(PaletteError, match="but the list has it: packs, of kind basic"):
            operation("ecr", "u1")


@pytest.mark.parametrize("listed", [error(403, "Forbidden"), Reply(500), Reply(200, "<html>")])
def test_gone_is_not_taken_from_a_list_that_was_not_read(
    client: PaletteClient, palette: ScriptedPalette, listed: Reply
) -> None:
    palette.on("GET", "/u1/ecr", GONE)
    palette.on("GET", "/summary", listed)
    with pytest.raises(PaletteError):
        client.read("ecr", "u1")


@pytest.mark.parametrize("reply", [Reply(body={}), error(403, "Forbidden"), error(404, "ResourceNotFound")])
def test_a_palette_that_tells_no_tenant(client: PaletteClient, palette: ScriptedPalette, reply: Reply) -> None:
    palette.on("GET", "/users/me", reply)
    palette.on("GET", "/u1/ecr", GONE)
    palette.on("GET", "/summary", items())
    assert client.tenant() == ""
    assert client.read("ecr", "u1") is None
    with pytest.raises(KeyRejected, match=r"tenant that Palette doesn't tell; .*\n  -> give an API key of that tenant"):
        client.read("ecr", "u1", "t-1")


def test_gone_needs_a_key_of_the_tenant(client: PaletteClient, palette: ScriptedPalette) -> None:
    theirs, ours = (Reply(body={"status": {"tenant": {"orgName": "x", "tenantUid": uid}}}) for uid in ("t-2", "t-1"))
    palette.on("GET", "/users/me", theirs, theirs, Reply(401), ours)
    palette.on("GET", "/u1/ecr", GONE)
    palette.on("DELETE", "/u1/ecr", GONE)
    palette.on("GET", "/summary", items())
    for operation in (client.read, client.delete):
        with pytest.raises(KeyRejected, match="belongs to the tenant t-2; it was made in the tenant t-1"):
            operation("ecr", "u1", "t-1")
    with pytest.raises(KeyRejected):
        client.read("ecr", "u1", "t-1")
    assert client.read("ecr", "u1", "t-1") is None


def test_a_pack_that_is_not_indexed(client: PaletteClient, palette: ScriptedPalette) -> None:
    empty, null = Reply(body={"tags": []}), Reply(body={"name": "hello", "tags": None})
    other = error(404, "PackNotFound", "x")  # which words Palette has for it isn't known
    palette.on("GET", "/hello/registries/u1", GONE, other, empty, null, Reply(404, "<html>"))
    for _ in range(4):
        assert client.versions("hello", "u1") == frozenset()
    with pytest.raises(NotPalette):
        client.versions("hello", "u1")


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


@pytest.mark.parametrize("reply", [Reply(201), Reply(200, {}), Reply(201, {"uid": 1})])
def test_a_create_whose_response_is_cut(client: PaletteClient, palette: ScriptedPalette, reply: Reply) -> None:
    palette.on("POST", "/ecr", reply)
    palette.on("GET", "/summary", items(("u1", "packs", "ecr")))
    assert client.create(ROLE) == "u1"
    assert palette.requests == [f"POST {OCI}/ecr", f"GET {OCI}/summary"]


def test_a_conflict_with_our_own_lost_attempt(client: PaletteClient, palette: ScriptedPalette) -> None:
    palette.on("POST", "/ecr", Reply(drop=True), error(409, "RegistryAlreadyExists"))
    palette.on("GET", "/summary", items(), items(("u1", "packs", "ecr")))
    assert client.create(ROLE) == "u1"
    assert len(palette.seen) == 4


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
    client = PaletteClient(transport(palette, [], limiter=RateLimiter(10.0, lambda: 0.0, waits.append, burst=5)))
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
