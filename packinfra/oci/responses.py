"""What a registry answers, and which error that is.

Codes are matched before texts, since texts differ by age and product (buildkite's and ECR's TAG_INVALID); what is
matched by its text names the product that says it so.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

from packinfra.http.retry import Failure, seconds_until
from packinfra.oci.errors import (
    BlobMissing,
    DeleteDisabled,
    DigestMismatch,
    NotAuthorized,
    QuotaExceeded,
    RegistryError,
    RepositoryMissing,
    Step,
    TagImmutable,
    Throttled,
)
from packinfra.oci.traits import RegistryTraits

# Harbor answers 401 with a text for a project that isn't there (src/server/middleware/v2auth).
_NO_PROJECT = re.compile(r"project \S+ not found", re.IGNORECASE)
# Harbor: "quota exceeded"; ECR: "the maximum allowed number of images" on the PUT of a manifest (cht-core#9175).
_QUOTA = re.compile(r"quota|maximum allowed number|insufficient storage", re.IGNORECASE)
_MISSING_ACTION = re.compile(r"not authorized to perform:? (\w+:\w+)")
# NOT_FOUND: Harbor's own code for a repository or artifact.
_GONE = ("MANIFEST_UNKNOWN", "NAME_UNKNOWN", "NOT_FOUND")
# BLOB_UPLOAD_UNKNOWN: ECR's "Layers with digests ... do not exist" (oras-py#54). DIGEST_INVALID: distribution 3.0.0
# reads a blob's link while another push writes it (a few of a hundred, eight at once in one repository).
_NO_BLOB = ("MANIFEST_BLOB_UNKNOWN", "BLOB_UNKNOWN", "BLOB_UPLOAD_UNKNOWN", "DIGEST_INVALID")


@dataclass(frozen=True)
class Response:
    """A registry's answer: status, headers (case-insensitive), where it came from, and the body up to a limit."""

    status: int
    headers: Mapping[str, str]
    url: str
    body: bytes

    def error(self) -> tuple[str, str]:
        """(code, text) of the error the body tells of; ECR sends text/plain and empty bodies too."""
        try:
            first = json.loads(self.body)["errors"][0]
            return str(first.get("code") or ""), str(first.get("message") or "")[:1000]
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            kind = self.headers.get("Content-Type", "")
            text = self.body.decode("utf-8", "replace").strip()
            return "", "" if "html" in kind or text.startswith("<") else text[:300]

    def json(self, step: Step, reference: object) -> dict[str, Any]:
        """The body as an object. Raises RegistryError if it is none."""
        try:
            document = json.loads(self.body)
        except (ValueError, RecursionError):
            document = None
        if not isinstance(document, dict):
            raise RegistryError(step, reference, status=self.status, text="the answer is not what a registry sends")
        return document

    def address(self, link: str, step: Step, reference: object) -> str:
        """The absolute address for a Location or Link, which may be relative. Raises RegistryError if it is none."""
        try:
            address = urljoin(self.url, link)
            urlsplit(address).port  # noqa: B018 - raises what parsing puts off
        except ValueError as error:
            text = "the registry redirects to something that is no address"
            raise RegistryError(step, reference, status=self.status, text=text) from error
        return address

    def require_gone(self, step: Step, reference: object) -> None:
        """Raises RegistryError unless this 404 is the registry's own word, and not that of something in between."""
        code, text = self.error()
        if code not in _GONE:
            raise RegistryError(
                step, reference, status=self.status, code=code,
                text=text or "the answer does not come from a registry",
                remedy="check the host, and what stands between here and the registry (proxy, gateway)",
            )  # fmt: skip

    @property
    def asks_for_login(self) -> bool:
        """Was the login refused as such? ECR says that a token has expired with 401 or 403, in JSON or plain text."""
        return self.status == 401 or (self.status == 403 and b"expired" in self.body)


def refusal(
    answer: Response, step: Step, reference: object, dialect: RegistryTraits, *, secret: str | None
) -> RegistryError:
    """The error for an answer that isn't what was asked for. secret: what was sent; some echo it."""
    code, text = answer.error()
    for word in (secret or "").split():
        text = text.replace(word, "...")
    kind, remedy = _kind(answer.status, code, text, step, dialect)
    failure = Failure(answer.status, seconds_until(answer.headers.get("Retry-After", ""), time.time()))
    return kind(step, reference, status=answer.status, code=code, text=text, remedy=remedy, failure=failure)


def _kind(status: int, code: str, text: str, step: Step, dialect: RegistryTraits) -> tuple[type[RegistryError], str]:
    """(class, remedy); no remedy means the class's own."""
    if status in (401, 403, 404) and (code == "NAME_UNKNOWN" or _NO_PROJECT.search(text)):
        return RepositoryMissing, "create the project in the registry first" if _NO_PROJECT.search(text) else ""
    if status in (403, 413, 507) and _QUOTA.search(text):
        return QuotaExceeded, ""
    if status in (401, 403):
        return NotAuthorized, _permission(status, text, step, dialect)
    if status == 412 or code == "TAG_INVALID":  # 412: Harbor's immutable tags
        return TagImmutable, "have the registry's rule for immutable tags changed" if step is Step.DELETE else ""
    if status == 429 or code == "TOOMANYREQUESTS":
        return Throttled, ""
    if step is Step.PUBLISH and status in (400, 404) and code in _NO_BLOB:
        return BlobMissing, ""
    if code == "DIGEST_INVALID":
        return DigestMismatch, ""
    if step is Step.DELETE and status in (400, 405) and code in ("", "UNSUPPORTED"):
        return DeleteDisabled, ""
    if status == 413:
        return RegistryError, "raise the limit for bodies in the proxy before the registry (client_max_body_size)"
    return RegistryError, ""


def _permission(status: int, text: str, step: Step, dialect: RegistryTraits) -> str:
    if found := _MISSING_ACTION.search(text):
        return f"allow {found[1]} on this repository for the identity that is used"
    needs = dialect.permissions.get(step)
    if status == 403 and needs:
        return (
            f"probably {needs} is missing for this identity on this repository: look at its policies, the "
            "repository's, and the organization's"
        )
    return ""
