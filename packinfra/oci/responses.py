"""The meaning of a registry's response, and which error it is.

Codes are matched before texts, since texts differ by age and product (buildkite's and ECR's TAG_INVALID); a text that
is matched has the name of its product beside it.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Collection
from typing import Any
from urllib.parse import urljoin, urlsplit

from packinfra.http.client import Response
from packinfra.http.failures import Cause, ConnectionFailure
from packinfra.http.redact import clean
from packinfra.http.retry import Failure, seconds_until
from packinfra.oci.errors import (
    BlobMissing,
    CertificateUntrusted,
    DeleteDisabled,
    DigestMismatch,
    NotAuthorized,
    QuotaExceeded,
    RegistryError,
    RepositoryMissing,
    Step,
    TagImmutable,
    Throttled,
    TimedOut,
    Unreachable,
)
from packinfra.oci.traits import RegistryTraits

# Harbor sends 401 with a text for a project that isn't there (src/server/middleware/v2auth).
_NO_PROJECT = re.compile(r"project \S+ not found", re.IGNORECASE)
# Harbor: "quota exceeded"; ECR: "the maximum allowed number of images" on the PUT of a manifest (cht-core#9175).
_QUOTA = re.compile(r"quota|maximum allowed number|insufficient storage", re.IGNORECASE)
_MISSING_ACTION = re.compile(r"not authorized to perform:? (\w+:\w+)")
# NOT_FOUND: Harbor's own code for a repository or artifact.
_MISSING = ("MANIFEST_UNKNOWN", "NAME_UNKNOWN", "NOT_FOUND")
# BLOB_UPLOAD_UNKNOWN: ECR's "Layers with digests ... do not exist" (oras-py#54). DIGEST_INVALID: distribution 3.0.0
# reads a blob's link while another push writes it (a few of a hundred, eight at once in one repository).
_NO_BLOB = ("MANIFEST_BLOB_UNKNOWN", "BLOB_UNKNOWN", "BLOB_UPLOAD_UNKNOWN", "DIGEST_INVALID")
# Harbor sends UNSUPPORTED where a tag can't be deleted; distribution 2.8 takes the tag for a wrong digest.
_NO_DELETE = ("", "UNSUPPORTED", "DIGEST_INVALID")
_UNREACHABLE = {Cause.UNTRUSTED: CertificateUntrusted, Cause.TIMEOUT: TimedOut}


def code_and_text(response: Response) -> tuple[str, str]:
    """Of the error in the body; ECR sends text/plain and empty bodies too."""
    try:
        first = json.loads(response.body)["errors"][0]
        return str(first.get("code") or ""), str(first.get("message") or "")
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        text = response.body.decode("utf-8", "replace").strip()
        is_page = "html" in response.headers.get("Content-Type", "") or text.startswith("<")
        return "", "" if is_page else text


def json_object(response: Response, step: Step, reference: object) -> dict[str, Any]:
    """The body as an object. Raises RegistryError if it is none."""
    try:
        document = json.loads(response.body)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise RegistryError(step, reference, status=response.status, text="the response is not what a registry sends")
    return document


def absolute(base: str, link: str, step: Step, reference: object) -> str:
    """The absolute URL for a Location, Link or realm, which may be relative. Raises RegistryError if it is none."""
    try:
        url = urljoin(base, link)
        urlsplit(url).port  # noqa: B018 - raises what parsing puts off
    except ValueError as error:
        raise RegistryError(step, reference, text="the registry redirects to an invalid URL") from error
    return url


def confirm_missing(response: Response, step: Step, reference: object) -> None:
    """Raises RegistryError unless this 404 is the registry's own, and not that of something in between."""
    code, text = code_and_text(response)
    if code not in _MISSING:
        raise RegistryError(
            step, reference, status=response.status, code=clean(code),
            text=clean(text) or "the response does not come from a registry",
            remedy="check the host, and what stands between here and the registry (proxy, gateway)",
        )  # fmt: skip


def rejects_credentials(response: Response) -> bool:
    """ECR says that a token has expired with 401 or 403, in JSON or plain text."""
    return response.status == 401 or (response.status == 403 and b"expired" in response.body)


def error_for(
    response: Response,
    step: Step,
    reference: object,
    traits: RegistryTraits,
    *,
    secrets: Collection[str] = (),
    origin: str = "",
) -> RegistryError:
    """The error for a response that isn't the expected one.

    secrets: sent with the request; some registries echo them. origin: where the credentials came from, as a sentence
    """
    code, text = code_and_text(response)
    text = clean(text, secrets)
    kind, remedy = _kind(response.status, code, text, step, traits)
    if kind is NotAuthorized and origin:
        remedy = f"{remedy or kind.remedy}; {origin}"
    failure = Failure(response.status, seconds_until(response.headers.get("Retry-After", ""), time.time()))
    return kind(
        step, reference, status=response.status, code=clean(code, secrets), text=text, remedy=remedy, failure=failure
    )


def error_without_response(failure: ConnectionFailure, step: Step, reference: object, host: str) -> RegistryError:
    """host: where the request went, unless that is the registry"""
    text = f"{host}: {failure.text}" if host else failure.text
    if failure.cause is Cause.INVALID_URL:
        return RegistryError(step, reference, text=f"the registry redirects to {text}")
    no_tls = "check the port; a registry without TLS is only used with plainHttp: true"
    remedy = no_tls if failure.cause is Cause.NO_TLS else ""
    kind = _UNREACHABLE.get(failure.cause, Unreachable)
    return kind(step, reference, text=text, remedy=remedy, failure=Failure(None, temporary=failure.temporary))


def _kind(status: int, code: str, text: str, step: Step, traits: RegistryTraits) -> tuple[type[RegistryError], str]:
    """(class, remedy); no remedy means the class's own."""
    if status in (401, 403, 404) and (code == "NAME_UNKNOWN" or _NO_PROJECT.search(text)):
        return RepositoryMissing, "create the project in the registry first" if _NO_PROJECT.search(text) else ""
    if status in (403, 413, 507) and _QUOTA.search(text):
        return QuotaExceeded, ""
    if status in (401, 403):
        return NotAuthorized, _permission(status, text, step, traits)
    if status == 412 or code == "TAG_INVALID":  # 412: Harbor's immutable tags
        return TagImmutable, "have the registry's rule for immutable tags changed" if step is Step.DELETE else ""
    if status == 429 or code == "TOOMANYREQUESTS":
        return Throttled, ""
    if step is Step.DELETE and status in (400, 405) and code in _NO_DELETE:
        return DeleteDisabled, ""
    if step is Step.PUBLISH and status in (400, 404) and code in _NO_BLOB:
        return BlobMissing, ""
    if code == "DIGEST_INVALID":
        return DigestMismatch, ""
    if status == 413:
        return RegistryError, "raise the limit for bodies in the proxy before the registry (client_max_body_size)"
    return RegistryError, ""


def _permission(status: int, text: str, step: Step, traits: RegistryTraits) -> str:
    if action := _MISSING_ACTION.search(text):
        return f"allow {action[1]} on this repository for the identity that is used"
    needs = traits.permissions.get(step)
    if status == 403 and needs:
        return (
            f"probably {needs} is missing for this identity on this repository: look at its policies, the "
            "repository's, and the organization's"
        )
    return ""
