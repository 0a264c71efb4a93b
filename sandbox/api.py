"""The operation of a request to an AWS API, and the requests that AWS rejects before a service gets them."""

import functools
import json
import re
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from botocore.loaders import Loader

from sandbox.asgi import Request, Response
from sandbox.responses import api_error

LIMIT = 20 * 1024 * 1024  # UploadLayerPart's, the largest body an API call may have
_HOSTS = [
    (re.compile(r"api\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com"), "ecr"),
    (re.compile(r"kms\.(?P<region>[a-z0-9-]+)\.amazonaws\.com"), "kms"),
    (re.compile(r"sts\.(?P<region>[a-z0-9-]+)\.amazonaws\.com"), "sts"),
    (re.compile(r"sts\.(?P<region>)amazonaws\.com"), "sts"),
    (re.compile(r"iam\.(?P<region>)amazonaws\.com"), "iam"),
]
_CREDENTIAL = re.compile(r"Credential=[^/,\s]+/\d{8}/(?P<region>[a-z0-9-]+)/(?P<service>[a-z0-9-]+)/aws4_request\b")
_SIGNATURE = re.compile(r"AWS4-HMAC-SHA256 .*\bSignedHeaders=[a-z0-9;-]+.*\bSignature=[0-9a-f]{64}")
# The parameter that names a request's resource; the first of them counts.
_SUBJECTS = (
    "repositoryName", "repositoryNames", "resourceArn", "UserName", "RoleName", "PolicyName", "PolicyArn",
    "OpenIDConnectProviderArn", "RoleArn", "AliasName", "KeyId",
)  # fmt: skip


class Service(NamedTuple):
    """The service of a host name, and the region that a signature for it must name."""

    name: str
    region: str

    @property
    def protocol(self) -> str:
        return "json" if self.name in ("ecr", "kms") else "query"


class Call(NamedTuple):
    """The summary, such as ``ecr:CreateRepository name``, and the response if the call is rejected."""

    summary: str
    rejection: Response | None = None


def service_of(host: str) -> Service | None:
    for pattern, name in _HOSTS:
        if match := pattern.fullmatch(host):
            return Service(name, match["region"] or "us-east-1")
    return None


def no_service(host: str) -> Response:
    offer = f"the sandbox offers ECR, IAM, KMS and STS, but not {host}"
    return api_error("json", 400, "UnknownOperationException", offer)


def reject_unread(request: Request, service: Service) -> Response | None:
    """The response to a request that is rejected before its body is read."""
    if request.path != "/":  # also keeps ministack's unauthenticated /_ministack/... addresses out of reach
        return api_error(service.protocol, 404, "UnknownOperationException", f"no such path: {request.path}")
    length = request.headers.get("content-length", "0")
    if "transfer-encoding" in request.headers or not length.isdecimal() or int(length) > LIMIT:
        return api_error(
            service.protocol, 413, "RequestEntityTooLargeException", f"a Content-Length of {LIMIT} at most is needed"
        )
    return None


def call_of(request: Request, service: Service, body: bytes) -> Call:
    name, values = _operation(request, service, body)
    subject = next((values[key] for key in _SUBJECTS if values and values.get(key)), "")
    subject = ",".join(map(str, subject)) if isinstance(subject, list) else subject
    rejection = _unknown(name, service) or _malformed(request, service)
    if values is None and rejection is None:
        rejection = api_error("json", 400, "SerializationException", "the request is not a JSON object")
    return Call(f"{service.name}:{name} {subject}".strip(), rejection)


def _operation(request: Request, service: Service, body: bytes) -> tuple[str, dict[str, Any] | None]:
    """Name and input (None: it can't be parsed)."""
    # ministack looks only at the target, even at the address of another service.
    prefix, _, name = request.headers.get("x-amz-target", "").rpartition(".")
    if service.protocol == "query" and not name:
        params = {**request.query, **{key: v[0] for key, v in parse_qs(body.decode("latin-1")).items()}}
        return params.get("Action", ""), params
    try:
        values = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        values = None
    known = prefix == _model(service.name)["metadata"].get("targetPrefix")
    return name if known else f"{prefix}.{name}".strip("."), values if isinstance(values, dict) else None


@functools.cache
def _model(service: str) -> dict[str, Any]:
    model: dict[str, Any] = Loader().load_service_model(service, "service-2")
    return model


def _unknown(name: str, service: Service) -> Response | None:
    if name in _model(service.name)["operations"]:
        return None
    if service.protocol == "json":
        return api_error("json", 400, "UnknownOperationException", f"there is no operation {name!r}")
    if not name:
        return api_error("query", 400, "MissingAction", "the request has no Action")
    version = _model(service.name)["metadata"]["apiVersion"]
    return api_error("query", 400, "InvalidAction", f"Could not find operation {name} for version {version}")


def _malformed(request: Request, service: Service) -> Response | None:
    """The response to a signature that is malformed or for another address; ministack verifies the rest."""
    authorization = request.headers.get("authorization", "")
    if not authorization:
        return None
    credential = _CREDENTIAL.search(authorization)
    if credential is None or not _SIGNATURE.fullmatch(authorization):
        text = "Authorization header requires 'Credential', 'Signature' and 'SignedHeaders' of AWS4-HMAC-SHA256."
        code = "IncompleteSignatureException" if service.protocol == "json" else "IncompleteSignature"
        return api_error(service.protocol, 400, code, text)
    if credential["service"] != service.name:
        return _bad_signature(service, f"Credential should be scoped to correct service: '{service.name}'. ")
    if credential["region"] != service.region:
        return _bad_signature(service, f"Credential should be scoped to a valid region, not '{credential['region']}'. ")
    return None


def _bad_signature(service: Service, message: str) -> Response:
    if service.protocol == "json":
        return api_error("json", 400, "InvalidSignatureException", message)
    return api_error("query", 403, "SignatureDoesNotMatch", message)
