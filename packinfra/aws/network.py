"""boto3's requests take the way of all others: the same proxies, the same trust, the same bounds.

By itself botocore trusts AWS_CA_BUNDLE, or else certifi's CAs, alone; reads NO_PROXY in another way than the AWS provider,
a Go program, does; knows no SOCKS; and sends again what can't pass, such as a request to a server it doesn't trust.
Its event `before-send` lets somebody else send a request (botocore 1.11.0, changelog; moto stands on it).
"""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit

import boto3
import botocore.exceptions
import botocore.session
from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from packinfra.http.client import HttpClient
from packinfra.http.failures import Cause, ConnectionFailure
from packinfra.http.redact import clean
from packinfra.http.trust import Trust

_LIMIT = 64 << 20
"""Bytes of a response that are read: BatchGetImage sends up to a hundred manifests."""
_OURS = ("content-length", "transfer-encoding", "expect")


_SIGNED = re.compile(r"(x-amz-security-token['\"]?\s*[:=]\s*)\S+", re.IGNORECASE)
_REQUESTS = ("Making request", "Sending http request", "CanonicalRequest", "StringToSign", "Response body", "Event ")


class _WithoutSecrets(logging.Filter):
    """At DEBUG botocore logs requests and responses as a whole, with tokens and temporary credentials."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not str(record.msg).startswith(_REQUESTS)


_FILTER = _WithoutSecrets()


class UnreachableError(botocore.exceptions.BotoCoreError):
    """A request that can't get through; botocore doesn't send it again."""

    fmt = "{host}: {text}"


class ConnectionLostError(botocore.exceptions.ConnectionError):
    """A request that may get through later; botocore sends it again, in each of its retry modes."""

    fmt = "{host}: {text}"


def session(core: botocore.session.Session, ca_file: str | None = None) -> boto3.Session:
    """A boto3 session whose clients send through packinfra's HTTP room, those of its credential providers too.

    Instance metadata and container credentials are not AWS's API; botocore asks them directly.

    Args:
        core: With its profile and credentials.
        ca_file: A PEM file with CA certificates to trust besides all others; None = the profile's ca_bundle.
    """
    for name in ("auth", "endpoint", "parsers"):
        logging.getLogger(f"botocore.{name}").addFilter(_FILTER)  # again is harmless
    sender: Any = _Sender(HttpClient(Trust(ca_file or core.get_config_variable("ca_bundle"))))
    core.register("before-send", sender)
    return boto3.Session(botocore_session=core)


def shown(error: object, secrets: Iterable[str] = ()) -> str:
    """An exception of boto3, or AWS's text, for a message.

    AWS repeats the signed headers of a request whose signature is wrong, the session token among them.
    """
    return clean(_SIGNED.sub(r"\1...", str(error)), secrets)


class _Sender:
    def __init__(self, client: HttpClient) -> None:
        self._client = client

    def __call__(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        headers = {
            name: value.decode("latin-1") if isinstance(value, bytes) else str(value)
            for name, value in request.headers.items()
            if name.lower() not in _OURS
        }
        host = urlsplit(request.url).netloc.rpartition("@")[2]
        if any(re.search(r"[\r\n]", value) for value in headers.values()):
            raise UnreachableError(
                host=host, text="the key or the token holds a line break, which no request can carry"
            )
        try:
            response = self._client.request(
                request.method, request.url, headers, body=_bytes(request.body), limit=_LIMIT
            )
        except ConnectionFailure as failure:
            kind = ConnectionLostError if failure.temporary else UnreachableError
            text = failure.text + (_TRUST if failure.cause is Cause.UNTRUSTED else "")
            raise kind(host=host, text=text) from failure
        received: Any = dict(response.headers)
        return AWSResponse(request.url, response.status, received, _Raw(response.body))


_TRUST = " (add the CA certificate to the system's store, or name it: aws:customCaBundle, SSL_CERT_FILE, AWS_CA_BUNDLE)"


class _Raw(io.BytesIO):
    """A body as botocore reads it."""

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


def _bytes(body: Any) -> bytes | None:
    content = body.read() if hasattr(body, "read") else body
    return content.encode() if isinstance(content, str) else content if content is None else bytes(content)
