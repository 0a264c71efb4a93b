"""Which proxy a request takes, and what becomes of it there."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from packinfra.http.client import HttpClient, Response, Timeouts
from packinfra.http.failures import Cause, ConnectionFailure
from packinfra.http.proxies import proxy_for
from packinfra.http.trust import Trust
from tests.support.proxy import ScriptedProxy
from tests.support.scripted_palette import Reply as PaletteReply
from tests.support.scripted_palette import ScriptedPalette
from tests.support.scripted_registry import Reply, ScriptedRegistry

NAME = "registry.example.com"


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name in ("SSL_CERT_FILE", "AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"):
            monkeypatch.delenv(name)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ScriptedPalette]:
    """Over TLS, with a certificate for 127.0.0.1 and NAME from a CA of its own."""
    with ScriptedPalette(tmp_path, names=("127.0.0.1", NAME)) as running:
        running.on("GET", "", PaletteReply(body={"ok": True}))
        yield running


def get(url: str, trust: Trust | None = None, timeouts: Timeouts | None = None) -> Response:
    return HttpClient(trust, timeouts).request("GET", url, {})


# ---- the decision: each row was put to Go's own net/http, which decides for the engine and the AWS provider

BYPASSED: list[tuple[str, list[str], list[str]]] = [
    ("", ["localhost:80", "127.0.0.1:443", "127.8.8.8:80", "[::1]:443", "[::ffff:127.0.0.1]:80"],
     ["a.example:80", "10.0.0.1:80", "localhost.:80", "0.0.0.0:80"]),
    ("*", ["a.example:80", "10.0.0.1:80"], []),
    ("x,*", ["a.example:80"], []),
    ("a.example", ["a.example:80", "b.a.example:443", "A.Example:80"], ["ba.example:80", "a.example.com:80"]),
    (".a.example", ["b.a.example:80"], ["a.example:80", "ba.example:80"]),
    ("*.a.example", ["b.a.example:80"], ["a.example:80", "ba.example:80"]),
    (".a.example:8443", ["b.a.example:8443"], ["b.a.example:443", "a.example:8443"]),
    ("x, A.example ,,y", ["a.example:80", "x:1", "z.y:1"], ["example:80"]),
    ("x y", [], ["x:80", "y:80"]),
    ("a.example:8443", ["a.example:8443", "b.a.example:8443"], ["a.example:443"]),
    ("a.example:https", [], ["a.example:443"]),
    ("10.0.0.1", ["10.0.0.1:80", "[::ffff:10.0.0.1]:80"], ["10.0.0.2:80", "x.10.0.0.1.example:80"]),
    ("10.0.0.1:80", ["10.0.0.1:80"], ["10.0.0.1:81"]),
    ("::ffff:10.0.0.1", ["10.0.0.1:80"], []),
    ("10.0.0.0/8,fd00::/8", ["10.255.1.1:80", "[fd12::1]:443", "[::ffff:10.1.2.3]:80"],
     ["11.0.0.1:80", "[fe80::1]:80", "a.example:80"]),
    ("10.1.2.3/8", ["10.9.9.9:80"], ["11.0.0.1:80"]),
    ("10.0.0.0/255.0.0.0", [], ["10.0.0.1:80"]),
    ("10.0.0", [], ["10.0.0.1:80"]),
    ("2001:db8::1", ["[2001:db8::1]:80", "[2001:DB8:0::1]:80"], ["[2001:db8::2]:80"]),
    ("[2001:db8::1]:80", ["[2001:db8::1]:80"], ["[2001:db8::1]:81"]),
    ("[2001:db8::1]", [], ["[2001:db8::1]:80"]),
    ("https://a.example", [], ["a.example:443"]),
    ("bücher.example", ["xn--bcher-kva.example:80", "a.xn--bcher-kva.example:80"], ["bucher.example:80"]),
    ("10.0.0.0/99, :80, *example, /", [], ["10.0.0.1:80", "a.example:80"]),
]  # fmt: skip


@pytest.mark.parametrize(("no_proxy", "bypassed", "proxied"), BYPASSED)
def test_no_proxy_as_go_reads_it(no_proxy: str, bypassed: list[str], proxied: list[str]) -> None:
    """golang.org/x/net/http/httpproxy."""
    for expected, hosts in ((True, bypassed), (False, proxied)):
        for host in hosts:
            parts = urlsplit(f"http://{host}/")
            environment = {"HTTP_PROXY": "http://p:1", "NO_PROXY": no_proxy}
            found = proxy_for("http", parts.hostname or "", parts.port or 0, environment)
            assert (found is None) is expected, host


P, Q = "http://p:1", "http://q:2"
WHICH: list[tuple[dict[str, str], str, tuple[str, str] | str | None]] = [
    ({}, "https", None),
    ({"HTTPS_PROXY": P}, "https", ("HTTPS_PROXY", P)),
    ({"HTTPS_PROXY": P}, "http", None),
    ({"HTTP_PROXY": P}, "https", None),
    ({"HTTP_PROXY": P}, "http", ("HTTP_PROXY", P)),
    ({"http_proxy": P}, "http", ("http_proxy", P)),
    ({"https_proxy": P}, "https", ("https_proxy", P)),
    ({"HTTPS_PROXY": P, "https_proxy": Q}, "https", ("HTTPS_PROXY", P)),
    ({"HTTPS_PROXY": "", "https_proxy": Q}, "https", ("https_proxy", Q)),
    ({"Https_Proxy": P}, "https", None),
    ({"HTTPS_PROXY": P, "NO_PROXY": NAME}, "https", None),
    ({"HTTPS_PROXY": P, "no_proxy": NAME}, "https", None),
    ({"HTTPS_PROXY": P, "NO_PROXY": "x", "no_proxy": NAME}, "https", ("HTTPS_PROXY", P)),
    ({"HTTPS_PROXY": P, "NO_PROXY": "", "no_proxy": NAME}, "https", None),
    ({"HTTP_PROXY": P, "REQUEST_METHOD": "GET"}, "http", "refused"),
    ({"http_proxy": P, "REQUEST_METHOD": "GET", "NO_PROXY": "*"}, "http", "refused"),
    ({"HTTPS_PROXY": P, "REQUEST_METHOD": "GET"}, "https", ("HTTPS_PROXY", P)),
    ({"REQUEST_METHOD": "GET"}, "http", None),
]  # fmt: skip


@pytest.mark.parametrize(("environment", "scheme", "proxy"), WHICH)
def test_which_proxy(environment: dict[str, str], scheme: str, proxy: tuple[str, str] | str | None) -> None:
    if proxy == "refused":
        with pytest.raises(ConnectionFailure, match="is not used where REQUEST_METHOD is set") as caught:
            proxy_for(scheme, NAME, 443, environment)
        assert caught.value.cause is Cause.PROXY
    else:
        assert proxy_for(scheme, NAME, 443, environment) == proxy


def test_all_proxy_comes_last() -> None:
    """Unlike Go, which doesn't know it: curl, requests and Docker's tools do."""
    environment = {"ALL_PROXY": "socks5://p:1", "HTTPS_PROXY": Q}
    assert proxy_for("http", NAME, 80, environment) == ("ALL_PROXY", "socks5://p:1")
    assert proxy_for("https", NAME, 443, environment) == ("HTTPS_PROXY", Q)
    assert proxy_for("http", NAME, 80, environment | {"NO_PROXY": NAME}) is None


# ---- the way


@pytest.mark.parametrize("scheme", ["http", "socks5", "socks5h"])
@pytest.mark.parametrize("login", ["", "me@home:p:w/"])
def test_through_a_proxy(server: ScriptedPalette, scheme: str, login: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """TLS inside of it, the name left to the proxy."""
    with ScriptedProxy(server.host, login) as proxy:
        userinfo = "me%40home:p%3Aw%2F@" if login else ""
        monkeypatch.setenv("HTTPS_PROXY", f"{scheme}://{userinfo}{proxy.host}")
        assert get(f"https://{NAME}/", Trust(server.ca_file)).body == b'{"ok": true}'
        assert proxy.seen == [f"{NAME}:443"]


def test_a_proxy_for_plain_http(registry: ScriptedRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"me:pw@{registry.host}")  # without a scheme, as Go takes it too
    get(f"http://{NAME}/v2/")
    assert registry.seen[0].path == f"http://{NAME}/v2/"
    assert registry.seen[0].headers["Proxy-Authorization"] == "Basic bWU6cHc="


@pytest.mark.parametrize("scheme", ["http", "socks5"])
def test_a_proxy_that_wants_another_login(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedProxy("127.0.0.1:1", "me:right") as proxy:
        monkeypatch.setenv("ALL_PROXY", f"{scheme}://me:wr0ng@{proxy.host}")
        with pytest.raises(ConnectionFailure, match=rf"the proxy {proxy.host} \(ALL_PROXY\) refused") as caught:
            get(f"https://{NAME}/")
    assert caught.value.cause is Cause.PROXY
    assert "wr0ng" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["http", "socks5"])
def test_a_proxy_that_is_not_there(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedProxy("127.0.0.1:1") as gone:
        pass
    monkeypatch.setenv("HTTPS_PROXY", f"{scheme}://me:s3cret@{gone.host}")
    with pytest.raises(ConnectionFailure, match=rf"the proxy {gone.host} \(HTTPS_PROXY\): .*refused") as caught:
        get(f"https://{NAME}/")
    assert caught.value.temporary
    assert "s3cret" not in str(caught.value)


def test_a_proxy_without_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.invalid:3128")
    with pytest.raises(ConnectionFailure, match=r"no such host: proxy\.invalid:3128"):
        get(f"https://{NAME}/")


@pytest.mark.parametrize(
    "address",
    ["ftp://me:s3cret@p:1", "http://me:s3cret@[p", "http://me:s3cret@p:port", "http://", "s3cret@"],
)
def test_an_unusable_proxy(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", address)
    with pytest.raises(ConnectionFailure, match="HTTPS_PROXY is not the address of a proxy") as caught:
        get(f"https://{NAME}/")
    assert caught.value.cause is Cause.PROXY
    assert not caught.value.temporary
    assert "s3cret" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("scheme", ["http", "socks5"])
def test_a_proxy_that_wants_a_login_and_gets_none(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedProxy("127.0.0.1:1", "me:right") as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"{scheme}://{proxy.host}")
        assert never(f"https://{NAME}/", rf"the proxy {proxy.host} \(HTTPS_PROXY\) refused") is Cause.PROXY


def test_a_proxy_for_plain_http_that_wants_a_login(registry: ScriptedRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    """There the refusal is a response to the request itself."""
    registry.next("GET", "http://", Reply(407))
    monkeypatch.setenv("http_proxy", f"http://{registry.host}")
    assert never(f"http://{NAME}/", rf"the proxy {registry.host} \(http_proxy\) refused: 407") is Cause.PROXY


def test_a_proxy_without_tls(registry: ScriptedRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"https://{registry.host}")
    message = rf"the proxy {registry.host} \(HTTPS_PROXY\): no TLS there .*write http://"
    assert never(f"https://{NAME}/", message) is Cause.PROXY


def test_an_http_proxy_with_the_scheme_of_socks(monkeypatch: pytest.MonkeyPatch) -> None:
    """It waits for the rest of a request's first line, and SOCKS for the first byte of a response."""
    with socket.create_server(("127.0.0.1", 0)) as waits:
        address = f"127.0.0.1:{waits.getsockname()[1]}"
        monkeypatch.setenv("HTTPS_PROXY", f"socks5://{address}")
        message = rf"the proxy {address} \(HTTPS_PROXY\): connected, but it says nothing: .*write http://"
        assert never(f"https://{NAME}/", message, Timeouts(connect=0.1)) is Cause.PROXY


