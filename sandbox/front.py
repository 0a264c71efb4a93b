"""The one HTTP application behind the TLS port: each host name goes to the part that answers for it.

``/v2`` never passes through ministack, which would join a request's body in memory before it asks who sends it.
Every request passes the faults (``faults.py``), which record it.
"""

import contextlib
import functools
import re
import ssl
import traceback
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.answers import api_error
from sandbox.api import Service, call_of, no_service, service_of, unreadable
from sandbox.asgi import App, CutShortError, Message, Receive, Request, Response, Scope, Send
from sandbox.ecr import data_plane
from sandbox.ecr.downloads import Downloads
from sandbox.faults import Faults
from sandbox.palette import HOST as PALETTE

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
        elif scope["type"] == "http":  # hypercorn refuses a WebSocket that nobody accepts
            # Not told to anybody: the client hung up in the middle of its request, or before its answer.
            with contextlib.suppress(ssl.SSLError, ConnectionError, CutShortError):
                await self._http(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        dialect = "registry"
        begun = False

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            if data_plane.HOST.fullmatch(request.host):
                what, app = f"{request.method} {request.path}", self.registry
            elif _BUCKET.fullmatch(request.host):
                what, dialect, app = f"{request.method} layer", "s3", _fixed(self._download(request))
            elif request.host == PALETTE:
                what, dialect, app = f"palette: {request.method} {request.path}", "palette", self.palette
            elif service := service_of(request.host):
                dialect = service.dialect
                what, app, receive = await self._call(request, service)
            else:
                what, app = f"{request.method} https://{request.host}/", _fixed(no_service(request.host))
            cut = functools.partial(self.cut, scope["client"][1])
            await self.faults(what, dialect, app, (scope, receive, watched, cut))
        except (ssl.SSLError, ConnectionError, CutShortError):
            raise
        except Exception:  # a mistake of the sandbox: its log has the trace, the client a typed error
            traceback.print_exc()
            if not begun:
                answer = api_error(dialect, 500, "InternalFailure", "the sandbox failed; see its sandbox.log")
                await answer.send(request.method, send)

    async def _call(self, request: Request, service: Service) -> tuple[str, App, Receive]:
        """An API call, which is read to its end to learn what it asks for."""
        if refusal := unreadable(request, service):
            return f"{service.name}: {request.method} {request.path}", _fixed(refusal), request.receive
        body = b"".join([piece async for piece in request.body()])
        call = call_of(request, service, body)
        messages = iter([{"body": body, "more_body": True}, {"body": b"", "more_body": False}])

        async def again() -> Message:
            message = next(messages, None)
            return await request.receive() if message is None else {"type": "http.request", **message}

        return call.what, _fixed(call.refusal) if call.refusal else self.api, again

    def _download(self, request: Request) -> Response:
        # S3 refuses a signed link together with an Authorization header, so a client that leaks it fails here.
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
    """Not passed on: ministack's own start-up would sweep Docker containers and start schedulers."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
