"""The one HTTP application behind the TLS port: it passes each host name to its service.

``/v2`` never passes through ministack, which would collect a request's body in memory before it checks the credentials.
Every request passes the faults (``faults.py``), which record it.
"""

import contextlib
import functools
import re
import ssl
import traceback
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.api import Service, call_of, no_service, reject_unread, service_of
from sandbox.asgi import App, CutShortError, Message, Receive, Request, Response, Scope, Send
from sandbox.ecr import data_plane
from sandbox.ecr.downloads import Downloads
from sandbox.faults import Faults
from sandbox.palette import HOST as PALETTE
from sandbox.responses import api_error

_BUCKET = re.compile(r"prod-(?P<region>[a-z0-9-]+)-starport-layer-bucket\.s3\.(?P=region)\.amazonaws\.com")


@dataclass
class Front:
    registry: App
    api: App
    downloads: Downloads
    palette: App
    faults: Faults
    cut: Callable[[int], None]  # ends the connection that comes from a port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http":  # hypercorn rejects a WebSocket that is not accepted
            # Not logged: the client hung up in the middle of its request, or before its response.
            with contextlib.suppress(ssl.SSLError, ConnectionError, CutShortError):
                await self._http(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        protocol = "registry"
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            if data_plane.HOST.fullmatch(request.host):
                summary, app = f"{request.method} {request.path}", self.registry
            elif _BUCKET.fullmatch(request.host):
                summary, protocol, app = f"{request.method} layer", "s3", _fixed(self._download(request))
            elif request.host == PALETTE:
                summary, protocol, app = f"palette: {request.method} {request.path}", "palette", self.palette
            elif service := service_of(request.host):
                protocol = service.protocol
                summary, app, receive = await self._call(request, service)
            else:
                summary, app = f"{request.method} https://{request.host}/", _fixed(no_service(request.host))
            cut = functools.partial(self.cut, scope["client"][1])
            await self.faults(summary, protocol, app, (scope, receive, watched, cut))
        except (ssl.SSLError, ConnectionError, CutShortError):
            raise
        except Exception:  # a bug of the sandbox: its log has the traceback, the client gets a typed error
            traceback.print_exc()
            if not started:
                response = api_error(protocol, 500, "InternalFailure", "the sandbox failed; see its sandbox.log")
                await response.send(request.method, send)

    async def _call(self, request: Request, service: Service) -> tuple[str, App, Receive]:
        """An API call. Its body is read to the end, because that has the operation."""
        if rejection := reject_unread(request, service):
            return f"{service.name}: {request.method} {request.path}", _fixed(rejection), request.receive
        body = b"".join([piece async for piece in request.body()])
        call = call_of(request, service, body)
        messages = iter([{"body": body, "more_body": True}, {"body": b"", "more_body": False}])

        async def replay() -> Message:
            message = next(messages, None)
            return await request.receive() if message is None else {"type": "http.request", **message}

        return call.summary, _fixed(call.rejection) if call.rejection else self.api, replay

    def _download(self, request: Request) -> Response:
        # S3 rejects a signed link with an Authorization header, so a client that leaks the header fails here.
        if "authorization" in request.headers:
            return api_error("s3", 400, "InvalidArgument", "Only one auth mechanism allowed")
        blob = self.downloads.find(request.path.removeprefix("/"))
        if blob is None or request.method not in ("GET", "HEAD"):
            return api_error("s3", 403, "AccessDenied", "Request has expired")
        return Response(200, {"Content-Type": "application/octet-stream"}, blob)


def _fixed(response: Response) -> App:
    async def app(scope: Scope, _: Receive, send: Send) -> None:
        await response.send(scope["method"], send)

    return app


async def _lifespan(receive: Receive, send: Send) -> None:
    """Ministack doesn't get these: its own start-up would remove Docker containers and start schedulers."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
