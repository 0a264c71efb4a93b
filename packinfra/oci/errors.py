"""What can go wrong with a registry, each with the operation, the reference, the answer, and what to do next.

RegistryError
  Unreachable            no connection, or it broke
    CertificateUntrusted   the registry's certificate is signed by nobody we trust
    TimedOut               connected, but no answer in time
  NotAuthorized          401, 403
  RepositoryMissing      404 for the repository, or the connection was dropped for that reason (ECR)
  TagImmutable           the tag exists, and this repository never moves a tag
  DigestMismatch         bytes and digest don't agree
  Throttled              429, after all retries
"""

from __future__ import annotations

from packinfra.errors import PackinfraError
from packinfra.retry import Failure


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
        said = " ".join(str(part) for part in (status, code) if part)
        answer = ": ".join(part for part in (said, text) if part) or "no answer"
        super().__init__(f"could not {operation} ({self.reference}): {answer}\n  -> {self.remedy}")


class Unreachable(RegistryError):  # noqa: N818 - reads as what happened, as in the tree above
    remedy = "check host, network and proxy (HTTPS_PROXY, NO_PROXY); then run again"


class CertificateUntrusted(Unreachable):
    remedy = "give the registry's CA certificate (AWS_CA_BUNDLE or REQUESTS_CA_BUNDLE: a PEM file with the full chain)"


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


class Throttled(RegistryError):  # noqa: N818
    remedy = "run again in a minute; what was published stays published"
