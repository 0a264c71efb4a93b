"""The spec of a registry: what Palette accepts, what it adds, what it shows (palette/behaviour.md PAL-16 to 26)."""

import copy
import ipaddress
from typing import Any
from urllib.parse import urlsplit

from sandbox.ecr.data_plane import HOST
from sandbox.palette.errors import invalid

Json = dict[str, Any]
MASK = "********"

# Field -> type, choice of values, or the fields below it. Unknown fields are ignored, as Go does.
_TLS = {"certificate": str, "enabled": bool, "insecureSkipVerify": bool}
_CREDENTIALS = {
    "credentialType": ("secret", "sts", "pod-identity"),
    "accessKey": str,
    "secretKey": str,
    "sts": {"arn": str, "externalId": str},
    "partition": ("aws", "aws-us-gov", "aws-iso", "aws-iso-b"),
}
_COMMON = {
    "endpoint": str,
    "baseContentPath": str,
    "providerType": ("helm", "pack", "zarf"),
    "isSyncSupported": bool,
    "containsSpectroManifest": bool,
}
_AUTH = {"type": ("noAuth", "basic", "token"), "username": str, "password": str, "token": str, "tls": _TLS}
_FIELDS: dict[str, Json] = {
    "ecr": {**_COMMON, "isPrivate": bool, "credentials": _CREDENTIALS, "tls": _TLS},
    "basic": {**_COMMON, "basePath": str, "auth": _AUTH},
}
_REQUIRED = {"ecr": ("endpoint", "isPrivate"), "basic": ("endpoint", "auth")}
_DEFAULT_TLS = {"certificate": "", "enabled": True, "insecureSkipVerify": False}


def checked(kind: str, data: Any) -> Json:
    """The spec as Palette keeps it. Raises ApiError if Palette would reject it."""
    fields = _parsed(data, _FIELDS[kind], "spec")
    for name in _REQUIRED[kind]:
        if fields.get(name) in (None, "", {}):
            raise invalid(f"spec.{name} is required")
    spec: Json = {"providerType": "helm", "isSyncSupported": False, "baseContentPath": "", **fields}
    if kind == "ecr":
        spec["credentials"] = {"credentialType": "secret", **spec.get("credentials", {})}
        _check_ecr(spec)
    else:
        spec["auth"] = {"type": "noAuth", **spec["auth"]}
        _check_basic(spec)
    owner = spec if kind == "ecr" else spec["auth"]
    owner["tls"] = {**_DEFAULT_TLS, **owner.get("tls", {})}
    if spec["providerType"] == "pack":
        if not spec["isSyncSupported"]:
            raise invalid("spec.isSyncSupported must be true for providerType pack")
        if not (spec["isPrivate"] if kind == "ecr" else spec["auth"]["type"] != "noAuth"):
            raise invalid("providerType pack needs authentication")
    return spec


def _parsed(data: Any, schema: Json, path: str) -> Json:
    if not isinstance(data, dict):
        raise invalid(f"{path} must be an object")
    fields: Json = {}
    for name, kind in schema.items():
        value, at = data.get(name), f"{path}.{name}"
        if value is None:  # to Go, null is absent
            continue
        if isinstance(kind, dict):
            fields[name] = _parsed(value, kind, at)
        elif isinstance(kind, tuple):
            if value not in (*kind, ""):
                raise invalid(f"{at} must be one of {', '.join(kind)}")
            if value:
                fields[name] = value
        elif not isinstance(value, kind):
            raise invalid(f"{at} must be of type {kind.__name__}")
        else:
            fields[name] = value
    return fields


def _check_ecr(spec: Json) -> None:
    if not HOST.fullmatch(spec["endpoint"]):
        raise invalid("spec.endpoint must be the host of an ECR registry, without scheme and path")


def _check_basic(spec: Json) -> None:
    if not spec["endpoint"].startswith(("https://", "http://")):
        raise invalid("spec.endpoint must begin with https:// or http://")
    try:
        is_loopback = ipaddress.ip_address(urlsplit(spec["endpoint"]).hostname or "").is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback:  # PAL-15
        raise invalid("spec.endpoint: the sandbox connects only to registries on a loopback address, such as 127.0.0.1")


def masked(spec: Json) -> Json:
    """The spec as responses show it."""
    shown = copy.deepcopy(spec)
    shown["isSyncSupported"] = False  # PAL-26
    for block, name in (("credentials", "secretKey"), ("auth", "password"), ("auth", "token")):
        if shown.get(block, {}).get(name):
            shown[block][name] = MASK
    return shown


def name_of(metadata: Any) -> str:
    name = metadata.get("name") if isinstance(metadata, dict) else None
    if not isinstance(name, str) or not name:
        raise invalid("metadata.name is required")
    return name


def region_of(spec: Json) -> str:
    host = HOST.fullmatch(spec["endpoint"])
    return host["region"] if host else ""
