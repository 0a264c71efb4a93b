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
from packinfra.http.errors import AuthRejected
from packinfra.http.failures import ConnectionFailure, unusable_ca
from packinfra.http.rate_limit import RateLimiter
from packinfra.http.redact import clean
from packinfra.http.retry import RetryPolicy
from packinfra.http.trust import Trust
from packinfra.palette.errors import (
    KeyRejected,
    NotPalette,
    PaletteError,
    PaletteStep,
    PaletteUnreachable,
)
from packinfra.palette.failures import describe_foreign, error_for, parse_object, unreachable
from packinfra.palette.login import Login, TokenCache
from packinfra.palette.responses import Page, Part, UserToken, parse

_TIMEOUTS = Timeouts(connect=10.0, read=30.0)  # 30 s in Palette's own Go client
_LIMITER = RateLimiter(10.0, burst=5)
"""Of this process: each of /v1/registries, /v1/packs and /v1/dashboard takes 10 requests a second, in bursts of 5, from one
address (Palette documentation, API rate limits)."""
_PROFILE_LIMITER = RateLimiter(50.0, burst=25)
"""For /v1/clusterprofiles, which takes 50, in bursts of 250 (the same)."""
_PROFILES = "/v1/clusterprofiles"
_BODY_LIMIT = 32 << 20
_MOST_PAGES = 200  # of 50
_EMPTY = (202, 204)
_UNKNOWN_FORM = (
    "check host (packinfra:palette); if it is Palette's, its API may have changed since 4.8, which this version of packinfra "
    "was written for: look for a newer one"
)
_LOGIN_REMEDY = (
    "check email, password and org of the secret packinfra:paletteLogin; a user with a second factor or single sign-on needs "
    "an API key (packinfra:paletteApiKey, or SPECTROCLOUD_APIKEY)"
)


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
        key: An API key, or a login whose token is renewed.
        ca_file: A PEM file with CA certificates to trust besides the system's.

    Raises:
        PaletteError: `ca_file` or the key can't be used.
    """

    def __init__(
        self,
        host: str,
        key: str | Login,
        *,
        ca_file: str | None = None,
        policy: RetryPolicy | None = None,
        limiter: RateLimiter | None = None,
        timeouts: Timeouts = _TIMEOUTS,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if ca_file and (problem := unusable_ca(ca_file)):
            remedy = (
                "name a PEM file with the certificate of the CA that signed Palette's (caFile, relative to the project)"
            )
            raise PaletteUnreachable(PaletteStep.CONNECT, host, text=problem, remedy=remedy)
        if isinstance(key, str) and (not (key.isascii() and key.isprintable()) or " " in key):
            raise KeyRejected(
                PaletteStep.LOGIN,
                host,
                text="the API key contains blanks, line breaks or other characters that no key has",
            )
        self.host, self._key = host, key
        self._policy, self._limiter = policy or RetryPolicy(first=2.0), limiter
        self._sleep, self._clock = sleep, clock
        self._http = HttpClient(Trust(ca_file), timeouts)
        self._tokens = TokenCache(self._log_in, clock) if isinstance(key, Login) else None

    def budget(self) -> RetryBudget:
        # A token that Palette rejects was forgotten already: once, another login is worth a try.
        return RetryBudget(self._policy, lambda _: self._tokens is not None, clock=self._clock, sleep=self._sleep)

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
            call = _Call(step, method, path, project, query, body, secrets)
            return self._parsed(call, self._request(call), model)

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
            if response.status not in _EMPTY and parse_object(response) is None:
                text = (
                    describe_foreign(response)
                    if response.body
                    else f"an empty {response.status}, where Palette sends 204"
                )
                raise NotPalette(step, f"{self.host}{path}", status=response.status, text=text)

        return self.budget().attempt(action) if retry else action()

    def _parsed(self, call: _Call, response: Response, model: type[P]) -> P:
        target, document = f"{self.host}{call.path}", parse_object(response)
        if document is None:
            text = describe_foreign(response) if response.body else "an empty response, where Palette sends JSON"
            raise NotPalette(call.step, target, status=response.status, text=text)
        try:
            return parse(model, document)
        except ValueError as error:
            text = f"not the response that Palette's API describes: {clean(str(error), self._secrets(call), 300)}"
            raise NotPalette(call.step, target, status=response.status, text=text, remedy=_UNKNOWN_FORM) from None

    def _secrets(self, call: _Call) -> tuple[str, ...]:
        if isinstance(self._key, str):
            return self._key, *call.secrets
        return self._key.password, self._tokens.current if self._tokens else "", *call.secrets

    def _request(self, call: _Call) -> Response:
        """One request on behalf of the user; the response if its status is 2xx."""
        if self._tokens is None:
            return self._exchange(call, {"ApiKey": str(self._key)})
        token = self._tokens.get()
        try:
            return self._exchange(call, {"Authorization": token})  # without Bearer
        except KeyRejected as error:
            self._tokens.forget(token)
            error.auth_rejected = AuthRejected(token, "")
            raise

    def _log_in(self) -> str:
        assert isinstance(self._key, Login)  # noqa: S101
        query, secrets = {"setCookie": "false"}, (self._key.password,)
        call = _Call(PaletteStep.LOGIN, "POST", "/v1/auth/authenticate", "", query, self._key.body(), secrets)
        try:
            response = self._exchange(call, {})
        except PaletteError as error:
            if error.status in (400, 401, 403, 404, 422) and not isinstance(error, NotPalette):
                raise error.recast(KeyRejected, remedy=_LOGIN_REMEDY) from error
            raise
        user = self._parsed(call, response, UserToken)
        if user.is_mfa:
            text = f"the user {self._key.email} needs a second factor, which nobody can give here"
            raise KeyRejected(call.step, f"{self.host}{call.path}", text=text, remedy=_LOGIN_REMEDY)
        return user.authorization

    def _exchange(self, call: _Call, authorization: Mapping[str, str]) -> Response:
        target = f"{self.host}{call.path}"
        url = f"https://{self.host}{quote(call.path)}{'?' if call.query else ''}{urlencode(call.query or {})}"
        headers = {"Accept": "application/json", **authorization}
        if call.project:
            headers["ProjectUid"] = call.project
        content = None if call.body is None else json.dumps(call.body).encode()
        if content is not None:
            headers["Content-Type"] = "application/json"
        limiter = self._limiter or (_PROFILE_LIMITER if call.path.startswith(_PROFILES) else _LIMITER)
        limiter.acquire()
        try:
            response = self._http.request(call.method, url, headers, body=content, limit=_BODY_LIMIT)
        except ConnectionFailure as failure:
            raise unreachable(failure, call.step, target, self._secrets(call)) from failure
        if response.status == 429:
            limiter.throttled()
        else:
            limiter.succeeded()
        if 200 <= response.status < 300:
            return response
        raise error_for(response, call.step, target, self._secrets(call))