def test_a_server_that_is_no_proxy(server: ScriptedPalette, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://{server.host}")
    with pytest.raises(ConnectionFailure, match=rf"through the proxy {server.host} \(HTTPS_PROXY\): "):
        get(f"https://{NAME}/")


def test_an_untrusted_proxy(server: ScriptedPalette, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"https://{server.host}")
    assert never(f"https://{NAME}/", rf"the proxy {server.host} \(HTTPS_PROXY\): .*certificate") is Cause.UNTRUSTED


def test_a_socks_proxy_without_pysocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in an environment that was not made by `pip install packinfra[pulumi]`."""
    monkeypatch.setitem(sys.modules, "socks", None)
    monkeypatch.delitem(sys.modules, "urllib3.contrib.socks", raising=False)
    monkeypatch.setenv("ALL_PROXY", "socks5://me:s3cret@127.0.0.1:1")
    assert never(f"https://{NAME}/", "ALL_PROXY names a SOCKS proxy, .*pip install pysocks") is Cause.PROXY


def never(url: str, message: str, timeouts: Timeouts | None = None) -> Cause:
    """The cause of a failure that no later attempt would change."""
    with pytest.raises(ConnectionFailure, match=message) as caught:
        get(url, timeouts=timeouts)
    assert not caught.value.temporary
    return caught.value.cause
