"""AWS's STS and ECR token service, over loopback, as far as an identity needs them: who was assumed with what, and when.

with Sts() as sts:
    config = {"aws:endpoints": sts.endpoints, "aws:assumeRoles": ...}
    sts.calls   # the parameters of each request, and under "by" the access key that signed it
"""

from __future__ import annotations

import json
import re
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl

_RESPONSE = """<{0}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{0}Result><Credentials>
<AccessKeyId>{1}</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>
<Expiration>{2}</Expiration></Credentials></{0}Result></{0}Response>"""


class Sts:
    """lifetimes: seconds of the sessions that come next; then an hour each"""

    def __init__(self, *lifetimes: float) -> None:
        self.calls: list[dict[str, str]] = []
        self._lifetimes = [*lifetimes]

        class Handler(BaseHTTPRequestHandler):
            def do_POST(handler) -> None:  # noqa: N805 - http.server's name; `self` is the service
                body = handler.rfile.read(int(handler.headers["Content-Length"]))
                signer = re.search(r"Credential=(\w+)/", handler.headers.get("Authorization", ""))
                by = signer[1] if signer else ""
                if handler.headers.get("X-Amz-Target"):  # ECR speaks JSON
                    self.calls.append({"Action": handler.headers["X-Amz-Target"].rpartition(".")[2], "by": by})
                    reply = json.dumps({"imageIds": [], "failures": []})
                else:
                    reply = self._assume(dict(parse_qsl(body.decode())) | {"by": by})
                handler.send_response(200)
                handler.send_header("Content-Length", str(len(reply)))
                handler.end_headers()
                handler.wfile.write(reply.encode())

            def log_message(handler, *_: Any) -> None:  # noqa: N805
                """Silence."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True

    def _assume(self, parameters: dict[str, str]) -> str:
        self.calls.append(parameters)
        lifetime = self._lifetimes.pop(0) if self._lifetimes else 3600
        expires = (datetime.now(UTC) + timedelta(seconds=lifetime)).strftime("%Y-%m-%dT%H:%M:%SZ")
        return _RESPONSE.format(parameters["Action"], f"ASIA{len(self.calls)}", expires)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def endpoints(self) -> str:
        """For aws:endpoints."""
        return json.dumps([{"sts": self.url, "ecr": self.url}])

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
