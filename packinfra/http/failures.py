"""Why a request got no answer at all, in one word and one text.

requests and urllib3 wrap the reason several times, and wrap it differently; what a user should do about it is known to
whoever sent the request.
"""

from __future__ import annotations

import os
import re
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

import requests
import urllib3


class Cause(Enum):
    UNTRUSTED = auto()  # the certificate is signed by nobody we trust
    NO_TLS = auto()
    NO_HOST = auto()
    PROXY = auto()  # the proxy refused to connect us
    TIMEOUT = auto()
    NO_ADDRESS = auto()  # what should be an address is none
    CONNECTION_LOST = auto()  # refused, reset, unreachable: may pass


@dataclass(frozen=True)
class ConnectionFailure:
    reason: Cause
    text: str

    @classmethod
    def of(cls, error: Exception, host: str) -> ConnectionFailure:
        """From what requests, urllib3 or a socket raised."""
        chain = list(_chain(error))
        for cause in chain:
            if isinstance(cause, ssl.SSLCertVerificationError):
                return cls(Cause.UNTRUSTED, cause.verify_message)
            if isinstance(cause, ssl.SSLError) and cause.reason in ("WRONG_VERSION_NUMBER", "UNSUPPORTED_PROTOCOL"):
                return cls(Cause.NO_TLS, f"no TLS at {host} ({cause.reason})")
            if isinstance(cause, socket.gaierror) and cause.errno == socket.EAI_NONAME:
                return cls(Cause.NO_HOST, f"no such host: {host}")
            if found := re.search(r"Tunnel connection failed: (4\d\d[\w -]*)", str(cause)):
                return cls(Cause.PROXY, f"the proxy refused: {found[1]}")
            if isinstance(cause, TimeoutError):  # not urllib3's, of which a refused connection is one too
                return cls(Cause.TIMEOUT, "no connection or answer in time")
            if isinstance(cause, (requests.exceptions.InvalidURL, urllib3.exceptions.LocationValueError)):
                return cls(Cause.NO_ADDRESS, "an address that is none")
        return cls(Cause.CONNECTION_LOST, _text(chain[-1]))


def unusable_ca(path: str) -> str | None:
    """Why a PEM file can't say whom to trust; None if it can."""
    try:
        ssl.create_default_context(cafile=path)
    except ssl.SSLError:
        return f"{path} holds no certificate"
    except OSError as error:
        return f"{path}: {os.strerror(error.errno or 0)}"
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """From outside to inside."""
    seen: set[int] = set()
    inner: BaseException | None = error
    while inner is not None and id(inner) not in seen:
        seen.add(id(inner))
        yield inner
        wrapped = (getattr(inner, "reason", None), *inner.args, inner.__cause__, inner.__context__)
        inner = next((e for e in wrapped if isinstance(e, BaseException)), None)


def _text(error: BaseException) -> str:
    """Without addresses of objects, and without the URL that MaxRetryError and its like carry."""
    text = str(error) or type(error).__name__
    return re.sub(r"<[^>]* object at 0x[^>]*>:? ?", "", re.sub(r"\?\S*", "?...", text))
