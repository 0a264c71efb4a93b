"""A Palette that responds as a test tells it to, over TLS, and nothing else.

    palette.on("GET", "/summary", Reply(503), items())   # one after another; the last one goes on
    palette.seen[0].headers["ApiKey"]

What Palette does of its own accord is the sandbox's stand-in (sandbox/palette/).
"""

from __future__ import annotations

import json
import re
import socket
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

import trustme

KEY = "k3y-of-a-tenant-admin"


@dataclass(frozen=True)
class Reply:
    """body: JSON, unless it is text; drop: cut the connection instead"""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    drop: bool = False


@dataclass(frozen=True)
class Seen:
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def error(status: int, code: str, message: str = "", **headers: str) -> Reply:
    return Reply(status, {"code": code, "message": message, "ref": "r-1", "details": {}}, headers)


def items(*registries: tuple[str, str, str], following: str = "") -> Reply:
    """A list of (uid, name, kind)."""
    listed = [{"metadata": {"uid": u, "name": n}, "spec": {"registryType": k.upper()}} for u, n, k in registries]
    return Reply(body={"items": listed or None, "listmeta": {"continue": following}})


class ScriptedPalette:
    def __init__(
        self, folder: Path, *, tls: bool = True, names: tuple[str, ...] = ("127.0.0.1",), **certificate: Any
    ) -> None:
        """names, certificate: of its certificate, see trustme's issue_cert"""
        self.seen: list[Seen] = []
        self._script: list[tuple[str, str, list[Reply]]] = []
        palette = self

        class Handler(_Handler):
            target = palette

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.host = f"127.0.0.1:{self._server.server_port}"
        self.ca_file = str(folder / f"ca-{self._server.server_port}.pem")
        ca = trustme.CA()
        ca.cert_pem.write_to_path(self.ca_file)
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            ca.issue_cert(*names, **certificate).configure_cert(context)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    def on(self, method: str, pattern: str, *replies: Reply) -> None:
        """Requests of this method whose path ends with the pattern get these responses, the last one for ever."""
        self._script.append((method, pattern, list(replies)))

    def forget(self) -> None:
        """All that was said and seen so far."""
        self._script.clear()
        self.seen.clear()

    def respond(self, method: str, path: str) -> Reply:
        for wanted, pattern, replies in self._script:
            if wanted == method and re.search(f"{pattern}$", path):
                return replies.pop(0) if len(replies) > 1 else replies[0]
        raise AssertionError(f"nobody said how to respond to {method} {path}")

    @property
    def requests(self) -> list[str]:
        return [str(seen) for seen in self.seen]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Connections that a client gave up, or that are no TLS, are part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    target: ScriptedPalette

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def log_message(self, *args: Any) -> None:
        pass

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urlsplit(self.path)
        sent = json.loads(body) if body[:1] in (b"{", b"[") else body.decode() or None
        self.target.seen.append(Seen(self.command, url.path, dict(parse_qsl(url.query)), dict(self.headers), sent))
        reply = self.target.respond(self.command, url.path)
        if reply.drop:
            self.close_connection = True
            return
        self.send_response(reply.status)
        content = b"" if reply.body is None else _encoded(reply.body)
        for name, value in {"Content-Length": str(len(content)), **reply.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 - http.server's names


def _encoded(body: Any) -> bytes:
    return body.encode(errors="surrogatepass") if isinstance(body, str) else json.dumps(body).encode()
