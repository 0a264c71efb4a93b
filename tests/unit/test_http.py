"""The HTTP room by itself: what is trusted, which proxy is taken, how much of a response is read."""

from __future__ import annotations

import gzip
import ssl
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trustme

from packinfra.http.client import HttpClient, Response
from packinfra.http.failures import Cause, ConnectionFailure
from packinfra.http.redact import clean
from packinfra.http.trust import Trust
from tests.support.scripted_palette import Reply as PaletteReply
from tests.support.scripted_palette import ScriptedPalette
from tests.support.scripted_registry import Reply, ScriptedRegistry

VARIABLES = [
    *(f"{name}_PROXY" for name in ("HTTP", "HTTPS", "ALL", "NO")),
    *(f"{name}_proxy" for name in ("http", "https", "all", "no")),
    "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE",
]  # fmt: skip
NAME = "registry.example.com"


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ScriptedPalette]:
    """Over TLS, with a certificate for 127.0.0.1 and NAME from a CA of its own."""
    with ScriptedPalette(tmp_path, names=("127.0.0.1", NAME)) as running:
        running.on("GET", "", PaletteReply(body={"ok": True}))
        yield running


def get(url: str, trust: Trust | None = None) -> Response:
    return HttpClient(trust).request("GET", url, {})


# ---- trust


