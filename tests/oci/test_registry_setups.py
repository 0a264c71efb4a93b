"""distribution as people set it up: on IPv6, read-only, without TLS on one side, with its blobs in a storage elsewhere."""

from __future__ import annotations

import io
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme

from packinfra.lifecycle.clients import PASSWORD as PASSWORD_KEY
from packinfra.lifecycle.clients import RegistryClients
from packinfra.lifecycle.registry_access import BasicAccess, access_to_props
from packinfra.oci import Client, Reference, RegistryError
from packinfra.oci.errors import CertificateUntrusted, PolicyViolation
from packinfra.oci.transport import Transport
from tests.support.oci import LAYER, manifest
from tests.support.proxy import ScriptedProxy
from tests.support.registry import PASSWORD, USER, real_registry
from tests.support.scripted_registry import ScriptedRegistry

pytestmark = pytest.mark.registry
NAME, STORAGE = "registry.example.com", "10.0.0.5:9000"


def push(client: Client, reference: Reference, layer: bytes = LAYER) -> None:
    assert client.resolve(reference, publishing=True) is None
    client.push(reference, manifest(layer), lambda: io.BytesIO(layer))


def test_a_registry_on_ipv6(tmp_path: Path) -> None:
    """Through everything that reads a host: settings' access, references, upload URLs, TLS; and crane reads it back."""
    with real_registry(tmp_path / "six", tls=True, address="[::1]") as registry:
        assert registry.host.startswith("[::1]:")
        clients = RegistryClients({PASSWORD_KEY: PASSWORD}.get, lambda _: None)
        access = access_to_props(BasicAccess(ca_file=registry.ca_file, username=USER))
        longer = registry.host.replace("[::1]", "[0:0:0:0:0:0:0:1]")
        client = clients.get(f"{longer}/team/hello", access)
        assert client is clients.get(f"{registry.host}/team/hello", access)
        reference = Reference.of(f"{registry.host}/team/hello", "1.0.0")
        push(client, reference)
        registry.crane("auth", "login", registry.host, "-u", USER, "-p", PASSWORD)
        assert registry.crane("digest", str(reference)).strip() == manifest().digest
        client.delete(reference, manifest().digest)
        assert client.resolve(reference, confirm_missing=True) is None


@pytest.mark.parametrize("mirror", [False, True])
def test_a_registry_that_takes_no_pushes(tmp_path: Path, mirror: bool) -> None:
    with ScriptedRegistry() as upstream:
        more = f"proxy: {{remoteurl: 'http://{upstream.host}'}}" if mirror else ""
        read_only = "" if mirror else "maintenance: {readonly: {enabled: true}}"
        with real_registry(tmp_path / "still", tls=False, storage=read_only, more=more) as registry:
            client = Client(Transport(registry.host, plain_http=True))
            with pytest.raises(PolicyViolation, match=r"405[\s\S]*-> publish to a registry that takes pushes"):
                client.push(Reference.of(f"{registry.host}/a/b", "1"), manifest(), lambda: io.BytesIO(LAYER))


def test_plain_http_to_a_port_with_tls(tmp_path: Path) -> None:
    with real_registry(tmp_path / "tls", tls=True) as registry:
        client = Client(Transport(registry.host, plain_http=True))
        with pytest.raises(RegistryError, match=r"HTTPS server\.\n  -> leave plainHttp out"):
            client.resolve(Reference.of(f"{registry.host}/a/b", "1"))


# ---- blobs in a storage of another name and certificate


class _Storage(SimpleHTTPRequestHandler):
    authorizations: list[str | None] = []  # noqa: RUF012 - of the one server of a test

    def do_GET(self) -> None:
        self.authorizations.append(self.headers.get("Authorization"))
        super().do_GET()

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def storage(folder: Path, ca: trustme.CA) -> Iterator[str]:
    """Serves the registry's own files over TLS as 10.0.0.5; yields its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Storage, directory=str(folder)))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("10.0.0.5").configure_cert(context)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_blobs_in_a_storage_inside_the_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Harbor with MinIO (harbor#9717): a private address, named and then allowed; its CA is the system's, the registry's
    that of caFile (harbor-helm#852)."""
    redirect = f"middleware: {{storage: [{{name: redirect, options: {{baseurl: 'https://{STORAGE}'}}}}]}}"
    ca, system = trustme.CA(), tmp_path / "system.pem"
    ca.cert_pem.write_to_path(str(system))
    for name in ("NO_PROXY", "no_proxy", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    with (
        real_registry(tmp_path / "r", tls=True, names=(NAME,), more=redirect) as registry,
        storage(tmp_path / "r/data", ca) as address,
        ScriptedProxy(registry.host, routes={STORAGE: address}) as proxy,
    ):
        monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy.host}")

        def client(**options: Any) -> Client:
            access = access_to_props(BasicAccess(ca_file=registry.ca_file, username=USER, **options))
            return RegistryClients({PASSWORD_KEY: PASSWORD}.get, lambda _: None).get(f"{NAME}/team/hello", access)

        def pull(client: Client) -> bytes:
            into = io.BytesIO()
            client.pull(reference, manifest().layers[0], into)
            return into.getvalue()

        reference = Reference.of(f"{NAME}/team/hello", "1.0.0")
        push(client(), reference)
        with pytest.raises(RegistryError, match=rf"keeps its blobs at {STORAGE}, .*\n  -> .*blobHosts: \[{STORAGE}\]"):
            pull(client())
        push(client(), Reference.of(f"{NAME}/team/hello", "1.1.0"), b"another")  # though HEAD of `{}` leads there, too
        assert STORAGE not in proxy.seen
        with pytest.raises(CertificateUntrusted, match=STORAGE):
            pull(client(blob_hosts=(STORAGE,)))
        monkeypatch.setenv("SSL_CERT_FILE", str(system))
        assert pull(client(blob_hosts=(STORAGE,))) == LAYER
        assert _Storage.authorizations == [None]
