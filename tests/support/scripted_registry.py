"""A registry that keeps to the distribution specification until it is told otherwise.

    with ScriptedRegistry() as registry:
        registry.next("PUT", "/blobs/uploads/", Reply(503))   # the next such request only
        Transport(registry.host, plain_http=True)

It records every request, so tests can count requests and bytes.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Reply:
    """An answer out of the ordinary. after: the request takes effect first. drop: cut the connection instead."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    after: bool = False
    drop: bool = False


@dataclass(frozen=True)
class Seen:
    method: str
    path: str
    headers: Mapping[str, str]
    sent: int


def error(code: str, message: str = "") -> bytes:
    return json.dumps({"errors": [{"code": code, "message": message}]}).encode()


class ScriptedRegistry:
    def __init__(self) -> None:
        self.blobs: dict[tuple[str, str], bytes] = {}
        self.manifests: dict[tuple[str, str], bytes] = {}
        self.uploads: set[str] = set()
        self.seen: list[Seen] = []
        self._script: list[tuple[str, str, Reply]] = []
        registry = self

        class Handler(_Handler):
            target = registry

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.host = f"127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def next(self, method: str, pattern: str, *replies: Reply) -> None:
        """The next requests of this method whose path matches get these answers, one each."""
        self._script += [(method, pattern, reply) for reply in replies]

    def scripted(self, method: str, path: str) -> Reply | None:
        for entry in self._script:
            if entry[0] == method and re.search(entry[1], path):
                self._script.remove(entry)
                return entry[2]
        return None

    @property
    def requests(self) -> list[str]:
        return [f"{seen.method} {_shape(seen.path)}" for seen in self.seen]


def _shape(path: str) -> str:
    kinds = {"/blobs/uploads/": "upload", "/blobs/": "blob", "/manifests/": "manifest"}
    return next((kind for part, kind in kinds.items() if part in path), path)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    target: ScriptedRegistry

    def log_message(self, *args: Any) -> None:
        pass

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.target.seen.append(Seen(self.command, self.path, dict(self.headers), len(body)))
        reply = self.target.scripted(self.command, self.path)
        if reply is None or reply.after:
            regular = self._regular(body)
            reply = reply or regular
        if reply.drop:
            self.close_connection = True
            return
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)

    do_GET = do_HEAD = do_POST = do_PUT = _serve  # noqa: N815 - http.server's names

    def _regular(self, body: bytes) -> Reply:
        url = urlsplit(self.path)
        found = re.fullmatch(r"/v2/(.+)/(manifests|blobs/uploads|blobs)/(.*)", url.path)
        if not found:
            return Reply(404, body=error("UNSUPPORTED"))
        name, kind, reference = found.groups()
        if kind == "manifests":
            return self._manifest(name, reference, body)
        if kind == "blobs":
            there = (name, reference) in self.target.blobs
            return Reply(200) if there else Reply(404, body=error("BLOB_UNKNOWN"))
        if self.command == "POST":
            session = f"/v2/{name}/blobs/uploads/{len(self.target.seen)}"
            self.target.uploads.add(session)
            return Reply(202, {"Location": f"{session}?_state=a%2Fb&empty="})
        query = parse_qs(url.query, keep_blank_values=True)
        if url.path not in self.target.uploads:
            return Reply(404, body=error("BLOB_UPLOAD_UNKNOWN"))
        self.target.uploads.remove(url.path)
        if query.get("_state") != ["a/b"] or query.get("empty") != [""]:
            return Reply(400, body=error("BLOB_UPLOAD_INVALID", "the Location's query was not kept"))
        if query["digest"] != [_sha(body)]:
            return Reply(400, body=error("DIGEST_INVALID"))
        self.target.blobs[name, _sha(body)] = body
        return Reply(201)

    def _manifest(self, name: str, reference: str, body: bytes) -> Reply:
        if self.command == "PUT":
            document = json.loads(body)
            for blob in [document["config"], *document["layers"]]:
                if (name, blob["digest"]) not in self.target.blobs:
                    return Reply(400, body=error("MANIFEST_BLOB_UNKNOWN"))
            self.target.manifests[name, reference] = body
            return Reply(201, {"Docker-Content-Digest": _sha(body)})
        stored = self.target.manifests.get((name, reference))
        if stored is None:
            return Reply(404, body=error("MANIFEST_UNKNOWN"))
        # As ECR: the digest stands on HEAD, not on GET (aws/containers-roadmap#1931).
        return Reply(200, {"Docker-Content-Digest": _sha(stored)} if self.command == "HEAD" else {}, stored)


def _sha(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"
