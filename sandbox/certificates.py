"""TLS for every name of the sandbox: its own certificate authority, and a certificate per name, made on demand.

A wildcard certificate is not enough: the registry's names have four labels before ``amazonaws.com``.
"""

import asyncio
import functools
import socket
import ssl
from asyncio.sslproto import SSLProtocol
from pathlib import Path
from typing import Any

import trustme
from hypercorn.asyncio import serve
from hypercorn.config import Config

from sandbox.asgi import App
from sandbox.palette import HOST as PALETTE

# Each connection has a buffer of this size, and as much again in transit. With asyncio's 256 KiB, a hundred parallel
# uploads take a hundred megabytes.
SSLProtocol.max_size = 64 * 1024


def is_ours(host: str) -> bool:
    return host.lower().endswith(".amazonaws.com") or host.lower() == PALETTE


class Certificates:
    def __init__(self) -> None:
        self._authority = trustme.CA(organization_name="packinfra sandbox")
        self._context = functools.cache(self._new_context)

    def write_authority(self, path: Path) -> None:
        self._authority.cert_pem.write_to_path(path)

    def _new_context(self, name: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        self._authority.issue_cert(name).configure_cert(context)
        return context

    def context(self) -> ssl.SSLContext:
        context = self._new_context("sandbox.amazonaws.com")

        def choose(connection: Any, name: str | None, _: ssl.SSLContext) -> int | None:
            if name is None or not is_ours(name):
                return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
            connection.context = self._context(name)
            return None

        context.sni_callback = choose
        return context


class TlsConfig(Config):  # type: ignore[misc]
    """hypercorn reads certificates only from files; ours come from the authority above."""

    ssl_enabled = True

    def __init__(self, certificates: Certificates) -> None:
        super().__init__()
        self._certificates = certificates

    def create_ssl_context(self) -> ssl.SSLContext:
        return self._certificates.context()


async def serve_tls(app: App, certificates: Certificates, listener: socket.socket, stop: asyncio.Event) -> None:
    """Serves an ASGI application on a listening socket until ``stop`` is set."""
    config = TlsConfig(certificates)
    config.bind = [f"fd://{listener.detach()}"]
    config.loglevel = "WARNING"
    config.graceful_timeout = 1.0
    config.include_server_header = False
    config.keep_alive_timeout = 60.0
    asyncio.get_running_loop().set_exception_handler(_ignore_hang_ups)
    try:
        await serve(app, config, shutdown_trigger=stop.wait)
    except OSError:
        if not stop.is_set():
            raise


def _ignore_hang_ups(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Not logged: a client that hangs up without closing TLS."""
    if not isinstance(context.get("exception"), OSError):
        loop.default_exception_handler(context)
