"""One pool of connections to one service: a request goes out, a bounded or streamed response comes back.

No redirect is followed, nothing is tried again, no cookie is kept and no ~/.netrc is read: credentials go where the
caller sends them, and nowhere else.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

import urllib3

from packinfra.http.failures import Cause, ConnectionFailure
from packinfra.http.proxies import proxied_pool, proxy_for
from packinfra.http.redact import hide_queries
from packinfra.http.trust import Trust

_CONNECTIONS = 16
_BLOCK = 64 << 10
"""Bytes sent at once. urllib3's own 16 KiB cost a fifth more CPU (an eighth with TLS); more than 64 gain nothing, and
a block must get through within the connect timeout, which also guards sending."""
_HEADERS = {"Accept-Encoding": "identity", "User-Agent": "packinfra"}


@dataclass(frozen=True)
class Timeouts:
    """Seconds: to connect, and for one block to be taken; between two bytes of a response; the latter after an upload,
    whose response waits for the registry's own work (moby/buildkit#3995)."""

    connect: float = 10.0
    read: float = 60.0
    finish: float = 300.0


class Body(Protocol):
    """A request body, read in blocks."""

    def __len__(self) -> int: ...
    def read(self, size: int = -1, /) -> bytes: ...


@dataclass(frozen=True)
class Response:
    """headers: case-insensitive; body: its beginning, up to the limit that the request set"""

    status: int
    headers: Mapping[str, str]
    url: str
    body: bytes


class HttpClient:
    """Thread-safe. Proxies and CA bundles of the environment are read at the first request to an origin."""

    def __init__(self, trust: Trust | None = None, timeouts: Timeouts | None = None) -> None:
        hide_queries()
        self._trust, self._timeouts = trust or Trust(), timeouts or Timeouts()
        self._lock = threading.Lock()
        self._context: ssl.SSLContext | None = None
        self._routes: dict[tuple[str, str], tuple[urllib3.PoolManager, str]] = {}

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        *,
        body: bytes | Body | None = None,
        upload: bool = False,
        sink: Callable[[bytes], object] | None = None,
        limit: int = 64 << 10,
    ) -> Response:
        """One request, one response. Raises ConnectionFailure if there is none, or not a whole one.

        upload: the response may take as long as `Timeouts.finish`. sink: takes the body of a response 200 in pieces.
        limit: bytes that are read of any other body.
        """
        length = {} if body is None else {"Content-Length": str(len(body))}
        timeout = urllib3.Timeout(
            connect=self._timeouts.connect, read=self._timeouts.finish if upload else self._timeouts.read
        )
        pool, proxy = self._route(url)
        try:
            response = pool.urlopen(
                method, url, body=body, headers={**_HEADERS, **headers, **length}, timeout=timeout,
                redirect=False, retries=False, preload_content=False,
            )  # fmt: skip
            try:
                if response.status == 407 and proxy:  # a proxy's alone: RFC 9110, 15.5.8
                    raise ConnectionFailure(
                        Cause.PROXY, f"the proxy {proxy} refused: 407 Proxy Authentication Required"
                    )
                return Response(response.status, response.headers, url, _read(response, sink, limit))
            finally:
                response.close()  # a response that was read to its end has given its connection back already
                response.release_conn()
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise ConnectionFailure.of(error, urlsplit(url).netloc.rpartition("@")[2], proxy) from error

    def close(self) -> None:
        """Closes the connections that are not in use."""
        for pool, _ in self._routes.values():
            pool.clear()

    def _route(self, url: str) -> tuple[urllib3.PoolManager, str]:
        """The connections to a URL's origin, and the proxy that they go through, "" for none."""
        parts = urlsplit(url)
        origin, is_tls = (parts.scheme, parts.netloc), parts.scheme == "https"
        with self._lock:
            if origin not in self._routes:
                port = parts.port or (443 if is_tls else 80)
                proxy = proxy_for(parts.scheme, parts.hostname or "", port)
                if is_tls or proxy:
                    self._context = self._context or self._trust.context()
                options: Any = {"maxsize": _CONNECTIONS, "blocksize": _BLOCK, "ssl_context": self._context}
                self._routes[origin] = proxied_pool(proxy, **options) if proxy else (urllib3.PoolManager(**options), "")
            return self._routes[origin]


def _read(response: urllib3.BaseHTTPResponse, sink: Callable[[bytes], object] | None, limit: int) -> bytes:
    if sink and response.status == 200:
        while block := _block(response, 1 << 20):
            sink(block)
        return b""
    content = b""
    while len(content) < limit and (block := _block(response, limit - len(content))):
        content += block
    return content


def _block(response: urllib3.BaseHTTPResponse, most: int) -> bytes:
    """b"" at the end; a body that was cut short raises."""
    try:
        return response.read(most)
    except ValueError as error:  # http.client, of a chunk with a negative size
        raise urllib3.exceptions.ProtocolError("a chunk of the response has an impossible size") from error
