"""The meaning of a registry's response, and which error it is.

Codes are matched before texts, since texts differ by age and product (buildkite's and ECR's TAG_INVALID); a text that
is matched has the name of its product beside it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable

from packinfra.http.client import Response
from packinfra.http.failures import Cause, ConnectionFailure
from packinfra.http.redact import clean
from packinfra.http.retry import Failure, seconds_until
from packinfra.oci.bodies import code_and_text, is_page, not_a_registry
from packinfra.oci.errors import (
    BlobMissing,
    CertificateUntrusted,
    DeleteDisabled,
    DigestMismatch,
    NotAuthorized,
    PolicyViolation,
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
# Harbor: "... will exceed the configured upper limit of 29.3 KiB." (src/pkg/quota/errors.go), on the PUT of a blob; ECR:
# "the maximum allowed number of images", on the PUT of a manifest (cht-core#9175).
_QUOTA = re.compile(r"quota|configured upper limit|maximum allowed number|insufficient storage", re.IGNORECASE)
_MISSING_ACTION = re.compile(r"not authorized to perform:? (\w+:\w+)")
# Harbor, whose 401 is the same for a wrong password (src/server/middleware/v2auth).
_MISSING_RIGHT = re.compile(r"unauthorized to access repository: \S+, action: (\w+)")
# Harbor's project policies (src/server/middleware).
_POLICIES = (
    (
        re.compile(r"not signed by"),
        "sign the image as the project demands, or have its rule for content trust switched off",
    ),
    (
        re.compile(r"vulnerability|severity"),
        "have the image scanned, or the project's rule for vulnerable images changed",
    ),
    (re.compile(r"proxy project"), "set another project in basePath: a proxy cache takes no pushes"),
    (
        re.compile(r"read.only mode", re.IGNORECASE),
        "wait until the registry's administrator ends the read-only mode; then run again",
    ),
)
_POLICY_REMEDY = "see which rule of the project the registry means, and have it changed; then run again"
_TLS_PORT = re.compile(rb"plain HTTP|HTTP request to an HTTPS server")
"""nginx and Apache; Go's net/http, so distribution and Zot. No registry says it over TLS."""
# NOT_FOUND: Harbor's own code for a repository or artifact.
_MISSING = ("MANIFEST_UNKNOWN", "NAME_UNKNOWN", "NOT_FOUND")
# BLOB_UPLOAD_UNKNOWN: ECR's "Layers with digests ... do not exist" (oras-py#54). DIGEST_INVALID: distribution 3.0.0
# reads a blob's link while another push writes it (a few of a hundred, eight at once in one repository).
_NO_BLOB = ("MANIFEST_BLOB_UNKNOWN", "BLOB_UNKNOWN", "BLOB_UPLOAD_UNKNOWN", "DIGEST_INVALID")
# Harbor sends UNSUPPORTED where a tag can't be deleted; distribution 2.8 takes the tag for a wrong digest.
_NO_DELETE = ("", "UNSUPPORTED", "DIGEST_INVALID")
_PUSHES = (Step.BEGIN, Step.UPLOAD, Step.PUBLISH)
_WEB_SERVER = (200, 404, 405, 501)
"""What web servers say to a POST, with a page."""
_LONGEST_CODE = 100
_UNREACHABLE = {Cause.UNTRUSTED: CertificateUntrusted, Cause.TIMEOUT: TimedOut}


def confirm_missing(response: Response, step: Step, reference: object, secrets: Iterable[str]) -> None:
    """Raises RegistryError unless this 404 is the registry's own, and not that of something in between."""
    code, text = code_and_text(response)
    if code not in _MISSING:
        secrets = list(secrets)
        raise not_a_registry(response, step, reference, clean(text, secrets), clean(code, secrets)[:_LONGEST_CODE])


def rejects_credentials(response: Response) -> bool:
    """ECR says that a token has expired with 401 or 403, in JSON or plain text."""
    return response.status == 401 or (response.status == 403 and b"expired" in response.body)


