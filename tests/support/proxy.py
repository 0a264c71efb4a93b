"""A proxy that speaks CONNECT and SOCKS5, and leads connections to one address, or another for some hosts, whatever was named."""

from __future__ import annotations

import base64
import socket
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Self


class ScriptedProxy:
    """login: "user:password" that it wants; seen: the destinations that clients named, in order; connections: how many;
    routes: destination -> address"""

    def __init__(self, target: str, login: str = "", routes: Mapping[str, str] | None = None) -> None:
        self.target, self.login, self.seen, self.routes = target, login, list[str](), routes or {}
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, client.makefile("rb", buffering=0) as stream:
            first = stream.read(1)
            accepted = self._socks(client, stream) if first == b"\x05" else self._connect(client, stream)
            if accepted:
                host, _, port = self.routes.get(self.seen[-1], self.target).rpartition(":")
                with socket.create_connection((host, int(port))) as server:
                    other = threading.Thread(target=_relay, args=(server, client), daemon=True)
                    other.start()
                    _relay(client, server)
                    other.join(5)

    def _connect(self, client: socket.socket, stream: socket.SocketIO) -> bool:
        lines = b""
        while not lines.endswith(b"\r\n\r\n"):
            lines += stream.read(1) or b"\r\n\r\n"
        self.seen.append(lines.split()[1].decode())
        wanted = f"Proxy-Authorization: Basic {base64.b64encode(self.login.encode()).decode()}"
        accepted = not self.login or wanted in lines.decode()
        status = "200 Connection established" if accepted else "407 Proxy Authentication Required"
        client.sendall(f"HTTP/1.1 {status}\r\n\r\n".encode())
        return accepted

    def _socks(self, client: socket.socket, stream: socket.SocketIO) -> bool:
        """RFC 1928, and RFC 1929 for the login."""
        methods = stream.read(ord(stream.read(1) or b"\0")) or b""
        if self.login and b"\x02" not in methods:
            client.sendall(b"\x05\xff")
            return False
        client.sendall(b"\x05\x02" if self.login else b"\x05\x00")
        if self.login:
            stream.read(1)
            user, password = (stream.read(ord(stream.read(1) or b"\0")) or b"" for _ in range(2))
            accepted = f"{user.decode()}:{password.decode()}" == self.login
            client.sendall(b"\x01\x00" if accepted else b"\x01\x01")
            if not accepted:
                return False
        kind = (stream.read(4) or b"")[3:]
        name = stream.read(ord(stream.read(1) or b"\0")) if kind == b"\x03" else socket.inet_ntoa(stream.read(4) or b"")
        port = int.from_bytes(stream.read(2) or b"", "big")
        self.seen.append(f"{name.decode() if isinstance(name, bytes) else name}:{port}")
        client.sendall(b"\x05\x00\x00\x01" + bytes(6))
        return True


def _relay(source: socket.socket, sink: socket.socket) -> None:
    try:
        while block := source.recv(1 << 16):
            sink.sendall(block)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # the other side has gone
