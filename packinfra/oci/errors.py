"""What can go wrong with a registry, each with the operation, the reference, the answer, and what to do next.

RegistryError
  Unreachable            no connection, or it broke
    CertificateUntrusted   the registry's certificate is signed by nobody we trust
    TimedOut               connected, but no answer in time
  NotAuthorized          401, 403
  RepositoryMissing      no such repository or project, or the connection was dropped for that reason (ECR)
  TagImmutable           the tag exists, and this repository never moves or removes a tag
  DigestMismatch         bytes and digest don't agree
  BlobMissing            a manifest names a blob that the registry doesn't have, or has not noticed yet
  NotAnArtifact          what the tag carries is an index of several, or no manifest at all
  QuotaExceeded          the project's storage or the repository's number of images is used up
  DeleteDisabled         the registry doesn't delete, or can't delete this tag alone
  Throttled              429, after all retries
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from packinfra.errors import PackinfraError
from packinfra.http.retry import Failure


class Step(StrEnum):
    """What is done to a registry, as it reads in an error: "could not begin an upload (...)"."""

    RESOLVE = "ask for the tag"
    READ = "read the manifest"
    LIST = "list the tags"
    FIND = "look for a blob"
    BEGIN = "begin an upload"
    UPLOAD = "upload a blob"
    PUBLISH = "publish the manifest"
    DOWNLOAD = "download a blob"
    DELETE = "delete the tag"
    TOKEN = "get a token"  # noqa: S105 - no password


@dataclass(frozen=True)
class AuthRejected:
    """A login that was refused as such, so that another one may do: what was sent, and what the answer asks for."""

    sent: str | None
    challenge: str

    def __repr__(self) -> str:
        return "AuthRejected(...)"


class RegistryError(PackinfraError):
    """A registry's refusal or failure.

    operation: what was being done, as a phrase: "upload the layer"
    reference: to what
    status, code, text: the answer, as far as there was one; code is the registry's own ("TAG_INVALID")
    """

    remedy = "see what the registry says; if it looks temporary, run again: what was published stays published"

    def __init__(
        self,
        operation: str,
        reference: object,
        *,
        status: int | None = None,
        code: str = "",
        text: str = "",
        remedy: str = "",
        failure: Failure | None = None,
    ) -> None:
        self.operation, self.reference = operation, str(reference)
        self.status, self.code, self.text = status, code, text
        self.remedy = remedy or type(self).remedy
        self.failure = failure or Failure(status)
        """What a retry decision needs to know."""
        self.stale: AuthRejected | None = None
        said = " ".join(str(part) for part in (status, code) if part)
        answer = ": ".join(part for part in (said, text) if part) or "no answer"
        super().__init__(f"could not {operation} ({self.reference}): {answer}\n  -> {self.remedy}")


class Unreachable(RegistryError):  # noqa: N818 - reads as what happened, as in the tree above
    remedy = "check host, network and proxy (HTTPS_PROXY, NO_PROXY); then run again"


class CertificateUntrusted(Unreachable):
    remedy = (
        "give the CA certificate of the registry (a PEM file: caFile in the stack's settings, or AWS_CA_BUNDLE or "
        "REQUESTS_CA_BUNDLE, with the full chain)"
    )


class TimedOut(Unreachable):
    remedy = "run again; what was uploaded completely is not uploaded twice"


class NotAuthorized(RegistryError):  # noqa: N818
    remedy = "check which identity is used and what it may do in this repository"


class RepositoryMissing(RegistryError):  # noqa: N818
    remedy = "run pulumi refresh and pulumi up, which creates it again; or create it by hand"


class TagImmutable(RegistryError):  # noqa: N818
    remedy = "publish the content under another version (set it in pack.json); an immutable tag is never moved"


class DigestMismatch(RegistryError):  # noqa: N818
    remedy = "run again; if it happens again, something between here and the registry alters data"


class BlobMissing(RegistryError):  # noqa: N818
    remedy = "run again, and let no other program push to this repository meanwhile"


class NotAnArtifact(RegistryError):  # noqa: N818
    remedy = "look at what was pushed there, and by whom"


class QuotaExceeded(RegistryError):  # noqa: N818
    remedy = "withdraw versions that nobody uses (keepVersions, unpublish), or have the quota raised; then run again"


class DeleteDisabled(RegistryError):  # noqa: N818
    remedy = (
        "allow deletion in the registry (distribution: storage.delete.enabled: true); or keep the tag, and forget it "
        "with pulumi state delete"
    )


class Throttled(RegistryError):  # noqa: N818
    remedy = "run again in a minute; what was published stays published"
