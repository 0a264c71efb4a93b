"""Errors in the words of the protocol that was asked: the registry's, the AWS API's two, S3's, Palette's.

A dialect is ``registry`` (``/v2``), ``json`` (ECR, KMS), ``query`` (IAM, STS), ``s3`` (the download links) or
``palette``.
"""

import json
import secrets
from html import escape
from typing import NamedTuple

from sandbox.asgi import Response


def registry_error(status: int, code: str, message: str) -> Response:
    return Response.json(status, {"errors": [{"code": code, "message": message}]})


def palette_error(status: int, code: str, message: str) -> Response:
    """palette/behaviour.md PAL-4."""
    return Response.json(status, {"code": code, "message": message, "ref": secrets.token_hex(6), "details": {}})


def api_error(dialect: str, status: int, code: str, message: str) -> Response:
    if dialect == "registry":
        return registry_error(status, code, message)
    if dialect == "palette":
        return palette_error(status, code, message)
    if dialect == "json":
        body = json.dumps({"__type": code, "message": message}).encode()
        return Response(status, {"Content-Type": "application/x-amz-json-1.1"}, body)
    error = f"<Code>{code}</Code><Message>{escape(message, quote=False)}</Message>"
    if dialect == "s3":
        return Response(status, {"Content-Type": "application/xml"}, f"<Error>{error}</Error>".encode())
    error = f"<ErrorResponse><Error><Type>Sender</Type>{error}</Error></ErrorResponse>"
    return Response(status, {"Content-Type": "text/xml"}, error.encode())


def not_authorized(host: str) -> Response:
    """behaviour.md TOK-2."""
    challenge = f'Basic realm="https://{host}/",service="ecr.amazonaws.com"'
    headers = {"WWW-Authenticate": challenge, "Content-Type": "text/plain; charset=utf-8"}
    return Response(401, headers, b"Not Authorized\n")


class _Trouble(NamedTuple):
    """Status and code on ``/v2``, in the JSON and in the query protocol; no code: no body."""

    registry: tuple[int, str]
    json: tuple[int, str]
    query: tuple[int, str]
    text: str = ""


_TROUBLES = {
    "throttled": _Trouble((429, "TOOMANYREQUESTS"), (400, "ThrottlingException"), (400, "Throttling"), "Rate exceeded"),
    "error": _Trouble(
        (500, "UNKNOWN"), (500, "ServerException"), (500, "ServiceFailure"), "An internal error has occurred"
    ),
    "bad-gateway": _Trouble((502, ""), (502, ""), (502, "")),
    "unavailable": _Trouble((503, ""), (503, ""), (503, "ServiceUnavailable"), "Service Unavailable"),
    "gateway-timeout": _Trouble((504, ""), (504, ""), (504, "")),
    "unauthorized": _Trouble(
        (401, ""),
        (400, "UnrecognizedClientException"),
        (403, "InvalidClientTokenId"),
        "The security token included in the request is invalid.",
    ),
    "expired": _Trouble(
        (403, "DENIED"),
        (400, "ExpiredTokenException"),
        (403, "ExpiredToken"),
        "Your authorization token has expired. Reauthenticate and try again.",
    ),
    "forbidden": _Trouble((403, ""), (403, ""), (403, "")),
}
TROUBLES = tuple(_TROUBLES)


def trouble(name: str, dialect: str, host: str) -> Response:
    """What a service answers in trouble (behaviour.md FLT-6 to FLT-11, palette/behaviour.md PAL-60)."""
    if name == "unauthorized" and dialect == "registry":
        return not_authorized(host)
    found = _TROUBLES[name]
    if dialect == "palette":
        code = {429: "TooManyRequests", 401: "Unauthorized", 500: "InternalServerError"}.get(found.registry[0], "")
        return palette_error(found.registry[0], code, found.text) if code else Response(found.registry[0])
    status, code = {"registry": found.registry, "json": found.json}.get(dialect, found.query)
    return api_error(dialect, status, code, found.text) if code else Response(status)
