"""Which operation a request to an AWS API asks for, and what AWS's own front refuses before a service sees it."""

import functools
import json
import re
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from botocore.loaders import Loader

from sandbox.answers import api_error
from sandbox.asgi import Request, Response

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
# What a request is about, in the order in which the names say most.
_SUBJECTS = (
    "repositoryName", "repositoryNames", "resourceArn", "UserName", "RoleName", "PolicyName", "PolicyArn",
    "OpenIDConnectProviderArn", "RoleArn", "AliasName", "KeyId",
)  # fmt: skip


class Service(NamedTuple):
    """The service of a host name, and the region that a signature for it must name."""

    name: str
    region: str

    @property
    def dialect(self) -> str:
        return "json" if self.name in ("ecr", "kms") else "query"


class Call(NamedTuple):
    """What is asked: ``ecr:CreateRepository name``; with the refusal, if it must not get any further."""

    what: str
    refusal: Response | None = None


def service_of(host: str) -> Service | None:
    for pattern, name in _HOSTS:
        if found := pattern.fullmatch(host):
            return Service(name, found["region"] or "us-east-1")
    return None


def no_service(host: str) -> Response:
    offer = f"the sandbox offers ECR, IAM, KMS and STS, but not {host}"
    return api_error("json", 400, "UnknownOperationException", offer)


def unreadable(request: Request, service: Service) -> Response | None:
    """What is refused before the body is read."""
    if request.path != "/":  # also keeps ministack's unauthenticated /_ministack/... addresses out of reach
        return api_error(service.dialect, 404, "UnknownOperationException", f"no such path: {request.path}")
    length = request.headers.get("content-length", "0")
    if "transfer-encoding" in request.headers or not length.isdecimal() or int(length) > LIMIT:
        return api_error(
            service.dialect, 413, "RequestEntityTooLargeException", f"a Content-Length of {LIMIT} at most is needed"
        )
    return None


def call_of(request: Request, service: Service, body: bytes) -> Call:
    name, values = _operation(request, service, body)
    subject = next((values[key] for key in _SUBJECTS if values and values.get(key)), "")
    subject = ",".join(map(str, subject)) if isinstance(subject, list) else subject
    refusal = _unknown(name, service) or _malformed(request, service)
    if values is None and refusal is None:
        refusal = api_error("json", 400, "SerializationException", "the request is not a JSON object")
    return Call(f"{service.name}:{name} {subject}".strip(), refusal)


def _operation(request: Request, service: Service, body: bytes) -> tuple[str, dict[str, Any] | None]:
    """Name and input (None: not to be read)."""
    # ministack would go by a target alone, also at the address of another service.
    prefix, _, name = request.headers.get("x-amz-target", "").rpartition(".")
    if service.dialect == "query" and not name:
        found = {**request.query, **{key: v[0] for key, v in parse_qs(body.decode("latin-1")).items()}}
        return found.get("Action", ""), found
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
    if service.dialect == "json":
        return api_error("json", 400, "UnknownOperationException", f"there is no operation {name!r}")
    if not name:
        return api_error("query", 400, "MissingAction", "the request has no Action")
    version = _model(service.name)["metadata"]["apiVersion"]
    return api_error("query", 400, "InvalidAction", f"Could not find operation {name} for version {version}")


def _malformed(request: Request, service: Service) -> Response | None:
    """A signature that cannot be right, or is one for another address; ministack verifies the rest."""
    authorization = request.headers.get("authorization", "")
    if not authorization:
        return None
    credential = _CREDENTIAL.search(authorization)
    if credential is None or not _SIGNATURE.fullmatch(authorization):
        text = "Authorization header requires 'Credential', 'Signature' and 'SignedHeaders' of AWS4-HMAC-SHA256."
        code = "IncompleteSignatureException" if service.dialect == "json" else "IncompleteSignature"
        return api_error(service.dialect, 400, code, text)
    if credential["service"] != service.name:
        return _bad_signature(service, f"Credential should be scoped to correct service: '{service.name}'. ")
    if credential["region"] != service.region:
        return _bad_signature(service, f"Credential should be scoped to a valid region, not '{credential['region']}'. ")
    return None


def _bad_signature(service: Service, message: str) -> Response:
    if service.dialect == "json":
        return api_error("json", 400, "InvalidSignatureException", message)
    return api_error("query", 403, "SignatureDoesNotMatch", message)
