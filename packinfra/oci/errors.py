"""The errors of a registry, each with the step, the reference, the response, and what to do next.

RegistryError
  Unreachable            no connection, or it broke
    CertificateUntrusted   no trusted CA signed the registry's certificate
    TimedOut               connected, but no response in time
  NotAuthorized          401, 403
  RepositoryMissing      no such repository or project, or the connection was dropped for that reason (ECR)
  TagImmutable           the tag exists, and this repository never moves or removes a tag
  DigestMismatch         bytes and digest don't agree
  BlobMissing            a manifest names a blob that the registry doesn't have, or has not noticed yet
  NotAnArtifact          the tag carries an index of several manifests, or no manifest at all
  PolicyViolation        a rule of the registry forbids it: content trust, a proxy cache, read-only mode
  QuotaExceeded          the project's storage or the repository's number of images is used up
  DeleteDisabled         the registry doesn't delete, or can't delete this tag alone
  Throttled              429, after all retries
"""

from __future__ import annotations

from enum import StrEnum

from packinfra.http.errors import ServiceError
from packinfra.http.retry import TEMPORARY_STATUS


class Step(StrEnum):
    """A step of work on a registry, as it reads in an error: "could not begin an upload (...)"."""

    TRUST = "read the CA certificate"
    RESOLVE = "look up the tag"
    READ = "read the manifest"
    LIST = "list the tags"
    REFERRERS = "list what refers to the manifest"
    FIND = "look for a blob"
    BEGIN = "begin an upload"
    UPLOAD = "upload a blob"
    PUBLISH = "publish the manifest"
    DOWNLOAD = "download a blob"
    DELETE = "delete the tag"
    TOKEN = "get a token"  # noqa: S105 - no password


class RegistryError(ServiceError):
    """A registry refused, failed, or could not be reached."""

    remedy = "see what the registry says; if it looks temporary, run again: what was published stays published"


def is_refusal(error: RegistryError) -> bool:
    """Did the registry say no, so that trying again at once is of no use?"""
    return not isinstance(error, (Unreachable, Throttled)) and error.status not in TEMPORARY_STATUS


class Unreachable(RegistryError):  # noqa: N818 - reads as what happened, as in the tree above
    remedy = "check host, network and proxy (HTTPS_PROXY, NO_PROXY); then run again"


class CertificateUntrusted(Unreachable):
    remedy = (
        "add the CA certificate of the registry to the system's store, or name it (a PEM file with the full chain: caFile in "
        "the stack's settings, for ECR aws:customCaBundle; or SSL_CERT_FILE, AWS_CA_BUNDLE, REQUESTS_CA_BUNDLE)"
    )


class TimedOut(Unreachable):
    remedy = (
        "run again; a blob that was uploaded completely is not uploaded twice. If it happens again, check host, network and "
        "proxy (HTTPS_PROXY, NO_PROXY)"
    )


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


class PolicyViolation(RegistryError):  # noqa: N818
    remedy = "see which rule of the registry forbids it, and have it changed; then run again"


class QuotaExceeded(RegistryError):  # noqa: N818
    remedy = "withdraw versions that nobody uses (keepVersions, unpublish), or have the quota raised; then run again"


class DeleteDisabled(RegistryError):  # noqa: N818
    remedy = (
        "allow deletion in the registry (distribution: storage.delete.enabled: true); or keep the tag, and forget it "
        "with pulumi state delete"
    )


class Throttled(RegistryError):  # noqa: N818
    remedy = "run again in a minute; what was published stays published"
