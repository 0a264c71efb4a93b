"""The registry API of ECR (``/v2``), with the deviations that its users report.

A request is authorized before a byte of its body is read. Routes are a table: method, path, the IAM actions it
needs (behaviour.md IAM-2 to IAM-10), and the handler.
"""

import base64
import binascii
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NamedTuple

from sandbox.asgi import DroppedError, Receive, Request, Response, Scope, Send
from sandbox.ecr import images, model
from sandbox.ecr.access import Authorize, Caller, DeniedError, Tokens
from sandbox.ecr.downloads import Downloads
from sandbox.ecr.errors import ApiError
from sandbox.ecr.rate_limit import ManifestRateLimit
from sandbox.ecr.state import Registry, Repository, Store
from sandbox.ecr.uploads import Uploads
from sandbox.responses import not_authorized, registry_error

HOST = re.compile(r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com")

# The errors of the API -> status and code on /v2.
CODES = {
    "RepositoryNotFoundException": (404, "NAME_UNKNOWN"),
    "LayersNotFoundException": (404, "BLOB_UPLOAD_UNKNOWN"),  # oras-py#54
    "ReferencedImagesNotFoundException": (404, "MANIFEST_BLOB_UNKNOWN"),
    "UploadNotFoundException": (404, "BLOB_UPLOAD_UNKNOWN"),
    "InvalidLayerPartException": (416, "BLOB_UPLOAD_INVALID"),  # apple/containerization#790
    "EmptyUploadException": (400, "BLOB_UPLOAD_INVALID"),
    "LayerPartTooSmallException": (400, "BLOB_UPLOAD_INVALID"),
    "InvalidLayerException": (400, "DIGEST_INVALID"),
    "ImageDigestDoesNotMatchException": (400, "DIGEST_INVALID"),
    "ImageTagAlreadyExistsException": (400, "TAG_INVALID"),  # buildkit#3776
    "ImageReferencedByManifestList": (400, "UNSUPPORTED"),
    "InvalidParameterException": (400, "MANIFEST_INVALID"),
    "ThrottlingException": (429, "TOOMANYREQUESTS"),
}


class RegistryError(Exception):
    """An error response that has no counterpart in the AWS API."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


class Call(NamedTuple):
    request: Request
    repository: Repository
    reference: str


class Route(NamedTuple):
    methods: str
    path: re.Pattern[str]
    actions: tuple[str, ...]
    handler: "Callable[[DataPlane, Call], Awaitable[Response]]"


@dataclass
class DataPlane:
    store: Store
    tokens: Tokens
    uploads: Uploads
    downloads: Downloads
    rate_limit: ManifestRateLimit
    authorize: Authorize
    drops_uploads: bool  # BLOB-19: instead of an error response to POST upload

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        response = await self._respond(request)
        response.headers.setdefault("Docker-Distribution-Api-Version", "registry/2.0")
        await response.send(request.method, send)

    async def _respond(self, request: Request) -> Response:
        """The response, errors included. The body of a denied request is not read."""
        try:
            return await self._handle(request)
        except DeniedError as error:
            return registry_error(403, "DENIED", str(error))
        except ApiError as error:
            status, code = CODES[error.code]
            response = registry_error(status, code, error.message)
        except RegistryError as error:
            response = registry_error(error.status, error.code, str(error))
        await request.drain()
        return response

    async def _handle(self, request: Request) -> Response:
        account, _, _, region, *_ = request.host.split(".")  # the front sends only registry hosts here
        registry = self.store.registry(account, region)
        caller = self._caller(request, registry)
        if caller is None:
            return not_authorized(registry.host)
        if request.path in ("/v2", "/v2/"):
            return Response.json(200, {})
        for route in ROUTES:
            match = route.path.fullmatch(request.path)
            if match and request.method in route.methods.split("|"):
                try:
                    repository = self._repository(request, route, registry, caller, match["name"])
                except (DeniedError, ApiError):
                    if self.drops_uploads and request.method == "POST":
                        raise DroppedError from None
                    raise
                return await route.handler(self, Call(request, repository, match["reference"]))
        raise RegistryError(405, "UNSUPPORTED", f"The operation is unsupported: {request.method} {request.path}")

    def _repository(self, request: Request, route: Route, registry: Registry, caller: Caller, name: str) -> Repository:
        """The repository of a request. Raises DeniedError if the caller lacks an action of the route."""
        if not (2 <= len(name) <= 256 and model.pattern("RepositoryName").fullmatch(name)):
            raise RegistryError(400, "NAME_INVALID", f"invalid repository name: {name}")
        bodiless = request.headers.get("content-length") == "0"
        for action in route.actions:
            if not (action == "ecr:UploadLayerPart" and bodiless):
                self.authorize(caller, action, registry.arn(name))
        return registry.repository(name)

    def _caller(self, request: Request, registry: Registry) -> Caller | None:
        """The owner of the token; None where AWS responds with a challenge."""
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        try:
            user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            return None
        token = self.tokens.issued.get(password)
        if scheme.lower() != "basic" or user != "AWS" or token is None or token.region != registry.region:
            return None
        if token.expires < time.time():
            raise DeniedError("Your authorization token has expired. Reauthenticate and try again.")
        return token.caller

    # ---- blobs ----------------------------------------------------------------------------------------------------

    async def head_blob(self, call: Call) -> Response:
        blob = call.repository.blob(call.reference)
        if not images.DIGEST.fullmatch(call.reference) or not blob.is_file():
            raise RegistryError(404, "BLOB_UNKNOWN", "blob unknown to registry")
        size = str(blob.stat().st_size)
        headers = {"Content-Type": "application/octet-stream", "Docker-Content-Digest": call.reference}
        return Response(200, {**headers, "Content-Length": size})

    async def get_blob(self, call: Call) -> Response:
        await self.head_blob(call)
        link = self.downloads.link(call.repository.blob(call.reference), call.repository.registry.region)
        return Response(307, {"Location": link})

    async def start_upload(self, call: Call) -> Response:
        upload = self.uploads.start(call.repository)
        headers = {"Location": f"/v2/{call.repository.name}/blobs/uploads/{upload.id}"}
        return Response(202, {**headers, "Docker-Upload-UUID": upload.id, "Range": "0-0"})

    async def patch_upload(self, call: Call) -> Response:
        upload = self.uploads.find(call.reference, call.repository)
        await upload.append(call.request)
        # 201, and the range of the first chunk for ever (containers-roadmap#2831).
        headers = {"Location": call.request.path, "Range": f"0-{max(upload.parts[0] - 1, 0)}"}
        return Response(201, {**headers, "Docker-Upload-UUID": upload.id})

    async def finish_upload(self, call: Call) -> Response:
        upload = self.uploads.find(call.reference, call.repository)
        digest = call.request.query.get("digest", "")
        if not images.DIGEST.fullmatch(digest):
            raise RegistryError(400, "DIGEST_INVALID", f"not a sha256 digest: '{digest}'")
        if call.request.headers.get("content-length") != "0":
            await upload.append(call.request)
        upload.finish(digest)
        location = f"/v2/{call.repository.name}/blobs/{digest}"
        return Response(201, {"Location": location, "Docker-Content-Digest": digest})

    # ---- manifests ------------------------------------------------------------------------------------------------

    async def get_manifest(self, call: Call) -> Response:
        digest, _ = images.find(call.repository, _image_id(call.reference))
        if digest is None:
            raise RegistryError(404, "MANIFEST_UNKNOWN", "Requested image not found")
        manifest = call.repository.manifests[digest]
        headers = {"Content-Type": manifest.media_type}
        if call.request.method == "HEAD":  # a GET has to be hashed by the client (oras-go#237)
            headers["Docker-Content-Digest"] = digest
        return Response(200, headers, manifest.content)

    async def put_manifest(self, call: Call) -> Response:
        self.rate_limit.check(call.repository.registry)
        content = bytearray()
        async for piece in call.request.body():
            content += piece
            if len(content) > images.MANIFEST_LIMIT:
                raise RegistryError(
                    400, "MANIFEST_INVALID", f"the manifest is larger than {images.MANIFEST_LIMIT} bytes"
                )
        image_id = _image_id(call.reference)
        media_type = call.request.headers.get("content-type")
        if media_type is None:
            raise RegistryError(400, "MANIFEST_INVALID", "the manifest has no Content-Type")
        digest, _ = images.put(
            call.repository, bytes(content), media_type, image_id.get("imageTag"), image_id.get("imageDigest")
        )
        location = f"/v2/{call.repository.name}/manifests/{digest}"
        return Response(201, {"Location": location, "Docker-Content-Digest": digest})

    async def delete_manifest(self, call: Call) -> Response:
        _, failure = images.delete(call.repository, _image_id(call.reference))
        if failure == "ImageReferencedByManifestList":
            raise ApiError(failure, images.REASONS[failure])
        if failure:
            raise RegistryError(404, "MANIFEST_UNKNOWN", images.REASONS[failure])
        return Response(202)

    async def list_tags(self, call: Call) -> Response:
        tags, query = sorted(call.repository.tags), call.request.query
        tags = [tag for tag in tags if tag > query.get("last", "")]
        headers = {}
        if "n" in query:
            count = int(query["n"]) if query["n"].isdecimal() else 0
            if not 1 <= count <= 1000:
                raise RegistryError(400, "PAGINATION_NUMBER_INVALID", "n must be between 1 and 1000")
            if len(tags) > count:
                tags = tags[:count]
                headers["Link"] = f'<{call.request.path}?last={tags[-1]}&n={count}>; rel="next"'
        return Response.json(200, {"name": call.repository.name, "tags": tags}, **headers)


def _image_id(reference: str) -> dict[str, str]:
    return {"imageDigest" if ":" in reference else "imageTag": reference}


def _route(methods: str, path: str, actions: str, handler: Callable[[DataPlane, Call], Awaitable[Response]]) -> Route:
    return Route(methods, re.compile(r"/v2/(?P<name>.+)/" + path), tuple("ecr:" + a for a in actions.split()), handler)


ROUTES = [
    _route("HEAD", r"blobs/(?P<reference>[^/]+)", "BatchCheckLayerAvailability", DataPlane.head_blob),
    _route("GET", r"blobs/(?P<reference>[^/]+)", "GetDownloadUrlForLayer", DataPlane.get_blob),
    _route("POST", r"blobs/uploads/?(?P<reference>)", "InitiateLayerUpload", DataPlane.start_upload),
    _route("PATCH", r"blobs/uploads/(?P<reference>[^/]+)", "UploadLayerPart", DataPlane.patch_upload),
    _route(
        "PUT", r"blobs/uploads/(?P<reference>[^/]+)", "UploadLayerPart CompleteLayerUpload", DataPlane.finish_upload
    ),
    _route("HEAD|GET", r"manifests/(?P<reference>[^/]+)", "BatchGetImage", DataPlane.get_manifest),
    _route("PUT", r"manifests/(?P<reference>[^/]+)", "PutImage", DataPlane.put_manifest),
    _route("DELETE", r"manifests/(?P<reference>[^/]+)", "BatchDeleteImage", DataPlane.delete_manifest),
    _route("GET", r"tags/list(?P<reference>)", "ListImages", DataPlane.list_tags),
]
