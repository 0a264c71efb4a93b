"""One pool of connections to one registry: trust, timeouts, and what it means when a connection fails.

- `verify` is passed with each request, since a session's own is ignored when REQUESTS_CA_BUNDLE is set; `auth` too,
  since otherwise ~/.netrc is read.
- The reply to a large PUT waits for the registry's own work, hence its long timeout (moby/buildkit#3995).
"""

from __future__ import annotations

import http.client
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Protocol
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.connection import HTTPConnection, HTTPSConnection

from packinfra.http.failures import Cause, ConnectionFailure, unusable_ca
from packinfra.http.retry import Failure
from packinfra.oci.errors import CertificateUntrusted, RegistryError, Step, TimedOut, Unreachable
from packinfra.oci.responses import Response

_POOL = 16
_BLOCK = 64 << 10
"""Bytes sent at once. urllib3's own 16 KiB cost a fifth more CPU (an eighth with TLS); more than 64 gain nothing, and
a block must get through within the connect timeout, which also guards sending."""
_AGAIN = Failure(None, temporary=True)


@dataclass(frozen=True)
class Timeouts:
    """Seconds: to connect, and for one block to be taken; between two bytes of an answer; after an uploaded blob."""

    connect: float = 10.0
    read: float = 60.0
    finish: float = 300.0


class Body(Protocol):
    """What is sent: read in pieces, closed afterwards. With a length, unless it is a real file."""

    def read(self, size: int = -1, /) -> bytes: ...
    def close(self) -> None: ...


@dataclass(frozen=True)
class Request:
    """body: opened for this one request. sink: takes the body of an answer 200 in pieces; other bodies, and all where
    there is no sink, are read up to `limit`."""

    method: str
    url: str
    step: Step
    reference: object
    headers: Mapping[str, str]
    authorization: str | None
    body: Callable[[], Body] | None
    sink: Callable[[bytes], object] | None
    limit: int


class Connection:
    """
    ca_file:    a PEM file with the only CA certificates to trust; None = the system's, or REQUESTS_CA_BUNDLE's
    verify_tls: False trusts whoever answers; only ever because somebody asked for it in so many words
    """

    def __init__(self, host: str, ca_file: str | None, *, verify_tls: bool, timeouts: Timeouts) -> None:
        self._host, self._timeouts = host, timeouts
        if ca_file:
            _check(ca_file, host)
        if not verify_tls:
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        self._verify: bool | str = (ca_file or True) if verify_tls else False
        self._session = _Session()
        # Harbor answers a session cookie with a CSRF check.
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._session.headers.update({"Accept-Encoding": "identity", "User-Agent": "packinfra"})
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, _Adapter())

    def exchange(self, request: Request) -> Response:
        """One request, one answer. Raises Unreachable or one of its kin if there is none."""
        data = request.body() if request.body else None
        patience = self._timeouts.finish if request.step is Step.UPLOAD else self._timeouts.read
        try:
            with self._session.request(
                request.method,
                request.url,
                data=data,
                headers=dict(request.headers),
                auth=_Header(request.authorization),
                verify=self._verify,
                timeout=(self._timeouts.connect, patience),
                allow_redirects=False,
                stream=True,
            ) as response:
                content = b""
                if request.sink and response.status_code == 200:
                    while block := response.raw.read(1 << 20, decode_content=True):
                        request.sink(block)
                else:  # of a HEAD too: read to its end, the connection goes back to the pool
                    content = response.raw.read(request.limit, decode_content=True)
                return Response(response.status_code, response.headers, response.url, content)
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise _failure(error, request, self._host) from error
        finally:
            if data is not None:
                data.close()


class _Session(requests.Session):
    """Of one connection, whose settings never change."""

    def merge_environment_settings(self, url: str | bytes, *settings: Any) -> Any:  # type: ignore[override]
        """Asked of the environment once for each host: requests reads it anew for each request, which took a sixth of
        all the time that pushing small packs did."""
        key = urlsplit(str(url))[:2]
        if key not in self._merged:
            self._merged[key] = super().merge_environment_settings(url, *settings)
        return dict(self._merged[key])

    def __init__(self) -> None:
        super().__init__()
        self._merged: dict[tuple[str, ...], Any] = {}

    def get_redirect_target(self, resp: requests.Response) -> None:  # noqa: ARG002 - the base class's
        """Redirects are ours to judge. requests prepares them even if it mustn't follow: it reads their whole body,
        and raises ValueError for an address that is none."""
        return


class _Header(AuthBase):
    def __init__(self, value: str | None) -> None:
        self._value = value

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._value:
            request.headers["Authorization"] = self._value
        return request


class _Response(http.client.HTTPResponse):
    """Skips every interim answer, not only 100 (RFC 9110, 15.2): the standard library takes 103 for the final one."""

    def _read_status(self) -> tuple[str, int, str]:
        while True:
            status: tuple[str, int, str] = super()._read_status()  # type: ignore[misc]
            if not 101 < status[1] < 200:
                return status
            while self.fp.readline(65537).strip():
                pass


class _Plain(HTTPConnection):
    response_class = _Response


class _Tls(HTTPSConnection):
    response_class = _Response


class _Adapter(HTTPAdapter):
    def __init__(self) -> None:
        super().__init__(pool_connections=4, pool_maxsize=_POOL)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options, blocksize=_BLOCK)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        return super().proxy_manager_for(proxy, **options, blocksize=_BLOCK)

    def get_connection_with_tls_context(self, *args: Any, **options: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*args, **options)
        pool.ConnectionCls = _Tls if pool.scheme == "https" else _Plain
        return pool


class _WithoutQueries(logging.Filter):
    """Queries of uploads and downloads are keys to them (a presigned URL, an upload's state): urllib3 logs them."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(re.sub(r"\?.*", "?...", a) if isinstance(a, str) else a for a in record.args)
        return True


logging.getLogger("urllib3.connectionpool").addFilter(_WithoutQueries())


def _check(ca_file: str, host: str) -> None:
    if problem := unusable_ca(ca_file):
        remedy = "name a PEM file with the certificate of the CA that signed the registry's"
        raise CertificateUntrusted("read the CA certificate", host, text=problem, remedy=remedy)


def _failure(error: Exception, request: Request, host: str) -> RegistryError:
    """The same in our words."""
    step, reference = request.step, request.reference
    found = ConnectionFailure.of(error, host)
    match found.reason:
        case Cause.UNTRUSTED:
            return CertificateUntrusted(step, reference, text=found.text)
        case Cause.NO_TLS:
            remedy = "check the port; a registry without TLS is only used with plainHttp: true"
            return Unreachable(step, reference, text=found.text, remedy=remedy)
        case Cause.NO_HOST | Cause.PROXY:
            return Unreachable(step, reference, text=found.text)
        case Cause.TIMEOUT:
            return TimedOut(step, reference, text=found.text, failure=_AGAIN)
        case Cause.NO_ADDRESS:
            return RegistryError(step, reference, text=f"the registry named {found.text}")
    other = urlsplit(request.url).netloc  # storage, to which the registry sent us
    text = found.text if other == host else f"{other}: {found.text}"
    return Unreachable(step, reference, text=text, failure=_AGAIN)
