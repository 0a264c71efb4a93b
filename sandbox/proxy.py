"""A CONNECT proxy that leads the host names of AWS and Palette to the sandbox and rejects all others.

With HTTPS_PROXY set to it, no tool can reach the real ones by accident. Each request for a connection is a line in
``proxy.log``: time, method and target, ``passed`` or ``rejected``.
"""

import asyncio
import contextlib
import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TextIO

from sandbox.certificates import is_ours
from sandbox.control import Control
from sandbox.palette import HOST as PALETTE

PIECE = 32 * 1024
_LENGTH = re.compile(r"^content-length: *(\d{1,6})\r$", re.IGNORECASE | re.MULTILINE)


@dataclass
class Proxy:
    tls_port: int
    log: TextIO
    control: Control
    _open: set[asyncio.StreamWriter] = field(default_factory=set)
    # The port from which a connection goes on to the TLS port -> both of its ends.
    _through: dict[int, tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = field(default_factory=dict)

    def abort(self) -> None:
        """Cuts all connections: an open one would delay the end until TLS is closed."""
        for writer in self._open:
            writer.transport.abort()

    def cut(self, port: int) -> None:
        """Cuts the connection that arrives at the TLS port from this port, without a response."""
        for writer in self._through.get(port, ()):
            writer.transport.abort()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            await self._serve(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # the other side hung up, or doesn't speak HTTP
        finally:
            self._open.discard(writer)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        method, _, rest = head.partition("\r\n")[0].partition(" ")
        target = rest.rpartition(" ")[0]
        if target.startswith("/"):
            length = _LENGTH.search(head)
            status, body = self.control(method, target, await reader.readexactly(int(length[1]) if length else 0))
            await _respond(writer, f"{status} {HTTPStatus(status).phrase}", json.dumps(body))
            return
        host, _, port = target.rpartition(":")
        passed = method == "CONNECT" and port == "443" and is_ours(host)
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        # Without the query: the address of a plain request may have secrets.
        shown = target if method == "CONNECT" else target.partition("?")[0]
        print(now, method, shown, "passed" if passed else "rejected", file=self.log, flush=True)
        if not passed:
            text = f"The packinfra sandbox connects only to *.amazonaws.com:443 and {PALETTE}:443, not to {shown}.\n"
            await _respond(writer, "403 Forbidden", text)
            return
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self.tls_port, limit=PIECE)
        port = inner_writer.get_extra_info("sockname")[1]
        self._open.add(inner_writer)
        self._through[port] = writer, inner_writer
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(_pump(reader, inner_writer), _pump(inner_reader, writer))
        del self._through[port]
        self._open.discard(inner_writer)


async def _respond(writer: asyncio.StreamWriter, status: str, text: str) -> None:
    body = text.encode()
    writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
    await writer.drain()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(PIECE):
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError):
        writer.close()
