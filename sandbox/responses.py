"""Error responses in the form of the request's protocol: the registry's, the AWS API's two, S3's, Palette's.

A protocol is ``registry`` (``/v2``), ``json`` (ECR, KMS), ``query`` (IAM, STS), ``s3`` (the download links) or
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


def api_error(protocol: str, status: int, code: str, message: str) -> Response:
    if protocol == "registry":
        return registry_error(status, code, message)
    if protocol == "palette":
        return palette_error(status, code, message)
    if protocol == "json":
        body = json.dumps({"__type": code, "message": message}).encode()
        return Response(status, {"Content-Type": "application/x-amz-json-1.1"}, body)
    error = f"<Code>{code}</Code><Message>{escape(message, quote=False)}</Message>"
    if protocol == "s3":
        return Response(status, {"Content-Type": "application/xml"}, f"<Error>{error}</Error>".encode())
    error = f"<ErrorResponse><Error><Type>Sender</Type>{error}</Error></ErrorResponse>"
    return Response(status, {"Content-Type": "text/xml"}, error.encode())


def not_authorized(host: str) -> Response:
    """behaviour.md TOK-2."""
    challenge = f'Basic realm="https://{host}/",service="ecr.amazonaws.com"'
    headers = {"WWW-Authenticate": challenge, "Content-Type": "text/plain; charset=utf-8"}
    return Response(401, headers, b"Not Authorized\n")


class _Failure(NamedTuple):
    """Status and code on ``/v2``, in the JSON and in the query protocol; no code: no body."""

    registry: tuple[int, str]
    json: tuple[int, str]
    query: tuple[int, str]
    text: str = ""


_FAILURES = {
    "throttled": _Failure((429, "TOOMANYREQUESTS"), (400, "ThrottlingException"), (400, "Throttling"), "Rate exceeded"),
    "error": _Failure(
        (500, "UNKNOWN"), (500, "ServerException"), (500, "ServiceFailure"), "An internal error has occurred"
    ),
    "bad-gateway": _Failure((502, ""), (502, ""), (502, "")),
    "unavailable": _Failure((503, ""), (503, ""), (503, "ServiceUnavailable"), "Service Unavailable"),
    "gateway-timeout": _Failure((504, ""), (504, ""), (504, "")),
    "unauthorized": _Failure(
        (401, ""),
        (400, "UnrecognizedClientException"),
        (403, "InvalidClientTokenId"),
        "The security token included in the request is invalid.",
    ),
    "expired": _Failure(
        (403, "DENIED"),
        (400, "ExpiredTokenException"),
        (403, "ExpiredToken"),
        "Your authorization token has expired. Reauthenticate and try again.",
    ),
    "forbidden": _Failure((403, ""), (403, ""), (403, "")),
}
FAILURES = tuple(_FAILURES)


def failure_response(name: str, protocol: str, host: str) -> Response:
    """The response of a service that fails (behaviour.md FLT-6 to FLT-11, palette/behaviour.md PAL-60)."""
    if name == "unauthorized" and protocol == "registry":
        return not_authorized(host)
    failure = _FAILURES[name]
    if protocol == "palette":
        code = {429: "TooManyRequests", 401: "Unauthorized", 500: "InternalServerError"}.get(failure.registry[0], "")
        return palette_error(failure.registry[0], code, failure.text) if code else Response(failure.registry[0])
    status, code = {"registry": failure.registry, "json": failure.json}.get(protocol, failure.query)
    return api_error(protocol, status, code, failure.text) if code else Response(status)
