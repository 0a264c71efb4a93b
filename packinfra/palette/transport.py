"""Requests to one Palette: the key goes with each to that host and nowhere else, within Palette's rate limit.

Rules that look odd:

- 500 is not tried again, 501 and above are: so does Palette's own Go client (palette-sdk-go, client.go).
- A response that isn't Palette's JSON proves nothing, whatever its status: a console has the same page for every path,
  and a gateway may send an empty one. Only 202 and 204 are empty, and only of a request that asks for nothing.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, TypeVar
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
from packinfra.palette.responses import Page, Part, parse

_TIMEOUTS = Timeouts(connect=10.0, read=30.0)  # 30 s in Palette's own Go client
_LIMITER = RateLimiter(10.0, burst=5)
"""Of this process, for all endpoints: each of /v1/registries and /v1/packs takes 10 requests a second, in bursts of 5,
from one address (Palette documentation, API rate limits)."""
_BODY_LIMIT = 32 << 20
_MOST_PAGES = 200  # of 50
_EMPTY = (202, 204)
_UNKNOWN_FORM = (
    "check host (packinfra:palette); if it is Palette's, its API may have changed since 4.8, which this version of packinfra "
    "was written for: look for a newer one"
)
_SCOPE_CODE = "ProjectUidIsNotEmpty"
"""400 of a request that is for the tenant alone."""


P = TypeVar("P", bound=Part)
G = TypeVar("G", bound=Page)


class _Call(NamedTuple):
    """As `fetch` and `send` take it."""

    step: PaletteStep
    method: str
    path: str
    project: str
    query: Mapping[str, str] | None
    body: Mapping[str, Any] | None
    secrets: tuple[str, ...]


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

    def fetch(
        self,
        step: PaletteStep,
        method: str,
        path: str,
        model: type[P],
        *,
        project: str = "",
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        secrets: tuple[str, ...] = (),
        retry: bool = True,
    ) -> P:
        """The response, whose status is 2xx and whose body is a `model`. Raises a PaletteError for any other.

        Args:
            path: Below the host, "/v1/...".
            project: The uid of the project that the request is about; "" = the tenant.
            secrets: Must not appear in an error, although the body holds them.
            retry: Send it again while it fails in a way that may pass.
        """

        def action() -> P:
            response = self._request(_Call(step, method, path, project, query, body, secrets))
            document = _document(response)
            if document is None:
                text = _foreign(response) if response.body else "an empty response, where Palette sends JSON"
                raise NotPalette(step, f"{self.host}{path}", status=response.status, text=text)
            try:
                return parse(model, document)
            except ValueError as error:
                text = f"not the response that Palette's API describes: {clean(str(error), (self._key, *secrets), 300)}"
                raise NotPalette(
                    step, f"{self.host}{path}", status=response.status, text=text, remedy=_UNKNOWN_FORM
                ) from None

        return self.budget().attempt(action) if retry else action()

    def pages(
        self,
        step: PaletteStep,
        path: str,
        model: type[G],
        *,
        project: str = "",
        query: Mapping[str, str] | None = None,
        retry: bool = True,
    ) -> Iterator[G]:
        """Every page of a list. See fetch."""
        asked = {**(query or {})}
        seen = {""}
        while len(seen) <= _MOST_PAGES:
            page = self.fetch(step, "GET", path, model, project=project, query=asked, retry=retry)
            yield page
            if (following := page.listmeta.following) in seen:
                return
            seen.add(following)
            asked["continue"] = following
        text = f"the list has more than {_MOST_PAGES} pages"
        raise PaletteError(step, f"{self.host}{path}", text=text)

    def send(
        self,
        step: PaletteStep,
        method: str,
        path: str,
        *,
        project: str = "",
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        secrets: tuple[str, ...] = (),
        retry: bool = True,
    ) -> None:
        """A request whose response has nothing to read: 202 or 204, or any object. See fetch."""

        def action() -> None:
            response = self._request(_Call(step, method, path, project, query, body, secrets))
            if response.status not in _EMPTY and _document(response) is None:
                text = _foreign(response) if response.body else f"an empty {response.status}, where Palette sends 204"
                raise NotPalette(step, f"{self.host}{path}", status=response.status, text=text)

        return self.budget().attempt(action) if retry else action()

    def _request(self, call: _Call) -> Response:
        """One request; the response if its status is 2xx."""
        target = f"{self.host}{call.path}"
        url = f"https://{self.host}{quote(call.path)}{'?' if call.query else ''}{urlencode(call.query or {})}"
        headers = {"Accept": "application/json", "ApiKey": self._key}
        if call.project:
            headers["ProjectUid"] = call.project
        content = None if call.body is None else json.dumps(call.body).encode()
        if content is not None:
            headers["Content-Type"] = "application/json"
        self._limiter.acquire()
        try:
            response = self._http.request(call.method, url, headers, body=content, limit=_BODY_LIMIT)
        except ConnectionFailure as failure:
            raise _unreachable(failure, call.step, target) from failure
        if response.status == 429:
            self._limiter.throttled()
        else:
            self._limiter.succeeded()
        if 200 <= response.status < 300:
            return response
        raise _error_for(response, call.step, target, (self._key, *call.secrets))


def _document(response: Response) -> dict[str, Any] | None:
    """None if the body is no JSON object."""
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


def _error_for(response: Response, step: PaletteStep, target: str, secrets: tuple[str, ...]) -> PaletteError:
    # Its fields are only shown, so no other form of them is an error; an empty one may still be Palette's.
    document = _document(response) if response.body else {}
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
