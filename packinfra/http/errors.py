"""The error that a registry's and Palette's have in common: what a message says, and what a retry needs to know."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar

from packinfra.errors import PackinfraError
from packinfra.http.redact import clean
from packinfra.http.retry import Failure

E = TypeVar("E", bound="ServiceError")


@dataclass(frozen=True)
class AuthRejected:
    """Credentials that a service rejected, where others may do: the header that was sent, and the challenge it got."""

    sent: str | None = field(repr=False)
    challenge: str = field(repr=False)


class ServiceError(PackinfraError):
    """A service refused, failed, or could not be reached.

    Args:
        step: What was being done, as a phrase: "upload a blob".
        target: What it was done to.
        status: HTTP status; None without a response.
        code: The service's own error code ("TAG_INVALID").
        text: The reason, without the secrets that it may repeat.
        remedy: What to do next; "" = the class's own.
        failure: What a retry decision needs to know; None = the status alone.
        auth_rejected: Set where other credentials may succeed.
    """

    service = ""
    remedy = ""

    def __init__(
        self,
        step: str,
        target: object,
        *,
        status: int | None = None,
        code: str = "",
        text: str = "",
        remedy: str = "",
        failure: Failure | None = None,
        auth_rejected: AuthRejected | None = None,
    ) -> None:
        self.step, self.target = step, str(target)
        self.status, self.code, self.text = status, clean(code), clean(text, limit=2000)
        self.remedy = remedy or type(self).remedy
        self.failure = failure or Failure(status)
        self.auth_rejected = auth_rejected
        numbers = " ".join(str(part) for part in (status, self.code) if part)
        reason = ": ".join(part for part in (numbers, self.text) if part) or "no response"
        super().__init__(f"could not {step}{self.service} ({target}): {reason}\n  -> {self.remedy}")

    def recast(self, kind: type[E], *, text: str = "", remedy: str = "") -> E:
        """The same failure as another kind of error, by somebody who knows more about it."""
        return kind(
            self.step, self.target, status=self.status, code=self.code, text=text or self.text, remedy=remedy,
            failure=self.failure,
        )  # fmt: skip
