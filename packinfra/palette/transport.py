"""Requests to one Palette: the key goes with each to that host and nowhere else, within Palette's rate limit.

Rules that look odd:

- 500 is not tried again, 501 and above are: so does Palette's own Go client (palette-sdk-go, client.go).
- A response that isn't Palette's JSON proves nothing, whatever its status: a console answers every path with its page.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from packinfra.http.budget import RetryBudget
from packinfra.http.client import HttpClient, Response, Timeouts
from packinfra.http.failures import Cause, ConnectionFailure, unusable_ca
from packinfra.http.rate_limit import RateLimiter
from packinfra.http.redact import clean
from packinfra.http.retry import Failure, RetryPolicy, seconds_until
from packinfra.http.trust import Trust
from packinfra.palette.errors import (
    Forbidden,
    KeyRejected,
    NotFound,
    NotPalette,
    PaletteError,
    PaletteStep,
    PaletteThrottled,
    PaletteUnreachable,
)

_TIMEOUTS = Timeouts(connect=10.0, read=30.0)  # 30 s in Palette's own Go client
_LIMITER = RateLimiter(10.0, burst=5)
"""Of this process, for all endpoints: each of /v1/registries and /v1/packs takes 10 requests a second, in bursts of 5,
from one address (Palette documentation, API rate limits)."""
_BODY_LIMIT = 32 << 20
_SCOPE_CODE = "ProjectUidIsNotEmpty"
"""400 of a request that is for the tenant alone."""


class PaletteTransport:
    """Requests to one Palette, on behalf of the tenant.

    Args:
        host: As `normalize_host` returns it.
        ca_file: A PEM file with CA certificates to trust besides the system's.

    Raises:
        PaletteError: `ca_file` or the key can't be used.
    """

    def __init__(
        self,
        host: str,
        key: str,
        *,
        ca_file: str | None = None,
        policy: RetryPolicy | None = None,
        limiter: RateLimiter = _LIMITER,
        timeouts: Timeouts = _TIMEOUTS,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if ca_file and (problem := unusable_ca(ca_file)):
            remedy = (
                "name a PEM file with the certificate of the CA that signed Palette's (caFile, relative to the project)"
            )
            raise PaletteUnreachable(PaletteStep.CONNECT, host, text=problem, remedy=remedy)
        if not (key.isascii() and key.isprintable()) or " " in key:
            raise KeyRejected(
                PaletteStep.LOGIN,
                host,
                text="the API key contains blanks, line breaks or other characters that no key has",
            )
        self.host, self._key = host, key
        self._policy, self._limiter = policy or RetryPolicy(first=2.0), limiter
        self._sleep, self._clock = sleep, clock
        self._http = HttpClient(Trust(ca_file), timeouts)

    def budget(self) -> RetryBudget:
        return RetryBudget(self._policy, clock=self._clock, sleep=self._sleep)

    def close(self) -> None:
        self._http.close()

    def send(
        self,
        step: PaletteStep,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        secrets: tuple[str, ...] = (),
        retry: bool = True,
    ) -> dict[str, Any]:
        """The response's object, empty where it has no body. Raises a PaletteError unless its status is 2xx.

        path: below the host, "/v1/...". secrets: must not appear in an error although the body holds them. retry: send
        it again while it fails in a way that may pass.
        """
        if retry:
            return self.budget().attempt(
                lambda: self.send(step, method, path, query=query, body=body, secrets=secrets, retry=False)
            )
        target = f"{self.host}{path}"
        url = f"https://{self.host}{quote(path)}{'?' if query else ''}{urlencode(query or {})}"
        headers = {"Accept": "application/json", "ApiKey": self._key}
        content = None if body is None else json.dumps(body).encode()
        if content is not None:
            headers["Content-Type"] = "application/json"
        self._limiter.acquire()
        try:
            response = self._http.request(method, url, headers, body=content, limit=_BODY_LIMIT)
        except ConnectionFailure as failure:
            raise _unreachable(failure, step, target) from failure
        if response.status == 429:
            self._limiter.throttled()
        else:
            self._limiter.succeeded()
        document = _document(response)
        if 200 <= response.status < 300 and document is not None:
            return document
        raise _error_for(response, document, step, target, (self._key, *secrets))


def _document(response: Response) -> dict[str, Any] | None:
    """None if the body is none of Palette's."""
    if not response.body:
        return {}
    try:
        document = json.loads(response.body)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _unreachable(failure: ConnectionFailure, step: PaletteStep, target: str) -> PaletteError:
    remedy = ""
    if failure.cause is Cause.UNTRUSTED:
        remedy = (
            "add the CA certificate of Palette to the system's store, or name it (packinfra:palette: caFile, a PEM file "
            "with the full chain)"
        )
    again = Failure(None, temporary=failure.temporary)
    return PaletteUnreachable(step, target, text=failure.text, remedy=remedy, failure=again)


def _error_for(
    response: Response, document: dict[str, Any] | None, step: PaletteStep, target: str, secrets: tuple[str, ...]
) -> PaletteError:
    status, fields = response.status, document or {}
    code, text = str(fields.get("code") or ""), clean(str(fields.get("message") or ""), secrets)
    kind = PaletteError
    if status == 429:
        kind = PaletteThrottled
    elif status >= 500:
        text = text or "no reason given; perhaps it comes from something before Palette"
    elif document is None or status < 400:
        kind, text = NotPalette, _foreign(response)
    elif status == 401:
        kind = KeyRejected
    elif status == 403 or code == _SCOPE_CODE:
        kind = Forbidden
    elif status == 404 and code == "ResourceNotFound":
        kind = NotFound
    retry_after = seconds_until(response.headers.get("Retry-After", ""), time.time())
    failure = Failure(status if status != 500 else None, retry_after, temporary=status > 500)
    return kind(step, target, status=status, code=clean(code, secrets), text=text, failure=failure)


def _foreign(response: Response) -> str:
    """A response that isn't Palette's, described."""
    location = response.headers.get("Location")
    if 300 <= response.status < 400 and location:
        return f"a redirect to {clean(location.partition('?')[0], limit=300)}"
    page = "html" in response.headers.get("Content-Type", "") or response.body.lstrip()[:1] == b"<"
    return "a web page, where Palette sends JSON" if page else "not a response of Palette"
