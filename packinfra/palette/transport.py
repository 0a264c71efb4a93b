"""Requests to one Palette: the key goes with each to that host and nowhere else, at Palette's own pace.

Rules that look odd:

- No redirect is followed: requests would take the ApiKey header along to wherever it leads.
- `auth` is passed with each request, since otherwise ~/.netrc is read; `verify` too, since a session's own is ignored
  when REQUESTS_CA_BUNDLE is set.
- 500 is not tried again, 501 and above are: so does Palette's own Go client (palette-sdk-go, client.go).
- An answer that isn't Palette's JSON proves nothing, whatever its status: a console answers every path with its page.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from http.cookiejar import DefaultCookiePolicy
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
import urllib3
from requests.auth import AuthBase

from packinfra.http.failures import Cause, ConnectionFailure, unusable_ca
from packinfra.http.rate_limit import RateLimiter
from packinfra.http.retry import Failure, RetryPolicy, decide, seconds_until
from packinfra.palette.errors import (
    Forbidden,
    KeyRefused,
    NotFound,
    NotPalette,
    PaletteError,
    PaletteUnreachable,
    Step,
    Throttled,
)

_TIMEOUTS = (10.0, 30.0)
"""Seconds: to connect, and between two bytes of an answer (30 s in Palette's own Go client)."""
_PACE = RateLimiter(10.0, burst=5)
"""Of this process, whatever it asks for: each of /v1/registries and /v1/packs takes 10 requests a second, in bursts of
5, from one address (Palette documentation, API rate limits)."""
_SCOPE_CODE = "ProjectUidIsNotEmpty"
"""400 of a request that is for the tenant alone."""

T = TypeVar("T")


class Transport:
    """
    host:    as `normalize_host` gives it
    ca_file: a PEM file with the only CA certificates to trust; None = the system's, or REQUESTS_CA_BUNDLE's
    project: uid of the project that requests are for; None = the tenant
    """

    def __init__(
        self,
        host: str,
        key: str,
        *,
        ca_file: str | None = None,
        project: str | None = None,
        policy: RetryPolicy | None = None,
        pace: RateLimiter = _PACE,
        timeouts: tuple[float, float] = _TIMEOUTS,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if ca_file and (problem := unusable_ca(ca_file)):
            remedy = (
                "name a PEM file with the certificate of the CA that signed Palette's (caFile, relative to the project)"
            )
            raise PaletteUnreachable(Step.CONNECT, host, text=problem, remedy=remedy)
        if not (key.isascii() and key.isprintable()) or " " in key:
            raise KeyRefused(Step.LOGIN, host, text="the API key holds blanks, line breaks or other signs no key has")
        self.host, self._key = host, key
        self._policy, self._pace, self._timeouts = policy or RetryPolicy(first=2.0), pace, timeouts
        self._sleep, self._clock = sleep, clock
        self._verify: bool | str = ca_file or True
        self._session = requests.Session()
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._session.headers.update({"Accept": "application/json", "User-Agent": "packinfra"})
        if project:
            self._session.headers["ProjectUid"] = project

    def send(self, step: Step, method: str, path: str, **request: Any) -> dict[str, Any]:
        """`once`, again while it fails in a way that may pass: for requests that may be repeated."""
        return self.attempt(lambda: self.once(step, method, path, **request))

    def attempt(self, action: Callable[[], T]) -> T:
        count, lost = 1, 0.0
        while True:
            begun = self._clock()
            try:
                return action()
            except PaletteError as error:
                lost += self._clock() - begun
                pause = decide(self._policy, error.failure, attempt=count, elapsed=lost)
                if pause is None:
                    raise
            lost += pause
            count += 1
            self._sleep(pause)

    def once(
        self,
        step: Step,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        secrets: tuple[str, ...] = (),
    ) -> dict[str, Any]:
        """One request; the answer's object, empty where it has no body.

        path:    below the host, "/v1/..."
        secrets: what must not appear in an error although the body holds it
        Raises a PaletteError unless the answer's status is 2xx.
        """
        address = f"{self.host}{path}"
        self._pace.wait()
        try:
            answer = self._session.request(
                method,
                f"https://{address}",
                params=query,
                json=body,
                auth=_Key(self._key),
                verify=self._verify,
                timeout=self._timeouts,
                allow_redirects=False,
            )
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise _unanswered(ConnectionFailure.of(error, self.host), step, address) from error
        (self._pace.refused if answer.status_code == 429 else self._pace.accepted)()
        document = _document(answer)
        if 200 <= answer.status_code < 300 and document is not None:
            return document
        raise _refusal(answer, document, step, address, (self._key, *secrets))


class _Key(AuthBase):
    def __init__(self, key: str) -> None:
        self._key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["ApiKey"] = self._key
        return request


def _document(answer: requests.Response) -> dict[str, Any] | None:
    """None if the body is none of Palette's."""
    if not answer.content:
        return {}
    try:
        document = answer.json()
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _unanswered(found: ConnectionFailure, step: Step, address: str) -> PaletteError:
    if found.reason is Cause.UNTRUSTED:
        remedy = "give the CA certificate of Palette (packinfra:palette: caFile, a PEM file with the full chain)"
        return PaletteUnreachable(step, address, text=found.text, remedy=remedy)
    again = Failure(None, temporary=found.reason in (Cause.TIMEOUT, Cause.CONNECTION_LOST))
    return PaletteUnreachable(step, address, text=found.text, failure=again)


def _refusal(
    answer: requests.Response, document: dict[str, Any] | None, step: Step, address: str, secrets: tuple[str, ...]
) -> PaletteError:
    status, said = answer.status_code, document or {}
    code, text = str(said.get("code") or ""), str(said.get("message") or "")
    for secret in filter(None, secrets):
        text = text.replace(secret, "...")
    text = text[:1000]
    kind = PaletteError
    if status == 429:
        kind = Throttled
    elif status >= 500:
        text = text or "no reason given; perhaps not Palette itself answers, but something before it"
    elif document is None or status < 400:
        kind, text = NotPalette, _instead(answer)
    elif status == 401:
        kind = KeyRefused
    elif status == 403 or code == _SCOPE_CODE:
        kind = Forbidden
    elif status == 404 and code == "ResourceNotFound":
        kind = NotFound
    retry_after = seconds_until(answer.headers.get("Retry-After", ""), time.time())
    failure = Failure(status if status != 500 else None, retry_after, temporary=status > 500)
    return kind(step, address, status=status, code=code, text=text, failure=failure)


def _instead(answer: requests.Response) -> str:
    """What came instead of Palette's answer."""
    if answer.is_redirect:
        return f"a redirect to {urlsplit(answer.headers['Location'])._replace(query='').geturl()}"
    page = "html" in answer.headers.get("Content-Type", "") or answer.content.lstrip()[:1] == b"<"
    return "a web page, where Palette answers with JSON" if page else "not what Palette answers"