def error_for(
    response: Response,
    step: Step,
    reference: object,
    traits: RegistryTraits,
    *,
    secrets: Iterable[str] = (),
    elsewhere: str = "",
    origin: str = "",
) -> RegistryError:
    """The error for a response that isn't the expected one.

    secrets: sent with the request; some registries echo them. elsewhere: the host that responded, unless that is the
    registry. origin: where the credentials came from, as a sentence
    """
    if is_page(response) and not elsewhere and step in _PUSHES and response.status in _WEB_SERVER:
        return not_a_registry(response, step, reference)
    secrets = list(secrets)
    code, text = (clean(part, secrets) for part in code_and_text(response))
    code = code[:_LONGEST_CODE]
    kind, remedy = _kind(response.status, code, text, step, traits)
    if response.status == 400 and _TLS_PORT.search(response.body):
        kind, remedy = RegistryError, "leave plainHttp out: this port speaks TLS"
    if elsewhere:
        text = f"{elsewhere}: {text}" if text else f"from {elsewhere}"
        if kind is NotAuthorized:
            remedy = "check the storage to which the registry redirects; the login is not sent there"
    elif kind is NotAuthorized and origin:
        remedy = f"{remedy or kind.remedy}; {origin}"
    failure = Failure(response.status, seconds_until(response.headers.get("Retry-After", ""), time.time()))
    return kind(step, reference, status=response.status, code=code, text=text, remedy=remedy, failure=failure)


def error_without_response(
    failure: ConnectionFailure, step: Step, reference: object, *, secrets: Iterable[str] = (), elsewhere: str = ""
) -> RegistryError:
    """secrets, elsewhere: as for `error_for`; what is broken about a response may repeat a part of it"""
    text = clean(failure.text, secrets)
    text = f"{elsewhere}: {text}" if elsewhere else text
    if failure.cause is Cause.INVALID_URL:
        return RegistryError(step, reference, text=f"the registry redirects to {text}")
    no_tls = "check the port; a registry without TLS is only used with plainHttp: true"
    remedy = no_tls if failure.cause is Cause.NO_TLS else ""
    kind = _UNREACHABLE.get(failure.cause, Unreachable)
    return kind(step, reference, text=text, remedy=remedy, failure=Failure(None, temporary=failure.temporary))


def _kind(status: int, code: str, text: str, step: Step, traits: RegistryTraits) -> tuple[type[RegistryError], str]:
    """(class, remedy); no remedy means the class's own."""
    if step is Step.TOKEN:  # whatever it says, it's about the login and not about the repository
        return (NotAuthorized, "") if status in (400, 401, 403) else (Throttled if status == 429 else RegistryError, "")
    if status in (401, 403, 404) and (code == "NAME_UNKNOWN" or _NO_PROJECT.search(text)):
        return RepositoryMissing, "create the project in the registry first" if _NO_PROJECT.search(text) else ""
    if status in (403, 413, 507) and _QUOTA.search(text):
        return QuotaExceeded, ""
    if code == "PROJECTPOLICYVIOLATION" or (status == 403 and any(told.search(text) for told, _ in _POLICIES)):
        return PolicyViolation, next((remedy for told, remedy in _POLICIES if told.search(text)), _POLICY_REMEDY)
    if status == 405 and step in _PUSHES:  # distribution as a mirror, or with storage.maintenance.readonly
        return PolicyViolation, "publish to a registry that takes pushes: this is a mirror, or in read-only mode"
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
    if right := _MISSING_RIGHT.search(text):
        return f"check user name and password; if they are right, allow repository:{right[1]} for this user or robot account"
    needs = traits.permissions.get(step)
    if status == 403 and needs:
        return (
            f"probably {needs} is missing for this identity on this repository: look at its policies, the "
            "repository's, and the organization's"
        )
    return ""
