"""A registry that keeps to the distribution specification until it is told otherwise.

    with ScriptedRegistry() as registry:
        registry.next("PUT", "/blobs/uploads/", Reply(503))   # the next such request only
        Transport(registry.host, plain_http=True)

It records every request, so tests can count requests, bytes and connections.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Reply:
    """A response out of the ordinary.

    after:   the request takes effect first
    drop:    cut the connection instead of responding
    take:    read only so many bytes of the request's body before
    stall:   then read nothing more, and say nothing, for so many seconds
    delay:   seconds before the response
    interim: statuses sent before the final one
    cut:     send only so many bytes of the response's body, then cut the connection
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    after: bool = False
    drop: bool = False
    take: int | None = None
    stall: float = 0.0
    delay: float = 0.0
    interim: tuple[int, ...] = ()
    cut: int | None = None


@dataclass(frozen=True)
class Seen:
    method: str
    path: str
    headers: Mapping[str, str]
    sent: int


_NO_TAG = {
    "digest": ("UNSUPPORTED", "unsupported digest 1.0.0: invalid checksum digest format"),
    "distribution-2": ("DIGEST_INVALID", "provided digest did not match uploaded content"),
}


def error(code: str, message: str = "") -> bytes:
    return json.dumps({"errors": [{"code": code, "message": message}]}).encode()


