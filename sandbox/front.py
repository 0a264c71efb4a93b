"""The one HTTP application behind the TLS port: each AWS host name goes to the part that answers for it.

``/v2`` never passes through ministack, which would join a request's body in memory before it asks who sends it.
"""

import contextlib
import json
import re
import ssl
from dataclasses import dataclass

from sandbox.asgi import App, Receive, Request, Response, Scope, Send
from sandbox.ecr import data_plane
from sandbox.ecr.downloads import Downloads

API_LIMIT = 20 * 1024 * 1024  # UploadLayerPart's, the largest body an API call may have
_BUCKET = re.compile(r"prod-(?P<region>[a-z0-9-]+)-starport-layer-bucket\.s3\.(?P=region)\.amazonaws\.com")
_APIS = [
    (re.compile(r"api\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com"), "ecr"),
    (re.compile(r"sts\.(?P<region>[a-z0-9-]+)\.amazonaws\.com"), "sts"),
    (re.compile(r"sts\.(?P<region>)amazonaws\.com"), "sts"),
    (re.compile(r"iam\.(?P<region>)amazonaws\.com"), "iam"),
]
_CREDENTIAL = re.compile(r"Credential=[^/,]*/\d{8}/(?P<region>[a-z0-9-]+)/(?P<service>[a-z0-9-]+)/aws4_request")


@dataclass
class Front:
    registry: App
    api: App
    downloads: Downloads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http":  # hypercorn refuses a WebSocket that nobody accepts
            with contextlib.suppress(ssl.SSLError, ConnectionError):  # the client hung up before its answer
                await self._http(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        if data_plane.HOST.fullmatch(request.host):
            return await self.registry(scope, receive, send)
        if match := _BUCKET.fullmatch(request.host):
            return await self._download(request).send(request.method, send)
        for pattern, service in _APIS:
            if match := pattern.fullmatch(request.host):
                refusal = _misdirected(request, service, match["region"] or "us-east-1")
                if refusal is None:
                    return await self.api(scope, receive, send)
                return await refusal.send(request.method, send)
        offer = f"the sandbox offers ECR, IAM and STS, but not {request.host}"
        return await _api_error("ecr", 400, "UnknownOperationException", offer).send(request.method, send)

    def _download(self, request: Request) -> Response:
        # S3 refuses a signed link together with an Authorization header, so a client that leaks it fails here.
        if "authorization" in request.headers:
            return _s3_error(400, "InvalidArgument", "Only one auth mechanism allowed")
        blob = self.downloads.find(request.path.removeprefix("/"))
        if blob is None or request.method not in ("GET", "HEAD"):
            return _s3_error(403, "AccessDenied", "Request has expired")
        return Response(200, {"Content-Type": "application/octet-stream"}, blob)


def _misdirected(request: Request, service: str, region: str) -> Response | None:
    """What AWS's own front refuses before a service sees it."""
    if request.path != "/":  # also keeps ministack's unauthenticated /_ministack/... addresses out of reach
        return _api_error(service, 404, "UnknownOperationException", f"no such path: {request.path}")
    length = request.headers.get("content-length", "0")
    if "transfer-encoding" in request.headers or not length.isdecimal() or int(length) > API_LIMIT:
        return _api_error(service, 413, "RequestEntityTooLargeException", f"more than {API_LIMIT} bytes")
    credential = _CREDENTIAL.search(request.headers.get("authorization", ""))
    if credential and credential["service"] != service:
        return _bad_signature(service, f"Credential should be scoped to correct service: '{service}'. ")
    if credential and credential["region"] != region:
        return _bad_signature(service, f"Credential should be scoped to a valid region, not '{credential['region']}'. ")
    return None


def _bad_signature(service: str, message: str) -> Response:
    json_protocol = service == "ecr"
    code = "InvalidSignatureException" if json_protocol else "SignatureDoesNotMatch"
    return _api_error(service, 400 if json_protocol else 403, code, message)


def _api_error(service: str, status: int, code: str, message: str) -> Response:
    if service == "ecr":
        body = json.dumps({"__type": code, "message": message}).encode()
        return Response(status, {"Content-Type": "application/x-amz-json-1.1"}, body)
    error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{_escape(message)}</Message></Error>"
    return Response(status, {"Content-Type": "text/xml"}, f"<ErrorResponse>{error}</ErrorResponse>".encode())


def _s3_error(status: int, code: str, message: str) -> Response:
    body = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return Response(status, {"Content-Type": "application/xml"}, body.encode())


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


async def _lifespan(receive: Receive, send: Send) -> None:
    """Not passed on: ministack's own start-up would sweep Docker containers and start schedulers."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