def untrusted(url: str, trust: Trust | None = None) -> str:
    with pytest.raises(ConnectionFailure) as caught:
        get(url, trust)
    assert caught.value.cause is Cause.UNTRUSTED
    assert not caught.value.temporary
    return caught.value.text


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE"])
def test_a_ca_that_the_environment_names(server: ScriptedPalette, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"https://{server.host}/"
    assert "self-signed" in untrusted(url) or "unable to get local issuer" in untrusted(url)
    monkeypatch.setenv(name, server.ca_file)
    assert get(url).status == 200


@pytest.mark.parametrize("name", ["SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"])
@pytest.mark.parametrize("hashed", [False, True])
def test_a_folder_of_cas(
    server: ScriptedPalette, name: str, hashed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Named as c_rehash names them, which is how OpenSSL finds them; or in any way, as Go takes them."""
    folder = tmp_path / "certs"
    folder.mkdir()
    command = ["openssl", "x509", "-subject_hash", "-noout", "-in", server.ca_file]
    digest = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    (folder / (f"{digest}.0" if hashed else "corporate.pem")).write_text(Path(server.ca_file).read_text())
    (folder / "README").write_text("no certificate")
    monkeypatch.setenv(name, str(folder))
    assert get(f"https://{server.host}/").status == 200


def test_several_folders_of_cas(server: ScriptedPalette, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_DIR", f"/nowhere:{Path(server.ca_file).parent}")
    assert get(f"https://{server.host}/").status == 200


def test_a_named_ca_is_added_to_the_systems(
    server: ScriptedPalette, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A registry with a CA of its own may keep its blobs in a storage whose CA the system knows."""
    with ScriptedPalette(tmp_path) as own:
        own.on("GET", "", PaletteReply(body={}))
        client = HttpClient(Trust(own.ca_file))
        monkeypatch.setenv("SSL_CERT_FILE", server.ca_file)
        for host in (own.host, server.host):
            assert client.request("GET", f"https://{host}/", {}).status == 200


def test_a_python_whose_openssl_knows_no_store(
    server: ScriptedPalette, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As those that were built on another distribution: truststore finds the store, and a named CA is still added."""
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    assert not any(ssl.get_default_verify_paths()[:2])
    assert get(f"https://{server.host}/", Trust(server.ca_file)).status == 200
    untrusted(f"https://{server.host}/")


@pytest.mark.parametrize(
    ("certificate", "message"),
    [
        ({"names": (NAME,)}, "use a name that its certificate has"),
        ({"names": ("127.0.0.2",)}, "use a name that its certificate has"),
        ({"not_after": datetime(2020, 1, 1, tzinfo=UTC)}, r"expired \(see to its certificate's dates"),
        ({"not_before": datetime(2090, 1, 1, tzinfo=UTC)}, r"not yet valid \(see to its certificate's dates"),
    ],
)
def test_a_certificate_that_no_ca_mends(certificate: dict[str, Any], message: str, tmp_path: Path) -> None:
    with ScriptedPalette(tmp_path, **certificate) as server:
        client = HttpClient(Trust(server.ca_file))
        with pytest.raises(ConnectionFailure, match=message) as caught:
            client.request("GET", f"https://{server.host}/", {})
    assert caught.value.cause is Cause.WRONG_CERTIFICATE
    assert not caught.value.temporary


def test_a_file_that_has_no_effect_is_named(
    server: ScriptedPalette, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenSSL and Go pass it over, so only the error can tell."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    said = untrusted(f"https://{server.host}/")
    assert said.endswith(f" (SSL_CERT_FILE has no effect: {tmp_path}/none.pem: No such file or directory)")
    (tmp_path / "none.pem").write_text("nothing")
    assert untrusted(f"https://{server.host}/").endswith("none.pem holds no certificate)")


def test_a_bundle_that_is_none(server: ScriptedPalette, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "none.pem"))
    assert untrusted(f"https://{server.host}/") == f"REQUESTS_CA_BUNDLE: {tmp_path}/none.pem: No such file or directory"
    (tmp_path / "none.pem").write_text("nothing")
    assert untrusted(f"https://{server.host}/").endswith("none.pem holds no certificate")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", server.ca_file)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path))
    (tmp_path / "none.pem").unlink()
    assert get(f"https://{server.host}/").status == 200, "a folder with a CA in it"
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / "empty"))
    assert untrusted(f"https://{server.host}/") == f"AWS_CA_BUNDLE: no file in {tmp_path}/empty holds a certificate"


# ---- responses


@pytest.mark.parametrize("sink", [False, True])
def test_a_compressed_body_is_read_in_bounds(registry: ScriptedRegistry, sink: bool) -> None:
    """256 MiB in 256 kB; urllib3 before 2.6 unpacked all of it for the first bytes (GHSA-2xpw-w6gg-jr37)."""
    bomb = gzip.compress(bytes(256 << 20), 9)
    registry.next("GET", "/", Reply(200, {"Content-Encoding": "gzip"}, bomb))
    taken: list[int] = []

    def take(block: bytes) -> None:
        taken.append(len(block))
        if len(taken) > 3:
            raise StopIteration

    tracemalloc.start()
    try:
        if sink:
            with pytest.raises(StopIteration):
                HttpClient().request("GET", f"http://{registry.host}/", {}, sink=take)
            assert max(taken) <= 1 << 20
        else:
            assert HttpClient().request("GET", f"http://{registry.host}/", {}, limit=1000).body == bytes(1000)
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()


def test_a_connection_is_used_again_whatever_was_left_of_a_body(registry: ScriptedRegistry) -> None:
    client = HttpClient()
    for size in (0, 10, 100, 10):
        registry.next("GET", "/", Reply(200, body=b"x" * size))
        assert client.request("GET", f"http://{registry.host}/", {}, limit=50).body == b"x" * min(size, 50)
    assert registry.connections == 2, "what is beyond the limit isn't worth reading"
    client.close()
    client.request("GET", f"http://{registry.host}/", {})
    assert registry.connections == 3


def test_a_body_cut_short_is_no_response(registry: ScriptedRegistry) -> None:
    registry.next("GET", "/", Reply(200, body=b"x" * 100, cut=10))
    with pytest.raises(ConnectionFailure) as caught:
        get(f"http://{registry.host}/")
    assert caught.value.temporary


def test_a_chunk_of_an_impossible_size_is_no_response(registry: ScriptedRegistry) -> None:
    """http.client raises a ValueError for it."""
    chunked = {"Transfer-Encoding": "chunked", "Connection": "close"}
    for size in (b"-2", b"-1", b"x"):
        registry.next("GET", "/", Reply(200, body=size + b"\r\nbody", headers=chunked))
        with pytest.raises(ConnectionFailure) as caught:
            get(f"http://{registry.host}/")
        assert caught.value.cause is Cause.CONNECTION_LOST


def test_foreign_text_is_made_harmless() -> None:
    assert clean("a\r\nb\x1b[2J \u202ec") == "a b\\x1b[2J \\u202ec"
    assert clean("x" * 990 + "s3cret", ["s3cret", ""]) == "x" * 990 + "..."
    assert len(clean("y" * 5000)) == 1000


def test_importing_changes_nothing_for_others() -> None:
    """Log filters are for the whole process, so they come with a client, not with an import."""
    script = """
import logging, pkgutil, sys, packinfra
for module in pkgutil.walk_packages(packinfra.__path__, "packinfra."):
    if not module.name.endswith("__main__"):
        __import__(module.name)
loggers = [logging.getLogger(), *map(logging.getLogger, logging.root.manager.loggerDict)]
assert logging.getLogger("urllib3.connectionpool") in loggers and logging.getLogger("botocore.parsers") in loggers
print([logger.name for logger in loggers if logger.filters])
from packinfra.http.client import HttpClient
HttpClient(), HttpClient()
print(len(logging.getLogger("urllib3.connectionpool").filters))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.stdout.split("\n")[:2], done.returncode) == (["[]", "1"], 0), done.stderr


def test_trustme_is_no_public_ca() -> None:
    """Otherwise nothing above would prove anything."""
    assert trustme.CA().cert_pem.bytes() not in Path(ssl.get_default_verify_paths().cafile or "/dev/null").read_bytes()