class ScriptedRegistry:
    """
    login:   "user:password" that every request needs; None = anonymous
    tokens:  the login only opens the token service, and requests need its tokens
    deletes: what DELETE takes: "tag" (and digests), "digest" as Harbor, "distribution-2" (digests only, too, with another
             error), or "" (deletion is off). Those two names stand for Harbor's and distribution 2's other ways as well:
             absolute Locations, the digest on GET, lists of tags of an emptied repository, codes of what is missing
    missing: what is said of a tag or repository that isn't there: 404; "quay" (401, unless the token may push; its token
             service knows no action "delete", for which push is enough); "artifactory" (403)
    page:    tags in one page of the list, whatever was asked for
    referrers: it has the Referrers API
    mounts:  it takes blobs over from another repository
    """

    def __init__(
        self,
        *,
        login: str | None = None,
        tokens: bool = False,
        deletes: str = "tag",
        missing: str = "",
        referrers: bool = False,
        mounts: bool = False,
    ) -> None:
        self.referrers, self.mounts = referrers, mounts
        self.login, self.tokens, self.deletes, self.missing = login, tokens, deletes, missing
        self.realm_host, self.page = "", 2
        self.issued: dict[str, str] = {}
        self.blobs: dict[tuple[str, str], bytes] = {}
        self.manifests: dict[tuple[str, str], bytes] = {}
        self.types: dict[str, str] = {}  # digest of a manifest -> media type
        self.uploads: set[str] = set()
        self.tagged: set[str] = set()
        self.seen: list[Seen] = []
        self.connections = 0
        self._script: list[tuple[str, str, Reply]] = []
        self.lock = threading.Lock()
        registry = self

        class Handler(_Handler):
            target = registry

        self._server = _Server(("127.0.0.1", 0), Handler)
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
        """The next requests of this method whose path matches get these responses, one each."""
        self._script += [(method, pattern, reply) for reply in replies]

    def scripted(self, method: str, path: str) -> Reply | None:
        with self.lock:
            for entry in self._script:
                if entry[0] == method and re.search(entry[1], path):
                    self._script.remove(entry)
                    return entry[2]
        return None

    @property
    def requests(self) -> list[str]:
        return [f"{seen.method} {_shape(seen.path)}" for seen in self.seen]

    @property
    def sent(self) -> int:
        """Bytes of bodies that arrived."""
        return sum(seen.sent for seen in self.seen)

    def tags(self, name: str) -> list[str]:
        return sorted(tag for repository, tag in self.manifests if repository == name and ":" not in tag)


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Connections that a client gave up are part of the tests."""


def _shape(path: str) -> str:
    kinds = {"/token": "token", "/tags/list": "tags", "/blobs/uploads/": "upload", "/blobs/": "blob",
             "/manifests/": "manifest"}  # fmt: skip
    return next((kind for part, kind in kinds.items() if part in path), path)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    target: ScriptedRegistry

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.target.connections += 1

    def log_message(self, *args: Any) -> None:
        pass

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        reply = self.target.scripted(self.command, self.path)
        body = self.rfile.read(length if reply is None or reply.take is None else min(length, reply.take))
        self.target.seen.append(Seen(self.command, self.path, dict(self.headers), len(body)))
        if reply is None or reply.after:
            regular = self._refused() or self._regular(body)
            reply = reply or regular
        time.sleep(reply.stall + reply.delay)
        if reply.drop or reply.stall:
            self.close_connection = True
            return
        for status in reply.interim:
            self.wfile.write(f"HTTP/1.1 {status} Interim\r\nLink: </x>\r\n\r\n".encode())
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if "Content-Length" not in reply.headers:
            self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body[: reply.cut])
        if reply.cut is not None:
            self.close_connection = True
        if reply.take is not None:  # as servers do that respond early: take the rest, so that the response is read
            self.wfile.flush()
            self.rfile.read(length - len(body))

    def do_CONNECT(self) -> None:
        self.send_error(407)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815 - http.server's names

    def _refused(self) -> Reply | None:
        target, sent = self.target, self.headers.get("Authorization", "")
        if target.login is None:
            return None
        basic = f"Basic {base64.b64encode(target.login.encode()).decode()}"
        if not target.tokens or self.path.startswith("/token"):
            return None if sent == basic else Reply(401, {"WWW-Authenticate": 'Basic realm="x"'}, error("UNAUTHORIZED"))
        name = re.fullmatch(r"/v2/(.+)/(?:manifests|blobs|tags)/.*", self.path)
        delete = "push" if target.missing == "quay" else "delete"
        need = "push" if self.command in ("POST", "PUT") else delete if self.command == "DELETE" else "pull"
        repository, _, actions = target.issued.get(sent.removeprefix("Bearer "), "").rpartition(":")
        if name and repository == f"repository:{name[1]}" and need in actions.split(","):
            return None
        realm = f"http://{target.realm_host or target.host}/token"
        scope = f"repository:{name[1] if name else ''}:{need}"
        challenge = f'Bearer realm="{realm}",service="scripted",scope="{scope}"'
        return Reply(401, {"WWW-Authenticate": challenge}, error("UNAUTHORIZED", "a token is needed"))

    def _regular(self, body: bytes) -> Reply:
        url = urlsplit(self.path)
        query = parse_qs(url.query, keep_blank_values=True)
        if url.path == "/token":
            token = f"t0ken-{len(self.target.issued)}"
            scope = (query.get("scope") or parse_qs(body.decode())["scope"])[0]
            if self.target.missing == "quay" and "delete" in scope:
                return Reply(400, body=b'{"error":"Unable to decode repository and actions"}')
            self.target.issued[token] = scope
            return Reply(200, body=json.dumps({"token": token, "expires_in": 300}).encode())
        found = re.fullmatch(r"/v2/(.+)/(manifests|blobs/uploads|blobs|tags|referrers)/(.*)", url.path)
        if not found:
            return Reply(404, body=error("UNSUPPORTED"))
        name, kind, reference = found.groups()
        if kind == "tags":
            return self._tags(name, query)
        if kind == "manifests":
            return self._manifest(name, reference, body)
        if kind == "referrers":
            return self._referrers(name, reference)
        if kind == "blobs":
            stored = self.target.blobs.get((name, reference))
            return Reply(404, body=error("BLOB_UNKNOWN")) if stored is None else Reply(200, body=stored)
        if self.command == "POST":
            mounted = query.get("mount", [""])[0]
            if (
                self.target.mounts
                and (blob := self.target.blobs.get((query.get("from", [""])[0], mounted))) is not None
            ):
                self.target.blobs[name, mounted] = blob
                return Reply(201)
            with self.target.lock:
                session = f"/v2/{name}/blobs/uploads/{len(self.target.seen)}-{len(self.target.uploads)}"
                self.target.uploads.add(session)
            origin = f"http://{self.target.host}" if self.target.deletes in _NO_TAG else ""  # Zot's is relative
            return Reply(202, {"Location": f"{origin}{session}?_state=a%2Fb&empty=&twice=1&twice=2"})
        if url.path not in self.target.uploads:
            return Reply(404, body=error("BLOB_UPLOAD_UNKNOWN"))
        if self.command == "GET":
            return Reply(204)
        self.target.uploads.remove(url.path)
        if self.command == "DELETE":
            return Reply(204)
        if (query.get("_state"), query.get("empty"), query.get("twice")) != (["a/b"], [""], ["1", "2"]):
            return Reply(400, body=error("BLOB_UPLOAD_INVALID", "the Location's query was not kept"))
        if query["digest"] != [_sha(body)]:
            return Reply(400, body=error("DIGEST_INVALID"))
        self.target.blobs[name, _sha(body)] = body
        return Reply(201)

    def _manifest(self, name: str, reference: str, body: bytes) -> Reply:
        manifests = self.target.manifests
        if self.command == "PUT":
            document = json.loads(body)
            blobs = [*([document["config"]] if "config" in document else []), *document.get("layers", [])]
            if not all((name, blob["digest"]) in self.target.blobs for blob in blobs) or not all(
                (name, child["digest"]) in manifests for child in document.get("manifests", [])
            ):
                return Reply(400, body=error("MANIFEST_BLOB_UNKNOWN"))
            self.target.types[_sha(body)] = self.headers["Content-Type"]
            manifests[name, reference] = manifests[name, _sha(body)] = body
            if ":" not in reference:
                self.target.tagged.add(name)
            return Reply(201, {"Docker-Content-Digest": _sha(body)})
        if self.command == "DELETE":
            if not self.target.deletes:
                return Reply(405, body=error("UNSUPPORTED"))
            if ":" not in reference and self.target.deletes in _NO_TAG:
                return Reply(400, body=error(*_NO_TAG[self.target.deletes]))
        stored = manifests.get((name, reference))
        if stored is None:
            return self._missing(name, reference)
        if self.command == "DELETE":
            for key in [k for k, v in manifests.items() if k[0] == name and v == stored]:
                if ":" in reference or key[1] == reference:
                    del manifests[key]
            return Reply(202)
        # As ECR: the digest stands on HEAD, not on GET (aws/containers-roadmap#1931).
        kind = {"Content-Type": self.target.types.get(_sha(stored), "application/vnd.oci.image.manifest.v1+json")}
        with_digest = self.command == "HEAD" or self.target.deletes in _NO_TAG
        return Reply(200, {"Docker-Content-Digest": _sha(stored), **kind} if with_digest else kind, stored)

    def _missing(self, name: str, reference: str) -> Reply:
        target = self.target
        may_push = "push" in target.issued.get(self.headers.get("Authorization", "").removeprefix("Bearer "), "")
        if target.missing == "quay" and not may_push and name not in target.tagged:
            return Reply(401, body=error("UNAUTHORIZED", "access to the requested resource is not authorized"))
        if target.missing == "artifactory":
            return Reply(403, body=error("DENIED", "The requested access to the resource is denied"))
        if target.deletes == "digest":
            return Reply(404, body=error("NOT_FOUND", f"artifact {name}:{reference} not found"))
        return Reply(404, body=error("MANIFEST_UNKNOWN"))

    def _referrers(self, name: str, digest: str) -> Reply:
        if not self.target.referrers:
            return Reply(404, body=b"404 page not found")  # as distribution
        found = {
            _sha(body): {"mediaType": self.target.types[_sha(body)], "digest": _sha(body), "size": len(body)}
            for (repository, _), body in self.target.manifests.items()
            if repository == name and json.loads(body).get("subject", {}).get("digest") == digest
        }
        return Reply(200, body=json.dumps({"schemaVersion": 2, "manifests": [*found.values()]}).encode())

    def _tags(self, name: str, query: Mapping[str, list[str]]) -> Reply:
        last, page = query.get("last", [""])[0], self.target.page
        tags = [tag for tag in self.target.tags(name) if tag > last]
        if not tags and not last:
            if name in self.target.tagged and self.target.deletes in _NO_TAG:  # emptied; others don't know it any more
                empty = "[]" if self.target.deletes == "digest" else "null"
                return Reply(200, body=f'{{"name":"{name}","tags":{empty}}}'.encode())
            return Reply(404, body=error("NAME_UNKNOWN"))
        link = f'</v2/{name}/tags/list?last={tags[page - 1]}&n={page}>; rel="next"' if len(tags) > page else ""
        body = json.dumps({"name": name, "tags": tags[:page] or None}).encode()
        return Reply(200, {"Link": link} if link else {}, body)


def _sha(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"
