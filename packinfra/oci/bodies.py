"""What a registry sends, read into types: error bodies, lists of tags, tokens, and the headers that matter.

Nothing of it is trusted to have its shape: what is no string is no text, and what is of no use raises, or reads as absent.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from packinfra.http.client import Response
from packinfra.oci.errors import RegistryError, Step

_DIGEST = re.compile(r"[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[0-9a-f]{32,}")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
"""No limit of 128: ECR takes 300 characters."""
_TEXTS = ("message", "error_description", "error", "details", "detail")
"""Keys of an error's text: the specification's, OAuth 2's (RFC 6749, 5.2), GitLab's and Docker Hub's token services'."""
NO_REGISTRY = "the response is not what a registry sends"
_LIFETIME = 60.0
"""Seconds that a token lives if its service doesn't say (distribution's token specification)."""
_LONGEST_TOKEN = 32 << 10
"""Characters: about what servers take of a request's headers. Amazon's and Microsoft's tokens have a tenth of it."""


@dataclass(frozen=True)
class Token:
    """value: fits into a header; lifetime: in seconds"""

    value: str
    lifetime: float


def parse_json(body: bytes) -> Any:
    """None for what is no JSON, or nested too deeply to be read."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def code_and_text(response: Response) -> tuple[str, str]:
    """Of the error in the body. ECR sends text/plain and empty bodies too, Zot's 401 an object instead of a list."""
    document = parse_json(response.body)
    if isinstance(document, Mapping):
        errors = document.get("errors")
        first = errors[0] if isinstance(errors, list) and errors else errors or document
        if isinstance(first, Mapping):
            code, texts = first.get("code"), [first.get(key) for key in _TEXTS]
            return code if isinstance(code, str) else "", next((t for t in texts if isinstance(t, str) and t), "")
        return "", first if isinstance(first, str) else ""
    return "", "" if is_page(response) else response.body.decode("utf-8", "replace").strip()


def is_page(response: Response) -> bool:
    """Whether it is meant for a browser: a login page, or what a gateway or a web server says."""
    return "html" in response.headers.get("Content-Type", "") or response.body.lstrip().startswith(b"<")


def tags_in(response: Response, reference: object) -> list[str]:
    """Of one page of a repository's tags; distribution 2 writes null for none. Raises RegistryError."""
    document = parse_json(response.body)
    tags = document.get("tags") if isinstance(document, Mapping) else response
    if tags is None:
        return []
    if not isinstance(tags, list) or not all(isinstance(tag, str) and _TAG.fullmatch(tag) for tag in tags):
        raise not_a_registry(response, Step.LIST, reference)
    return tags


def next_page(response: Response) -> str:
    """The link to the following page; "" on the last."""
    found = re.search(r'<([^<>]*)>\s*;\s*rel="?next"?', response.headers.get("Link", ""))
    return found[1] if found else ""


def digest_in(response: Response) -> str:
    """The digest in the header; "" if it is none."""
    digest = response.headers.get("Docker-Content-Digest", "")
    return digest if _DIGEST.fullmatch(digest) else ""


def is_manifest(response: Response) -> bool:
    """Whether the body may be a manifest or an index, and not the page of a login portal."""
    document = parse_json(response.body)
    return isinstance(document, Mapping) and "schemaVersion" in document


def token_in(body: bytes) -> Token | None:
    """None if a token service's response holds none that is of use."""
    document = parse_json(body)
    if not isinstance(document, Mapping):
        return None
    value, seconds = document.get("token") or document.get("access_token"), document.get("expires_in")
    if (
        not isinstance(value, str)
        or not 0 < len(value) <= _LONGEST_TOKEN
        or not (value.isascii() and value.isprintable())
    ):
        return None
    try:
        lifetime = float(seconds) if isinstance(seconds, int | float | str) and seconds else _LIFETIME
    except (ValueError, OverflowError):
        return None
    return Token(value, lifetime) if math.isfinite(lifetime) else None


def warnings_in(response: Response) -> Iterator[str]:
    """The texts of `Warning: 299` (distribution specification, Warnings)."""
    for found in re.finditer(r'299 \S+ "((?:[^"\\]|\\.)*)"', response.headers.get("Warning", "")):
        yield found[1]


def not_a_registry(response: Response, step: Step, reference: object, text: str = "", code: str = "") -> RegistryError:
    """text, code: what it says, fit for a message"""
    return RegistryError(
        step, reference, status=response.status, code=code, text=text or NO_REGISTRY,
        remedy="check the host, and what stands between here and the registry (proxy, gateway, login page)",
    )  # fmt: skip
