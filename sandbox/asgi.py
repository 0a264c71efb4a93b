"""The part of ASGI that the sandbox needs: a request that is read in pieces, and a response."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class CutShortError(Exception):
    """The client hung up in the middle of its body."""


class DroppedError(Exception):
    """The connection is to be cut, without a response."""


@dataclass
class Request:
    scope: Scope
    receive: Receive
    headers: dict[str, str] = field(init=False)
    query: dict[str, str] = field(init=False)
    _complete: bool = False

    def __post_init__(self) -> None:
        self.headers = {name.decode("latin-1").lower(): v.decode("latin-1") for name, v in self.scope["headers"]}
        query = parse_qs(self.scope["query_string"].decode("latin-1"), keep_blank_values=True)
        self.query = {name: values[0] for name, values in query.items()}

    @property
    def method(self) -> str:
        return str(self.scope["method"])

    @property
    def path(self) -> str:
        return str(self.scope["path"])

    @property
    def host(self) -> str:
        return self.headers.get("host", "").partition(":")[0].lower()

    async def body(self) -> AsyncIterator[bytes]:
        """The body as it arrives. Nothing is read, and so nothing is in memory, before the caller iterates."""
        while True:
            message = await self.receive()
            if message["type"] != "http.request":
                raise CutShortError
            self._complete = not message.get("more_body")
            yield message.get("body", b"")
            if self._complete:
                return

    async def drain(self) -> None:
        """Discards the rest of the body, so that a client which sends before it reads gets the response."""
        while not self._complete:
            async for _ in self.body():
                pass


@dataclass
class Response:
    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | Path = b""

    @classmethod
    def json(cls, status: int, value: Any, **headers: str) -> "Response":
        return cls(status, {"Content-Type": "application/json", **headers}, json.dumps(value).encode())

    async def send(self, method: str, send: Send) -> None:
        body, file = (b"", self.body) if isinstance(self.body, Path) else (self.body, None)
        size = file.stat().st_size if file else len(body)
        headers = {"Content-Length": str(size), **self.headers}
        raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": self.status, "headers": raw})
        if method != "HEAD" and file:
            with file.open("rb") as stream:
                while piece := stream.read(256 * 1024):
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"" if method == "HEAD" else body})
