"""Why a request got no response, in one word and one text.

urllib3 wraps the reason several times; what a user should do about it is known to the sender of the request.
"""

from __future__ import annotations

import os
import re
import socket
import ssl
from collections.abc import Iterator
from enum import Enum, auto

from urllib3.exceptions import LocationValueError, ProxyError

from packinfra.http.redact import clean, without_query

_NO_TLS = ("WRONG_VERSION_NUMBER", "UNSUPPORTED_PROTOCOL")
_NO_NAME = (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME))
# Of http.client, and of PySocks (socks.py: messages, and RFC 1928's codes that no later attempt changes).
_REFUSED = re.compile(
    r"Tunnel connection failed: (4\d\d[\w -]*)|(SOCKS5 authentication failed|All offered SOCKS5 authentication methods "
    r"were rejected|0x0[278]: [\w -]+|SOCKS[45] proxy server sent invalid data)"
)
_SILENT = "GeneralProxyError"
"""Of PySocks, around the timeout of a connection that the proxy has accepted; it waits for the end of an HTTP request."""
_DATES, _NAMES = "see to its certificate's dates, and to this machine's clock", "use a name that its certificate has"
_WRONG_CERTIFICATE = {9: _DATES, 10: _DATES, 62: _NAMES, 64: _NAMES}
"""OpenSSL's X509_V_ERR_ codes (x509_vfy.h) -> what to do."""


class Cause(Enum):
    UNTRUSTED = auto()  # no trusted CA signed the certificate
    WRONG_CERTIFICATE = auto()  # for another host, or not valid today: no CA would help
    NO_TLS = auto()
    NO_HOST = auto()
    PROXY = auto()  # the proxy refused, or its address is unusable
    TIMEOUT = auto()
    INVALID_URL = auto()
    CONNECTION_LOST = auto()  # refused, reset, unreachable: may pass


class ConnectionFailure(Exception):  # noqa: N818 - the callers' errors are what users see
    """There was no response, or not a whole one."""

    def __init__(self, cause: Cause, text: str) -> None:
        super().__init__(text)
        self.cause, self.text = cause, text

    @property
    def temporary(self) -> bool:
        return self.cause in (Cause.TIMEOUT, Cause.CONNECTION_LOST)

    @classmethod
    def of(cls, error: Exception, host: str, proxy: str) -> ConnectionFailure:
        """From what urllib3, PySocks or a socket raised. proxy: what to call the one that leads to `host`, "" for none"""
        chain = list(_chain(error))
        at_proxy = proxy and any(isinstance(e, ProxyError) or type(e).__module__ == "socks" for e in chain)
        place = f"{'' if at_proxy else 'through '}the proxy {proxy}: " if proxy else ""
        for cause in chain:
            if isinstance(cause, ssl.SSLCertVerificationError) and (hint := _WRONG_CERTIFICATE.get(cause.verify_code)):
                return cls(Cause.WRONG_CERTIFICATE, f"{place}{clean(cause.verify_message)} ({hint})")
            if isinstance(cause, ssl.SSLCertVerificationError):
                return cls(Cause.UNTRUSTED, place + clean(cause.verify_message) + _passed_over())
            if isinstance(cause, ssl.SSLError) and cause.reason in _NO_TLS:
                if at_proxy:
                    return cls(Cause.PROXY, f"{place}no TLS there ({cause.reason}): write http:// before its host")
                return cls(Cause.NO_TLS, f"no TLS at {host} ({cause.reason})")
            if isinstance(cause, socket.gaierror) and cause.errno in _NO_NAME:
                return cls(Cause.NO_HOST, f"no such host: {proxy if at_proxy else host}")
            if refused := _REFUSED.search(str(cause)):
                return cls(Cause.PROXY, f"the proxy {proxy} refused: {clean(refused[1] or refused[2])}")
            if isinstance(cause, TimeoutError) and any(type(e).__name__ == _SILENT for e in chain):
                text = f"connected, but it says nothing: it can't reach {host}, or is no SOCKS proxy (write http:// before the host of an HTTP proxy)"
                return cls(Cause.PROXY, place + text)
            if isinstance(cause, TimeoutError):  # not urllib3's, of which a refused connection is one too
                return cls(Cause.TIMEOUT, f"{place}no connection or response in time")
            if isinstance(cause, LocationValueError):
                return cls(Cause.INVALID_URL, "an invalid URL")
        return cls(Cause.CONNECTION_LOST, place + _text(chain[-1]))


def unusable_ca(path: str) -> str | None:
    """Why a PEM file can't say which CAs to trust; None if it can."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except ssl.SSLError:
        return f"{clean(path)} holds no certificate"
    except OSError as error:
        return f"{clean(path)}: {os.strerror(error.errno or 0)}"
    return None


def _passed_over() -> str:
    """What OpenSSL and Go don't mention: a file that SSL_CERT_FILE names, and that they can't use."""
    path = os.environ.get("SSL_CERT_FILE")
    problem = path and unusable_ca(path)
    return f" (SSL_CERT_FILE has no effect: {problem})" if problem else ""


def _chain(error: BaseException) -> Iterator[BaseException]:
    """From outside to inside."""
    inner: BaseException | None = error
    while inner:
        yield inner
        wrapped = (each for each in inner.args if isinstance(each, Exception))  # urllib3's way for a proxy's TLS
        inner = inner.__cause__ or inner.__context__ or next(wrapped, None)


def _text(error: BaseException) -> str:
    """Without addresses of objects, and without the query of a URL."""
    text = str(error) or type(error).__name__
    return clean(re.sub(r"<[^>]* object at 0x[^>]*>:? ?", "", without_query(text)))
